package desktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"usher/internal/connectors/fakewire"
)

// record is one line of the state file: a ticket after a change. The last line of a ticket wins.
type record struct {
	Last   int64   `json:"last_id"`
	Ticket *Ticket `json:"issue"`
}

// Restore goes on with the tickets of StoreConfig.StateFile, and from now on keeps them there; a file that does not exist holds
// none. Call it once, before the first change: a store without it keeps nothing. The file is a fakewire.Journal, a line
// for each ticket, so a process that was killed loses at most the change that it had not answered. Restore rewrites the
// file, and leaves out tickets of projects that are not configured.
func (s *Store) Restore() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	raw, err := os.ReadFile(s.cfg.StateFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state file: %w", err)
	}
	if err := s.read(raw); err != nil {
		return fmt.Errorf("state file %s: %w", s.cfg.StateFile, err)
	}
	s.journal = fakewire.NewJournal(s.cfg.StateFile, s.records)
	return written(s.journal.Rewrite())
}

// Close closes the state file. It is safe to repeat.
func (s *Store) Close() error { return s.journal.Close() }

func (s *Store) read(raw []byte) error {
	n := 0
	for line, err := range fakewire.Values(raw) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // the change that a killed process had not finished
		}
		n++
		var r record
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		if err != nil || r.Ticket == nil {
			return fmt.Errorf("line %d is no record of an %s: %w", n, s.dialect.Noun, err)
		}
		if _, known := s.Project(r.Ticket.Project); !known {
			continue
		}
		s.last = max(s.last, r.Last)
		s.name(r.Ticket)
		s.put(r.Ticket, time.Time{})
	}
	return nil
}

// written is the error of a write to the state file.
func written(err error) error {
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

// records are the lines of the state file, in the order in which Restore puts every ticket at the end of the view at once.
func (s *Store) records(yield func(any) bool) {
	for e := range s.view.Recent() {
		if !yield(record{Last: s.last, Ticket: e.Now}) {
			return
		}
	}
}

// save writes down tickets that the state has.
func (s *Store) save(tickets ...*Ticket) error {
	lines := make([]any, 0, len(tickets))
	for _, t := range tickets {
		lines = append(lines, record{Last: s.last, Ticket: t})
	}
	return written(s.journal.Append(lines...))
}
