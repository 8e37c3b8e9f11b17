package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
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

// fakeGateway answers for the workflows.
type fakeGateway struct {
	submitted access.Request
	decided   access.Decision
	withdrawn workflows.WithdrawInput
	named     workflows.ReassignInput
	revoked   access.Revocation
	receipt   gateway.RevocationReceipt
	paused    access.Pause
	pausedNow []access.Pause
	view      access.RequestView
	report    workflows.DoctorReport
	err       error
	started   workflows.PeopleRunParams
	synced    workflows.UserSyncParams
	onSync    func(id string, p workflows.UserSyncParams)
	startedID string
	sourceErr error
	handedIn  access.Incident
	incident  gateway.IncidentSubmission
	change    workflows.IntegrationUsersParams
	changed   workflows.IntegrationUsersResult
	unlinked  workflows.UnlinkParams
	link      access.DeskLink
}

func (g *fakeGateway) Unlink(_ context.Context, id string, p workflows.UnlinkParams) (access.DeskLink, error) {
	g.startedID, g.unlinked = id, p
	return g.link, g.err
}

func (g *fakeGateway) SubmitIncident(_ context.Context, i access.Incident) (gateway.IncidentSubmission, error) {
	g.handedIn = i
	answer := g.incident
	answer.View.Incident = i
	return answer, g.err
}

func (g *fakeGateway) Incident(context.Context, access.IncidentID) (access.IncidentView, error) {
	return access.IncidentView{}, access.Errorf(access.NotFound, "read incident", "there is no such incident")
}

func (g *fakeGateway) ChangeIntegrationUsers(
	_ context.Context, _ string, p workflows.IntegrationUsersParams,
) (workflows.IntegrationUsersResult, error) {
	g.change = p
	return g.changed, g.err
}

func (g *fakeGateway) Submit(_ context.Context, r access.Request) (gateway.Submission, error) {
	g.submitted = r
	view := g.view
	view.Request = r
	return gateway.Submission{View: view, Created: true}, g.err
}

func (g *fakeGateway) Decide(_ context.Context, _ access.RequestID, d access.Decision) (access.RequestView, error) {
	g.decided = d
	return g.view, g.err
}

func (g *fakeGateway) Withdraw(_ context.Context, _ access.RequestID, c workflows.WithdrawInput) (access.RequestView, error) {
	g.withdrawn = c
	return g.view, g.err
}

func (g *fakeGateway) Reassign(_ context.Context, _ access.RequestID, c workflows.ReassignInput) (access.RequestView, error) {
	g.named = c
	return g.view, g.err
}

func (g *fakeGateway) Revoke(_ context.Context, r access.Revocation) (gateway.RevocationReceipt, error) {
	g.revoked = r
	receipt := g.receipt
	r.Leases = receipt.Revocation.Leases
	receipt.Revocation = r
	return receipt, g.err
}

func (g *fakeGateway) Pause(_ context.Context, p access.Pause) (gateway.PauseReceipt, error) {
	g.paused = p
	return gateway.PauseReceipt{Pause: p, Now: g.pausedNow, Created: true}, g.err
}

func (g *fakeGateway) View(_ context.Context, id access.RequestID) (access.RequestView, error) {
	if id == g.view.Request.ID {
		return g.view, nil
	}
	return access.RequestView{}, access.Errorf(access.NotFound, "read request", "there is no such request")
}

func (g *fakeGateway) Hint(context.Context, access.RequestID, workflows.Hint) error { return g.err }

func (g *fakeGateway) HintWatch(context.Context, access.DeskName, workflows.Hint) (bool, error) {
	return false, g.err
}

func (g *fakeGateway) Doctor(context.Context, workflows.DoctorParams) (workflows.DoctorReport, error) {
	return g.report, g.err
}

func (g *fakeGateway) StartPeople(_ context.Context, id string, p workflows.PeopleRunParams) error {
	g.startedID, g.started = id, p
	return g.err
}

func (g *fakeGateway) PeopleSource(context.Context, access.SourceName) error { return g.sourceErr }

func (g *fakeGateway) StartSync(_ context.Context, id string, p workflows.UserSyncParams) error {
	g.startedID, g.synced = id, p
	if g.onSync != nil {
		g.onSync(id, p)
	}
	return g.err
}

func (g *fakeGateway) SyncedDesk(context.Context, access.DeskName) error { return g.sourceErr }

func (g *fakeGateway) Ready(context.Context) error { return g.err }

// world is the real API over a fake gateway and a real ledger.
type world struct {
	url     string
	gateway *fakeGateway
	store   *ledger.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := ledgertest.SQLite(t)
	development, err := httpapi.NewDevelopment("127.0.0.1:0")
	require.NoError(t, err)
	w := &world{gateway: &fakeGateway{}, store: store}
	api := httpapi.New(httpapi.Config{Auditors: []access.PersonID{"audra"}, Administrators: []access.PersonID{"adam"}, TicketCallers: []access.PersonID{"scanner"}, HelpDesk: []access.PersonID{"hal"}}, httpapi.Deps{
		Gateway: w.gateway, Ledger: store, Authenticator: development, Logger: quiet(), Now: time.Now,
	})
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// said is what a run of the command line left behind.
type said struct {
	code     int
	out, err string
}

func (w *world) usher(t *testing.T, person string, args ...string) said {
	t.Helper()
	return usher(t, []string{"USHER_URL=" + w.url, "USHER_AS=" + person}, args...)
}

func usher(t *testing.T, environ []string, args ...string) said {
	t.Helper()
	var out, err strings.Builder
	code := run(t.Context(), args, &surroundings{out: &out, err: &err, environ: environ})
	return said{code: code, out: out.String(), err: err.String()}
}

func at(minute int) time.Time { return time.Date(2026, 6, 1, 9, minute, 0, 0, time.UTC) }

// story is a request from the question to the held access.
func story(t *testing.T, w *world) {
	t.Helper()
	granted, ends, ended := at(5), at(5).Add(30*24*time.Hour), at(6)
	item := access.Item{ID: "1", Entitlement: "wiki/editor", Duration: access.Duration(30 * 24 * time.Hour)}
	lease := access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: "r1", Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "wiki/editor"},
		State: access.LeaseActive, DesiredState: access.Present, GrantedAt: &granted, EndsAt: &ends, Version: 1,
		Verification: &access.Verification{Present: true, Account: "u-7", Method: "scim group member filter", Evidence: "group 42 has member u-7", At: at(5)},
	}
	view := access.RequestView{
		Request: access.Request{
			ID: "r1", Requester: "ana", Subject: "sub", Items: []access.Item{item}, SubmittedAt: at(0),
			Reason: "I write\nthe \x1b[31mrelease notes.", Evidence: "oidc https://id.example sub=ana",
		},
		State: access.OutcomeGranted, Since: at(6), StatusText: "Granted.", EndedAt: &ended, RequesterName: "Ana A.",
		Decisions: []access.Decision{{
			ID: "boss:d1", By: "boss", Name: "Boss B.", Verdict: access.Approve, Reason: "fine", Channel: access.ChannelTicket,
			Evidence: "jira account 5", At: at(2),
		}},
		Items:   []access.ItemView{{Item: item, State: access.ItemGranted, Lease: &lease}},
		Ticket:  &access.TicketRef{Desk: "jira", ID: "10001", Key: "ACC-1", URL: "https://desk.example/ACC-1"},
		Version: 9,
	}
	require.NoError(t, w.store.Record(t.Context(), access.Entry{View: &view, Lease: &lease, Events: []access.Event{
		{ID: "request/r1#1", Request: "r1", Type: access.EventSubmitted, At: at(0), Actor: "ana", Channel: access.ChannelAPI, Evidence: "oidc https://id.example sub=ana", Text: "Ana A. asked for wiki/editor."},
		{ID: "request/r1#2", Request: "r1", Type: access.EventDecided, At: at(2), Actor: "boss", Channel: access.ChannelTicket, Evidence: "jira account 5", Text: "Boss B. approved: fine", Items: []access.ItemID{"1"}},
		{ID: "access/sub#1", Request: "r1", Lease: "r1:1", Type: access.EventLeaseGranted, At: at(5), Channel: access.ChannelSystem, Evidence: "scim group member filter: group 42 has member u-7", Text: "The access was granted and read back."},
	}}))
}

const shownView = `Request  r1
State    granted since 2026-06-01 09:06:00Z
Next     Granted.
Asked by Ana A. (ana) for sub, 2026-06-01 09:00:00Z
Reason   I write the �[31mrelease notes.
Ticket   ACC-1 https://desk.example/ACC-1
Decision approve by Boss B. (boss), 2026-06-01 09:02:00Z, by ticket: fine [jira account 5]
Item 1   wiki/editor for 30d: granted
         lease active; granted 2026-06-01 09:05:00Z; ends 2026-07-01 09:05:00Z; verified: the access is there, scim group member filter: group 42 has member u-7, at 2026-06-01 09:05:00Z
`

const shownTimeline = `2026-06-01 09:00:00Z  ana, by api  [submitted]
    Ana A. asked for wiki/editor.
    evidence: oidc https://id.example sub=ana
2026-06-01 09:02:00Z  boss, by ticket  [decided]
    Boss B. approved: fine
    items: 1
    evidence: jira account 5
2026-06-01 09:05:00Z  usher, by system  [lease_granted]
    The access was granted and read back.
    lease: r1:1
    evidence: scim group member filter: group 42 has member u-7
`

func TestShowTellsTheWholeStory(t *testing.T) {
	w := newWorld(t)
	story(t, w)
	got := w.usher(t, "ana", "show", "r1")
	require.Equal(t, said{out: shownView + "\n" + shownTimeline}, got)
	require.Equal(t, said{out: shownTimeline}, w.usher(t, "audra", "audit", "show", "r1"))

	asJSON := w.usher(t, "ana", "show", "r1", "--output", "json")
	var view httpapi.RequestDetail
	require.NoError(t, json.Unmarshal([]byte(asJSON.out), &view))
	require.Len(t, view.Timeline, 3)
	require.NotContains(t, asJSON.out, "\x1b")
}

func TestShow_service(t *testing.T) {
	w := newWorld(t)
	w.gateway.view = access.RequestView{Request: access.Request{ID: "r5", Requester: "ana", Subject: "ana", Service: "portal"}}
	require.Contains(t, w.usher(t, "ana", "show", "r5").out, "Asked by ana, through service portal, ")
}

func TestListsAreTables(t *testing.T) {
	w := newWorld(t)
	story(t, w)
	got := w.usher(t, "ana", "list", "--requester", "ana", "--state", "granted,denied", "--limit", "5")
	require.Equal(t, said{out: "" +
		"REQUEST  STATE    SINCE                 FOR  WHAT         TICKET  WAITS FOR\n" +
		"r1       granted  2026-06-01 09:06:00Z  sub  wiki/editor  ACC-1   \n"}, got)
	require.Equal(t, said{out: "No requests.\n"}, w.usher(t, "ana", "list", "--requester", "ana", "--open"))
	leases := w.usher(t, "sub", "leases", "sub")
	require.Contains(t, leases.out, "r1:1  wiki/editor\n    lease active; granted 2026-06-01 09:05:00Z")
}

func TestCommands(t *testing.T) {
	w := newWorld(t)
	w.gateway.view = access.RequestView{
		Request: access.Request{ID: "r9", Requester: "ana"}, State: access.StateAwaitingApproval, StatusText: "boss decides",
		Approvers: []access.PersonID{"boss"},
	}

	got := w.usher(t, "ana", "request", "wiki/editor", "crm/user", "--for", "sub", "--reason", "docs", "--duration", "30d", "--id", "r9")
	require.Equal(t, exitOK, got.code, got.err)
	require.Contains(t, got.out, "Request  r9\nState    awaiting_approval")
	require.Equal(t, access.PersonID("sub"), w.gateway.submitted.Subject)
	require.Len(t, w.gateway.submitted.Items, 2)
	require.Equal(t, 30*24*time.Hour, w.gateway.submitted.Items[1].Duration.Std())

	require.Equal(t, exitOK, w.usher(t, "boss", "approve", "r9", "--item", "1", "--item", "2", "--reason", "fine", "--id", "d1").code)
	require.Equal(t, "boss:d1", w.gateway.decided.ID)
	require.Equal(t, access.Approve, w.gateway.decided.Verdict)
	require.Equal(t, []access.ItemID{"1", "2"}, w.gateway.decided.Items)

	require.Equal(t, exitOK, w.usher(t, "boss", "deny", "r9").code)
	require.Equal(t, access.Deny, w.gateway.decided.Verdict)
	require.Equal(t, exitOK, w.usher(t, "ana", "withdraw", "r9", "--reason", "not needed").code)
	require.Equal(t, "not needed", w.gateway.withdrawn.Reason)
}

func TestProblem_names_fields(t *testing.T) {
	w := newWorld(t)
	story(t, w)
	got := w.usher(t, "ana", "request", "wiki/editor", "--reason", "docs", "--duration", "30")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "usher: Invalid request: some fields are not as expected\n  body.items[0].duration: \"30\": expected a duration such as")

	w.gateway.err = access.Errorf(access.Conflict, "withdraw", "the request has ended")
	got = w.usher(t, "ana", "withdraw", "r1")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "The request has ended: The request has already ended: granted.\n  outcome: granted, at 2026-06-01 09:06:00Z")

	got = w.usher(t, "boss", "deny", "r1")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "outcome: granted, at 2026-06-01 09:06:00Z\n  decided: Boss B.: approve, at 2026-06-01 09:02:00Z\n")

	w.gateway.err = access.Errorf(access.Transient, "submit request", "Temporal does not answer")
	got = w.usher(t, "ana", "request", "wiki/editor", "--reason", "docs", "--id", "r7")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "A service that usher needs is unavailable; try again")
	require.Contains(t, got.err, "to repeat it safely: the same command with --id r7")

	got = w.usher(t, "eve", "show", "r1")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "Not found")
}

func TestDoctor_exit_code(t *testing.T) {
	w := newWorld(t)
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "ledger"}, {Connector: "desk/jira", Note: "as bot"}}}
	require.Equal(t, said{out: "ledger: ok\ndesk/jira: ok as bot\n"}, w.usher(t, "audra", "doctor"))
	w.gateway.report.Lines[1].Findings = []access.Finding{{Key: "desks.jira.project", Problem: "there is no project ACC"}}
	for _, output := range []string{"text", "json"} {
		got := w.usher(t, "audra", "doctor", "-o", output)
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.out, "there is no project ACC")
	}
	require.Equal(t, exitFailed, w.usher(t, "ana", "doctor").code)
}

func TestUsageErrorsTryNothing(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(server.Close)
	ana := []string{"USHER_URL=" + server.URL, "USHER_AS=ana"}
	for name, row := range map[string]struct {
		environ []string
		args    []string
		says    string
	}{
		"no such command":            {ana, []string{"grant"}, `unknown command "grant"`},
		"no such command of another": {ana, []string{"tickets", "cancel", "i1"}, `unknown command "cancel" for "usher tickets", expected one of create, `},
		"no such flag":               {ana, []string{"list", "--all"}, "unknown flag: --all"},
		"no request":                 {ana, []string{"approve"}, "accepts 1 arg(s), received 0"},
		"nothing asked for":          {ana, []string{"request", "--reason", "x"}, "requires at least 1 arg(s)"},
		"no reason":                  {ana, []string{"request", "wiki/editor"}, "--reason: is empty"},
		"an output that is none":     {ana, []string{"list", "-o", "xml"}, "expected text or json"},
		"an address that is none":    {ana, []string{"list", "--url", "usher.example"}, "--url: found"},
		"nobody":                     {[]string{"USHER_URL=" + server.URL}, []string{"list"}, "expected USHER_TOKEN, or --as PERSON"},
		"a token on a readable line": {[]string{"USHER_URL=http://usher.example", "USHER_TOKEN=t0k3n"}, []string{"list"}, "expected https"},
	} {
		t.Run(name, func(t *testing.T) {
			got := usher(t, row.environ, row.args...)
			require.Equal(t, exitUsage, got.code, got.err)
			require.Contains(t, got.err, row.says)
			require.NotContains(t, got.err, "t0k3n")
		})
	}
	require.Zero(t, asked)
}

func TestClient_unknown_server(t *testing.T) {
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"a proxy's page":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "something else answered: HTTP 502"},
		"a page that is fine":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "expected an answer in JSON"},
		"a login page further": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "something else answered: HTTP 302"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(row.handler)
			t.Cleanup(server.Close)
			got := usher(t, []string{"USHER_URL=" + server.URL, "USHER_TOKEN=t0k3n"}, "show", "r1")
			require.Equal(t, exitFailed, got.code)
			require.Contains(t, got.err, row.says)
			require.NotContains(t, got.err, "t0k3n")
		})
	}
	got := usher(t, []string{"USHER_URL=http://127.0.0.1:1", "USHER_AS=ana"}, "deny", "r1", "--id", "d1")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "no answer from usher")
	require.Contains(t, got.err, "--id d1")
}

func TestClient_token(t *testing.T) {
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		_, _ = w.Write([]byte(`{"requests":[]}`))
	}))
	t.Cleanup(server.Close)
	require.Equal(t, said{out: "No requests.\n"}, usher(t, []string{"USHER_URL=" + server.URL, "USHER_TOKEN=t0k3n"}, "list"))
	require.Equal(t, "Bearer t0k3n", seen.Get("Authorization"))
	require.Empty(t, seen.Get("X-Usher-Person"))
}

func TestVersion(t *testing.T) {
	got := usher(t, nil, "version")
	require.Equal(t, exitOK, got.code)
	require.True(t, strings.HasPrefix(got.out, "usher "))
}
