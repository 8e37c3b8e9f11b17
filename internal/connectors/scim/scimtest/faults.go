package scimtest

import "usher/internal/connectors/fakewire"

// Faults is what goes wrong with SCIM calls, from now on. Its zero value: nothing. An operation is an HTTP method.
type Faults struct {
	fakewire.Faults
	// StaleReads is how many reads of a group after a PATCH still show it as it was before.
	StaleReads int `json:"stale_reads,omitempty"`
}

// SetFaults replaces all faults; their counters begin again.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staleReads = f.StaleReads
	s.Wire.SetFaults(f.Faults)
}

// Faults returns what is switched on now, with what is left of those that count.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Faults{Faults: s.Wire.Faults(), StaleReads: s.staleReads}
}
