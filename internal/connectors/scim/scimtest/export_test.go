package scimtest

// BreakFile makes the next write to the state file fail.
func (s *Server) BreakFile() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.file.Close()
}
