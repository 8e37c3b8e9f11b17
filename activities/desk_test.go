package activities_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// openCall opens the ticket of r1 and records it along.
func openCall() activities.OpenTicketInput {
	entry := submitted("r1")
	entry.Events = append(entry.Events, access.Event{
		ID: "request/r1#opened", Request: "r1", Type: access.EventTicketOpened, At: monday, Channel: access.ChannelSystem,
	})
	entry.Ticket = &access.TicketLink{Request: "r1", Marker: "m"}
	return activities.OpenTicketInput{Ticket: access.NewTicket{Marker: "m", Summary: "s", Body: "b"}, Record: &entry}
}

func newDesk(t *testing.T) (*activities.Desk, *memory.Desk, *store) {
	t.Helper()
	s, port := newStore(t, &journal{}), memory.NewDesk("jira")
	return &activities.Desk{Port: port, Ledger: s}, port, s
}

func TestOpenTicket_assigns_the_first_with_an_account(t *testing.T) {
	mia, omar := access.Person{ID: "mia", Email: "mia@example.test"}, access.Person{ID: "omar", Email: "omar@example.test"}
	for name, row := range map[string]struct {
		assign []access.PersonID
		want   access.PersonID
	}{
		"the first choice has one":       {[]access.PersonID{"omar", "mia"}, "omar"},
		"only the second choice has one": {[]access.PersonID{"ghost", "mia", "omar"}, "mia"},
		"nobody has one":                 {[]access.PersonID{"ghost", "stranger"}, ""},
		"nobody is to have it":           {nil, ""},
		"somebody who was not looked up": {[]access.PersonID{"stranger", "omar"}, "omar"},
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, _ := newDesk(t)
			accounts := map[access.PersonID]access.AccountID{"mia": port.AddAccount(mia), "omar": port.AddAccount(omar)}
			call := openCall()
			call.People, call.Assign = []access.Person{mia, {ID: "ghost"}, omar}, row.assign
			_, err := desk.OpenTicket(t.Context(), call)
			require.NoError(t, err)
			require.Equal(t, accounts[row.want], port.Tickets()[0].Assignee)
		})
	}
}

func TestOpenTicket_is_recorded(t *testing.T) {
	desk, _, s := newDesk(t)
	call := openCall()
	opened, err := desk.OpenTicket(t.Context(), call)
	require.NoError(t, err)
	require.True(t, opened.Recorded)
	require.Nil(t, call.Record.View.Ticket, "the call itself is not changed")

	view, err := s.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, opened.Ref, *view.Ticket)
	links, err := s.TicketsOf(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, []access.TicketLink{{Ref: opened.Ref, Request: "r1", Marker: "m"}}, links)
	events, err := s.Events(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Contains(t, events[1].Text, string(opened.Ref.Key))
}

func TestOpenTicket_ledger_unavailable(t *testing.T) {
	for name, change := range map[string]func(*activities.Desk, *store){
		"the ledger is unavailable": func(_ *activities.Desk, s *store) { s.away = true },
		"the desk is at the edge":   func(d *activities.Desk, _ *store) { d.Ledger = nil },
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, s := newDesk(t)
			change(desk, s)
			opened, err := desk.OpenTicket(t.Context(), openCall())
			require.NoError(t, err, "an error would make the workflow look for the ticket again")
			require.False(t, opened.Recorded)
			require.Equal(t, port.Tickets()[0].Ref, opened.Ref)
		})
	}
}

// TestRecordAlong_ledger_hangs: what the call gave would be lost with it.
func TestRecordAlong_ledger_hangs(t *testing.T) {
	const startToClose = 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		desk, port, s := newDesk(t)
		s.hangs = true
		ctx, cancel := context.WithTimeout(t.Context(), startToClose)
		defer cancel()
		began := time.Now()
		opened, err := desk.OpenTicket(ctx, openCall())
		require.NoError(t, err)
		require.False(t, opened.Recorded)
		require.Equal(t, port.Tickets()[0].Ref, opened.Ref)
		require.Less(t, time.Since(began), startToClose/10)

		entry := submitted("r1")
		began = time.Now()
		updated, err := desk.UpdateTicket(ctx, activities.UpdateTicketInput{Ticket: opened.Ref.ID, TransitionTo: access.TicketDone, Record: &entry})
		require.NoError(t, err)
		require.False(t, updated.Recorded)
		require.Less(t, time.Since(began), startToClose/10)
	})
}

func TestOpenTicket_found(t *testing.T) {
	desk, port, s := newDesk(t)
	ref, err := port.CreateTicket(t.Context(), openCall().Ticket)
	require.NoError(t, err)
	opened, err := desk.OpenTicket(t.Context(), openCall())
	require.NoError(t, err)
	require.Equal(t, activities.OpenTicketResult{Ref: ref, Found: true}, opened)
	require.Empty(t, s.read())
	require.Equal(t, 1, port.Calls(memory.OpCreateTicket))
}

func TestOpenTicket_not_opened(t *testing.T) {
	for name, fail := range map[string]func(*memory.Desk){
		"the search fails":          func(d *memory.Desk) { d.FailNext(memory.OpFindTicket, access.Errorf(access.Transient, "find", "away")) },
		"the create is refused":     func(d *memory.Desk) { d.FailNext(memory.OpCreateTicket, access.Errorf(access.Invalid, "create", "no")) },
		"the answer to it was lost": func(d *memory.Desk) { d.DropAnswerNext(memory.OpCreateTicket) },
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, s := newDesk(t)
			fail(port)
			_, err := desk.OpenTicket(t.Context(), openCall())
			require.Error(t, err)
			require.Empty(t, s.read())
		})
	}
}

func TestUpdateTicket_in_order_and_recorded(t *testing.T) {
	desk, port, s := newDesk(t)
	opened, err := desk.OpenTicket(t.Context(), activities.OpenTicketInput{Ticket: openCall().Ticket})
	require.NoError(t, err)
	entry := submitted("r1")
	update := activities.UpdateTicketInput{
		Ticket:       opened.Ref.ID,
		Comments:     []access.Comment{{Marker: "m-1", Text: "approved"}, {Marker: "m-2", Text: "granted"}},
		TransitionTo: access.TicketDone, Record: &entry,
	}
	for range 2 {
		updated, err := desk.UpdateTicket(t.Context(), update)
		require.NoError(t, err)
		require.True(t, updated.Recorded)
	}
	require.Equal(t, []string{"approved", "granted"}, port.Comments(opened.Ref.ID))
	events, err := s.Events(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, events, 1)

	s.away = true
	updated, err := desk.UpdateTicket(t.Context(), update)
	require.NoError(t, err, "the ticket is up to date")
	require.False(t, updated.Recorded)
}

// watchingDesk notes what the ledger had when a ticket was changed.
type watchingDesk struct {
	*memory.Desk
	before func()
}

// AddComments implements access.TicketWriter.
func (d watchingDesk) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	d.before()
	return d.Desk.AddComments(ctx, id, all...)
}

func TestUpdateTicket_records_first(t *testing.T) {
	prepare := func(t *testing.T) (*activities.Desk, *memory.Desk, *store, activities.UpdateTicketInput) {
		desk, port, s := newDesk(t)
		opened, err := desk.OpenTicket(t.Context(), activities.OpenTicketInput{Ticket: openCall().Ticket})
		require.NoError(t, err)
		return desk, port, s, activities.UpdateTicketInput{
			Ticket: opened.Ref.ID, First: []access.Entry{submitted("r1")},
			Comments: []access.Comment{{Marker: "m-1", Text: "granted"}}, TransitionTo: access.TicketDone,
		}
	}
	t.Run("and changes the ticket then", func(t *testing.T) {
		desk, port, s, update := prepare(t)
		recorded := 0
		desk.Port = watchingDesk{port, func() {
			events, err := s.Events(t.Context(), "r1")
			require.NoError(t, err)
			recorded = len(events)
		}}
		updated, err := desk.UpdateTicket(t.Context(), update)
		require.NoError(t, err)
		require.False(t, updated.Unrecorded)
		require.Equal(t, 1, recorded)
		require.Equal(t, access.TicketDone, port.Tickets()[0].Phase)
	})
	for name, lose := range map[string]func(*activities.Desk, *store){
		"while the ledger is unavailable":           func(_ *activities.Desk, s *store) { s.away = true },
		"where the worker does not know the ledger": func(desk *activities.Desk, _ *store) { desk.Ledger = nil },
	} {
		t.Run("and changes nothing "+name, func(t *testing.T) {
			desk, port, s, update := prepare(t)
			lose(desk, s)
			updated, err := desk.UpdateTicket(t.Context(), update)
			require.NoError(t, err)
			require.True(t, updated.Unrecorded)
			require.Empty(t, port.Comments(update.Ticket))
			require.Equal(t, access.TicketWaiting, port.Tickets()[0].Phase)
		})
	}
}

func TestUpdateTicket_failure_is_not_recorded(t *testing.T) {
	for name, row := range map[string]struct {
		op       string
		comments int
	}{
		"the first comment": {memory.OpAddComments, 0},
		"the assignment":    {memory.OpAssignTicket, 2},
		"the move":          {memory.OpTransitionTicket, 2},
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, s := newDesk(t)
			opened, err := desk.OpenTicket(t.Context(), activities.OpenTicketInput{Ticket: openCall().Ticket})
			require.NoError(t, err)
			entry, nobody := submitted("r1"), access.AccountID("")
			port.FailNext(row.op, access.Errorf(access.Transient, "write", "away"))
			updated, err := desk.UpdateTicket(t.Context(), activities.UpdateTicketInput{
				Ticket:   opened.Ref.ID,
				Comments: []access.Comment{{Marker: "m-1", Text: "approved"}, {Marker: "m-2", Text: "granted"}},
				Assign:   &nobody, TransitionTo: access.TicketDone, Record: &entry,
			})
			requireKind(t, access.Transient, err)
			require.False(t, updated.Recorded)
			require.Empty(t, s.read())
			require.Len(t, port.Comments(opened.Ref.ID), row.comments)
		})
	}
}

// movedMeanwhile is a desk on which a human moves a ticket as soon as it was read.
type movedMeanwhile struct {
	*memory.Desk
	to access.TicketPhase
}

func (d *movedMeanwhile) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	now, err := d.Desk.ReadTicket(ctx, id)
	return now, errors.Join(err, d.MoveAs("zoe", id, d.to))
}

// TestUpdateTicket_late_move: usher itself has closed the ticket meanwhile, and a call of an attempt that was given up comes
// late.
func TestUpdateTicket_late_move(t *testing.T) {
	known := &access.TicketFingerprint{}
	for name, row := range map[string]struct {
		update access.TicketPhase
		from   access.TicketPhase
		known  *access.TicketFingerprint
		want   access.TicketPhase
	}{
		"a ticket that usher has closed since stays closed":    {access.TicketWorking, access.TicketWaiting, known, access.TicketDone},
		"so it does where the phase that was seen is unknown":  {access.TicketWorking, "", known, access.TicketDone},
		"one that was closed when it was seen is opened again": {access.TicketWorking, access.TicketDone, known, access.TicketWorking},
		"where nobody asks, it is moved":                       {access.TicketWorking, access.TicketWaiting, nil, access.TicketWorking},
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, _ := newDesk(t)
			opened, err := desk.OpenTicket(t.Context(), openCall())
			require.NoError(t, err)
			closing := activities.UpdateTicketInput{Ticket: opened.Ref.ID, TransitionTo: access.TicketDone}
			_, err = desk.UpdateTicket(t.Context(), closing)
			require.NoError(t, err)
			late := activities.UpdateTicketInput{
				Ticket: opened.Ref.ID, TransitionTo: row.update, IfUnchanged: row.known, From: row.from,
				Comments: []access.Comment{{Marker: "m-1", Text: "it is said all the same"}},
			}
			updated, err := desk.UpdateTicket(t.Context(), late)
			require.NoError(t, err)
			require.Equal(t, row.want == access.TicketDone, updated.Superseded)
			require.Equal(t, row.want, port.Tickets()[0].Phase)
			require.Len(t, port.Comments(opened.Ref.ID), 1)
		})
	}
	t.Run("a ticket that is there already is not moved back from where a human moves it meanwhile", func(t *testing.T) {
		desk, port, _ := newDesk(t)
		opened, err := desk.OpenTicket(t.Context(), openCall())
		require.NoError(t, err)
		_, err = desk.UpdateTicket(t.Context(), activities.UpdateTicketInput{Ticket: opened.Ref.ID, TransitionTo: access.TicketWorking})
		require.NoError(t, err)
		desk.Port = &movedMeanwhile{Desk: port, to: access.TicketDone}
		updated, err := desk.UpdateTicket(t.Context(), activities.UpdateTicketInput{
			Ticket: opened.Ref.ID, TransitionTo: access.TicketWorking, IfUnchanged: known, From: access.TicketWorking,
		})
		require.NoError(t, err)
		require.False(t, updated.Superseded)
		require.Equal(t, access.TicketDone, port.Tickets()[0].Phase)
	})
	t.Run("a move that usher made before counts for nothing", func(t *testing.T) {
		desk, port, _ := newDesk(t)
		opened, err := desk.OpenTicket(t.Context(), openCall())
		require.NoError(t, err)
		for _, to := range []access.TicketPhase{access.TicketWorking, access.TicketWaiting, access.TicketWorking} {
			updated, err := desk.UpdateTicket(t.Context(), activities.UpdateTicketInput{
				Ticket: opened.Ref.ID, TransitionTo: to, IfUnchanged: known, From: access.TicketWaiting,
			})
			require.NoError(t, err)
			require.False(t, updated.Superseded)
			require.Equal(t, to, port.Tickets()[0].Phase)
		}
	})
}
