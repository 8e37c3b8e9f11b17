package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/starter/httpapi"
)

// hanging is a ledger whose server takes calls and never answers.
type hanging struct{}

func hang[T any](ctx context.Context) (T, error) {
	<-ctx.Done()
	var none T
	return none, access.Errorf(access.Transient, "read ledger", "%w", ctx.Err())
}

func (hanging) View(ctx context.Context, _ access.RequestID) (access.RequestView, error) {
	return hang[access.RequestView](ctx)
}

func (hanging) Views(ctx context.Context, _ ledger.Filter) (ledger.Page, error) {
	return hang[ledger.Page](ctx)
}

func (hanging) Events(ctx context.Context, _ access.RequestID) ([]access.Event, error) {
	return hang[[]access.Event](ctx)
}

func (hanging) Lease(ctx context.Context, _ access.LeaseID) (access.LeaseView, error) {
	return hang[access.LeaseView](ctx)
}

func (hanging) LeasesOf(ctx context.Context, _ access.PersonID) ([]access.LeaseView, error) {
	return hang[[]access.LeaseView](ctx)
}

func (hanging) Revocation(ctx context.Context, _ access.RevocationID) (access.Revocation, error) {
	return hang[access.Revocation](ctx)
}

func (hanging) Revocations(ctx context.Context, _ access.PersonID, _ access.RevocationID, _ int) ([]access.Revocation, error) {
	return hang[[]access.Revocation](ctx)
}

func (hanging) PublishedCatalog(ctx context.Context) (access.CatalogPublication, error) {
	return hang[access.CatalogPublication](ctx)
}

func (hanging) CatalogEntitlements(ctx context.Context, _ access.CatalogQuery) ([]access.PublishedEntitlement, error) {
	return hang[[]access.PublishedEntitlement](ctx)
}

func (hanging) ApplicationsOf(ctx context.Context, _ access.PersonID) ([]access.PublishedApplication, error) {
	return hang[[]access.PublishedApplication](ctx)
}

func (hanging) Pauses(ctx context.Context) ([]access.Pause, error) { return hang[[]access.Pause](ctx) }

func (hanging) TicketByID(ctx context.Context, _ access.DeskName, _ access.TicketID) (access.TicketLink, error) {
	return hang[access.TicketLink](ctx)
}

func (hanging) PeopleRuns(ctx context.Context, _ access.SourceName, _ time.Time, _ int) ([]access.PeopleRun, error) {
	return hang[[]access.PeopleRun](ctx)
}

func (hanging) PeopleRun(ctx context.Context, _ access.SourceName, _ string) (access.PeopleRun, error) {
	return hang[access.PeopleRun](ctx)
}

func (hanging) PeopleChanges(ctx context.Context, _ access.SourceName, _ string, _ access.PeopleChangesQuery) ([]access.PersonChange, error) {
	return hang[[]access.PersonChange](ctx)
}

func (hanging) PeopleProblems(ctx context.Context, _ access.SourceName, _ string, _, _ int) ([]access.PersonProblem, error) {
	return hang[[]access.PersonProblem](ctx)
}

func (hanging) SyncRuns(ctx context.Context, _ access.DeskName, _ time.Time, _ int) ([]access.SyncRun, error) {
	return hang[[]access.SyncRun](ctx)
}

func (hanging) SyncRun(ctx context.Context, _ access.DeskName, _ string) (access.SyncRun, error) {
	return hang[access.SyncRun](ctx)
}

func (hanging) SyncRows(ctx context.Context, _ access.DeskName, _ string, _ access.SyncRowsQuery) ([]access.SyncRow, error) {
	return hang[[]access.SyncRow](ctx)
}

func (hanging) CountSyncRows(ctx context.Context, _ access.DeskName, _ string) (map[access.SyncState]int, error) {
	return hang[map[access.SyncState]int](ctx)
}

func (hanging) IntegrationUsers(ctx context.Context, _ access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	return hang[[]access.IntegrationUser](ctx)
}

func (hanging) Incident(ctx context.Context, _ access.IncidentID) (access.IncidentView, error) {
	return hang[access.IncidentView](ctx)
}

func (hanging) Incidents(ctx context.Context, _ access.IncidentsQuery) ([]access.IncidentView, error) {
	return hang[[]access.IncidentView](ctx)
}

func (hanging) DeskEvents(ctx context.Context, _ access.DeskEventsQuery) ([]access.PlacedDeskEvent, error) {
	return hang[[]access.PlacedDeskEvent](ctx)
}

func (hanging) Ping(ctx context.Context) error {
	_, err := hang[struct{}](ctx)
	return err
}

// TestLedger_hangs: a caller who waits for ever would otherwise wait for ever, though Temporal could answer.
func TestLedger_hangs(t *testing.T) {
	lease := access.LeaseView{Lease: access.Lease{ID: "r1:1"}}
	running := access.RequestView{
		Request: access.Request{ID: "r1", Requester: "ana"}, State: access.StateFulfilling, Approvers: []access.PersonID{"ana"},
		Items: []access.ItemView{{Lease: &lease}, {Lease: &lease}, {Lease: &lease}},
	}
	for name, row := range map[string]struct {
		method, path, body string
		status             int
	}{
		"asking":              {http.MethodPost, "/v1/requests", `{"id":"r1","items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`, http.StatusCreated},
		"reading a request":   {http.MethodGet, "/v1/requests/r1", "", http.StatusOK},
		"deciding":            {http.MethodPost, "/v1/requests/r1/decisions", `{"verdict":"approve"}`, http.StatusOK},
		"withdrawing":         {http.MethodPost, "/v1/requests/r1/withdraw", "", http.StatusOK},
		"reading its audit":   {http.MethodGet, "/v1/requests/r1/audit", "", http.StatusServiceUnavailable},
		"listing requests":    {http.MethodGet, "/v1/requests?requester=ana", "", http.StatusServiceUnavailable},
		"listing the catalog": {http.MethodGet, "/v1/catalog", "", http.StatusServiceUnavailable},
		"listing the inbox":   {http.MethodGet, "/v1/inbox", "", http.StatusServiceUnavailable},
		"asking who one is":   {http.MethodGet, "/v1/me", "", http.StatusOK},
		"listing leases":      {http.MethodGet, "/v1/subjects/ana/leases", "", http.StatusServiceUnavailable},
		"taking a lease back": {http.MethodPost, "/v1/leases/r1:1/revocation", `{"reason":"stolen"}`, http.StatusServiceUnavailable},
		"taking access back":  {http.MethodPost, "/v1/people/ana/revocations", `{"reason":"stolen"}`, http.StatusOK},
		"listing revocations": {http.MethodGet, "/v1/people/ana/revocations", "", http.StatusServiceUnavailable},
		"pausing":             {http.MethodPost, "/v1/pauses", `{"what":"grants","reason":"repair"}`, http.StatusOK},
		"resuming":            {http.MethodPost, "/v1/pauses/resume", `{"what":"grants"}`, http.StatusOK},
		"listing pauses":      {http.MethodGet, "/v1/pauses", "", http.StatusServiceUnavailable},
		"asking if it is fit": {http.MethodGet, "/readyz", "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *httpapi.Config, d *httpapi.Deps) {
					c.Duplicates, c.Administrators, d.Ledger = httpapi.RefuseDuplicates, []access.PersonID{"ana"}, hanging{}
				})
				w.gateway.submission.Created = true
				w.gateway.view, w.gateway.viewErr = running, nil
				began := time.Now()
				got := w.call("ana", row.method, row.path, row.body)
				require.Equal(t, row.status, got.status, got.body)
				require.LessOrEqual(t, time.Since(began), 3*time.Second)
			})
		})
	}
}
