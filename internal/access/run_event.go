package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// StartEvent returns what the audit trail says of the start of a run; false for one that its schedule starts. held is how many changes the run that is
// released held back, by class.
func (r PeopleRun) StartEvent(held map[string]int) (DeskEvent, bool) {
	e := DeskEvent{
		ID: "people/" + string(r.Source) + "/" + r.ID + "#started", Source: r.Source, Run: r.ID, Release: r.Release, Held: held,
		Type: DeskPeopleRunStarted, At: r.BeganAt, Actor: r.By, Evidence: r.Evidence,
	}
	what := "over the people of " + string(r.Source)
	if r.Release != nil {
		e.Type, e.Text = DeskPeopleRunReleases, r.Release.sentence(what, r.ID, held)
		return e, true
	}
	e.Text = fmt.Sprintf("The run %s %s was started by hand.", r.ID, what)
	return e, r.By != ""
}

// StartEvent returns what the audit trail says of the start of a run; false for one that its schedule starts. held is how many rows the run that is
// released held back, by operation.
func (r SyncRun) StartEvent(held map[string]int) (DeskEvent, bool) {
	e := DeskEvent{
		ID: "usersync/" + string(r.Desk) + "/" + r.ID + "#started", Desk: r.Desk, Person: r.Scope.Person, Run: r.ID, Release: r.Release, Held: held,
		Type: DeskUsersRunStarted, At: r.BeganAt, Actor: r.By, Evidence: r.Evidence,
	}
	what := "over the users of " + string(r.Desk)
	if r.Release != nil {
		e.Type, e.Text = DeskUsersRunReleases, r.Release.sentence(what, r.ID, held)
		return e, true
	}
	kind := "run"
	if r.Dry {
		kind = "dry run"
	}
	e.Text = fmt.Sprintf("The %s %s %s was started by hand%s.", kind, r.ID, what, r.Scope.suffix())
	return e, r.By != ""
}

// suffix is whom a run is over, as the end of a sentence; "" for everybody.
func (s SyncScope) suffix() string {
	switch {
	case s.Person != "":
		return ", for the person " + string(s.Person)
	case s.Attribute != "":
		return fmt.Sprintf(", for people with %s %s", s.Attribute, s.Value)
	}
	return ""
}

// namedPeople is how many people a sentence names; the event has all of them.
const namedPeople = 10

// sentence is what a run releases, for people.
func (r PeopleRelease) sentence(what, run string, held map[string]int) string {
	brakes, people := "all brakes", "everybody whom they hold"
	if len(r.Brakes) > 0 {
		brakes = "the brakes " + strings.Join(r.Brakes, ", ")
	}
	if n := len(r.People); n > 0 {
		people = listed(r.People[:min(n, namedPeople)])
		if n > namedPeople {
			people += fmt.Sprintf(" and %d more", n-namedPeople)
		}
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(held)) {
		counts = append(counts, fmt.Sprintf("%d %s", held[name], name))
	}
	if len(counts) == 0 {
		counts = []string{"nothing"}
	}
	return fmt.Sprintf("The run %s releases what the run %s %s held back (%s), of %s, for %s: %s.", run, r.Run, what, strings.Join(counts, ", "), brakes, people,
		strings.TrimSuffix(r.Reason, "."))
}

func listed(people []PersonID) string {
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
