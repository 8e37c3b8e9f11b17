package httpapi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/workflows"
)

// StartSyncBody is what a run by hand does.
type StartSyncBody struct {
	ID      string             `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The run's id, chosen by the client; the same id is the same run. Idempotency-Key does the same."`
	Dry     bool               `json:"dry,omitempty" doc:"true: everything is planned, and nothing applied."`
	Scope   *SyncScopeBody     `json:"scope,omitempty" doc:"Whom the run is over; absent for everybody."`
	Release *ReleasePeopleBody `json:"release,omitempty" doc:"What is released of an earlier run; absent for nothing."`
}

// SyncScopeBody is whom a run is over: one person, or those who have a value of an attribute.
type SyncScopeBody struct {
	Person    string `json:"person,omitempty" maxLength:"256" doc:"The only person, by id." example:"p-1017"`
	Attribute string `json:"attribute,omitempty" maxLength:"256" doc:"An attribute of the source." example:"department"`
	Value     string `json:"value,omitempty" maxLength:"256" doc:"What one value of the attribute has to be." example:"Research"`
}

type startSyncInput struct {
	Desk           string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the same caller with the same key starts the same run."`
	Body           *StartSyncBody
}

// Resolve implements huma.Resolver.
func (in *startSyncInput) Resolve(huma.Context) []error {
	body := in.said()
	problems := append(fittingDesk(in.Desk), repeatable(in.IdempotencyKey, body.ID, "")...)
	if s := body.Scope; s != nil {
		switch {
		case (s.Attribute == "") != (s.Value == ""):
			problems = append(problems, invalidField("body.scope.value", "expected an attribute and its value, or neither"))
		case s.Person == "" && s.Attribute == "":
			problems = append(problems, invalidField("body.scope", "is empty, expected a person or an attribute; leave it out for everybody"))
		}
	}
	if body.Release == nil {
		return problems
	}
	if body.Dry || body.Scope != nil {
		problems = append(problems, invalidField("body.release", "expected no dry run and no scope with it: only names people"))
	}
	return append(problems, body.Release.problems()...)
}

func (in *startSyncInput) said() StartSyncBody {
	if in.Body == nil {
		return StartSyncBody{}
	}
	return *in.Body
}

func (a *API) startSync(ctx context.Context, in *startSyncInput) (*startedPeopleOutput, error) {
	caller, body := callerOf(ctx), in.said()
	if !caller.Administrator {
		return nil, newProblem(kindForbidden(), "Only administrators may start runs over users, and release what one held back.")
	}
	start := workflows.UserSyncParams{Desk: access.DeskName(in.Desk), Dry: body.Dry, By: caller.Person, Evidence: caller.Evidence}
	if s := body.Scope; s != nil {
		start.Scope = access.SyncScope{Person: access.PersonID(s.Person), Attribute: s.Attribute, Value: s.Value}
	}
	if body.Release != nil {
		release, err := a.releaseOfSync(ctx, start.Desk, *body.Release)
		if err != nil {
			return nil, err
		}
		start.Release = release
	}
	id, err := peopleRunID(caller.Person, in.IdempotencyKey, body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if err := a.deps.Gateway.StartSync(ctx, id, start); err != nil {
		return nil, a.failed(ctx, err)
	}
	return &startedPeopleOutput{
		Location: "/v1/desks/" + url.PathEscape(in.Desk) + "/syncs/" + url.PathEscape(id), Body: StartedPeopleRun{Run: id},
	}, nil
}

// releaseOfSync returns a release that can free something, or the problem with the field that is wrong.
func (a *API) releaseOfSync(ctx context.Context, desk access.DeskName, body ReleasePeopleBody) (*access.PeopleRelease, error) {
	run, err := a.sync(ctx, string(desk), body.Run)
	if err != nil {
		return nil, err
	}
	var holds []string
	for _, hold := range run.Holds {
		holds = append(holds, hold.Name())
	}
	if err := a.releasable(body, heldRun{ended: run.EndedAt, held: run.States[access.SyncHeld], holds: holds}); err != nil {
		return nil, err
	}
	return a.releasing(ctx, body, func(person access.PersonID) (bool, error) {
		rows, err := a.deps.Ledger.SyncRows(ctx, desk, run.Plan, access.SyncRowsQuery{Person: person, State: access.SyncHeld, Limit: 1})
		return len(rows) > 0, err
	})
}

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
