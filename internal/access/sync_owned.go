package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// UserHandOver is the mode that hands over what leavers own.
const UserHandOver UserOperation = "hand_over"

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
}

// PendingHandOver is what an attempt was about to hand over, so that the next one knows it again. Nothing else is counted for the person then.
type PendingHandOver struct {
	Person  PersonID `json:"person"`
	To      UserID   `json:"to"`
	Records []Owned  `json:"records"`
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
			events = append(events, l.event(DeskOwnedHandOver, kind+"/"+some[0].ID, text))
		}
	}
	return events
}

// Refusal returns what the audit trail says of records that were not handed over, each with why, of which it has some.
func (l Leaving) Refusal(whys []string) DeskEvent {
	text := fmt.Sprintf("%d records of the person %s, who has left, were not handed over: %s", len(whys), l.Person, strings.Join(whys[:min(len(whys), MaxOwnedProblems)], "; "))
	if n := len(whys) - MaxOwnedProblems; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return l.event(DeskOwnedRefused, "", text+".")
}

func (l Leaving) event(as DeskEventType, key, text string) DeskEvent {
	return DeskEvent{
		ID:   "usersync/" + string(l.Run.Desk) + "/" + l.Run.ID + "#" + string(as) + "/" + string(l.Person) + "/" + key,
		Desk: l.Run.Desk, User: l.From.ID, Person: l.Person, Run: l.Run.ID, Type: as, At: l.At, Text: text,
	}
}
