package fakewire

// BreakFile makes the next write to the file fail.
func (j *Journal) BreakFile() error { return j.file.Close() }
