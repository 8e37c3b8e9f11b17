package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

func (a *API) registerSyncs() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/desks/{desk}/syncs", huma.Operation{
		OperationID: "list-syncs", Summary: "List the runs over the users of a desk", Tags: []string{"users"},
		Description: "The last first: what each run planned, applied and held back. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.listSyncs)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/desks/{desk}/syncs/{run}", huma.Operation{
		OperationID: "show-sync", Summary: "Show a run over the users of a desk", Tags: []string{"users"},
		Description: "How the run stands or ended, what it counted, and which brakes hold rows back. While it goes on, states are those of this moment. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.showSync)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/desks/{desk}/syncs/{run}/rows", huma.Operation{
		OperationID: "list-sync-rows", Summary: "List what a run does for each person", Tags: []string{"users"},
		Description: "By person: what is written, what it replaces, where it stands and, in the desk's words, why it failed; people for whom nothing is to be done are left out. For administrators and auditors.",
	}, http.StatusForbidden, http.StatusNotFound), a.listSyncRows)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/desks/{desk}/syncs", huma.Operation{
		OperationID: "start-sync", Summary: "Start a run, or release what one held back", Tags: []string{"users"},
		Description:   "Plans from the people of the source and the users of the desk now, and applies what no brake holds. With release the run also applies what an earlier run held back, for whoever still has the same row. The run records who started it, how that person was identified, and why. For administrators.",
		DefaultStatus: http.StatusAccepted,
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), a.startSync)
	huma.Register(a.huma, a.operation(http.MethodPost, "/v1/desks/{desk}/links/{person}/remove", huma.Operation{
		OperationID: "unlink-user", Summary: "Take the link between a person and a user away", Tags: []string{"users"},
		Description: "usher does not take the user for the person's any more. The desk keeps the user as it is, and the next run looks for the person's user anew. Refused while a run over the users of the desk goes on. Who did it, how that person was identified, and why, is recorded as an event of the desk. For administrators.",
	}, changeStatuses()...), a.unlinkUser)
}

type syncsInput struct {
	Desk   string    `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	Before time.Time `query:"before" doc:"Only runs that began before this time: what next said in the answer before."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *syncsInput) Resolve(huma.Context) []error { return fittingDesk(in.Desk) }

type syncsOutput struct {
	Body struct {
		Runs []access.SyncRun `json:"runs" nullable:"false" doc:"The runs, the last first."`
		Next *time.Time       `json:"next,omitempty" doc:"What before has to be for the next page; absent on the last one."`
	}
}

type syncInput struct {
	Desk string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	Run  string `path:"run" maxLength:"256" doc:"The run's id." example:"2026-11-28T03:00:00Z"`
}

// Resolve implements huma.Resolver.
func (in *syncInput) Resolve(huma.Context) []error { return fittingSync(in.Desk, in.Run) }

type syncOutput struct {
	Body access.SyncRun
}

type syncRowsInput struct {
	Desk      string `path:"desk" maxLength:"64" doc:"The desk's name in the worker's configuration." example:"service-desk"`
	Run       string `path:"run" maxLength:"256" doc:"The run's id." example:"2026-11-28T03:00:00Z"`
	Operation string `query:"operation" enum:"create,link,update,deactivate,reactivate,skip" doc:"Only rows of this operation."`
	State     string `query:"state" enum:"planned,ready,retry,manager,applied,failed,skipped,held,observed" doc:"Only rows that stand there."`
	Person    string `query:"person" maxLength:"512" doc:"Only the row of this person."`
	After     string `query:"after" maxLength:"512" doc:"What next said in the answer before."`
	Limit     int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *syncRowsInput) Resolve(huma.Context) []error {
	return append(fittingSync(in.Desk, in.Run), append(listedID("query.person", in.Person), listedID("query.after", in.After)...)...)
}

type syncRowsOutput struct {
	Body struct {
		Rows []access.SyncRow `json:"rows" nullable:"false" doc:"The rows, by person."`
		Next access.PersonID  `json:"next,omitempty" doc:"What after has to be for the next page; absent on the last one."`
	}
}

func fittingDesk(desk string) []error { return plainText("path.desk", desk) }

func fittingSync(desk, run string) []error {
	return append(fittingDesk(desk), plainText("path.run", run)...)
}

func (a *API) listSyncs(ctx context.Context, in *syncsInput) (*syncsOutput, error) {
	runs, err := a.deps.Ledger.SyncRuns(ctx, access.DeskName(in.Desk), in.Before, in.Limit)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	if len(runs) == 0 {
		// A desk without runs is not one that nobody has configured.
		if err := a.deps.Gateway.SyncedDesk(ctx, access.DeskName(in.Desk)); access.IsKind(err, access.NotFound) {
			return nil, a.failed(ctx, err)
		}
	}
	out := &syncsOutput{}
	out.Body.Runs = append([]access.SyncRun{}, runs...)
	if len(runs) == in.Limit {
		out.Body.Next = &runs[len(runs)-1].BeganAt
	}
	return out, nil
}

func (a *API) showSync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	run, err := a.sync(ctx, in.Desk, in.Run)
	if err != nil {
		return nil, err
	}
	if run.Rows != "" && !run.Ended() {
		if run.States, err = a.deps.Ledger.CountSyncRows(ctx, run.Desk, run.Rows); err != nil {
			return nil, a.failed(ctx, err)
		}
	}
	return &syncOutput{Body: run}, nil
}

func (a *API) sync(ctx context.Context, desk, run string) (access.SyncRun, error) {
	found, err := a.deps.Ledger.SyncRun(ctx, access.DeskName(desk), run)
	switch {
	case access.IsKind(err, access.NotFound):
		return found, newProblem(kindNotFound(), fmt.Sprintf(
			"there is no run %q over the users of %s; one that was just started is there when a worker has begun it", run, desk))
	case err != nil:
		return found, a.failed(ctx, err)
	}
	return found, nil
}

func (a *API) listSyncRows(ctx context.Context, in *syncRowsInput) (*syncRowsOutput, error) {
	run, err := a.sync(ctx, in.Desk, in.Run)
	if err != nil {
		return nil, err
	}
	rows, err := a.deps.Ledger.SyncRows(ctx, run.Desk, run.Rows, access.SyncRowsQuery{
		After: access.PersonID(in.After), Limit: in.Limit, Operation: access.UserOperation(in.Operation), State: access.SyncState(in.State),
		Person: access.PersonID(in.Person),
	})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &syncRowsOutput{}
	out.Body.Rows = append([]access.SyncRow{}, rows...)
	if len(rows) == in.Limit {
		out.Body.Next = rows[len(rows)-1].Person
	}
	return out, nil
}
