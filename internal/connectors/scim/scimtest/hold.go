package scimtest

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

// Hold stops one SCIM call: the next one that matches waits until all holds are released or its caller goes away; then
// the hold is used up. A call that is held before its commit and loses its caller does nothing. Holds stand beside the
// faults, and no change of those touches them.
type Hold struct {
	// Op is the call's HTTP method.
	Op   string   `json:"op"`
	When HoldTime `json:"when"`
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
func (s *Server) heldUp(r *http.Request, body []byte, when HoldTime) bool {
	h := s.takeHold(r, body, when)
	if h == nil {
		return true
	}
	defer s.useUp(h)
	select {
	case <-h.released:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *Server) takeHold(r *http.Request, body []byte, when HoldTime) *hold {
	text := r.URL.Path + "?" + r.URL.RawQuery + "\n" + string(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		if h.Op == r.Method && h.When == when && !h.Held && h.matches(text) {
			h.Held = true
			return h
		}
	}
	return nil
}

func (h *hold) matches(text string) bool {
	return !slices.ContainsFunc(h.Match, func(part string) bool { return !strings.Contains(text, part) })
}

func (s *Server) useUp(used *hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = slices.DeleteFunc(s.holds, func(h *hold) bool { return h == used })
}

func (s *Server) routeHolds(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/holds", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Holds()) })
	mux.HandleFunc("POST /_sim/holds", s.postHold)
	mux.HandleFunc("DELETE /_sim/holds", func(w http.ResponseWriter, _ *http.Request) {
		s.ReleaseHolds()
		writeJSON(w, s.Holds())
	})
}

func (s *Server) postHold(w http.ResponseWriter, r *http.Request) {
	var h Hold
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(&h)
	if err != nil || h.Op == "" || (h.When != HoldBefore && h.When != HoldAfter) {
		http.Error(w, `holds: expected a JSON object with op (a method), when ("before" or "after") and, if need be, match (texts)`,
			http.StatusBadRequest)
		return
	}
	s.AddHold(h)
	writeJSON(w, s.Holds())
}
