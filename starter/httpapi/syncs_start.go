package httpapi

import (
	"context"
	"net/url"

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
	Person    string `json:"person,omitempty" maxLength:"512" doc:"The only person, by id." example:"p-1017"`
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
		problems = append(problems, listedID("body.scope.person", s.Person)...)
		switch {
		case (s.Attribute == "") != (s.Value == ""):
			problems = append(problems, fieldError("body.scope.value", "expected an attribute and its value, or neither"))
		case s.Person == "" && s.Attribute == "":
			problems = append(problems, fieldError("body.scope", "is empty, expected a person or an attribute; leave it out for everybody"))
		}
	}
	if body.Release == nil {
		return problems
	}
	if len(body.Release.Only) > 0 && len(body.Release.Brakes) == 1 && body.Release.Brakes[0] == string(access.UserHandOver) {
		problems = append(problems, fieldError("body.release.only", "expected none with the brake hand_over, which is released for everybody whom it holds"))
	}
	if body.Dry || body.Scope != nil {
		problems = append(problems, fieldError("body.release", "expected no dry run and no scope with it: only names people"))
	}
	return append(problems, body.Release.problems()...)
}

func (in *startSyncInput) said() StartSyncBody {
	if in.Body == nil {
		return StartSyncBody{}
	}
	return *in.Body
}

func (a *API) startSync(ctx context.Context, in *startSyncInput) (*startedRunOutput, error) {
	caller, body := callerOf(ctx), in.said()
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
	id, err := runIDOf(caller.Person, in.IdempotencyKey, body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if err := a.deps.Gateway.StartSync(ctx, id, start); err != nil {
		return nil, a.failed(ctx, err)
	}
	return &startedRunOutput{
		Location: "/v1/desks/" + url.PathEscape(in.Desk) + "/syncs/" + url.PathEscape(id), Body: StartedRun{Run: id},
	}, nil
}

// releaseOfSync returns a release that can free something, or the problem with the field that is wrong.
func (a *API) releaseOfSync(ctx context.Context, desk access.DeskName, body ReleasePeopleBody) (*access.PeopleRelease, error) {
	run, err := a.sync(ctx, string(desk), body.Run)
	if err != nil {
		return nil, err
	}
	var holds []string
	held := run.Held()
	for _, hold := range run.Holds {
		if hold.Brake == string(access.UserHandOver) && (run.Dry || !run.Scope.Everybody()) {
			// Runs over everybody that are no dry ones hold what these leavers own as well, and are released for it.
			held -= run.Counts.Leavers
			continue
		}
		holds = append(holds, hold.Name())
	}
	if err := a.releasable(body, heldRun{ended: run.EndedAt, held: held, holds: holds}); err != nil {
		return nil, err
	}
	return a.releasing(ctx, body, func(person access.PersonID) (bool, error) {
		rows, err := a.deps.Ledger.SyncRows(ctx, desk, run.Rows, access.SyncRowsQuery{Person: person, State: access.SyncHeld, Limit: 1})
		return len(rows) > 0, err
	})
}
