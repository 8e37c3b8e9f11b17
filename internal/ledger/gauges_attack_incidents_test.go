package ledger_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func fileLedger(t *testing.T) *ledger.Store {
	t.Helper()
	s, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	return s
}

// TestCountIncidents_assigned_by_hand: the alarm "incidents wait for nobody" ends when the ticket is assigned on the desk, as the alarm's own advice says.
func TestCountIncidents_assigned_by_hand(t *testing.T) {
	s := fileLedger(t)
	v := openIncident("i1", 1, "t1", "")
	v.Assignee = &access.IncidentAssignee{Account: "acc-omar", Why: "Somebody assigned the ticket to the account acc-omar on the desk."}
	saveIncidents(t, s, v)
	n, err := s.CountIncidents(t.Context(), "jira")
	require.NoError(t, err)
	require.Zero(t, n.Unassigned, "omar has it")
}

// TestCountIncidents_with_nobody_who_works: the alarm begins where the ticket is with somebody who is switched off and nobody else can have it.
func TestCountIncidents_with_nobody_who_works(t *testing.T) {
	s := fileLedger(t)
	u := access.IntegrationUser{Desk: "jira", ID: "u1", Account: "acc-u1", Email: "u1@example.test", AddedBy: "adam", AddedAt: noon}
	require.NoError(t, s.SaveIntegrationUser(t.Context(), u, access.DeskEvent{ID: "e", Desk: "jira", User: "u1", Type: access.DeskUserAdded, At: noon}))
	saveIncidents(t, s, openIncident("i1", 1, "t1", "u1"), openIncident("i2", 1, "t2", "was-removed"))
	u.Flagged = "the desk has switched the user off"
	require.NoError(t, s.UpdateIntegrationUser(t.Context(), u))
	n, err := s.CountIncidents(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, 2, n.Unassigned, "nobody works on them")
}
