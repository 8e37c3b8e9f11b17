package activities

import (
	"context"
	"slices"

	"usher/internal/access"
	"usher/internal/snapshot"
)

// release is what somebody released, and what the run held back that it is of. The zero value releases nothing.
type release struct {
	given *access.PeopleRelease
	of    access.PeopleRun
	// mapping is how the run that releases reads records.
	mapping string
	held    cursor[access.PersonChange]
}

// releaseOf returns the release of a run; what it held back is read behind a person. Invalid: it is too late, or that run goes on. NotFound:
// there is no such run.
func (a *People) releaseOf(ctx context.Context, run access.PeopleRun, after access.PersonID) (*release, error) {
	if run.Release == nil {
		return &release{}, nil
	}
	const op = "release changes of people"
	of, err := a.Ledger.PeopleRun(ctx, run.Source, run.Release.Run)
	if err != nil {
		return nil, err
	}
	if !of.Ended() || run.BeganAt.Sub(of.EndedAt) > access.ReleaseWithin {
		return nil, access.Errorf(access.Invalid, op, "release.run: found a run that ended more than %s ago, or goes on; expected a younger one",
			access.Duration(access.ReleaseWithin))
	}
	return &release{given: run.Release, of: of, mapping: run.Mapping, held: cursor[access.PersonChange]{
		last: after,
		read: func(after access.PersonID) ([]access.PersonChange, error) {
			return a.Ledger.PeopleChanges(ctx, run.Source, of.Plan, access.PeopleChangesQuery{After: after, Limit: peoplePage, Held: true})
		},
		id: func(c access.PersonChange) access.PersonID { return c.Person },
	}}, nil
}

// frees returns what reports whether a hold of a change is released: that run held the same change of the same person back, and the change met
// the same brake there, so that somebody has seen both. Changes come in the order of the ids of their people.
func (r *release) frees(change access.PersonChange) (func(access.PeopleHold) bool, error) {
	none := func(access.PeopleHold) bool { return false }
	if r.given == nil {
		return none, nil
	}
	was, err := r.held.at(change.Person)
	if err != nil || was == nil || !snapshot.Same(*was, change) {
		return none, err
	}
	if len(r.given.People) > 0 && !slices.Contains(r.given.People, change.Person) {
		return none, nil
	}
	met := was.Brakes
	return func(hold access.PeopleHold) bool {
		name := hold.Name()
		if !slices.Contains(met, name) || (hold.Brake == snapshot.BrakeMapping && r.of.Mapping != r.mapping) {
			return false
		}
		return len(r.given.Brakes) == 0 || slices.Contains(r.given.Brakes, name)
	}, nil
}

// brake writes into a change which brakes it meets, the first that is not released for it, and whether somebody has released that the person is
// missing. Protected people are held even if the plan does not know yet that they are protected.
func (a *People) brake(run access.PeopleRun, change *access.PersonChange, r *release) error {
	frees, err := r.frees(*change)
	if err != nil {
		return err
	}
	brakes := a.Settings[run.Source].Brakes
	change.Held, change.Brakes = "", nil
	absence := false
	for _, h := range append(slices.Clip(run.Holds), snapshot.ProtectedHold(1)) {
		name := h.Name()
		if !brakes.Meets(h, *change) || slices.Contains(change.Brakes, name) {
			continue
		}
		change.Brakes = append(change.Brakes, name)
		switch {
		case frees(h):
			absence = absence || (h.Brake == snapshot.BrakeShrunk && change.Class == access.ClassMissing)
		case change.Held == "":
			change.Held = name
		}
	}
	if absence && change.Held == "" {
		change.After.AbsenceReleased = true
	}
	return nil
}
