package desk_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
)

// index is a search over tickets in the order of their last changes, in the desk's own pages.
type index struct {
	*script
	order []desk.Ticket
	page  int
	now   time.Time
	asked []desk.Search
}

func newIndex(page int, now time.Time) *index {
	x := &index{script: newScript(), page: page, now: now}
	x.script.search = x.answer
	return x
}

func (x *index) change(id access.TicketID, at time.Time) {
	x.order = slices.DeleteFunc(x.order, func(t desk.Ticket) bool { return t.ID == id })
	ticket := open(id)
	ticket.Updated = at
	x.order, x.tickets[id] = append(x.order, ticket), ticket
	slices.SortStableFunc(x.order, func(a, b desk.Ticket) int { return a.Updated.Compare(b.Updated) })
}

func (x *index) answer(q desk.Search) (desk.Page, error) {
	x.asked = append(x.asked, q)
	var found []desk.Ticket
	for _, t := range x.order {
		if !t.Updated.Before(q.Since.Truncate(x.traits.Grain)) {
			found = append(found, t)
		}
	}
	start := 0
	if q.Page != "" {
		_, _ = fmt.Sscanf(q.Page, "%d", &start)
	}
	end := min(start+min(q.Limit, x.page), len(found))
	page := desk.Page{Now: x.now, Tickets: slices.Clone(found[min(start, end):end])}
	if end < len(found) {
		page.Next = fmt.Sprint(end)
	}
	return page, nil
}

func TestChangedTickets_pages(t *testing.T) {
	for name, now := range map[string]time.Time{"old changes": minute(59), "changes of a moment ago": minute(1), "no clock": {}} {
		for _, grain := range []time.Duration{time.Second, time.Hour, 24 * time.Hour} {
			for _, limit := range []int{1, 3, 100} {
				t.Run(fmt.Sprintf("%s, by %d, grain %s", name, limit, grain), func(t *testing.T) {
					x := newIndex(4, now)
					x.traits.Grain = grain
					var want []string
					for n := range 20 {
						// Ids may hold what a cursor is written with.
						id := access.TicketID(fmt.Sprintf("id:%d-%%,;é-%d", n, n))
						want = append(want, string(id))
						x.change(id, minute(0).Add(time.Duration(n)*10*time.Second))
					}
					require.Equal(t, want, accesstest.WalkChanges(t, x.desk(desk.Config{}), access.ChangesQuery{Since: minute(0), Limit: limit}, nil))
				})
			}
		}
	}
}

func TestChangedTickets_change_between_pages(t *testing.T) {
	x := newIndex(3, minute(59))
	for n := range 12 {
		x.change(access.TicketID(fmt.Sprintf("id:%d", n)), minute(n))
	}
	told := accesstest.WalkChanges(t, x.desk(desk.Config{}), access.ChangesQuery{Since: minute(0), Limit: 2}, func(page int) {
		if page < 3 {
			x.change(access.TicketID(fmt.Sprintf("id:%d", 2*page)), minute(58).Add(time.Duration(page)*time.Second))
		}
	})
	for n := range 12 {
		require.Contains(t, told, fmt.Sprintf("id:%d", n))
	}
	require.Len(t, told, 15, "the change in between is told as well")
}

func TestCursor_is_read_back(t *testing.T) {
	x := newIndex(100, minute(20))
	for n := range 3 {
		x.change(access.TicketID(fmt.Sprintf("id:a-%d", n)), minute(10).Add(time.Duration(n)*time.Millisecond))
	}
	d := x.desk(desk.Config{})
	first, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: minute(0), Limit: 2})
	require.NoError(t, err)
	require.Equal(t, "1767323400000;id%3Aa%2D0-0,id%3Aa%2D1-1", first.Next)
	require.Equal(t, minute(10), first.CompleteUntil)
	x.asked = nil
	_, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: minute(0), Limit: 2, Page: first.Next})
	require.NoError(t, err)
	require.Equal(t, []desk.Search{{Since: minute(10), Limit: 4, Light: true}}, x.asked)
	for _, page := range []string{"1;", "75", "x;", "1;a", "1;1-2", "1;id:1-x", "1;-5", ";", "1;id%3-5", "1;id:1-2-3"} {
		_, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: minute(0), Limit: 1, Page: page})
		if page == "1;" {
			require.NoError(t, err)
			continue
		}
		requireKind(t, access.Invalid, err)
	}
}

func TestEmptinessIsProved(t *testing.T) {
	x := newIndex(10, minute(20))
	now := minute(0)
	x.traits.Now = func() time.Time { return now }
	d := x.desk(desk.Config{})
	ask := func() error {
		_, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: minute(0), Limit: 1})
		return err
	}
	require.NoError(t, ask())
	require.NoError(t, ask())
	require.Equal(t, []string{"self", "search", "search"}, x.script.asked())
	now = minute(2)
	require.NoError(t, ask())
	require.Equal(t, []string{"search", "self"}, x.script.asked(), "emptiness is believed for a minute")
	now = minute(4)
	x.change("id:1", minute(1))
	require.NoError(t, ask())
	require.Equal(t, []string{"search"}, x.script.asked())
	now = minute(8)
	require.NoError(t, ask())
	require.Equal(t, []string{"self", "search"}, x.script.asked(), "the account is proved every few minutes")
	now = minute(10)
	x.order = nil
	x.self = bad
	requireKind(t, access.Forbidden, ask())
}

func TestChangedTickets_without_since(t *testing.T) {
	s := newScript()
	page, err := s.desk(desk.Config{}).ChangedTickets(t.Context(), access.ChangesQuery{})
	require.NoError(t, err)
	require.Equal(t, access.ChangesPage{Now: minute(9)}, page)
	require.Equal(t, []string{"self"}, s.asked())
}
