package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func testOutcomeStays(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	ended := view("r-1", 1)
	ended.State = access.OutcomeGranted
	over := access.LeaseView{Lease: access.Lease{ID: "r-1:1", Request: "r-1", Subject: access.Person{ID: "p-1"}}, State: access.LeaseEnded, Version: 1}
	record(t, s, access.Entry{View: &ended, Lease: &over})

	other := ended
	other.State, other.Version = access.OutcomeDenied, 2
	err := s.Record(t.Context(), access.Entry{View: &other})
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, `the outcome of request "r-1" is recorded as granted and never changes, found denied`)
	// So does a request that was reset, on its way to its outcome.
	other.State = access.StateFulfilling
	record(t, s, access.Entry{View: &other})
	kept, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, ended, kept)
	same := ended
	same.Version, same.StatusText = 3, "The ticket is closed."
	record(t, s, access.Entry{View: &same})
	again := over
	again.State, again.Version = access.LeaseActive, 2
	record(t, s, access.Entry{Lease: &again})
	lease, err := s.Lease(t.Context(), "r-1:1")
	require.NoError(t, err)
	require.Equal(t, access.LeaseEnded, lease.State, "a workflow that was reset does not bring a lease back")
	got, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, same, got)

	for _, statement := range []string{
		`UPDATE requests SET state = 'denied'`, `UPDATE requests SET ended = FALSE`, `UPDATE leases SET state = 'active'`,
		`INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body) VALUES ('r-1', 9, 'denied', TRUE, '', '', 0, '{}')
			ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
	} {
		require.ErrorContains(t, d.exec(t, url, statement), "never changes", statement)
	}
}
