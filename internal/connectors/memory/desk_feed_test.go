package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// start is where the clocks of these tests begin.
func start() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC) }

// clocked is a desk whose clock stands still until it is advanced.
func clocked() *memory.Desk {
	desk := memory.NewDesk("memory")
	desk.SetClock(start)
	return desk
}

func open(t *testing.T, desk *memory.Desk, marker access.Marker) access.TicketID {
	t.Helper()
	ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: marker})
	require.NoError(t, err)
	return ref.ID
}

// changed is what one page since the start tells.
func changed(t *testing.T, desk *memory.Desk, q access.ChangesQuery) access.ChangesPage {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	page, err := desk.ChangedTickets(t.Context(), q)
	require.NoError(t, err)
	return page
}

func ids(page access.ChangesPage) []access.TicketID {
	var all []access.TicketID
	for _, s := range page.Tickets {
		all = append(all, s.Ref.ID)
	}
	return all
}

func TestDesk_search_lag(t *testing.T) {
	desk := clocked()
	since := start().Add(-time.Hour)
	id := open(t, desk, "m1")
	desk.SearchLag(time.Minute)
	require.Empty(t, ids(changed(t, desk, access.ChangesQuery{Since: since})))
	_, err := desk.FindTicket(t.Context(), "m1")
	require.Equal(t, access.NotFound, access.KindOf(err))

	desk.Advance(2 * time.Minute)
	require.NoError(t, desk.MoveAs("ana", id, access.TicketDone))
	page := changed(t, desk, access.ChangesQuery{Since: since})
	require.Equal(t, []access.TicketID{id}, ids(page))
	require.Equal(t, access.TicketWaiting, page.Tickets[0].Phase, "the search does not know the move yet")
	require.Equal(t, start().Add(2*time.Minute), desk.Now())
	require.Equal(t, start().Add(2*time.Minute), page.Now, "the clock does not lag")
	require.Empty(t, ids(changed(t, desk, access.ChangesQuery{Since: start().Add(time.Minute)})))
	now, err := desk.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, access.TicketDone, now.Phase, "reading does not lag")

	desk.Advance(time.Minute - time.Millisecond)
	require.Empty(t, ids(changed(t, desk, access.ChangesQuery{Since: start().Add(time.Minute)})))
	desk.Advance(time.Millisecond)
	page = changed(t, desk, access.ChangesQuery{Since: start().Add(time.Minute)})
	require.Equal(t, access.TicketDone, page.Tickets[0].Phase)
	_, err = desk.FindTicket(t.Context(), "m1")
	require.NoError(t, err)
}

func TestDesk_clock(t *testing.T) {
	now := start()
	desk := memory.NewDesk("memory")
	desk.SetClock(func() time.Time { return now })
	updated := func(id access.TicketID) time.Time {
		ticket, ok := desk.Ticket(id)
		require.True(t, ok)
		return ticket.UpdatedAt
	}
	first, second := open(t, desk, "m1"), open(t, desk, "m2")
	require.Equal(t, start().Add(time.Millisecond), updated(first).Add(time.Millisecond))
	require.Equal(t, start().Add(time.Millisecond), updated(second), "no two changes have the same time")

	desk.SetClock(func() time.Time { return start().Add(-time.Hour) })
	require.Equal(t, start().Add(time.Millisecond), desk.Now())
	require.Equal(t, start().Add(2*time.Millisecond), updated(open(t, desk, "m3")))

	now = start().Add(time.Hour)
	desk.SetClock(func() time.Time { return now.In(time.FixedZone("east", 3600)) })
	require.Equal(t, now, updated(open(t, desk, "m4")), "in UTC")
}

func TestChangedTickets_grain(t *testing.T) {
	desk := clocked()
	id := open(t, desk, "m1")
	late := access.ChangesQuery{Since: start().Add(30 * time.Second)}
	require.Empty(t, ids(changed(t, desk, late)))
	desk.CoarseGrain(time.Minute)
	require.Equal(t, []access.TicketID{id}, ids(changed(t, desk, late)))
	require.Empty(t, ids(changed(t, desk, access.ChangesQuery{Since: start().Add(time.Minute)})))
}

func TestSearch_forgotten_pages(t *testing.T) {
	desk := clocked()
	var all []access.TicketID
	for i := range 5 {
		all = append(all, open(t, desk, access.Marker(fmt.Sprintf("m%d", i))))
	}
	desk.PageCap(2)
	q := access.ChangesQuery{Since: start(), Limit: 4}
	first := changed(t, desk, q)
	require.Equal(t, all[:2], ids(first))
	q.Page = first.Next
	second := changed(t, desk, q)
	require.Equal(t, all[2:4], ids(second))
	q.Page = second.Next
	last := changed(t, desk, q)
	require.Equal(t, all[4:], ids(last))
	require.Empty(t, last.Next)

	elsewhere := q
	elsewhere.Since = start().Add(time.Nanosecond)
	_, err := desk.ChangedTickets(t.Context(), elsewhere)
	require.Equal(t, access.Invalid, access.KindOf(err), "the page belongs to another question")
	desk.ForgetPages()
	_, err = desk.ChangedTickets(t.Context(), q)
	require.Equal(t, access.Invalid, access.KindOf(err))
	for _, limit := range []int{0, 101} {
		_, err = desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: start(), Limit: limit})
		require.ErrorContains(t, err, "limit: expected 1 to 100")
	}
}

func TestFeed_faults(t *testing.T) {
	desk := clocked()
	id := open(t, desk, "m1")
	for op, call := range map[string]func(context.Context) error{
		memory.OpReadTickets: func(ctx context.Context) error {
			_, err := desk.ReadTickets(ctx, []access.TicketID{id})
			return err
		},
		memory.OpChangedTickets: func(ctx context.Context) error {
			_, err := desk.ChangedTickets(ctx, access.ChangesQuery{Since: start(), Limit: 1})
			return err
		},
	} {
		limited := access.Errorf(access.RateLimited, "op", "slow down")
		desk.FailNext(op, limited)
		require.ErrorIs(t, call(t.Context()), limited)
		desk.DropAnswerNext(op)
		require.Equal(t, access.Transient, access.KindOf(call(t.Context())))
		desk.Down(true)
		require.Equal(t, access.Transient, access.KindOf(call(t.Context())))
		desk.Down(false)
		require.NoError(t, call(t.Context()))
		require.Equal(t, 4, desk.Calls(op))
	}
	_, err := desk.ReadTickets(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 4, desk.Calls(memory.OpReadTickets), "an empty list asks nobody")
	_, err = desk.ReadTickets(t.Context(), make([]access.TicketID, 101))
	require.ErrorContains(t, err, "expected at most 100")
	desk.HideClock(true)
	require.True(t, changed(t, desk, access.ChangesQuery{}).Now.IsZero())
}

func TestDesk_writes(t *testing.T) {
	desk := clocked()
	account := desk.AddAccount(access.Person{ID: "ana", Email: "ana@example.test"})
	id := open(t, desk, "m1")
	for range 2 {
		require.NoError(t, desk.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "text"}))
		require.NoError(t, desk.TransitionTicket(t.Context(), id, access.TicketWorking))
		require.NoError(t, desk.AssignTicket(t.Context(), id, account))
	}
	require.Equal(t, 4, desk.Writes())
	require.NoError(t, desk.MoveAs(account, id, access.TicketDone))
	require.NoError(t, desk.AssignAs(id, ""))
	require.NoError(t, desk.CommentAs(id, "done"))
	desk.OpenAs(account, "another")
	_, err := desk.Rekey(id, "OTHER")
	require.NoError(t, err)
	require.Equal(t, 4, desk.Writes())
}

func TestDesk_own_assignee(t *testing.T) {
	desk := clocked()
	ana := desk.AddAccount(access.Person{ID: "ana", Email: "ana@example.test"})
	lead := desk.AddAccount(access.Person{ID: "lea", Email: "lea@example.test"})
	desk.DefaultAssignee(lead)
	read := func(assignee access.AccountID) access.TicketSnapshot {
		ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Assignee: assignee})
		require.NoError(t, err)
		now, err := desk.ReadTicket(t.Context(), ref.ID)
		require.NoError(t, err)
		return now
	}
	for assignee, want := range map[access.AccountID]access.AccountID{"": lead, ana: ana, "nobody": lead} {
		now := read(assignee)
		require.Equal(t, want, now.Assignee)
		require.True(t, now.AssignedByUsher)
	}
	now := read("")
	require.NoError(t, desk.AssignAs(now.Ref.ID, lead))
	again, err := desk.ReadTicket(t.Context(), now.Ref.ID)
	require.NoError(t, err)
	require.Equal(t, now, again, "an assignee who stays changes nothing")
}

func TestDesk_hidden_ticket(t *testing.T) {
	desk := clocked()
	id := open(t, desk, "m1")
	require.NoError(t, desk.Hide(id, true))
	_, err := desk.ReadTicket(t.Context(), id)
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = desk.FindTicket(t.Context(), "m1")
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.Equal(t, access.NotFound, access.KindOf(desk.TransitionTicket(t.Context(), id, access.TicketDone)))
	read, err := desk.ReadTickets(t.Context(), []access.TicketID{id})
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{id}, read.Missing)
	require.Empty(t, ids(changed(t, desk, access.ChangesQuery{Since: start()})))
	require.NoError(t, desk.MoveAs("ana", id, access.TicketDone), "humans still see it")
	require.NoError(t, desk.Hide(id, false))
	require.Equal(t, []access.TicketID{id}, ids(changed(t, desk, access.ChangesQuery{Since: start()})))
	require.Error(t, desk.Hide("404", true))
	require.Error(t, desk.CommentAs("404", "text"))
}

func TestDesk_concurrent_use(t *testing.T) {
	desk := clocked()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: access.Marker(fmt.Sprintf("m%d", i))})
			if err == nil {
				err = desk.CommentAs(ref.ID, "text")
			}
			if err != nil {
				t.Error(err)
			}
			desk.Advance(time.Second)
			if _, err := desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: start(), Limit: 3}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, ids(changed(t, desk, access.ChangesQuery{Since: start()})), 8)
	require.Equal(t, 8, desk.Writes())
}
