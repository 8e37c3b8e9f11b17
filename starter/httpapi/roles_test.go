package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

// role is a column of the matrix: who calls, what that caller is, and which list of requests is the caller's own.
type role struct {
	name, caller string
	is           []string
	list         string
}

func roles() []role {
	person := func(is ...string) []string { return append(is, "person") }
	return []role{
		{"requester", "ana", person("requester"), "?requester=ana"},
		{"subject", "sub", person("subject"), "?subject=sub"},
		{"approver", "boss", person("approver"), "?waiting_on=boss"},
		{"approver after a peer", "peer", person("approver"), "?waiting_on=peer"},
		{"owner of the application", "olga", person("owner", "any owner"), "?entitlement=wiki/editor"},
		{"owner of another", "otto", person("any owner"), "?entitlement=wiki/editor"},
		{"help desk", "hal", person("help desk"), ""},
		{"auditor", "audra", person("auditor"), ""},
		{"administrator", "adam", person("administrator"), ""},
		{"ticket caller", "scanner", person("ticket caller", "sender"), ""},
		{"another ticket caller", "prober", person("ticket caller"), ""},
		{"service that asked", "service:portal", []string{"service", "maker"}, ""},
		{"another service", "service:other", []string{"service"}, ""},
		{"anybody else", "eve", person(), ""},
		{"no identity", "", nil, ""},
	}
}

// rolesLedger has what each route is about, and counts how often it is asked for what may be hidden.
type rolesLedger struct {
	incidentLedger
	looked int
}

func (l *rolesLedger) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	l.looked++
	return l.Ledger.View(ctx, id)
}

func (l *rolesLedger) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	l.looked++
	return l.Ledger.Lease(ctx, id)
}

func (l *rolesLedger) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	l.looked++
	return l.incidentLedger.Incident(ctx, id)
}

func (l *rolesLedger) ApplicationsOf(ctx context.Context, owner access.PersonID) ([]access.PublishedApplication, error) {
	l.looked++
	return l.Ledger.ApplicationsOf(ctx, owner)
}

func (l *rolesLedger) PeopleRun(_ context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	return access.PeopleRun{Source: source, ID: id}, nil
}

func (l *rolesLedger) SyncRun(_ context.Context, desk access.DeskName, id string) (access.SyncRun, error) {
	return access.SyncRun{Desk: desk, ID: id}, nil
}

// rolesWorld has a request and a lease of sub's that the portal has asked for on behalf of ana, boss and peer approve and peer has, and an incident of scanner's.
func rolesWorld(t *testing.T, change ...func(*httpapi.Config, *httpapi.Deps)) (*world, *rolesLedger) {
	t.Helper()
	incidents, had := incidentWorld(t)
	ledger := &rolesLedger{incidentLedger: *had}
	w := newWorld(t, append(change, func(c *httpapi.Config, d *httpapi.Deps) {
		d.Authenticator = servicesToo{d.Authenticator}
		c.TicketCallers = []access.PersonID{"scanner", "prober"}
		c.Quotas = httpapi.Quotas{ChangesPerSecond: 1e6, Burst: 1e6}
		ledger.Ledger = incidents.store
		d.Ledger = ledger
	})...)
	w.store = incidents.store
	require.NoError(t, w.store.PublishCatalog(t.Context(), access.PublishedCatalog{
		Hash:         "h",
		Applications: []access.PublishedApplication{{ID: "wiki", Owners: []access.PersonID{"olga"}}, {ID: "crm", Owners: []access.PersonID{"otto"}}},
		Entitlements: []access.PublishedEntitlement{{ID: "wiki/editor", Application: "wiki"}, {ID: "crm/user", Application: "crm"}},
	}, time.Now()))
	view := w.recorded("r1", func(v *access.RequestView) {
		v.Request.Service, v.Approvers = "portal", []access.PersonID{"boss", "peer"}
		v.Decisions = []access.Decision{{ID: "boss:d1", By: "boss", Verdict: access.Approve, Channel: access.ChannelAPI, Items: []access.ItemID{"1"}}}
	})
	require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: view.Request.ID, Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "wiki/editor"},
		State: access.LeaseActive, DesiredState: access.Present, Version: 1,
	}}))
	w.gateway.submission = gateway.Submission{Created: true}
	w.gateway.answer.Created = true
	w.gateway.change.User, w.gateway.change.Added = &access.IntegrationUser{Desk: "jira", ID: "u1"}, true
	return w, ledger
}

// rolesCall is a call of a route, about what there is or what never was.
func rolesCall(row httpapi.Row, r role, never bool) (method, path, body string) {
	method, path, _ = strings.Cut(row.Route, " ")
	ids := map[string]string{"requests": "r1", "leases": "r1:1", "tickets": "i1", "people": "sub", "subjects": "sub"}
	kind := strings.Split(path+"//", "/")[2]
	id := ids[kind]
	if never && slices.Contains([]string{"requests", "leases", "tickets"}, kind) {
		id = strings.NewReplacer("r1", "r9", "i1", "i9").Replace(id)
	}
	path = strings.NewReplacer("{id}", id, "{desk}", "header", "{source}", "hr", "{run}", "x", "{person}", "p", "{user}", "u1", "{file}", "start.js").Replace(path)
	if row.Route == "GET /v1/requests" {
		path += r.list
	}
	if method == http.MethodPost {
		body = `{"reason":"stolen"}`
	}
	switch row.Route {
	case "POST /v1/requests":
		body = wiki
		if row.Part != "" {
			body = onBehalf
		}
	case "POST /v1/requests/{id}/decisions":
		body = `{"verdict":"approve"}`
	case "POST /v1/requests/{id}/reassign":
		body = `{"to":["p"],"reason":"leave"}`
	case "POST /v1/pauses", "POST /v1/pauses/resume":
		body = `{"what":"grants","reason":"repair"}`
	case "POST /v1/tickets":
		body = `{"reference":"CVE-1","summary":"x"}`
	case "POST /v1/integration-users":
		body = `{"desk":"jira","email":"ana@example.com"}`
	case "POST /v1/doctor":
		body = map[string]string{"": ""}[row.Part]
		if row.Part != "" {
			body = `{"test_ticket":"header"}`
		}
	case "POST /v1/desks/{desk}/test":
		body = map[bool]string{true: `{"ticket":true}`}[row.Part != ""]
	case "POST /v1/people/{source}/runs", "POST /v1/desks/{desk}/syncs", "POST /v1/integration-users/{desk}/check":
		body = ""
	}
	return method, path, body
}

// cellOf is what a caller was answered, as the matrix shows it.
func cellOf(got answer) string {
	if got.status < http.StatusBadRequest {
		return "yes"
	}
	return strconv.Itoa(got.status)
}

// TestRoles calls every route as every role, holds the answers to the table of permissions, and writes the page of them. What is hidden from somebody
// has the answer, and costs the look-ups, of what never was.
func TestRoles(t *testing.T) {
	w, ledger := rolesWorld(t)
	head, line := "| call |", "|---|"
	for _, r := range roles() {
		head, line = head+" "+r.name+" |", line+"---|"
	}
	lines := []string{head, line}
	call := func(row httpapi.Row, r role, never bool) (answer, int) {
		method, path, body := rolesCall(row, r, never)
		ledger.looked, w.gateway.looked = 0, 0
		got := w.call(r.caller, method, path, body, "X-Secret", hookSecret, "X-Request-Id", "call")
		return got, 100*ledger.looked + w.gateway.looked
	}
	for _, row := range httpapi.Rows() {
		text := "| `" + strings.TrimSpace(row.Route+"` "+row.Part) + " |"
		for _, r := range roles() {
			got, looked := call(row, r, false)
			cell, about := cellOf(got), fmt.Sprintf("%s %s as %s: %s", row.Route, row.Part, r.name, got.body)
			switch {
			case row.Open != "":
				require.Equal(t, "yes", cell, about)
			case r.caller == "":
				require.Equal(t, "401", cell, about)
			default:
				require.Equal(t, row.Verdict(r.is...), cell, about)
			}
			if cell == "404" {
				never, cost := call(row, r, true)
				same := strings.NewReplacer("r1", "r9", "i1", "i9")
				require.Equal(t, same.Replace(got.body), never.body, about)
				require.Equal(t, cost, looked, about)
			}
			text += " " + cell + " |"
		}
		lines = append(lines, text)
	}
	table := strings.Join(lines, "\n") + "\n"
	t.Log("\n" + table)
	holdsPage(t, table)
}

// holdsPage compares the table with the page of it, between whose marks it stands.
func holdsPage(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- The table is written by: go test ./starter/httpapi -run TestRoles -update -->\n", "<!-- End of the table. -->\n"
	path := filepath.Join("..", "..", "docs", "roles.md")
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(page), begin)
	require.True(t, found)
	was, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+table+end+after), 0o600))
		return
	}
	require.Equal(t, table, was, "review the change, then: go test ./starter/httpapi -run TestRoles -update")
}

// TestRoles_rows: each route of the server has a row.
func TestRoles_rows(t *testing.T) {
	w := newWorld(t)
	served := map[string]bool{
		"GET /docs": true, "GET /docs/{file}": true, "GET /openapi.json": true, "GET /openapi.yaml": true, "GET /openapi-3.0.json": true,
	}
	for path, methods := range decode[struct{ Paths map[string]map[string]any }](t, answer{body: string(w.api.OpenAPI())}).Paths {
		for method := range methods {
			served[strings.ToUpper(method)+" "+path] = true
		}
	}
	rows := map[string]bool{}
	for _, row := range httpapi.Rows() {
		rows[row.Route] = true
	}
	require.Equal(t, served, rows)
}

// TestHidden_outages: what is hidden has the answer of what never was, also while the ledger, Temporal or its worker is away.
func TestHidden_outages(t *testing.T) {
	for name, row := range map[string]struct {
		ledgerAway, workerAway, temporalAway bool
		status                               int
	}{
		"all is there":            {status: 404},
		"the worker is away":      {workerAway: true, status: 404},
		"Temporal is away":        {temporalAway: true, status: 503},
		"the ledger is away":      {ledgerAway: true, status: 503},
		"both are away":           {ledgerAway: true, temporalAway: true, status: 503},
		"the ledger and a worker": {ledgerAway: true, workerAway: true, status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[bool]answer{}
			for _, there := range []bool{true, false} {
				w := newWorld(t, func(c *httpapi.Config, d *httpapi.Deps) {
					if row.ledgerAway {
						ledgerAway(c, d)
					}
				})
				if there {
					w.gateway.view, w.gateway.viewErr = w.recorded("r1"), nil
				}
				if there && row.workerAway {
					w.gateway.viewErr = errAway
				}
				if row.temporalAway {
					w.gateway.viewErr, w.gateway.err = errAway, errAway
				}
				for _, call := range [][2]string{{"GET", ""}, {"GET", "/audit"}, {"POST", "/decisions"}, {"POST", "/withdraw"}} {
					body := map[string]string{"/decisions": `{"verdict":"deny"}`}[call[1]]
					answers[there] = w.call("eve", call[0], "/v1/requests/r1"+call[1], body, "X-Request-Id", "call")
					require.Equal(t, row.status, answers[there].status, answers[there].body)
				}
			}
			require.Equal(t, answers[false].body, answers[true].body)
		})
	}
}

// TestList_filters_name_the_field: whatever is wrong with a filter of a list, the answer names it.
func TestList_filters_name_the_field(t *testing.T) {
	w, _ := rolesWorld(t)
	lists := 0
	type parameter struct{ Name, In string }
	type operation struct{ Parameters []parameter }
	document := decode[struct {
		Paths map[string]map[string]operation
	}](t, answer{body: string(w.api.OpenAPI())})
	for path, methods := range document.Paths {
		for _, p := range methods["get"].Parameters {
			if p.In != "query" {
				continue
			}
			lists++
			route := strings.NewReplacer("{id}", "i1", "{desk}", "jira", "{source}", "hr", "{run}", "x").Replace(path)
			for _, wrong := range []string{strings.Repeat("x", 2000), "%00"} {
				got := w.call("audra", "GET", route+"?"+p.Name+"="+wrong, "")
				require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s %s: %s", path, p.Name, got.body)
				require.NotEmpty(t, got.problem.Errors, got.body)
				require.True(t, strings.HasPrefix(got.problem.Errors[0].Location, "query."+p.Name), "%s %s: %s", path, p.Name, got.body)
			}
		}
	}
	require.Greater(t, lists, 20)
	for path, field := range map[string]string{
		"/v1/subjects/ana/leases": "path.id", "/v1/people/ana/revocations": "path.id", "/v1/requests?requester=ana": "query.requester",
	} {
		got := w.call("eve", "GET", path, "")
		require.Equal(t, http.StatusForbidden, got.status)
		require.Equal(t, field, got.problem.Errors[0].Location)
	}
}
