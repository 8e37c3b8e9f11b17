package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PauseID names one pause, or one resume, for ever.
type PauseID string

// PausedWork is what of usher's work on targets is paused.
type PausedWork string

// The kinds of work.
const (
	PausedGrants  PausedWork = "grants"
	PausedRevokes PausedWork = "revokes"
)

// Pause stops usher from granting or from revoking on a target, or on all of them, until somebody resumes it; or it is that resume. It never
// changes. Of the same work on the same target the last one counts, by At. A pause of all targets and one of a target end by their own resumes.
type Pause struct {
	ID   PauseID    `json:"id"`
	What PausedWork `json:"what"`
	// Target is the target; "" for all of them.
	Target TargetName `json:"target,omitempty"`
	// Paused is false for a resume.
	Paused bool `json:"paused"`
	// By is who pauses or resumes, and Evidence is how that identity was established.
	By       PersonID `json:"by"`
	Evidence string   `json:"evidence,omitempty"`
	// Reason is why; a resume may have none.
	Reason string `json:"reason,omitempty"`
	// At is when Temporal took the call, UTC, where it is recorded: one clock, whichever host of the API was called. Before, it is that host's.
	At time.Time `json:"at"`
}

// Where returns the target for people.
func (p Pause) Where() string {
	if p.Target == "" {
		return "all targets"
	}
	return string(p.Target)
}

// Text returns what is paused, by whom, since when and why, as a sentence without its full stop.
func (p Pause) Text() string {
	return fmt.Sprintf("%s on %s are paused by %s since %s: %s", p.What, p.Where(), p.By, p.At.UTC().Format("2006-01-02 15:04:05Z"), p.Reason)
}

// Holds reports whether the pause stops this work on this target.
func (p Pause) Holds(what PausedWork, target TargetName) bool {
	return p.Paused && p.What == what && (p.Target == "" || p.Target == target)
}

// Same reports whether two of one id are the same call: everything but the time and the evidence.
func (p Pause) Same(other Pause) bool {
	p.At, p.Evidence = other.At, other.Evidence
	return p == other
}

// Problem returns what is wrong with a pause, as "field: expectation"; "" for nothing.
func (p Pause) Problem() string {
	limits, works := Limits(), []PausedWork{PausedGrants, PausedRevokes}
	for _, rule := range []struct {
		broken      bool
		field, want string
	}{
		{!ValidRequestID(string(p.ID)), "id", "expected 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
		{!slices.Contains(works, p.What), "what", fmt.Sprintf("expected one of %v", works)},
		{!limits.ID.Fits(string(p.Target)), "target", limits.ID.Problem(string(p.Target))},
		{p.By == "", "by", "is empty, expected the id of a person"},
		{!limits.ID.Fits(string(p.By)), "by", limits.ID.Problem(string(p.By))},
		{p.Paused && strings.TrimSpace(p.Reason) == "", "reason", "is empty, expected why it is paused"},
		{!limits.Reason.Fits(p.Reason), "reason", limits.Reason.Problem(p.Reason)},
		{p.At.IsZero(), "at", "is missing"},
	} {
		if rule.broken {
			return rule.field + ": " + rule.want
		}
	}
	return ""
}
