package jiratest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
)

// issue is one issue. It is never changed once it is in the state: a change replaces it by a clone, so whatever was read
// stays as it was. Its JSON is the state file's.
type issue struct {
	ID      int64  `json:"id"`
	Project string `json:"project"`
	Number  int    `json:"number"`
	// OldKeys are the keys it had before it was moved.
	OldKeys     []string                   `json:"old_keys,omitempty"`
	Summary     string                     `json:"summary"`
	Description rich                       `json:"description,omitempty"`
	Labels      []string                   `json:"labels,omitempty"`
	Reporter    string                     `json:"reporter,omitempty"`
	Creator     string                     `json:"creator,omitempty"`
	Assignee    string                     `json:"assignee,omitempty"`
	Status      string                     `json:"status"`
	Resolution  string                     `json:"resolution,omitempty"`
	Fields      map[string]json.RawMessage `json:"fields,omitempty"`
	Properties  map[string]json.RawMessage `json:"properties,omitempty"`
	Comments    []comment                  `json:"comments,omitempty"`
	History     []history                  `json:"history,omitempty"`
	Created     time.Time                  `json:"created"`
	Updated     time.Time                  `json:"updated"`
	Resolved    time.Time                  `json:"resolved,omitzero"`
	// Hidden issues cannot be read by anybody through the API; Deleted ones cannot be read at all.
	Hidden  bool `json:"hidden,omitempty"`
	Deleted bool `json:"deleted,omitempty"`
	// Archived issues are read by id and key, are not found by any search, and cannot be changed.
	Archived bool `json:"archived,omitempty"`
}

type comment struct {
	ID         int64                      `json:"id"`
	Author     string                     `json:"author"`
	Body       rich                       `json:"body"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	Created    time.Time                  `json:"created"`
	// Edited is when the comment was last edited, zero for never.
	Edited time.Time `json:"edited,omitzero"`
}

type history struct {
	ID      int64     `json:"id"`
	Author  string    `json:"author"`
	Created time.Time `json:"created"`
	Items   []change  `json:"items"`
}

// change is one changed field, as Jira writes it; From and To are ids, nil for none.
type change struct {
	Field      string  `json:"field"`
	FieldType  string  `json:"fieldtype"`
	FieldID    string  `json:"fieldId,omitempty"`
	From       *string `json:"from,omitempty"`
	FromString *string `json:"fromString,omitempty"`
	To         *string `json:"to,omitempty"`
	ToString   *string `json:"toString,omitempty"`
}

func (i *issue) key() string { return i.Project + "-" + strconv.Itoa(i.Number) }

func (i *issue) id() string { return strconv.FormatInt(i.ID, 10) }

func (i *issue) clone() *issue {
	c := *i
	c.OldKeys = slices.Clone(i.OldKeys)
	c.Labels = slices.Clone(i.Labels)
	c.Fields = maps.Clone(i.Fields)
	c.Properties = maps.Clone(i.Properties)
	c.Comments = slices.Clone(i.Comments)
	c.History = slices.Clone(i.History)
	return &c
}

// nextID returns ids of issues, comments, histories and links.
func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

// commit puts a new or changed issue into the state. The caller holds the lock.
func (s *Server) commit(i *issue) error {
	s.put(i, s.cfg.Now().Add(s.lag()))
	return s.save(i)
}

func (s *Server) put(i *issue, visibleAt time.Time) {
	s.view.Put(desktest.State[*issue]{
		ID: i.ID, Ticket: i, Labels: i.Labels, Updated: i.Updated, VisibleAt: visibleAt, Now: s.cfg.Now(),
	})
	for _, key := range append([]string{i.key()}, i.OldKeys...) {
		s.keys[strings.ToUpper(key)] = i.ID
		project, number, _ := splitKey(key)
		s.numbers[project] = max(s.numbers[project], number)
	}
	s.revision++
}

// find returns the issue of an id or of a key it has or had, in any case of letters.
func (s *Server) find(idOrKey string) (*issue, bool) {
	id, isID := parseID(idOrKey)
	if !isID {
		known, ok := s.keys[strings.ToUpper(idOrKey)]
		if !ok {
			return nil, false
		}
		id = known
	}
	e := s.view.Entry(id)
	if e == nil || e.Now.Deleted {
		return nil, false
	}
	return e.Now, true
}

// each returns every issue that exists, oldest first.
func (s *Server) each(yield func(*issue) bool) {
	for e := range s.view.Oldest() {
		if !e.Now.Deleted && !yield(e.Now) {
			return
		}
	}
}

func (s *Server) project(keyOrID string) (*Project, bool) {
	for n := range s.projects {
		p := &s.projects[n]
		if strings.EqualFold(p.Key, keyOrID) || p.ID == keyOrID {
			return p, true
		}
	}
	return nil, false
}

// projectOf is the project of an issue; issues of projects that are not configured do not exist (see Restore).
func (s *Server) projectOf(i *issue) *Project {
	p, _ := s.project(i.Project)
	return p
}

func parseID(s string) (int64, bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil
}

func splitKey(key string) (project string, number int, ok bool) {
	n := strings.LastIndexByte(key, '-')
	if n < 0 {
		return "", 0, false
	}
	number, err := strconv.Atoi(key[n+1:])
	return key[:n], number, err == nil
}
