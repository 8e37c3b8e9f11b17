package jiratest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// record is one line of the state file: an issue after a change. The last line of an issue wins.
type record struct {
	LastID int64  `json:"last_id"`
	Issue  *issue `json:"issue"`
}

// Restore goes on with the issues of Config.StateFile; a file that does not exist holds none. Call it once, before the
// first request. The file is JSON, one line for each change, appended in one write, so a process that was killed loses
// at most the change that it had not answered. Restore rewrites the file to one line for each issue, and leaves out
// issues of projects that Config does not name.
func (s *Server) Restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.StateFile == "" {
		return nil
	}
	raw, err := os.ReadFile(s.cfg.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if err := s.read(raw); err != nil {
		return fmt.Errorf("state file %s: %w", s.cfg.StateFile, err)
	}
	slices.Sort(s.order)
	return s.compact()
}

func (s *Server) read(raw []byte) error {
	for n, line := range bytes.SplitAfter(raw, []byte("\n")) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			return nil // the change that a killed process had not finished, or the end
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil || r.Issue == nil {
			return fmt.Errorf("line %d is no record of an issue: %w", n+1, err)
		}
		if _, known := s.project(r.Issue.Project); !known {
			continue
		}
		s.lastID = max(s.lastID, r.LastID)
		s.put(r.Issue, time.Time{})
	}
	return nil
}

// compact writes one line for each issue into a new file and puts it into the old one's place.
func (s *Server) compact() error {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	enc := json.NewEncoder(w)
	// In this order Restore puts every issue at the end of the index at once.
	for p := s.index.recent.Front(); p != nil; p = p.Next() {
		if err := enc.Encode(record{LastID: s.lastID, Issue: p.Value.(*entry).now}); err != nil {
			return fmt.Errorf("state file: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	s.closeState()
	s.lines = len(s.order)
	return replaceFile(s.cfg.StateFile, b.Bytes())
}

func replaceFile(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("state file: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

// save appends changes to the state file, in one write.
func (s *Server) save(issues ...*issue) error {
	if s.cfg.StateFile == "" {
		return nil
	}
	if s.state == nil {
		f, err := os.OpenFile(s.cfg.StateFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("state file: %w", err)
		}
		s.state = f
	}
	var lines []byte
	for _, i := range issues {
		line, err := json.Marshal(record{LastID: s.lastID, Issue: i})
		if err != nil {
			return fmt.Errorf("state file: %w", err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if _, err := s.state.Write(lines); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	s.lines += len(issues)
	return nil
}

// compactIfLong keeps the state file from growing without end.
func (s *Server) compactIfLong() {
	if s.cfg.StateFile == "" || s.lines < 10*len(s.order)+1000 {
		return
	}
	if err := s.compact(); err != nil {
		s.cfg.Log.Error("state file not compacted", "error", err)
	}
}

func (s *Server) closeState() {
	if s.state == nil {
		return
	}
	if err := s.state.Close(); err != nil {
		s.cfg.Log.Error("state file not closed", "error", err)
	}
	s.state = nil
}
