package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/access"
)

// heldRun is what of a run decides whether it can be released. ended is zero while it goes on.
type heldRun struct {
	ended time.Time
	held  int
	holds []string
}

// releasable returns the problem of a release of a run; nil where it can free something.
func (a *API) releasable(body ReleasePeopleBody, run heldRun) error {
	switch {
	case run.ended.IsZero():
		return unreleased("run", "found a run that goes on, expected one that has ended")
	case run.held == 0:
		return unreleased("run", "found a run that held nothing back, expected one with holds")
	case a.deps.Now().Sub(run.ended) > access.ReleaseWithin:
		return unreleased("run", "found a run that ended at %s, expected one that ended within %s", run.ended.Format(time.RFC3339), access.Duration(access.ReleaseWithin))
	}
	for i, brake := range body.Brakes {
		if !slices.Contains(run.holds, brake) {
			return unreleased(fmt.Sprintf("brakes[%d]", i), "found %q, expected one of the run's holds: %v", brake, run.holds)
		}
	}
	return nil
}

// releasing returns the release that a call asks for. held reports whether the run held a person back.
func (a *API) releasing(ctx context.Context, body ReleasePeopleBody, held func(access.PersonID) (bool, error)) (*access.PeopleRelease, error) {
	release := &access.PeopleRelease{Run: body.Run, Brakes: body.Brakes, Reason: body.Reason}
	for i, person := range body.Only {
		is, err := held(access.PersonID(person))
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		if !is {
			return nil, unreleased(fmt.Sprintf("only[%d]", i), "found %q, expected the id of somebody whom the run held back", person)
		}
		release.People = append(release.People, access.PersonID(person))
	}
	return release, nil
}

// unreleased is the problem of a field of a release.
func unreleased(field, format string, args ...any) error {
	return newProblem(kindInvalid(), "nothing is released", ProblemField{Location: "body.release." + field, Message: fmt.Sprintf(format, args...)})
}
