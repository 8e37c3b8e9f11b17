package ledger_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// leaseOf is a lease of a subject in some state.
func leaseOf(subject access.PersonID, request access.RequestID, state access.LeaseState, version int) access.LeaseView {
	l := lease(request, "1", version)
	l.Lease.Subject.ID, l.State = subject, state
	return l
}

// liveLeases and liveSubjects read all pages.
func liveLeases(t testing.TB, s *ledger.Store, subject access.PersonID, limit int) []access.LeaseView {
	t.Helper()
	return pages(t, limit, func(last *access.LeaseView) ([]access.LeaseView, error) {
		var after access.LeaseID
		if last != nil {
			after = last.Lease.ID
		}
		return s.LiveLeases(t.Context(), subject, after, limit)
	})
}

func liveSubjects(t testing.TB, s *ledger.Store, limit int) []access.PersonID {
	t.Helper()
	return pages(t, limit, func(last *access.PersonID) ([]access.PersonID, error) {
		if last == nil {
			return s.LiveSubjects(t.Context(), "", limit)
		}
		return s.LiveSubjects(t.Context(), *last, limit)
	})
}

func pages[T any](t testing.TB, limit int, next func(last *T) ([]T, error)) []T {
	t.Helper()
	var all []T
	for page := []T(nil); ; {
		var last *T
		if len(page) > 0 {
			last = &page[len(page)-1]
		}
		var err error
		page, err = next(last)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		if all = append(all, page...); len(page) < limit {
			return all
		}
	}
}

func testLiveLeases(t *testing.T, d databases) {
	s := d.open(t)
	granting, held, revoking := leaseOf("p-bo", "Ä", access.LeaseGranting, 1), leaseOf("p-bo", "B", access.LeaseActive, 1), leaseOf("p-bo", "a", access.LeaseRevoking, 1)
	ends := leaseOf("p-bo", "c", access.LeaseRevoking, 1)
	other := leaseOf("p-Bo", "d", access.LeaseActive, 1)
	for _, l := range []access.LeaseView{granting, held, ends, revoking, leaseOf("p-bo", "e", access.LeaseEnded, 1), other, leaseOf("p-éva", "f", access.LeaseEnded, 1), leaseOf("p-zoë", "g", access.LeaseActive, 1)} {
		record(t, s, access.Entry{Lease: &l})
	}
	for _, limit := range []int{1, 2, 3, 4, ledger.MaxLeases} {
		require.Equal(t, []access.LeaseView{held, revoking, ends, granting}, liveLeases(t, s, "p-bo", limit), "in the order of bytes")
		require.Equal(t, []access.PersonID{"p-Bo", "p-bo", "p-zoë"}, liveSubjects(t, s, limit), "each once, in the order of bytes")
	}
	over := leaseOf("p-bo", "c", access.LeaseEnded, 2)
	record(t, s, access.Entry{Lease: &over})
	late := leaseOf("p-zoë", "g", access.LeaseEnded, 2)
	record(t, s, access.Entry{Lease: &late})
	require.Equal(t, []access.LeaseView{held, revoking, granting}, liveLeases(t, s, "p-bo", 2), "what has ended is left out")
	require.Equal(t, []access.PersonID{"p-Bo", "p-bo"}, liveSubjects(t, s, 2))

	page, err := s.LiveLeases(t.Context(), "p-bo", "B:2", 10)
	require.NoError(t, err)
	require.Equal(t, []access.LeaseView{revoking, granting}, page, "a page may begin behind a lease that is not there")
	for _, subject := range []access.PersonID{"", "p-nobody", "p\x00", "\xff", access.PersonID(strings.Repeat("p", 513))} {
		require.Empty(t, liveLeases(t, s, subject, 10))
	}
}

func testOpenRequests(t *testing.T, d databases) {
	s := d.open(t)
	add := func(id access.RequestID, after time.Duration, change func(*access.RequestView)) {
		v := view(id, 1)
		v.Request.SubmittedAt = noon.Add(after)
		if change != nil {
			change(&v)
		}
		record(t, s, access.Entry{View: &v})
	}
	add("late", time.Hour, nil)
	add("early", 0, nil)
	add("ended", 0, func(v *access.RequestView) { v.State = access.OutcomeDenied })
	add("another-requester", 0, func(v *access.RequestView) { v.Request.Requester = "p-Ada" })
	add("another-subject", 0, func(v *access.RequestView) { v.Request.Subject = "p-ada" })
	open, err := s.OpenRequests(t.Context(), "p-ada", "p-bo")
	require.NoError(t, err)
	require.Equal(t, []string{"early", "late"}, viewIDs(open))
	for _, id := range []access.PersonID{"", "p-nobody", "p\x00", "\xff"} {
		for _, pair := range [][2]access.PersonID{{id, "p-bo"}, {"p-ada", id}} {
			open, err := s.OpenRequests(t.Context(), pair[0], pair[1])
			require.NoError(t, err)
			require.Empty(t, open)
		}
	}
}

func testBadLivePages(t *testing.T, d databases) {
	s := d.open(t)
	for name, c := range map[string]struct {
		after string
		limit int
		field string
	}{
		"no limit":              {"", 0, "limit"},
		"a limit below one":     {"", -1, "limit"},
		"a limit above the max": {"", ledger.MaxLeases + 1, "limit"},
		"an id with a NUL":      {"1\x00", 1, "after"},
		"an id that is no text": {"\xff", 1, "after"},
		"an id that is long":    {strings.Repeat("9", 513), 1, "after"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.LiveLeases(t.Context(), "p-bo", access.LeaseID(c.after), c.limit)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, c.field+": ")
			_, err = s.LiveSubjects(t.Context(), access.PersonID(c.after), c.limit)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, c.field+": ")
		})
	}
}

// fillLeases fills a ledger with leases of fifty persons; of a hundred, one has not ended.
func fillLeases(t testing.TB, raw *sql.DB, live int) {
	t.Helper()
	_, err := raw.ExecContext(t.Context(), fmt.Sprintf(`
		INSERT INTO leases (id, version, state, request_id, subject_id, entitlement_id, body)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT 'r-' || (10000000 + i), 1, CASE WHEN i %% 100 = 0 THEN 'held' ELSE 'ended' END, 'r', 'p-' || (10 + (i / 100) %% 50), 'e', '{}' FROM n`, 100*live))
	require.NoError(t, err)
}

func testLivePlans(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	raw := d.raw(t, url)
	const live = 300
	fillLeases(t, raw, live)
	for _, statistics := range []string{"without statistics", "with statistics"} {
		t.Run(statistics, func(t *testing.T) {
			for name, plan := range map[string]string{
				"the first page": d.explain(t, raw, ledger.LiveLeasesQuery+"10", "p-20", ""),
				"a later page":   d.explain(t, raw, ledger.LiveLeasesQuery+"10", "p-20", "r-10003000"),
			} {
				// A database may sort the few leases of one subject.
				requirePlan(t, name, plan, "Seq Scan", "SCAN ")
			}
			for name, plan := range map[string]string{
				"the first page": d.explain(t, raw, ledger.LiveSubjectsQuery+"10", ""),
				"a later page":   d.explain(t, raw, ledger.LiveSubjectsQuery+"10", "p-20"),
			} {
				requirePlan(t, name, plan, "Seq Scan", "SCAN ", "Sort", "TEMP B-TREE", "Bitmap", "Hash")
			}
		})
		_, err := raw.ExecContext(t.Context(), `ANALYZE`)
		require.NoError(t, err)
	}
	require.Len(t, liveSubjects(t, s, 7), 50)
}

func requirePlan(t *testing.T, page, plan string, costly ...string) {
	t.Helper()
	require.Contains(t, plan, "leases_live", page)
	for _, step := range costly {
		require.NotContains(t, plan, step, page)
	}
}

func testMigrateFromThree(t *testing.T, d databases) {
	url := d.newURL(t)
	s := openAt(t, url)
	d.migrateTo(t, url, 3)
	require.NoError(t, d.exec(t, url, `INSERT INTO leases (id, version, state, request_id, subject_id, entitlement_id, body)
		VALUES ('a', 1, 'held', '', 'p-bo', '', '{}'), ('b', 1, 'ended', '', 'p-bo', '', '{}'), ('c', 1, 'revoking', '', 'p-Bo', '', '{}')`))
	require.NoError(t, s.Migrate(t.Context()))
	require.Equal(t, []access.PersonID{"p-Bo", "p-bo"}, liveSubjects(t, s, 10))
	require.Len(t, liveLeases(t, s, "p-bo", 10), 1)
}
