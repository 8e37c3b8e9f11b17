package workflows_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// This file has people leave, come back and move, as runs over the source's people apply it.

// applied has a run apply one change of a person, and notifies nobody of it.
func (w *world) applied(class access.PersonClass, id access.PersonID, fields ...string) {
	w.t.Helper()
	w.appliedIn(access.PersonChange{Person: id, Class: class, Fields: fields})
}

// appliedAll has one run apply changes of many people. Whoever moves has another manager.
func (w *world) appliedAll(classes map[access.PersonID]access.PersonClass) {
	w.t.Helper()
	var changes []access.PersonChange
	for _, id := range sortedIDs(classes) {
		change := access.PersonChange{Person: id, Class: classes[id]}
		if change.Class == access.ClassMover {
			change.Fields = []string{access.FieldManager}
		}
		changes = append(changes, change)
	}
	w.appliedIn(changes...)
}

// appliedIn has one run apply changes.
func (w *world) appliedIn(changes ...access.PersonChange) {
	w.t.Helper()
	w.peopleRuns++
	run := access.PeopleRun{
		Source: "directory", ID: fmt.Sprint("run-", w.peopleRuns), Plan: fmt.Sprint("plan-", w.peopleRuns),
		BeganAt: w.env.Now().UTC().Add(time.Duration(w.peopleRuns) * time.Millisecond),
	}
	for i := range changes {
		c := &changes[i]
		c.Reason = "is inactive in the source"
		c.After = access.KnownPerson{Record: access.PersonRecord{Person: w.people[c.Person]}, State: access.PersonPresent, Joined: true}
		if c.Class == access.ClassLeaver {
			c.After.State = access.PersonLeft
		}
	}
	begun := run
	begun.Plan = ""
	require.NoError(w.t, w.ledger.BeginPeopleRun(w.t.Context(), begun))
	require.NoError(w.t, w.ledger.SavePeopleRun(w.t.Context(), run))
	require.NoError(w.t, w.ledger.ApplyPeople(w.t.Context(), run, changes))
	run.EndedAt = run.BeganAt
	require.NoError(w.t, w.ledger.SavePeopleRun(w.t.Context(), run))
}

// tell notifies the request that runs of everything that was applied, as the run over people does.
func (w *world) tell() {
	w.t.Helper()
	notices, err := w.ledger.PendingNotices(w.t.Context(), "directory", "", 100)
	require.NoError(w.t, err)
	for _, n := range notices {
		about, err := w.ledger.RequestsAbout(w.t.Context(), n.Standing.Person, "", 100)
		require.NoError(w.t, err)
		for range about {
			w.signal(workflows.SignalPersonChanged, n)
		}
		require.NoError(w.t, w.ledger.NoticeSent(w.t.Context(), n))
	}
}

// leaves has somebody leave: the source shows it, a run applies it, and the request is told.
func (w *world) leaves(id access.PersonID) {
	w.source.Deactivate(id)
	w.applied(access.ClassLeaver, id)
	w.tell()
}

// comesBack undoes leaves.
func (w *world) comesBack(id access.PersonID) {
	w.source.Put(w.people[id])
	w.applied(access.ClassReturner, id)
	w.tell()
}

// managedBy has somebody get another manager.
func (w *world) managedBy(id, manager access.PersonID) {
	person := w.people[id]
	person.Manager = manager
	w.source.Put(person)
	w.applied(access.ClassMover, id, access.FieldManager)
	w.tell()
}

// withFallback adds to both applications people who approve where nobody else can.
func (w *world) withFallback(people ...string) {
	w.t.Helper()
	text := strings.ReplaceAll(catalogYAML, "    entitlements:", "    fallback: ["+strings.Join(people, ", ")+"]\n    entitlements:")
	catalog, err := policy.Parse([]byte(text))
	require.NoError(w.t, err)
	w.catalog = catalog
	w.newRun()
}

// reassign is an administrator's word about who approves.
func (w *world) reassign(id string, to ...access.PersonID) *answer {
	return w.update(workflows.UpdateReassign, id, workflows.ReassignInput{ID: id, By: "adm", Evidence: "test", To: to, Reason: "on leave"})
}

// waitsFor are the people whom the request waits for.
func waitsFor(v access.RequestView) []access.PersonID {
	var people []access.PersonID
	for _, w := range v.WaitingOn {
		people = append(people, w.Person)
	}
	return people
}

// textsOf are the texts of the events of a type.
func textsOf(events []access.Event, t access.EventType) []string {
	var texts []string
	for _, e := range events {
		if e.Type == t {
			texts = append(texts, e.Text)
		}
	}
	return texts
}
