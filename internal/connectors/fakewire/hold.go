package fakewire

import (
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

// Hold stops one call: the next one that matches waits until all holds are released, its caller goes away, or the fake is
// closed; then the hold is used up. A call that is held before its commit and loses its caller does nothing. Holds stand
// beside the faults, and no change of those touches them.
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
func (w *Wire) AddHold(h Hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.Held, h.Match = false, slices.Clone(h.Match)
	w.holds = append(w.holds, &hold{Hold: h, released: make(chan struct{})})
}

// Holds returns those that are not used up, in the order in which they were added.
func (w *Wire) Holds() []Hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []Hold{}
	for _, h := range w.holds {
		out = append(out, h.Hold)
	}
	return out
}

// ReleaseHolds lets every held call go on, and removes all holds.
func (w *Wire) ReleaseHolds() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holds {
		close(h.released)
	}
	w.holds = nil
}

// heldUp makes the call wait where a hold says so, and reports whether its caller still waits for an answer.
func (w *Wire) heldUp(c *Call, when HoldTime) bool {
	h := w.takeHold(c, when)
	if h == nil {
		return true
	}
	defer w.useUp(h)
	return await(w, c.Request, h.released)
}

func (w *Wire) takeHold(c *Call, when HoldTime) *hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holds {
		if h.Op == c.Operation && h.When == when && !h.Held && h.matches(c) {
			h.Held = true
			return h
		}
	}
	return nil
}

func (h *hold) matches(c *Call) bool {
	text := c.URL.Path + "?" + c.URL.RawQuery + "\n" + string(c.Body)
	return !slices.ContainsFunc(h.Match, func(part string) bool { return !strings.Contains(text, part) })
}

func (w *Wire) useUp(used *hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds = slices.DeleteFunc(w.holds, func(h *hold) bool { return h == used })
}

func (w *Wire) postHold(rw http.ResponseWriter, r *http.Request) {
	var h Hold
	err := Strict(http.MaxBytesReader(rw, r.Body, BodyLimit), &h)
	if err != nil || h.Op == "" || (h.When != HoldBefore && h.When != HoldAfter) {
		http.Error(rw, `holds: expected a JSON object with op, when ("before" or "after") and, if need be, match (texts)`, http.StatusBadRequest)
		return
	}
	w.AddHold(h)
	WriteJSON(rw, w.Holds())
}
