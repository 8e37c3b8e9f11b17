package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

// fakeGateway answers what a test tells it to, and remembers what it was asked.
type fakeGateway struct {
	mu        sync.Mutex
	submitted []access.Request
	decided   []access.Decision
	withdrawn []workflows.WithdrawInput
	named     []workflows.ReassignInput
	revoked   []access.Revocation
	receipt   gateway.RevocationReceipt
	paused    []access.Pause
	pauseOf   gateway.PauseReceipt
	// asRecorded, if set, takes what is recorded of a revocation.
	asRecorded func(access.Revocation)
	hints      []workflows.Hint
	// watched is the desk that a watch runs for; "" for none.
	watched  access.DeskName
	hinted   []access.RequestID
	doctored []workflows.DoctorParams

	submission gateway.Submission
	view       access.RequestView
	viewErr    error
	// looked is how often a request or an incident was asked for.
	looked int
	report workflows.DoctorReport
	// err is what every call fails with; nil for none.
	err       error
	panic     bool
	started   workflows.PeopleRunParams
	synced    workflows.UserSyncParams
	startedID string
	sourceErr error
	incidentGateway
}

func (g *fakeGateway) Submit(_ context.Context, r access.Request) (gateway.Submission, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panic {
		panic("the gateway lost its mind")
	}
	g.submitted = append(g.submitted, r)
	answer := g.submission
	answer.View.Request = r
	return answer, g.err
}

func (g *fakeGateway) Decide(_ context.Context, _ access.RequestID, d access.Decision) (access.RequestView, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.decided = append(g.decided, d)
	return g.view, g.err
}

func (g *fakeGateway) Withdraw(_ context.Context, _ access.RequestID, c workflows.WithdrawInput) (access.RequestView, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.withdrawn = append(g.withdrawn, c)
	return g.view, g.err
}

func (g *fakeGateway) Reassign(_ context.Context, _ access.RequestID, c workflows.ReassignInput) (access.RequestView, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.named = append(g.named, c)
	return g.view, g.err
}

// Revoke answers with the receipt, or with what was asked where that is empty.
func (g *fakeGateway) Revoke(_ context.Context, r access.Revocation) (gateway.RevocationReceipt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = append(g.revoked, r)
	receipt := g.receipt
	if receipt.Revocation.ID == "" {
		receipt.Revocation = r
	}
	if g.asRecorded != nil {
		g.asRecorded(r)
	}
	return receipt, g.err
}

// Pause answers with the receipt, or with what was asked where that is empty.
func (g *fakeGateway) Pause(_ context.Context, p access.Pause) (gateway.PauseReceipt, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = append(g.paused, p)
	receipt := g.pauseOf
	if receipt.Pause.ID == "" {
		receipt.Pause = p
	}
	return receipt, g.err
}

func (g *fakeGateway) View(context.Context, access.RequestID) (access.RequestView, error) {
	g.looked++
	return g.view, g.viewErr
}

func (g *fakeGateway) Hint(_ context.Context, id access.RequestID, h workflows.Hint) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hints, g.hinted = append(g.hints, h), append(g.hinted, id)
	return g.err
}

func (g *fakeGateway) HintWatch(_ context.Context, desk access.DeskName, h workflows.Hint) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.watched == "" {
		return false, g.err
	}
	g.hints = append(g.hints, h)
	return desk == g.watched, g.err
}

func (g *fakeGateway) Doctor(_ context.Context, p workflows.DoctorParams) (workflows.DoctorReport, error) {
	g.doctored = append(g.doctored, p)
	return g.report, g.err
}

func (g *fakeGateway) StartPeople(_ context.Context, id string, p workflows.PeopleRunParams) error {
	g.startedID, g.started = id, p
	return g.err
}

func (g *fakeGateway) PeopleSource(context.Context, access.SourceName) error { return g.sourceErr }

func (g *fakeGateway) StartSync(_ context.Context, id string, p workflows.UserSyncParams) error {
	g.startedID, g.synced = id, p
	return g.err
}

func (g *fakeGateway) SyncedDesk(context.Context, access.DeskName) error { return g.sourceErr }

func (g *fakeGateway) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	g.looked++
	return g.incidentGateway.Incident(ctx, id)
}

func (g *fakeGateway) Ready(context.Context) error { return g.err }

// away is a ledger that does not answer, or fails with an error.
type away struct{ err error }

var errAway = access.Errorf(access.Transient, "read ledger", "the ledger does not answer")

func (a away) error() error {
	if a.err != nil {
		return a.err
	}
	return errAway
}

func (a away) View(context.Context, access.RequestID) (access.RequestView, error) {
	return access.RequestView{}, a.error()
}

func (a away) Views(context.Context, ledger.Filter) (ledger.Page, error) {
	return ledger.Page{}, a.error()
}

func (a away) Events(context.Context, access.RequestID) ([]access.Event, error) {
	return nil, a.error()
}

func (a away) Lease(context.Context, access.LeaseID) (access.LeaseView, error) {
	return access.LeaseView{}, a.error()
}

func (a away) Revocation(context.Context, access.RevocationID) (access.Revocation, error) {
	return access.Revocation{}, a.error()
}

func (a away) Pauses(context.Context) ([]access.Pause, error) { return nil, a.error() }

func (a away) Revocations(context.Context, access.PersonID, access.RevocationID, int) ([]access.Revocation, error) {
	return nil, a.error()
}

func (a away) LeasesOf(context.Context, access.PersonID) ([]access.LeaseView, error) {
	return nil, a.error()
}

func (a away) PublishedCatalog(context.Context) (access.CatalogPublication, error) {
	return access.CatalogPublication{}, a.error()
}

func (a away) CatalogEntitlements(context.Context, access.CatalogQuery) ([]access.PublishedEntitlement, error) {
	return nil, a.error()
}

func (a away) ApplicationsOf(context.Context, access.PersonID) ([]access.PublishedApplication, error) {
	return nil, a.error()
}

func (a away) TicketByID(context.Context, access.DeskName, access.TicketID) (access.TicketLink, error) {
	return access.TicketLink{}, a.error()
}

func (a away) PeopleRuns(context.Context, access.SourceName, time.Time, int) ([]access.PeopleRun, error) {
	return nil, a.error()
}

func (a away) PeopleRun(context.Context, access.SourceName, string) (access.PeopleRun, error) {
	return access.PeopleRun{}, a.error()
}

func (a away) PeopleChanges(context.Context, access.SourceName, string, access.PeopleChangesQuery) ([]access.PersonChange, error) {
	return nil, a.error()
}

func (a away) PeopleProblems(context.Context, access.SourceName, string, int, int) ([]access.PersonProblem, error) {
	return nil, a.error()
}

func (a away) SyncRuns(context.Context, access.DeskName, time.Time, int) ([]access.SyncRun, error) {
	return nil, a.error()
}

func (a away) SyncRun(context.Context, access.DeskName, string) (access.SyncRun, error) {
	return access.SyncRun{}, a.error()
}

func (a away) SyncRows(context.Context, access.DeskName, string, access.SyncRowsQuery) ([]access.SyncRow, error) {
	return nil, a.error()
}

func (a away) CountSyncRows(context.Context, access.DeskName, string) (map[access.SyncState]int, error) {
	return nil, a.error()
}

func (a away) IntegrationUsers(context.Context, access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	return nil, a.error()
}

func (a away) Incident(context.Context, access.IncidentID) (access.IncidentView, error) {
	return access.IncidentView{}, a.error()
}

func (a away) Incidents(context.Context, access.IncidentsQuery) ([]access.IncidentView, error) {
	return nil, a.error()
}

func (a away) DeskEvents(context.Context, access.DeskEventsQuery) ([]access.PlacedDeskEvent, error) {
	return nil, a.error()
}

func (a away) Ping(context.Context) error { return a.error() }

const hookSecret = "It's a Secret to Everybody"

// world is one API over a fake gateway and a real ledger.
type world struct {
	t       testing.TB
	api     *httpapi.API
	gateway *fakeGateway
	store   *ledger.Store
	log     *strings.Builder
}

func notFoundErr() error {
	return access.Errorf(access.NotFound, "read request", "there is no such request")
}

// newWorld makes a world; change may replace parts before the API is made.
func newWorld(t testing.TB, change ...func(*httpapi.Config, *httpapi.Deps)) *world {
	t.Helper()
	store := ledgertest.SQLite(t)
	development, err := httpapi.NewDevelopment("127.0.0.1:0")
	require.NoError(t, err)
	w := &world{t: t, gateway: &fakeGateway{viewErr: notFoundErr()}, store: store, log: &strings.Builder{}}
	config := httpapi.Config{
		Auditors: []access.PersonID{"audra"}, Administrators: []access.PersonID{"adam"}, HelpDesk: []access.PersonID{"hal"},
		Webhooks: map[access.DeskName]httpapi.Webhook{
			"jira":   {Secret: hookSecret, TicketPath: "issue.id", ActorPath: "user.accountId", OwnAccount: "acc-usher"},
			"header": {Secret: hookSecret, Check: httpapi.CheckHeader, SignatureHeader: "X-Secret", TicketPath: "items.0.id"},
			"query":  {Secret: hookSecret, Check: httpapi.CheckQuery, SecretParameter: "key", TicketPath: "id"},
		},
	}
	deps := httpapi.Deps{
		Gateway: w.gateway, Ledger: store, Authenticator: development,
		Logger: slog.New(slog.NewJSONHandler(w.log, nil)), Now: time.Now,
	}
	for _, one := range change {
		one(&config, &deps)
	}
	w.api = httpapi.New(config, deps)
	return w
}

func ledgerAway(_ *httpapi.Config, d *httpapi.Deps) { d.Ledger = away{} }

// answer is what came back.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem httpapi.Problem
}

// call makes a call as a person; headers are pairs. An answer of 400 and above must be a problem document.
func (w *world) call(person, method, path, body string, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if person != "" {
		r.Header.Set("X-Usher-Person", person)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return readAnswer(w.t, rec.Result())
}

func readAnswer(t testing.TB, response *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	got := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if got.status >= http.StatusBadRequest {
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), got.body)
		decoder := json.NewDecoder(strings.NewReader(got.body))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&got.problem), got.body)
		require.Equal(t, got.status, got.problem.Status)
		require.NotEmpty(t, got.problem.Title)
		require.True(t, strings.HasPrefix(got.problem.Type, "urn:usher:problem:"), got.problem.Type)
		require.Equal(t, got.header.Get("X-Request-Id"), got.problem.HTTPRequestID)
		require.NotEmpty(t, got.problem.HTTPRequestID)
		require.Equal(t, "urn:usher:call:"+got.problem.HTTPRequestID, got.problem.Instance)
	}
	return got
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(a.body), &value), a.body)
	return value
}

// recorded puts a request of ana's, which waits for boss, into the ledger.
func (w *world) recorded(id access.RequestID, change ...func(*access.RequestView)) access.RequestView {
	w.t.Helper()
	at := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	view := access.RequestView{
		Request: access.Request{
			ID: id, Requester: "ana", Subject: "sub", Reason: "docs", SubmittedAt: at,
			Items: []access.Item{{ID: "1", Entitlement: "wiki/editor"}},
		},
		State: access.StateAwaitingApproval, Since: at, StatusText: "boss decides",
		WaitingOn: []access.Waiting{{Person: "boss", Name: "Boss", Stage: "manager", Since: at, Items: []access.ItemID{"1"}}},
		Items:     []access.ItemView{{Item: access.Item{ID: "1", Entitlement: "wiki/editor"}, State: access.ItemPending}},
		Ticket:    &access.TicketRef{Desk: "jira", ID: "10001", Key: "ACC-1", URL: "http://desk.example/ACC-1"},
		Version:   1,
	}
	for _, one := range change {
		one(&view)
	}
	require.NoError(w.t, w.store.Record(w.t.Context(), access.Entry{
		View: &view,
		Events: []access.Event{{
			ID: "request/" + string(id) + "#1", Request: id, Type: access.EventSubmitted, At: at, Actor: "ana",
			Channel: access.ChannelAPI, Evidence: "development header", Text: "ana asked for wiki/editor.",
		}},
		Ticket: &access.TicketLink{Ref: *view.Ticket, Request: id, Marker: access.MarkerOf(id)},
	}))
	return view
}

func ended(v *access.RequestView) {
	at := v.Since.Add(time.Hour)
	v.State, v.EndedAt, v.WaitingOn = access.OutcomeGranted, &at, nil
	v.Decisions = []access.Decision{{ID: "boss:d1", By: "boss", Verdict: access.Approve, Channel: access.ChannelAPI, Items: []access.ItemID{"1"}}}
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }
