package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

func TestDesks_for_auditors(t *testing.T) {
	w := newWorld(t)
	for _, call := range [][2]string{{"GET", "/v1/desks"}, {"GET", "/v1/desks/jira"}, {"POST", "/v1/desks/jira/test"}} {
		require.Equal(t, http.StatusForbidden, w.call("ana", call[0], call[1], "").status, call)
		require.Equal(t, http.StatusUnauthorized, w.call("", call[0], call[1], "").status, call)
	}
	require.Empty(t, w.gateway.doctored)
}

func TestDesks_list(t *testing.T) {
	w := newWorld(t)
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "desk/jira", Note: "watched"}, {Connector: "desk/other", Note: "read"}}}
	got := w.call("audra", "GET", "/v1/desks", "")
	require.JSONEq(t, `{"desks":[{"name":"jira","note":"watched","webhook":"hmac"},{"name":"other","note":"read","webhook":"none"}]}`, got.body)
	require.Equal(t, []workflows.DoctorParams{{List: true}}, w.gateway.doctored)
}

func TestDesks_show(t *testing.T) {
	w := newWorld(t)
	ahead := 0
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "desk/jira", Desk: &access.DeskView{
		Account: "bot", Place: "Jira project", ClockAhead: &ahead,
		Statuses: []access.DeskStatus{{ID: "3", Name: "Yes", Phase: access.TicketApproved, Configured: true}},
		Fields:   []access.DeskField{{ID: "summary", Required: true}},
	}}}}
	got := w.call("audra", "GET", "/v1/desks/jira", "")
	require.JSONEq(t, `{"connector":"desk/jira","desk":{"account":"bot","place":"Jira project","clock_ahead_seconds":0,
		"statuses":[{"id":"3","name":"Yes","phase":"approved","configured":true}],"fields":[{"id":"summary","required":true}]}}`, got.body)
	require.Equal(t, []workflows.DoctorParams{{Desk: "jira"}}, w.gateway.doctored)
}

func TestDesks_test(t *testing.T) {
	w := newWorld(t)
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{
		{Connector: "desk/jira", Findings: []access.Finding{{Key: "desks.jira.project", Problem: "there is none"}}},
	}}
	got := w.call("adam", "POST", "/v1/desks/jira/test", `{"ticket":true}`)
	require.JSONEq(t, `{"healthy":false,"lines":[
		{"connector":"desk/jira","findings":[{"key":"desks.jira.project","problem":"there is none"}]},
		{"connector":"webhook/jira","note":"taken at POST /v1/desks/jira/webhook, checked by hmac"}]}`, got.body)
	require.Equal(t, []workflows.DoctorParams{{Desk: "jira", TestTicket: "jira"}}, w.gateway.doctored)
	require.Equal(t, http.StatusOK, w.call("audra", "POST", "/v1/desks/jira/test", "").status)
	require.Equal(t, workflows.DoctorParams{Desk: "jira"}, w.gateway.doctored[1])
	require.Equal(t, http.StatusBadRequest, w.call("audra", "POST", "/v1/desks/jira/test", `{"tickets":true}`).status)
	refused := w.call("audra", "POST", "/v1/desks/jira/test", `{"ticket":true}`)
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Equal(t, "Only administrators may open a trial ticket: an auditor changes nothing.", refused.problem.Detail)
	require.Len(t, w.gateway.doctored, 2)
}

func TestDesks_unknown(t *testing.T) {
	w := newWorld(t)
	w.gateway.err = &gateway.RefusedError{Op: "doctor", Kind: access.Invalid, Message: `there is no desk "jiira"; there are: jira`}
	for _, call := range [][2]string{{"GET", "/v1/desks/jiira"}, {"POST", "/v1/desks/jiira/test"}} {
		got := w.call("audra", call[0], call[1], "")
		require.Equal(t, http.StatusNotFound, got.status)
		require.Contains(t, got.problem.Detail, "there are: jira")
	}
	w.gateway.err = errAway
	require.Equal(t, http.StatusServiceUnavailable, w.call("audra", "GET", "/v1/desks/jira", "").status)
}
