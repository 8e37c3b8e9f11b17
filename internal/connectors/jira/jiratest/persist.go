package jiratest

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

// record is one line of the state file: an issue after a change. The last line of an issue wins.
type record struct {
	LastID int64  `json:"last_id"`
	Issue  *issue `json:"issue"`
}

// Restore goes on with the issues of Config.StateFile, and from now on keeps them there; a file that does not exist holds
// none. Call it once, before the first request: a server without it keeps nothing. The file is a fakewire.Journal, a line
// for each issue, so a process that was killed loses at most the change that it had not answered. Restore rewrites the
// file, and leaves out issues of projects that Config does not name.
func (s *Server) Restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
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

func (s *Server) read(raw []byte) error {
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
		if err != nil || r.Issue == nil {
			return fmt.Errorf("line %d is no record of an issue: %w", n, err)
		}
		if _, known := s.project(r.Issue.Project); !known {
			continue
		}
		s.lastID = max(s.lastID, r.LastID)
		s.put(r.Issue, time.Time{})
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

// records are the lines of the state file, in the order in which Restore puts every issue at the end of the index at once.
func (s *Server) records(yield func(any) bool) {
	for e := range s.view.Recent() {
		if !yield(record{LastID: s.lastID, Issue: e.Now}) {
			return
		}
	}
}

// save writes down issues that the state has.
func (s *Server) save(issues ...*issue) error {
	lines := make([]any, 0, len(issues))
	for _, i := range issues {
		lines = append(lines, record{LastID: s.lastID, Issue: i})
	}
	return written(s.journal.Append(lines...))
}
