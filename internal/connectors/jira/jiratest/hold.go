package jiratest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// HoldTime is when a held call waits.
type HoldTime string

// The times at which a call can be held.
const (
	// HoldBefore: before anything is done.
	HoldBefore HoldTime = "before"
	// HoldAfter: when the change is committed and the answer is not sent. Only a call that succeeded is held.
	HoldAfter HoldTime = "after"
)

// Hold stops one call: the next one that matches waits until all holds are released, its caller goes away, or the server
// is closed; then the hold is used up. A call that is held before its commit and loses its caller does nothing. Holds
// stand beside the faults, and no change of those touches them.
type Hold struct {
	Op   Operation `json:"op"`
	When HoldTime  `json:"when"`
	// Match are texts that the call's path, query and body, taken together, must all contain; none: any call of Op.
	Match []string `json:"match,omitempty"`
	// Held is true while a call waits; it means nothing in a hold that is added.
	Held bool `json:"held"`
}

// hold is a Hold that is not used up; released ends its wait.
type hold struct {
	Hold
	released chan struct{}
}

// AddHold adds a hold to those that there are.
func (s *Server) AddHold(h Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Held, h.Match = false, slices.Clone(h.Match)
	s.holds = append(s.holds, &hold{Hold: h, released: make(chan struct{})})
}

// Holds are those that are not used up, in the order in which they were added.
func (s *Server) Holds() []Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Hold{}
	for _, h := range s.holds {
		out = append(out, h.Hold)
	}
	return out
}

// ReleaseHolds lets every held call go on, and removes all holds.
func (s *Server) ReleaseHolds() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		close(h.released)
	}
	s.holds = nil
}

// heldUp makes the call wait where a hold says so; false when nobody waits for its answer any more.
func (s *Server) heldUp(c *call, op Operation, when HoldTime) bool {
	h := s.takeHold(c, op, when)
	if h == nil {
		return true
	}
	defer s.useUp(h)
	select {
	case <-h.released:
		return true
	case <-c.r.Context().Done():
	case <-s.hooks.life.Done():
	}
	return false
}

func (s *Server) takeHold(c *call, op Operation, when HoldTime) *hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		if h.Op == op && h.When == when && !h.Held && h.matches(c) {
			h.Held = true
			return h
		}
	}
	return nil
}

func (h *hold) matches(c *call) bool {
	text := c.r.URL.Path + "?" + c.r.URL.RawQuery + "\n" + string(c.body)
	return !slices.ContainsFunc(h.Match, func(part string) bool { return !strings.Contains(text, part) })
}

func (s *Server) useUp(used *hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = slices.DeleteFunc(s.holds, func(h *hold) bool { return h == used })
}

func (s *Server) postHold(w http.ResponseWriter, r *http.Request) {
	var h Hold
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	d.DisallowUnknownFields()
	err := d.Decode(&h)
	if err != nil || h.Op == "" || (h.When != HoldBefore && h.When != HoldAfter) {
		http.Error(w, `holds: expected a JSON object with op, when ("before" or "after") and, if need be, match (texts)`, http.StatusBadRequest)
		return
	}
	s.AddHold(h)
	s.writeJSON(w, s.Holds())
}
