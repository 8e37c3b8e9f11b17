package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

// TestHandIn_other_callers_incident: an answer with the incident of another caller is never shown, whoever gave it.
func TestHandIn_other_callers_incident(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.answer = gateway.IncidentSubmission{View: access.IncidentView{
		Incident: access.Incident{ID: "scan-4711", Caller: "prober", Reference: "CVE-9", Summary: "a secret of the prober"}, State: access.IncidentOpen,
	}}
	got := w.call("scanner", "POST", "/v1/tickets", `{"id":"scan-4711",`+handIn[1:])
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
	require.NotContains(t, got.body, "prober")
}

// TestHandIn_text_that_reads_otherwise: nothing that changes the order of what people read gets into a ticket.
func TestHandIn_text_that_reads_otherwise(t *testing.T) {
	for _, row := range []struct{ field, value string }{
		{"description", "a\u202eb"}, {"description", "a\u2066b"},
	} {
		t.Run(fmt.Sprintf("%s %+q", row.field, row.value), func(t *testing.T) {
			w, _ := incidentWorld(t)
			body := map[string]string{"reference": "CVE-1", "summary": "x", row.field: row.value}
			text, err := json.Marshal(body)
			require.NoError(t, err)
			require.Equal(t, http.StatusBadRequest, w.call("scanner", "POST", "/v1/tickets", string(text)).status)
		})
	}
}

// TestRemoveIntegrationUser_id_with_a_slash: a user whose id has a slash can be removed.
func TestRemoveIntegrationUser_id_with_a_slash(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.change = workflows.IntegrationUsersResult{User: &access.IntegrationUser{ID: "DOMAIN/kim"}}
	got := w.call("adam", "POST", "/v1/integration-users/jira/DOMAIN%2Fkim/remove", `{"reason":"x"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, access.UserID("DOMAIN/kim"), w.gateway.changes[0].Remove.User)
}

// TestHandIn_blank_text: what people shall read is no blank: a desk opens no ticket without a summary, and usher would try for ever.
func TestHandIn_blank_text(t *testing.T) {
	for _, row := range []struct{ field, value string }{
		{"summary", " "}, {"summary", "\t"}, {"summary", "\u3000"}, {"summary", "\u200b"}, {"reference", " "},
	} {
		t.Run(fmt.Sprintf("%s %+q", row.field, row.value), func(t *testing.T) {
			w, _ := incidentWorld(t)
			text, err := json.Marshal(map[string]string{"reference": "CVE-1", "summary": "x", row.field: row.value})
			require.NoError(t, err)
			require.Equal(t, http.StatusUnprocessableEntity, w.call("scanner", "POST", "/v1/tickets", string(text)).status)
		})
	}
}

// TestHandIn_cancelled_before_there_is_a_ticket: what an operator cancelled before there was a ticket was not created.
func TestHandIn_cancelled_before_there_is_a_ticket(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.answer = gateway.IncidentSubmission{Created: true, View: access.IncidentView{State: access.IncidentCancelled}}
	got := w.call("scanner", "POST", "/v1/tickets", handIn)
	require.NotEqual(t, http.StatusCreated, got.status, got.body)
}
