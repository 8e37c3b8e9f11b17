package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// UserHandOver is the mode that hands over what leavers own.
const UserHandOver UserOperation = "hand_over"

// LeaverState is how far the brake on what leavers own lets one of them pass.
type LeaverState string

// The states of a leaver.
const (
	// LeaverHeld: the brake holds what the person owns. LeaverCounted: the brake has counted the person, and the plan that did lets its run deal with them.
	LeaverHeld    LeaverState = "held"
	LeaverCounted LeaverState = "counted"
	// LeaverMissed: a brake has held the person, and the last run did not count them, as where their user is on again, so no release of that run is about them.
	LeaverMissed LeaverState = "missed"
	// LeaverPassed: a run has dealt with the person, or an administrator has released them, so that no brake counts them any more.
	LeaverPassed LeaverState = "passed"
)

// LeaverMark is where the brake on what leavers own stands with one of them. It is of one time of leaving, and of the kinds that are handed over.
type LeaverMark struct {
	Person PersonID `json:"person"`
	// Revision is that of the person's standing, and Kinds names the kinds.
	Revision int         `json:"revision"`
	Kinds    string      `json:"kinds"`
	State    LeaverState `json:"state"`
	// Run is the run that has set the state, and At since when it is the state. Rows names the plan that has: each attempt to plan has rows of its own.
	Run  string    `json:"run"`
	Rows string    `json:"rows,omitempty"`
	At   time.Time `json:"at"`
	// Waits is true for one whom a brake has held before, and with whom no run has dealt since: they count however long ago they have left.
	Waits bool `json:"waits,omitempty"`
}

// HandOver is how far a run has come with what leavers own, and what came of it. Its zero value is of a run that has not begun with it.
type HandOver struct {
	// Kinds are what came of the records, by kind.
	Kinds map[string]OwnedCounts `json:"kinds,omitempty" doc:"What came of the records that leavers own, by kind."`
	// Leavers is how many leavers own something, and Nobody how many of them have nobody to take it. TooMany is how many own more than is handed over without a
	// human, and Protected how many leavers have a protected user.
	Leavers   int `json:"leavers" doc:"How many leavers own something."`
	Nobody    int `json:"nobody,omitempty" doc:"How many of them have nobody to take it."`
	TooMany   int `json:"too_many,omitempty" doc:"How many of them own more than is handed over without a human."`
	Protected int `json:"protected,omitempty" doc:"How many leavers have a protected user, whose things are left alone."`
	// Problems are some of what people should look at, at most MaxOwnedProblems, and Others is how many there are besides.
	Problems []string `json:"problems,omitempty" doc:"Some of what people should look at."`
	Others   int      `json:"others,omitempty" doc:"How many problems there are besides."`
	// After is the last person who is dealt with, and Pending what is being handed over; Done is true at the end.
	After   PersonID         `json:"after,omitempty" doc:"The last person who is dealt with."`
	Pending *PendingHandOver `json:"pending,omitempty" doc:"What is being handed over."`
	Done    bool             `json:"done,omitempty" doc:"Whether everybody is dealt with."`
}

// MaxOwnedProblems is how many problems a HandOver has at most.
const MaxOwnedProblems = 20

// OwnedCounts are what came of the records of one kind.
type OwnedCounts struct {
	// HandedOver are those that were; Observed would be, if the mode of the desk let them and the run were no dry one.
	HandedOver int `json:"handed_over,omitempty"`
	Observed   int `json:"observed,omitempty"`
	// Changed were somebody else's by the time, Refused are those that the desk did not let usher write, and Nobodys have nobody to take them.
	Changed int `json:"changed,omitempty"`
	Refused int `json:"refused,omitempty"`
	Nobodys int `json:"nobodys,omitempty"`
	// Kept stay with the leaver, who is none any more, or whose new owner cannot take them any more.
	Kept int `json:"kept,omitempty"`
}

// PendingHandOver is what is still to be handed over of one leaver, so that the next attempt knows it again.
type PendingHandOver struct {
	Person PersonID `json:"person"`
	// Taker is who gets it, with the user To.
	Taker   PersonID `json:"taker"`
	To      UserID   `json:"to"`
	Records []Owned  `json:"records"`
	// Of is how many records there were. Refused is how many of them were not handed over, and Whys are the first reasons, at most MaxOwnedProblems.
	Of      int      `json:"of,omitempty"`
	Refused int      `json:"refused,omitempty"`
	Whys    []string `json:"whys,omitempty"`
}

// Refuse takes that one record was not handed over, and why.
func (p *PendingHandOver) Refuse(why string) { p.refuse(1, why) }

// Keep takes that none of the records that are left is handed over, and why.
func (p *PendingHandOver) Keep(why string) {
	p.refuse(len(p.Records), why)
	p.Records = nil
}

func (p *PendingHandOver) refuse(n int, why string) {
	p.Refused += n
	if len(p.Whys) < MaxOwnedProblems {
		p.Whys = append(p.Whys, why)
	}
}

// Problem adds a problem.
func (h *HandOver) Problem(format string, args ...any) {
	if len(h.Problems) == MaxOwnedProblems {
		h.Others++
		return
	}
	h.Problems = append(slices.Clone(h.Problems), fmt.Sprintf(format, args...))
}

// Count changes the counts of a kind.
func (h *HandOver) Count(kind string, change func(*OwnedCounts)) {
	kinds := map[string]OwnedCounts{}
	for name, counts := range h.Kinds {
		kinds[name] = counts
	}
	counts := kinds[kind]
	change(&counts)
	kinds[kind] = counts
	h.Kinds = kinds
}

// Lines are what came of it, in sentences for people, for these kinds in their order; none where no leaver owns anything.
func (h HandOver) Lines(kinds []string) []string {
	var lines []string
	for _, kind := range kinds {
		c := h.Kinds[kind]
		var parts []string
		for _, part := range []struct {
			n    int
			text string
		}{
			{c.HandedOver, "handed over"},
			{c.Observed, "would be handed over"},
			{c.Changed, "somebody else's by now"},
			{c.Refused, "refused"},
			{c.Nobodys, "with nobody to take them"},
			{c.Kept, "kept"},
		} {
			if part.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", part.n, part.text))
			}
		}
		lines = append(lines, fmt.Sprintf("What leavers own, %s: %s.", kind, strings.Join(parts, ", ")))
	}
	for _, p := range h.Problems {
		lines = append(lines, "Look at: "+p)
	}
	if h.Others > 0 {
		lines = append(lines, fmt.Sprintf("And %d more.", h.Others))
	}
	return lines
}

// Leaving is one leaver whose things a run hands over.
type Leaving struct {
	Run  SyncRun
	From DeskUser
	// Person is whose user From is. Taker is who gets the things, with the user To.
	Person, Taker PersonID
	To            UserID
	At            time.Time
}

// ownedInEvent is how many records an event names.
const ownedInEvent = 50

// Events return what the audit trail says before records are handed over: some records of one kind each. The same records make the same events.
func (l Leaving) Events(records []Owned) []DeskEvent {
	byKind := map[string][]Owned{}
	var kinds []string
	for _, o := range records {
		if byKind[o.Kind] == nil {
			kinds = append(kinds, o.Kind)
		}
		byKind[o.Kind] = append(byKind[o.Kind], o)
	}
	var events []DeskEvent
	for _, kind := range kinds {
		for some := range slices.Chunk(byKind[kind], ownedInEvent) {
			var ids []string
			for _, o := range some {
				ids = append(ids, o.ID)
			}
			text := fmt.Sprintf("The person %s has left. usher hands %d of their %s to %s (user %s): %s.", l.Person, len(some), kind, l.Taker, l.To, strings.Join(ids, ", "))
			events = append(events, l.event(DeskOwnedHandOver, kind+"/"+some[0].ID+"/"+string(l.To), text))
		}
	}
	return events
}

// Abandoned returns what Refusal does, of records that no attempt goes on with.
func (l Leaving) Abandoned(records int, whys []string) DeskEvent {
	e := l.Refusal(records, whys)
	e.ID += "/abandoned"
	return e
}

// Refusal returns what the audit trail says of so many records that were not handed over, with the first reasons.
func (l Leaving) Refusal(records int, whys []string) DeskEvent {
	text := fmt.Sprintf("%d records of the person %s were not handed over to %s (user %s): %s", records, l.Person, l.Taker, l.To, strings.Join(whys, "; "))
	if records > len(whys) {
		text += "; and so on"
	}
	return l.event(DeskOwnedRefused, string(l.To), text+".")
}

func (l Leaving) event(as DeskEventType, key, text string) DeskEvent {
	return DeskEvent{
		ID:   "usersync/" + string(l.Run.Desk) + "/" + l.Run.ID + "#" + string(as) + "/" + string(l.Person) + "/" + key,
		Desk: l.Run.Desk, User: l.From.ID, Person: l.Person, Run: l.Run.ID, Type: as, At: l.At, Text: text,
	}
}
