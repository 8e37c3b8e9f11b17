package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func TestShow_who_may_read(t *testing.T) {
	for name, row := range map[string]struct {
		person string
		change func(*httpapi.Config)
		status int
	}{
		"the requester":                      {"ana", nil, 200},
		"the subject":                        {"sub", nil, 200},
		"an approver who is awaited":         {"boss", nil, 200},
		"an approver who has decided":        {"owner", nil, 200},
		"an auditor":                         {"audra", nil, 200},
		"a stranger":                         {"eve", nil, 404},
		"a stranger where reads are open":    {"eve", func(c *httpapi.Config) { c.OpenReads = true }, 200},
		"nobody":                             {"", nil, 401},
		"a name with a control character":    {"a\x01na", nil, 401},
		"somebody whose name is part of one": {"an", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
				if row.change != nil {
					row.change(c)
				}
			})
			w.recorded("r1", func(v *access.RequestView) {
				v.Decisions = []access.Decision{{ID: "owner:1", By: "owner", Verdict: access.Approve}}
			})
			for _, path := range []string{"/v1/requests/r1", "/v1/requests/r1/audit"} {
				require.Equal(t, row.status, w.call(row.person, "GET", path, "").status, path)
			}
		})
	}
}

func TestShow_timeline(t *testing.T) {
	w := newWorld(t)
	view := w.recorded("r1")
	got := w.call("ana", "GET", "/v1/requests/r1", "")
	shown := decode[httpapi.RequestDetail](t, got)
	require.Equal(t, view, shown.RequestView)
	require.Len(t, shown.Timeline, 1)
	require.Equal(t, "ana asked for wiki/editor.", shown.Timeline[0].Text)
	require.Empty(t, shown.TimelineProblem)

	audit := decode[struct {
		Request access.RequestID
		Events  []access.Event
	}](t, w.call("ana", "GET", "/v1/requests/r1/audit", ""))
	require.Equal(t, access.RequestID("r1"), audit.Request)
	require.Equal(t, shown.Timeline, audit.Events)
}

func TestShow_lease(t *testing.T) {
	w := newWorld(t)
	held := access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: "r1", Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "wiki/editor"},
		State: access.LeaseActive, DesiredState: access.Present, Revision: 1, Version: 3,
	}
	w.recorded("r1", ended, func(v *access.RequestView) { v.Items[0].Lease = &held })
	state := func() access.LeaseState {
		return decode[httpapi.RequestDetail](t, w.call("ana", "GET", "/v1/requests/r1", "")).Items[0].Lease.State
	}
	require.Equal(t, access.LeaseActive, state(), "the ledger has no row of the lease")
	gone := held
	gone.State, gone.Version = access.LeaseEnded, 4
	require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &gone}))
	require.Equal(t, access.LeaseEnded, state())
}

func TestShow_from_the_workflow(t *testing.T) {
	for name, row := range map[string]struct {
		change  []func(*httpapi.Config, *httpapi.Deps)
		viewErr error
		status  int
		missing string
	}{
		"no row yet":                             {nil, nil, 200, ""},
		"the ledger is unavailable":              {[]func(*httpapi.Config, *httpapi.Deps){ledgerAway}, nil, 200, "the ledger is unavailable"},
		"neither knows it":                       {nil, notFoundErr(), 404, ""},
		"the ledger is away and Temporal forgot": {[]func(*httpapi.Config, *httpapi.Deps){ledgerAway}, notFoundErr(), 503, ""},
		"no row, and Temporal's worker is away":  {nil, errAway, 503, ""},
		"both are away":                          {[]func(*httpapi.Config, *httpapi.Deps){ledgerAway}, errAway, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, row.change...)
			w.gateway.view = access.RequestView{Request: access.Request{ID: "r1", Requester: "ana"}, State: access.StateEvaluating}
			w.gateway.viewErr = row.viewErr
			got := w.call("ana", "GET", "/v1/requests/r1", "")
			require.Equal(t, row.status, got.status, got.body)
			if row.status == http.StatusOK {
				shown := decode[httpapi.RequestDetail](t, got)
				require.Equal(t, access.StateEvaluating, shown.State)
				require.Equal(t, row.missing, shown.TimelineProblem)
				require.NotNil(t, shown.Timeline)
				return
			}
			if row.status == http.StatusServiceUnavailable {
				require.NotEmpty(t, got.header.Get("Retry-After"))
			}
		})
	}
}

func TestList_who_may_read(t *testing.T) {
	for name, row := range map[string]struct {
		person, query string
		status, rows  int
	}{
		"what I asked for":                     {"ana", "?requester=ana", 200, 2},
		"what is for me":                       {"sub", "?subject=sub", 200, 2},
		"what waits for me":                    {"boss", "?waiting_on=boss", 200, 1},
		"what I asked for, without my name":    {"ana", "?mine=true", 200, 2},
		"what is for me, without my name":      {"sub", "?mine=true&open=true", 200, 1},
		"mine, for an auditor":                 {"audra", "?mine=true", 200, 0},
		"mine and somebody else's":             {"eve", "?mine=true&requester=ana", 200, 0},
		"not mine":                             {"eve", "?mine=false", 403, 0},
		"mine, by somebody else too":           {"ana", "?requester=ana&subject=sub", 200, 2},
		"everything, for a stranger":           {"eve", "", 403, 0},
		"somebody else's, for a stranger":      {"eve", "?requester=ana", 403, 0},
		"everything, for an auditor":           {"audra", "", 200, 2},
		"only open ones":                       {"audra", "?open=true", 200, 1},
		"only two states":                      {"audra", "?state=granted,denied", 200, 1},
		"by what was asked for":                {"audra", "?entitlement=crm/user", 200, 0},
		"a state that is none":                 {"audra", "?state=lost", 422, 0},
		"a limit that is too big":              {"audra", "?limit=201", 422, 0},
		"a limit that is no number":            {"audra", "?limit=many", 422, 0},
		"a cursor that nobody gave":            {"audra", "?cursor=x", 422, 0},
		"a misspelt filter is no empty filter": {"audra", "?requestor=ana", 422, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.recorded("old", ended)
			w.recorded("open", func(v *access.RequestView) { v.Ticket.ID = "10002" })
			got := w.call(row.person, "GET", "/v1/requests"+row.query, "")
			require.Equal(t, row.status, got.status, got.body)
			if row.status == http.StatusOK {
				require.Len(t, decode[page](t, got).Requests, row.rows)
				return
			}
			require.NotEmpty(t, got.problem.Detail)
		})
	}
}

type page struct {
	Requests []access.RequestView
	Next     string
}

func TestListsHavePages(t *testing.T) {
	w := newWorld(t)
	w.recorded("old", ended)
	w.recorded("open", func(v *access.RequestView) { v.Ticket.ID = "10002" })
	first := decode[page](t, w.call("audra", "GET", "/v1/requests?limit=1", ""))
	require.Len(t, first.Requests, 1)
	require.NotEmpty(t, first.Next)
	second := decode[page](t, w.call("audra", "GET", "/v1/requests?limit=1&cursor="+first.Next, ""))
	require.Len(t, second.Requests, 1)
	require.Empty(t, second.Next)
	require.NotEqual(t, first.Requests[0].Request.ID, second.Requests[0].Request.ID)
}

func TestList_refusal_names_filters(t *testing.T) {
	got := newWorld(t).call("eve", "GET", "/v1/requests?requester=ana", "")
	require.Equal(t, "query.requester", got.problem.Errors[0].Location)
	require.Contains(t, got.problem.Errors[0].Message, `"eve"`)
}

func TestLeases_who_may_read(t *testing.T) {
	w := newWorld(t)
	view := w.recorded("r1")
	require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: view.Request.ID, Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "wiki/editor"},
		State: access.LeaseActive, DesiredState: access.Present, Version: 1,
	}}))
	type leases struct{ Leases []access.LeaseView }
	for person, status := range map[string]int{"sub": 200, "audra": 200, "ana": 403, "": 401} {
		got := w.call(person, "GET", "/v1/subjects/sub/leases", "")
		require.Equal(t, status, got.status, person)
		if status == http.StatusOK {
			require.Len(t, decode[leases](t, got).Leases, 1)
		}
	}
	none := w.call("ana", "GET", "/v1/subjects/ana/leases", "")
	require.JSONEq(t, `{"subject":"ana","leases":[]}`, none.body)
}

func TestRead_ledger_unavailable(t *testing.T) {
	w := newWorld(t, ledgerAway)
	w.gateway.view = access.RequestView{Request: access.Request{ID: "r1", Requester: "ana"}}
	w.gateway.viewErr = nil
	for _, path := range []string{"/v1/requests?requester=ana", "/v1/requests/r1/audit", "/v1/subjects/ana/leases"} {
		require.Equal(t, http.StatusServiceUnavailable, w.call("ana", "GET", path, "").status, path)
	}
}
