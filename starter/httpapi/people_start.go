package httpapi

import (
	"context"
	"fmt"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"usher/internal/access"
	"usher/workflows"
)

// StartPeopleBody is what a run by hand does.
type StartPeopleBody struct {
	ID      string             `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 _ -" doc:"The run's id, chosen by the client; the same id is the same run. Idempotency-Key does the same."`
	Whole   bool               `json:"whole,omitempty" doc:"true: everybody is listed, though the source could be asked for what changed. A release does so in any case."`
	Release *ReleasePeopleBody `json:"release,omitempty" doc:"What is released of an earlier run; absent for nothing."`
}

// ReleasePeopleBody is a release of what a run held back.
type ReleasePeopleBody struct {
	Run    string   `json:"run" minLength:"1" maxLength:"256" doc:"The run that held the changes back." example:"2026-11-28T03:00:00Z"`
	Brakes []string `json:"brakes,omitempty" minItems:"1" maxItems:"50" nullable:"false" doc:"The brakes that are released, as holds of the run name them. Absent: all of them." example:"[\"leavers\"]"`
	Only   []string `json:"only,omitempty" minItems:"1" maxItems:"1000" nullable:"false" doc:"The only people who are released, by id. Absent: everybody whom the brakes hold back." example:"[\"p-1017\"]"`
	Reason string   `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is recorded with the run." example:"The plant in Porto closes."`
}

type startPeopleInput struct {
	Source         string `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the same caller with the same key starts the same run."`
	Body           *StartPeopleBody
}

// Resolve implements huma.Resolver.
func (in *startPeopleInput) Resolve(huma.Context) []error {
	body := in.said()
	problems := append(fittingSource(in.Source), repeatable(in.IdempotencyKey, body.ID, "")...)
	if body.Release == nil {
		return problems
	}
	return append(problems, body.Release.problems()...)
}

// problems are what is wrong with a release by itself.
func (b ReleasePeopleBody) problems() []error {
	var problems []error
	for i, person := range b.Only {
		problems = append(problems, listedID(fmt.Sprintf("body.release.only[%d]", i), person)...)
	}
	return problems
}

func (in *startPeopleInput) said() StartPeopleBody {
	if in.Body == nil {
		return StartPeopleBody{}
	}
	return *in.Body
}

// StartedRun names a run that was started.
type StartedRun struct {
	Run string `json:"run" doc:"The run's id."`
}

type startedRunOutput struct {
	Location string `header:"Location" doc:"Where the run is read, once a worker has begun it."`
	Body     StartedRun
}

func (a *API) startPeopleRun(ctx context.Context, in *startPeopleInput) (*startedRunOutput, error) {
	caller, body := callerOf(ctx), in.said()
	start := workflows.PeopleRunParams{
		Source: access.SourceName(in.Source), Whole: body.Whole, By: caller.Person, Evidence: caller.Evidence,
	}
	if body.Release != nil {
		release, err := a.releaseOf(ctx, start.Source, *body.Release)
		if err != nil {
			return nil, err
		}
		start.Release = release
	}
	id, err := runIDOf(caller.Person, in.IdempotencyKey, body.ID)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if err := a.deps.Gateway.StartPeople(ctx, id, start); err != nil {
		return nil, a.failed(ctx, err)
	}
	return &startedRunOutput{
		Location: "/v1/people/" + url.PathEscape(in.Source) + "/runs/" + url.PathEscape(id), Body: StartedRun{Run: id},
	}, nil
}

// runIDOf returns the id of a run that a caller starts.
func runIDOf(person access.PersonID, key, id string) (string, error) {
	if key != "" {
		return keyedID("run", person, key), nil
	}
	if id != "" {
		return id, nil
	}
	fresh, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("choose the id of a run: %w", err)
	}
	return fresh.String(), nil
}

// releaseOf returns a release that can free something, or the problem with the field that is wrong.
func (a *API) releaseOf(ctx context.Context, source access.SourceName, body ReleasePeopleBody) (*access.PeopleRelease, error) {
	run, err := a.peopleRun(ctx, string(source), body.Run)
	if err != nil {
		return nil, err
	}
	var holds []string
	for _, hold := range run.Holds {
		holds = append(holds, hold.Name())
	}
	if err := a.releasable(body, heldRun{ended: run.EndedAt, held: run.Held, holds: holds}); err != nil {
		return nil, err
	}
	return a.releasing(ctx, body, func(person access.PersonID) (bool, error) {
		held, err := a.deps.Ledger.PeopleChanges(ctx, source, run.Plan, access.PeopleChangesQuery{Person: person, Held: true, Limit: 1})
		return len(held) > 0, err
	})
}
