package csvfeed

import (
	"io/fs"
	"os"
	"time"
)

// Remembered and LastWhole are remembered and lastWhole, for tests.
const (
	Remembered = remembered
	LastWhole  = lastWhole
)

// SetClock replaces the clock of a source.
func SetClock(s *Source, now func() time.Time) { s.now = now }

// OnOpen has a source call a function whenever it has opened its file, before it reads.
func OnOpen(s *Source, called func()) {
	if f, ok := s.place.(*file); ok {
		f.open = func(path string) (*os.File, error) {
			opened, err := os.Open(path)
			called()
			return opened, err
		}
	}
}

// RefuseFile has the system refuse a source its file, as it refuses nobody who is root.
func RefuseFile(s *Source) {
	if f, ok := s.place.(*file); ok {
		f.open = func(path string) (*os.File, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
		}
	}
}
