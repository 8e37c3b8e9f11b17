package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

func (a *API) registerPeople() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{source}/runs", huma.Operation{
		OperationID: "list-people-runs", Summary: "List the runs over the people of a source", Tags: []string{"people"},
		Description: "The last first: what each run listed, changed and held back. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.listPeopleRuns)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{source}/runs/{run}", huma.Operation{
		OperationID: "show-people-run", Summary: "Show a run over the people of a source", Tags: []string{"people"},
		Description: "How the run stands or ended, what it counted, and which brakes hold changes back. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.showPeopleRun)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{source}/runs/{run}/changes", huma.Operation{
		OperationID: "list-people-changes", Summary: "List what a run means for each person", Tags: []string{"people"},
		Description: "By person, before and after; people for whom nothing is different are left out. The ledger keeps them until 90 days after the run's end. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.listPeopleChanges)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{source}/runs/{run}/problems", huma.Operation{
		OperationID: "list-people-problems", Summary: "List what a run could not read", Tags: []string{"people"},
		Description: "Rows or entries of the source that are no person: where each stands, whose it is if it says so, and what is wrong with it. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.listPeopleProblems)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{source}/events", huma.Operation{
		OperationID: "list-people-events", Summary: "List who did something with the people of a source", Tags: []string{"people", "audit"},
		Description: "Who started a run by hand, or released what one held back, and why; the last first. For administrators and auditors.",
	}, http.StatusForbidden), a.listPeopleEvents)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/people/{source}/runs", huma.Operation{
		OperationID: "start-people-run", Summary: "Start a run, or release what one held back", Tags: []string{"people"},
		Description:   "Lists the source's people now. With release the run also applies what an earlier run held back, for whoever still has the same change. The run records who started it, how that person was identified, and why. For administrators.",
		DefaultStatus: http.StatusAccepted,
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), a.startPeopleRun)
}

type peopleRunsInput struct {
	Source string    `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	Before time.Time `query:"before" doc:"Only runs that began before this time: what next said in the answer before."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *peopleRunsInput) Resolve(huma.Context) []error { return fittingSource(in.Source) }

type peopleRunsOutput struct {
	Body struct {
		Runs []access.PeopleRun `json:"runs" nullable:"false" doc:"The runs, the last first."`
		Next *time.Time         `json:"next,omitempty" doc:"What before has to be for the next page; absent on the last one."`
	}
}

type peopleRunInput struct {
	Source string `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	Run    string `path:"run" maxLength:"256" doc:"The run's id." example:"2026-11-28T03:00:00Z"`
}

// Resolve implements huma.Resolver.
func (in *peopleRunInput) Resolve(huma.Context) []error { return fittingRun(in.Source, in.Run) }

type peopleRunOutput struct {
	Body access.PeopleRun
}

type peopleChangesInput struct {
	Source string `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	Run    string `path:"run" maxLength:"256" doc:"The run's id." example:"2026-11-28T03:00:00Z"`
	Class  string `query:"class" enum:"joiner,returner,mover,changed,leaver,missing,recorded" doc:"Only changes of this class."`
	Held   bool   `query:"held" doc:"true: only changes that a brake holds back."`
	After  string `query:"after" maxLength:"512" doc:"What next said in the answer before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *peopleChangesInput) Resolve(huma.Context) []error {
	return append(fittingRun(in.Source, in.Run), listedID("query.after", in.After)...)
}

type peopleChangesOutput struct {
	Body struct {
		Changes []access.PersonChange `json:"changes" nullable:"false" doc:"The changes, by person."`
		Next    access.PersonID       `json:"next,omitempty" doc:"What after has to be for the next page; absent on the last one."`
	}
}

type peopleProblemsInput struct {
	Source string `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	Run    string `path:"run" maxLength:"256" doc:"The run's id." example:"2026-11-28T03:00:00Z"`
	Skip   int    `query:"skip" minimum:"0" default:"0" doc:"How many are left out at the beginning: what next said in the answer before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *peopleProblemsInput) Resolve(huma.Context) []error { return fittingRun(in.Source, in.Run) }

type peopleProblemsOutput struct {
	Body struct {
		Problems []access.PersonProblem `json:"problems" nullable:"false" doc:"The problems, in the order of the listing."`
		Next     int                    `json:"next,omitempty" doc:"What skip has to be for the next page; absent on the last one."`
	}
}

// listedID refuses an id that no listing has. What the ledger keeps of a source is taken back as it is, control characters included: whoever could
// not be named could not be released.
func listedID(location, id string) []error {
	if problem := access.Limits().ID.Problem(id); problem != "" {
		return []error{fieldError(location, problem)}
	}
	return nil
}

func fittingSource(source string) []error { return plainText("path.source", source) }

func fittingRun(source, run string) []error {
	return append(fittingSource(source), plainText("path.run", run)...)
}

func noRun(source, run string) *Problem {
	return newProblem(kindNotFound(), fmt.Sprintf("there is no run %q over the people of %s; one that was just started is there when a worker has begun it", run, source))
}

func (a *API) listPeopleRuns(ctx context.Context, in *peopleRunsInput) (*peopleRunsOutput, error) {
	runs, err := a.deps.Ledger.PeopleRuns(ctx, access.SourceName(in.Source), in.Before, in.Limit)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if len(runs) == 0 {
		// A source without runs is not one that nobody has configured.
		if err := a.deps.Gateway.PeopleSource(ctx, access.SourceName(in.Source)); access.IsKind(err, access.NotFound) {
			return nil, a.failed(ctx, err)
		}
	}
	out := &peopleRunsOutput{}
	out.Body.Runs = append([]access.PeopleRun{}, runs...)
	if len(runs) == in.Limit {
		out.Body.Next = &runs[len(runs)-1].BeganAt
	}
	return out, nil
}

func (a *API) showPeopleRun(ctx context.Context, in *peopleRunInput) (*peopleRunOutput, error) {
	run, err := a.peopleRun(ctx, in.Source, in.Run)
	return &peopleRunOutput{Body: run}, err
}

func (a *API) peopleRun(ctx context.Context, source, run string) (access.PeopleRun, error) {
	found, err := a.deps.Ledger.PeopleRun(ctx, access.SourceName(source), run)
	switch {
	case access.IsKind(err, access.NotFound):
		return found, noRun(source, run)
	case err != nil:
		return found, a.failed(ctx, err)
	}
	return found, nil
}

func (a *API) listPeopleChanges(ctx context.Context, in *peopleChangesInput) (*peopleChangesOutput, error) {
	run, err := a.peopleRun(ctx, in.Source, in.Run)
	if err != nil {
		return nil, err
	}
	changes, err := a.deps.Ledger.PeopleChanges(ctx, run.Source, run.Plan, access.PeopleChangesQuery{
		After: access.PersonID(in.After), Limit: in.Limit, Class: access.PersonClass(in.Class), Held: in.Held,
	})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &peopleChangesOutput{}
	out.Body.Changes = append([]access.PersonChange{}, changes...)
	if len(changes) == in.Limit {
		out.Body.Next = changes[len(changes)-1].Person
	}
	return out, nil
}

type peopleEventsInput struct {
	Source string `path:"source" maxLength:"64" doc:"The source's name in the worker's configuration." example:"hr"`
	Before int64  `query:"before" minimum:"0" doc:"Only events of a smaller place: what next said in the answer before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *peopleEventsInput) Resolve(huma.Context) []error { return fittingSource(in.Source) }

func (a *API) listPeopleEvents(ctx context.Context, in *peopleEventsInput) (*deskEventsOutput, error) {
	events, err := a.deps.Ledger.DeskEvents(ctx, access.DeskEventsQuery{Source: access.SourceName(in.Source), Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return eventsShownTo(callerOf(ctx), events, in.Limit), nil
}

func (a *API) listPeopleProblems(ctx context.Context, in *peopleProblemsInput) (*peopleProblemsOutput, error) {
	run, err := a.peopleRun(ctx, in.Source, in.Run)
	if err != nil {
		return nil, err
	}
	problems, err := a.deps.Ledger.PeopleProblems(ctx, run.Source, run.Plan, in.Skip, in.Limit)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &peopleProblemsOutput{}
	out.Body.Problems = append([]access.PersonProblem{}, problems...)
	if len(problems) == in.Limit {
		out.Body.Next = in.Skip + in.Limit
	}
	return out, nil
}
