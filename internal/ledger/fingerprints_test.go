package ledger_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"usher/internal/access"
	"usher/internal/ledger"
)

func mark(key access.TicketKey) access.TicketFingerprint {
	return access.TicketFingerprint{
		Key: key, Project: "ACC", Assignee: "acc-olu", StatusChangedBy: "acc-山田", StatusChangedAt: noon.Add(123 * time.Nanosecond), Status: "Zoë's \u0000 status",
		SeenAt: noon.Add(time.Minute),
	}
}

// watchedTickets asks for tickets and gives them by id.
func watchedTickets(t *testing.T, s *ledger.Store, ids ...access.TicketID) []access.WatchedTicket {
	t.Helper()
	found, err := s.WatchedTickets(t.Context(), "jira", ids)
	require.NoError(t, err)
	slices.SortFunc(found, func(a, b access.WatchedTicket) int { return cmp.Compare(a.Link.Ref.ID, b.Link.Ref.ID) })
	return found
}

func testMarks(t *testing.T, d databases) {
	s := d.open(t)
	one, two, removal := ticket("1", "r-1", ""), ticket("2", "r-2", ""), ticket("3", "r-1", "r-1:1")
	elsewhere := ticket("1", "r-3", "")
	elsewhere.Ref.Desk = "servicedesk"
	for _, k := range []access.TicketLink{one, two, removal, elsewhere} {
		record(t, s, access.Entry{Ticket: &k})
	}
	require.Equal(t, []access.WatchedTicket{{Link: one}, {Link: two}}, watchedTickets(t, s, "2", "1", "2", "none", "", "\xff", "1\x00"))

	local := mark("ACC-1")
	local.StatusChangedAt = local.StatusChangedAt.In(time.FixedZone("far away", 5*3600))
	local.SeenAt = local.SeenAt.In(time.FixedZone("farther away", -7*3600))
	marks := map[access.TicketID]access.TicketFingerprint{"1": local, "3": mark("ACC-3"), "none": mark("ACC-9"), "\xff": mark("x"), "": mark("y")}
	for range 2 {
		require.NoError(t, s.SaveFingerprints(t.Context(), "jira", marks))
		require.Equal(t, []access.WatchedTicket{{Link: one, Fingerprint: mark("ACC-1")}, {Link: two}, {Link: removal, Fingerprint: mark("ACC-3")}},
			watchedTickets(t, s, "1", "2", "3", "none"))
	}
	found, err := s.WatchedTickets(t.Context(), "servicedesk", []access.TicketID{"1"})
	require.NoError(t, err)
	require.Equal(t, []access.WatchedTicket{{Link: elsewhere}}, found, "another desk has its own ticket of that id")

	moved := one
	moved.Ref.Key = "OPS-1"
	record(t, s, access.Entry{Ticket: &moved})
	require.Equal(t, []access.WatchedTicket{{Link: moved, Fingerprint: mark("ACC-1")}}, watchedTickets(t, s, "1"), "a new link keeps the mark")

	require.NoError(t, s.SaveFingerprints(t.Context(), "jira", map[access.TicketID]access.TicketFingerprint{"1": {}}))
	require.Equal(t, []access.WatchedTicket{{Link: moved}}, watchedTickets(t, s, "1"), "the last mark counts")
	require.NoError(t, s.SaveFingerprints(t.Context(), "jira", nil))
	require.Empty(t, watchedTickets(t, s))
}

func testManyMarks(t *testing.T, d databases) {
	s := d.open(t)
	marks := map[access.TicketID]access.TicketFingerprint{}
	var ids []access.TicketID
	for n := range ledger.MaxTickets {
		id := access.TicketID(fmt.Sprintf("%d", n))
		ids, marks[id] = append(ids, id), mark(access.TicketKey("ACC-"+id))
	}
	known := []access.TicketLink{ticket("0", "r-0", ""), ticket("999", "r-999", "")}
	for _, k := range known {
		record(t, s, access.Entry{Ticket: &k})
	}
	require.NoError(t, s.SaveFingerprints(t.Context(), "jira", marks))
	require.Equal(t, []access.WatchedTicket{{Link: known[0], Fingerprint: mark("ACC-0")}, {Link: known[1], Fingerprint: mark("ACC-999")}},
		watchedTickets(t, s, ids...))

	marks["1000"] = mark("ACC-1000")
	err := s.SaveFingerprints(t.Context(), "jira", marks)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "marks: expected at most 1000, found 1001")
	_, err = s.WatchedTickets(t.Context(), "jira", append(ids, "1000"))
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "ids: expected at most 1000, found 1001")
}

func testMarksAllOrNone(t *testing.T, d databases) {
	s := d.open(t)
	one, two := ticket("1", "r-1", ""), ticket("2", "r-2", "")
	record(t, s, access.Entry{Ticket: &one})
	record(t, s, access.Entry{Ticket: &two})
	bad := mark("ACC-2")
	bad.StatusChangedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	requireKind(t, access.Invalid, s.SaveFingerprints(t.Context(), "jira", map[access.TicketID]access.TicketFingerprint{"1": mark("ACC-1"), "2": bad}))
	require.Equal(t, []access.WatchedTicket{{Link: one}, {Link: two}}, watchedTickets(t, s, "1", "2"))
}

func testRacingMarks(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	other := openAt(t, url)
	links := []access.TicketLink{ticket("1", "r-1", ""), ticket("2", "r-1", ""), ticket("3", "r-2", "")}
	for _, k := range links {
		record(t, s, access.Entry{Ticket: &k})
	}
	group, ctx := errgroup.WithContext(t.Context())
	for n := range writers {
		marks := map[access.TicketID]access.TicketFingerprint{}
		for _, k := range links {
			marks[k.Ref.ID] = mark(access.TicketKey(fmt.Sprintf("ACC-%d", n)))
		}
		group.Go(func() error { return other.SaveFingerprints(ctx, "jira", marks) })
		v := view("r-1", n)
		if n%2 == 1 {
			v.State = access.OutcomeGranted
		}
		group.Go(func() error { return s.Record(ctx, access.Entry{View: &v, Ticket: &links[n%2]}) })
	}
	require.NoError(t, group.Wait())
	found := watchedTickets(t, s, "1", "2", "3")
	require.Len(t, found, len(links))
	for i, one := range found {
		require.Equal(t, links[i], one.Link)
		require.Equal(t, found[0].Fingerprint, one.Fingerprint, "the marks of one save stay together")
	}
}

func openTickets(t testing.TB, s *ledger.Store, limit int) []access.TicketID {
	t.Helper()
	var all []access.TicketID
	for after := access.TicketID(""); ; after = all[len(all)-1] {
		page, err := s.OpenTickets(t.Context(), "jira", after, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
	}
}

func testOpenTickets(t *testing.T, d databases) {
	s := d.open(t)
	state := func(id access.RequestID, version int, state access.RequestState) *access.RequestView {
		v := view(id, version)
		v.State = state
		return &v
	}
	elsewhere := ticket("5", "r-open", "")
	elsewhere.Ref.Desk = "servicedesk"
	record(t, s, access.Entry{View: state("r-open", 1, access.StateFulfilling), Ticket: pointer(ticket("9", "r-open", ""))})
	record(t, s, access.Entry{View: state("r-ends", 1, access.StateRevoking), Ticket: pointer(ticket("10", "r-ends", ""))})
	record(t, s, access.Entry{View: state("r-ended", 3, access.OutcomeDenied), Ticket: pointer(ticket("11", "r-ended", ""))})
	record(t, s, access.Entry{Ticket: pointer(ticket("Ä", "r-no-view", ""))})
	record(t, s, access.Entry{Ticket: pointer(ticket("a", "r-late", ""))})
	record(t, s, access.Entry{Ticket: pointer(ticket("B", "r-open", ""))})
	record(t, s, access.Entry{Ticket: pointer(ticket("12", "r-open", "r-open:1"))})
	record(t, s, access.Entry{Ticket: &elsewhere})

	for _, limit := range []int{1, 2, 5, 6, ledger.MaxTickets} {
		require.Equal(t, []access.TicketID{"10", "9", "B", "a", "Ä"}, openTickets(t, s, limit), "in the order of bytes")
	}
	record(t, s, access.Entry{View: state("r-ends", 2, access.OutcomeGranted)})
	record(t, s, access.Entry{View: state("r-late", 1, access.OutcomeRefused)})
	record(t, s, access.Entry{View: state("r-ended", 2, access.StateFulfilling), Ticket: pointer(ticket("11", "r-ended", ""))})
	record(t, s, access.Entry{Ticket: pointer(ticket("13", "r-ended", ""))})
	require.Equal(t, []access.TicketID{"9", "B", "Ä"}, openTickets(t, s, 2), "what has ended is left out, whatever was recorded first")

	record(t, s, access.Entry{View: state("r-ended", 4, access.StateFulfilling)})
	require.Equal(t, []access.TicketID{"9", "B", "Ä"}, openTickets(t, s, 2), "no request that has ended goes on")

	page, err := s.OpenTickets(t.Context(), "jira", "9a", 10)
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{"B", "Ä"}, page, "a page may begin behind a ticket that is not there")
}

func testOpenTicketsDespiteTheirColumn(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	v := view("r-1", 1)
	v.State = access.OutcomeGranted
	record(t, s, access.Entry{View: &v, Ticket: pointer(ticket("1", "r-1", ""))})
	// As if the link and the end had been recorded by two who did not see each other.
	require.NoError(t, d.exec(t, url, `UPDATE tickets SET ended = FALSE`))
	require.Empty(t, openTickets(t, s, 10))
}

func testBadPages(t *testing.T, d databases) {
	s := d.open(t)
	for name, c := range map[string]struct {
		after access.TicketID
		limit int
		field string
	}{
		"no limit":                 {"", 0, "limit"},
		"a limit below one":        {"", -1, "limit"},
		"a limit above the most":   {"", ledger.MaxTickets + 1, "limit"},
		"a ticket with a NUL":      {"1\x00", 1, "after"},
		"a ticket that is no text": {"\xff", 1, "after"},
		"a ticket that is long":    {access.TicketID(strings.Repeat("9", 513)), 1, "after"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.OpenTickets(t.Context(), "jira", c.after, c.limit)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, c.field+": ")
		})
	}
}
