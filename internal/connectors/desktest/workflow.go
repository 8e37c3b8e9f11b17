package desktest

import (
	"fmt"
	"slices"
	"strings"
)

// Category is what a status is about.
type Category string

// The categories. Closed means CategoryDone, whatever the status is called.
const (
	CategoryNew           Category = "new"
	CategoryIndeterminate Category = "indeterminate"
	CategoryDone          Category = "done"
)

// Workflow is the statuses that tickets have, and the ways between them. Its methods change no workflow: those that return
// one return a copy.
type Workflow struct {
	// Statuses are all; a new ticket starts in the first one.
	Statuses    []Status
	Transitions []Transition
}

// Status is a step of a workflow.
type Status struct {
	ID, Name string
	Category Category
}

// Transition leads from any of the statuses From (all when empty) to the status To; both by name.
type Transition struct {
	ID, Name string
	From     []string
	To       string
	// Screen lists the fields that may be set on the way; none: nothing may be set.
	Screen []ScreenField
	// SetResolution is what the workflow itself sets as resolution; "" leaves it.
	SetResolution string
}

// ScreenField is a field on a transition's screen.
type ScreenField struct {
	ID       string
	Required bool
}

// The statuses of DefaultWorkflow.
const (
	StatusWaiting    = "Waiting for approval"
	StatusApproved   = "Approved"
	StatusDenied     = "Denied"
	StatusInProgress = "In progress"
	StatusDone       = "Done"
	StatusWontDo     = "Won't do"
)

// DefaultWorkflow returns a workflow of access requests. What closes a ticket has the screen.
func DefaultWorkflow(closing ...ScreenField) Workflow {
	return Workflow{
		Statuses: []Status{
			{ID: "10101", Name: StatusWaiting, Category: CategoryNew},
			{ID: "10102", Name: StatusApproved, Category: CategoryIndeterminate},
			{ID: "10103", Name: StatusDenied, Category: CategoryIndeterminate},
			{ID: "10104", Name: StatusInProgress, Category: CategoryIndeterminate},
			{ID: "10105", Name: StatusDone, Category: CategoryDone},
			{ID: "10106", Name: StatusWontDo, Category: CategoryDone},
		},
		Transitions: []Transition{
			{ID: "11", Name: "Approve", From: []string{StatusWaiting}, To: StatusApproved},
			{ID: "21", Name: "Deny", From: []string{StatusWaiting}, To: StatusDenied},
			{ID: "31", Name: "Start work", From: []string{StatusWaiting, StatusApproved}, To: StatusInProgress},
			{ID: "41", Name: "Done", From: []string{StatusWaiting, StatusApproved, StatusInProgress}, To: StatusDone, Screen: closing},
			{ID: "51", Name: "Won't do", From: []string{StatusWaiting, StatusApproved, StatusDenied, StatusInProgress}, To: StatusWontDo, Screen: closing},
			{ID: "61", Name: "Back to approval", From: []string{StatusApproved, StatusDenied, StatusInProgress}, To: StatusWaiting},
			{ID: "71", Name: "Reopen", From: []string{StatusDone, StatusWontDo}, To: StatusWaiting},
		},
	}
}

// Status returns the status of an id; the zero Status when there is none.
func (w Workflow) Status(id string) Status {
	for _, s := range w.Statuses {
		if s.ID == id {
			return s
		}
	}
	return Status{}
}

// StatusNamed returns the status of a name, in any case of letters; false when there is none.
func (w Workflow) StatusNamed(name string) (Status, bool) {
	for _, s := range w.Statuses {
		if strings.EqualFold(s.Name, name) {
			return s, true
		}
	}
	return Status{}, false
}

// Transition returns the transition of an id; false when there is none.
func (w Workflow) Transition(id string) (Transition, bool) {
	for _, t := range w.Transitions {
		if t.ID == id {
			return t, true
		}
	}
	return Transition{}, false
}

// Available returns the transitions that leave a status, by its name.
func (w Workflow) Available(status string) []Transition {
	var out []Transition
	for _, t := range w.Transitions {
		if t.Leaves(status) {
			out = append(out, t)
		}
	}
	return out
}

// Way returns the first transition that leads from a status to another, both by name. The error names those that can be
// reached.
func (w Workflow) Way(from, to string) (Transition, error) {
	reachable := []string{}
	for _, t := range w.Available(from) {
		if strings.EqualFold(t.To, to) {
			return t, nil
		}
		reachable = append(reachable, fmt.Sprintf("%q", t.To))
	}
	return Transition{}, fmt.Errorf("cannot be moved to %q. Possible: %s", to, strings.Join(reachable, ", "))
}

// Leaves reports whether the transition leaves a status, by its name.
func (t Transition) Leaves(status string) bool {
	return len(t.From) == 0 || slices.ContainsFunc(t.From, func(from string) bool { return strings.EqualFold(from, status) })
}

// ScreenField returns a field of the screen, by its id; false when it is not on it.
func (t Transition) ScreenField(id string) (ScreenField, bool) {
	for _, f := range t.Screen {
		if f.ID == id {
			return f, true
		}
	}
	return ScreenField{}, false
}

// WithTwoStepClose puts, before each closed status, an open one that is called alike; what led to the closed one leads
// there, and one more transition, with the screen, confirms.
func (w Workflow) WithTwoStepClose() Workflow {
	statuses, transitions := slices.Clone(w.Statuses), []Transition{}
	for _, t := range w.Transitions {
		closed, _ := w.StatusNamed(t.To)
		if closed.Category != CategoryDone {
			transitions = append(transitions, t)
			continue
		}
		waiting := Status{ID: closed.ID + "9", Name: closed.Name + " (to confirm)", Category: CategoryIndeterminate}
		if !slices.Contains(statuses, waiting) {
			statuses = append(statuses, waiting)
		}
		confirm := t
		confirm.ID, confirm.Name, confirm.From = t.ID+"9", "Confirm: "+t.Name, []string{waiting.Name}
		t.To, t.Screen, t.SetResolution = waiting.Name, nil, ""
		transitions = append(transitions, t, confirm)
	}
	return Workflow{Statuses: statuses, Transitions: transitions}
}

// WithoutField takes a field from all screens.
func (w Workflow) WithoutField(id string) Workflow {
	return w.withScreens(func(_ Status, screen []ScreenField) []ScreenField { return without(screen, id) })
}

// WithRequired demands a field on every screen that closes a ticket.
func (w Workflow) WithRequired(id string) Workflow {
	return w.withScreens(func(to Status, screen []ScreenField) []ScreenField {
		if to.Category != CategoryDone {
			return screen
		}
		return append(without(screen, id), ScreenField{ID: id, Required: true})
	})
}

func without(screen []ScreenField, id string) []ScreenField {
	return slices.DeleteFunc(screen, func(f ScreenField) bool { return f.ID == id })
}

func (w Workflow) withScreens(change func(to Status, screen []ScreenField) []ScreenField) Workflow {
	w.Transitions = slices.Clone(w.Transitions)
	for n, t := range w.Transitions {
		to, _ := w.StatusNamed(t.To)
		w.Transitions[n].Screen = change(to, slices.Clone(t.Screen))
	}
	return w
}
