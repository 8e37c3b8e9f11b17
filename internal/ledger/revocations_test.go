package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// revocationCases are the promises about what was taken back from people.
func revocationCases() []suiteCase {
	return []suiteCase{
		{"a revocation stays as it was first recorded, with its events", testRevocations},
		{"the database refuses to change revocations", testRevocationsAppendOnly},
		{"pages of revocations are the whole, the last recorded first", testRevocationPages},
		{"a revocation that cannot be kept is refused by field", testBadRevocations},
		{"who had something taken back is found", testRevokedSubjects},
		{"when requests were submitted is known", testSubmittedAt},
	}
}

// revoked is the n-th revocation of everything that a person holds.
func revoked(subject access.PersonID, n int) access.Revocation {
	return access.Revocation{
		ID: access.RevocationID(fmt.Sprintf("rev-%s-%d", subject, n)), Subject: subject, By: "p-hal", Role: access.RevokedByHelpDesk,
		Evidence: "oidc https://id.example sub", Reason: "stolen laptop of Zoë", At: noon.Add(time.Duration(n) * time.Second), Leases: []access.LeaseID{"r-1:1"},
	}
}

func testRevocations(t *testing.T, d databases) {
	s := d.open(t)
	first := revoked("p-bo", 1)
	held := lease("r-1", "1", 1).Lease
	local := first
	local.At = local.At.In(time.FixedZone("far away", 5*3600))
	kept, err := s.SaveRevocation(t.Context(), local, []access.Event{first.Event(held)})
	require.NoError(t, err)
	require.Equal(t, first, kept)

	again := first
	again.At, again.Evidence, again.Leases = first.At.Add(time.Hour), "another token", []access.LeaseID{"r-1:1", "r-2:1"}
	kept, err = s.SaveRevocation(t.Context(), again, []access.Event{first.Event(held), first.Event(lease("r-2", "1", 1).Lease)})
	require.NoError(t, err)
	require.Equal(t, first, kept, "the same call")
	events, err := s.Events(t.Context(), "r-2")
	require.NoError(t, err)
	require.Empty(t, events, "nothing is added to what was recorded")
	events, err = s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{first.Event(held)}, events)

	other := first
	other.Reason = "another"
	_, err = s.SaveRevocation(t.Context(), other, []access.Event{first.Event(lease("r-2", "1", 1).Lease)})
	requireKind(t, access.Conflict, err)
	found, err := s.Revocation(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, first, found)
	for _, id := range []access.RevocationID{"", "none", "\x00"} {
		_, err = s.Revocation(t.Context(), id)
		requireKind(t, access.NotFound, err)
	}
}

func testRevocationsAppendOnly(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	_, err := s.SaveRevocation(t.Context(), revoked("p-bo", 1), nil)
	require.NoError(t, err)
	for _, statement := range []string{
		`UPDATE revocations SET body = '{}'`, `UPDATE revocations SET subject_id = 'p-eve' WHERE id = 'rev-p-bo-1'`,
		`DELETE FROM revocations`, `DELETE FROM revocations WHERE id = 'rev-p-bo-1'`,
	} {
		require.ErrorContains(t, d.exec(t, url, statement), "revocations are append-only", statement)
	}
	found, err := s.RevocationsOf(t.Context(), "p-bo")
	require.NoError(t, err)
	require.Equal(t, []access.Revocation{revoked("p-bo", 1)}, found)
}

func testRevocationPages(t *testing.T, d databases) {
	s := d.open(t)
	for n := range 7 {
		for _, who := range []access.PersonID{"p-bo", "p-di"} {
			_, err := s.SaveRevocation(t.Context(), revoked(who, n), nil)
			require.NoError(t, err)
		}
	}
	paged := func(limit int) []access.Revocation {
		return pages(t, limit, func(last *access.Revocation) ([]access.Revocation, error) {
			var before access.RevocationID
			if last != nil {
				before = last.ID
			}
			return s.Revocations(t.Context(), "p-bo", before, limit)
		})
	}
	all, err := s.RevocationsOf(t.Context(), "p-bo")
	require.NoError(t, err)
	require.Len(t, all, 7)
	for _, limit := range []int{1, 3, 7, ledger.MaxLimit} {
		listed := paged(limit)
		require.Len(t, listed, 7)
		for i, r := range listed {
			require.Equal(t, all[len(all)-1-i], r)
		}
	}
	for _, who := range []access.PersonID{"", "p-none", "\x00"} {
		none, err := s.Revocations(t.Context(), who, "", 10)
		require.NoError(t, err)
		require.Empty(t, none)
		none, err = s.RevocationsOf(t.Context(), who)
		require.NoError(t, err)
		require.Empty(t, none)
	}
	none, err := s.Revocations(t.Context(), "p-bo", "unknown", 10)
	require.NoError(t, err)
	require.Empty(t, none)
	for _, limit := range []int{0, -1, ledger.MaxLimit + 1} {
		_, err = s.Revocations(t.Context(), "p-bo", "", limit)
		requireKind(t, access.Invalid, err)
	}
	_, err = s.Revocations(t.Context(), "p-bo", access.RevocationID(strings.Repeat("b", 513)), 10)
	requireKind(t, access.Invalid, err)
}

func testBadRevocations(t *testing.T, d databases) {
	s := d.open(t)
	empty := revoked("p-bo", 1)
	empty.Reason = ""
	_, err := s.SaveRevocation(t.Context(), empty, nil)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "reason: is empty")
	event := revoked("p-bo", 1).Event(lease("r-1", "1", 1).Lease)
	event.Request = ""
	_, err = s.SaveRevocation(t.Context(), revoked("p-bo", 1), []access.Event{event})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "events[0].request")
	none, err := s.RevocationsOf(t.Context(), "p-bo")
	require.NoError(t, err)
	require.Empty(t, none)
}

func testRevokedSubjects(t *testing.T, d databases) {
	s := d.open(t)
	for _, who := range []access.PersonID{"p-bo", "p-di", "p-bo"} {
		_, err := s.SaveRevocation(t.Context(), revoked(who, 1), nil)
		require.NoError(t, err)
	}
	found, err := s.RevokedSubjects(t.Context(), "p-di", "p-eve", "", "\x00", "p-bo")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"p-bo", "p-di"}, found)
	for _, none := range [][]access.PersonID{nil, {"\x00"}, {"p-eve"}} {
		found, err = s.RevokedSubjects(t.Context(), none...)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}

func testSubmittedAt(t *testing.T, d databases) {
	s := d.open(t)
	later := view("r-2", 1)
	later.Request.SubmittedAt = noon.Add(time.Hour)
	require.NoError(t, s.Record(t.Context(), access.Entry{View: pointer(view("r-1", 1))}, access.Entry{View: &later}))
	found, err := s.SubmittedAt(t.Context(), "r-2", "r-1", "none", "", "\x00")
	require.NoError(t, err)
	require.Equal(t, map[access.RequestID]time.Time{"r-1": noon, "r-2": noon.Add(time.Hour)}, found)
	found, err = s.SubmittedAt(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
}
