package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A request waits for Mara when usher is updated to this build. The update does not note whom requests that go on wait for, nor does what the
// request records later, for its approvers are the same: when Mara leaves, nobody tells the request, so that she can still decide, and a request
// that waits for her alone expires.
func TestAttackLeavers_request_from_before_the_update_is_not_told(t *testing.T) {
	d := onSQLite()
	url := d.newURL(t)
	s := openAt(t, url)
	d.migrateTo(t, url, 8)
	before := view("r-1", 1)
	before.Approvers = []access.PersonID{"p-mara"}
	body, err := json.Marshal(before)
	require.NoError(t, err)
	require.NoError(t, d.exec(t, url, fmt.Sprintf(`INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body)
		VALUES ('r-1', 1, '%s', FALSE, 'p-ada', 'p-bo', 0, '%s')`, before.State, body)))
	require.NoError(t, s.Migrate(t.Context()))
	about := func() []access.RequestID {
		found, err := s.RequestsAbout(t.Context(), "p-mara", "", 10)
		require.NoError(t, err)
		return found
	}
	atOnce := about()
	after := before
	after.Version = 2
	record(t, s, access.Entry{View: &after})
	require.Equal(t, []access.RequestID{"r-1"}, about(), "not even once the request has recorded something")
	require.Equal(t, []access.RequestID{"r-1"}, atOnce)
}

// A run of an earlier build has found that somebody has left. This build does not know: of a person who is not present any more no run finds
// again that they leave, so nobody ever takes what they hold, and what they ask for is granted.
func TestAttackLeavers_who_left_before_the_update_has_not_left(t *testing.T) {
	d := onSQLite()
	s, url := d.openWithURL(t)
	applyIn(t, s, "run-1", peopleDay, changeOf("a", access.ClassLeaver))
	require.Len(t, standingsOf(t, s, "a"), 1)
	for _, statement := range []string{
		// As the earlier build has left it.
		`DROP TABLE integration_users`, `DROP TABLE integration_turns`, `DROP TABLE incidents`, `DROP TABLE desk_events`,
		`DROP TABLE hand_over_leavers`, `DROP TABLE pauses`, `DROP TABLE revocations`, `DROP TABLE catalog`, `DROP TABLE catalog_applications`, `DROP TABLE catalog_entitlements`,
		`DROP TABLE catalog_owners`, `DROP TABLE people_standing`, `DROP TABLE request_approvers`, `DELETE FROM ledger_schema WHERE version_id >= 9`,
	} {
		require.NoError(t, d.exec(t, url, statement))
	}
	require.NoError(t, s.Migrate(t.Context()))
	known, err := s.KnownPerson(t.Context(), "hr", "a")
	require.NoError(t, err)
	require.Equal(t, access.PersonLeft, known.State)
	found := standingsOf(t, s, "a")
	require.Len(t, found, 1, "whoever has left by the snapshot has left")
	require.True(t, found[0].Absent)
	require.NotEmpty(t, untold(t, s))
}
