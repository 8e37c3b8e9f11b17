package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// binding is a world in which a request began on a ticket of ana's.
type binding struct {
	*world
	asked access.TicketRef
}

func newBinding(t *testing.T) *binding {
	t.Helper()
	w := newWorld(t)
	return &binding{world: w, asked: w.desk.AskAs(w.accounts["ana"], "Wiki", "Access: wiki/editor")}
}

// origin is the request that the ticket asks for.
func (b *binding) origin() access.Request {
	r := b.request("wiki/editor")
	r.ID = access.AskedRequestID("jira", b.asked.ID)
	r.Origin = &access.Origin{Desk: "jira", Ticket: b.asked.ID, Key: b.asked.Key, Account: b.accounts["ana"]}
	if said, err := b.desk.ReadAsked(b.t.Context(), b.asked.ID); err == nil {
		r.Origin.TextChange = said.TextChange
	}
	return r
}

func (b *binding) moves(by access.PersonID, to access.TicketPhase) {
	require.NoError(b.t, b.desk.MoveAs(b.accounts[by], b.asked.ID, to))
}

func (b *binding) edits(by access.PersonID, text string) {
	require.NoError(b.t, b.desk.EditTextAs(b.accounts[by], b.asked.ID, text))
}

func TestBound_keeps_the_ticket_of_who_asked(t *testing.T) {
	b := newBinding(t)
	b.edits("ana", "Access: wiki/editor, please")
	b.at(time.Hour, func() {
		comments := b.desk.Comments(b.asked.ID)
		require.Len(t, comments, 1)
		require.Contains(t, comments[0], "usher keeps this ticket as a request for access")
		require.Contains(t, comments[0], "Wiki editor (wiki/editor)")
		b.moves("mia", access.TicketApproved)
	})
	result := b.run(b.origin())
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, b.asked.ID, result.View.Ticket.ID)
	ticket := b.ticket()
	require.Equal(t, access.TicketDone, ticket.Phase)
	require.True(t, ticket.New.Marker.IsOf(result.View.Request.ID))
	events := b.events(result.View.Request.ID)
	require.Equal(t, access.ChannelTicket, events[index(events, access.EventSubmitted)].Channel)
	require.Equal(t, 1, has(events, access.EventTicketOpened))
}

// TestBound_what_was_before: nothing that was done on the ticket before it was bound decides anything.
func TestBound_what_was_before(t *testing.T) {
	for name, before := range map[string]func(*binding){
		"it stands approved": func(b *binding) { b.moves("mia", access.TicketApproved) },
		"it was approved and moved back": func(b *binding) {
			b.moves("mia", access.TicketApproved)
			b.moves("ana", access.TicketWaiting)
		},
		"it stands denied":  func(b *binding) { b.moves("mia", access.TicketDenied) },
		"it is worked on":   func(b *binding) { b.moves("ben", access.TicketWorking) },
		"its text was said": func(b *binding) { b.edits("ana", "Access: wiki/editor") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBinding(t)
			before(b)
			b.at(time.Hour, func() {
				require.Equal(t, access.StateAwaitingApproval, b.view().State)
				require.Empty(t, b.view().Decisions)
				require.Equal(t, access.TicketWaiting, b.ticket().Phase)
				b.moves("mia", access.TicketApproved)
			})
			require.Equal(t, access.OutcomeGranted, b.run(b.origin()).Outcome, "what is done afterwards counts")
			require.Len(t, b.desk.Tickets(), 1)
		})
	}
}

// TestBound_closed_before: whoever closes the ticket after it was read, and before it is bound, closes the request's.
func TestBound_closed_before(t *testing.T) {
	for by, want := range map[access.PersonID]access.RequestState{"ana": access.OutcomeCancelled, "olga": access.OutcomeDenied} {
		t.Run(string(by), func(t *testing.T) {
			b := newBinding(t)
			r := b.origin()
			b.moves(by, access.TicketWontDo)
			b.at(time.Hour, func() {
				if by == "olga" {
					require.Equal(t, access.TicketWaiting, b.ticket().Phase, "a stranger's closing is put back")
					b.decide("mia", access.Deny)
				}
			})
			require.Equal(t, want, b.run(r).Outcome)
			require.Equal(t, access.TicketWontDo, b.ticket().Phase)
		})
	}
}

// TestBound_changed_between: a text that was changed after it was read is not what was asked.
func TestBound_changed_between(t *testing.T) {
	b := newBinding(t)
	b.edits("ana", "Access: wiki/editor")
	r := b.origin()
	b.edits("ana", "It is only about reading.")
	b.at(time.Hour, func() { b.moves("mia", access.TicketApproved) })
	b.at(2*time.Hour, func() {
		require.Equal(t, access.StateAwaitingApproval, b.view().State)
		b.decide("mia", access.Deny)
	})
	require.Equal(t, access.OutcomeDenied, b.run(r).Outcome)
	require.Empty(t, b.ensures)
}

// TestBound_changed_afterwards: who asked and then changes the text gets no approval on the ticket.
func TestBound_changed_afterwards(t *testing.T) {
	b := newBinding(t)
	b.edits("ana", "Access: wiki/editor")
	b.at(time.Hour, func() { b.edits("ana", "It is only about reading.") })
	b.at(2*time.Hour, func() { b.moves("mia", access.TicketApproved) })
	b.at(3*time.Hour, func() {
		require.Equal(t, access.StateAwaitingApproval, b.view().State)
		require.Equal(t, access.TicketWaiting, b.ticket().Phase)
		b.decide("mia", access.Deny)
	})
	require.Equal(t, access.OutcomeDenied, b.run(b.origin()).Outcome)
	require.Empty(t, b.ensures)
}

// TestBound_another_ticket: one that cannot be had is replaced by one that usher opens.
func TestBound_another_ticket(t *testing.T) {
	for name, before := range map[string]func(*binding){
		"deleted":                func(b *binding) { require.NoError(b.t, b.desk.Delete(b.asked.ID)) },
		"another request's":      func(b *binding) { require.NoError(b.t, b.desk.PlantMarker(b.asked.ID, "usher-r9:0123456789abcdef")) },
		"somebody else's ticket": func(b *binding) { b.asked = b.desk.AskAs(b.accounts["ben"], "Wiki", "Access: wiki/editor") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBinding(t)
			before(b)
			r := b.origin()
			b.at(time.Hour, func() { b.decide("mia", access.Approve) })
			result := b.run(r)
			require.Equal(t, access.OutcomeGranted, result.Outcome)
			require.NotEqual(t, b.asked.ID, result.View.Ticket.ID)
			require.Equal(t, 1, b.ticketsOf(r.ID))
		})
	}
}

// TestBound_replaced: a ticket that usher opens in place of a bound one says what is asked for from its first moment, also if the bound
// one never came to say it.
func TestBound_replaced(t *testing.T) {
	b := newBinding(t)
	b.desk.FailNext(memory.OpAddComments, manyOf(40, access.Errorf(access.Transient, "add", "slow"))...)
	b.at(10*time.Minute, func() {
		require.Empty(t, b.desk.Comments(b.asked.ID))
		require.NoError(t, b.desk.Delete(b.asked.ID))
	})
	r := b.origin()
	b.at(12*time.Hour, func() {
		require.Len(t, b.desk.Tickets(), 2)
		require.NoError(t, b.desk.MoveAs(b.accounts["mia"], b.view().Ticket.ID, access.TicketApproved))
	})
	result := b.run(r)
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.NotEqual(t, b.asked.ID, result.View.Ticket.ID)
	require.Equal(t, access.ChannelTicket, result.View.Decisions[0].Channel)
}

// TestBound_faults: whatever fails or loses its answer, it is one ticket, bound once, with one comment of how it is understood.
func TestBound_faults(t *testing.T) {
	for name, trouble := range map[string]func(*binding){
		"the binding loses its answer": func(b *binding) {
			for range 3 {
				b.desk.DropAnswerNext(memory.OpBindTicket)
			}
		},
		"the binding fails": func(b *binding) {
			b.desk.FailNext(memory.OpBindTicket, manyOf(9, access.Errorf(access.Transient, "bind", "slow"))...)
		},
		"the outcome of the binding is unknown": func(b *binding) {
			b.desk.FailNext(memory.OpBindTicket, access.Errorf(access.Unknown, "bind", "the worker died"))
		},
		"the first comment loses its answer": func(b *binding) { b.desk.DropAnswerNext(memory.OpAddComments) },
		"the ledger is away": func(b *binding) {
			b.ledger.setAway(true)
			b.at(30*time.Minute, func() { b.ledger.setAway(false) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBinding(t)
			trouble(b)
			b.at(6*time.Hour, func() { b.moves("mia", access.TicketApproved) })
			result := b.run(b.origin())
			require.Equal(t, access.OutcomeGranted, result.Outcome)
			require.Len(t, b.desk.Tickets(), 1)
			require.Equal(t, 1, has(b.events(result.View.Request.ID), access.EventTicketOpened))
			understood := 0
			for _, c := range b.desk.Comments(b.asked.ID) {
				if strings.HasPrefix(c, "usher keeps this ticket") {
					understood++
				}
			}
			require.Equal(t, 1, understood)
		})
	}
}

// TestBound_desk_of_another_application: what is asked for on the wrong desk is refused.
func TestBound_desk_of_another_application(t *testing.T) {
	b := newBinding(t)
	r := b.origin()
	r.Origin.Desk = "servicenow"
	result := b.run(r)
	require.Equal(t, access.OutcomeRefused, result.Outcome)
	require.Contains(t, result.View.Refusals[0].Problem, "is asked for on the desk jira, not on servicenow")
	require.Empty(t, b.ensures)
}

// TestBound_digest: where it began is a part of what is asked.
func TestBound_digest(t *testing.T) {
	b := newBinding(t)
	r := b.origin()
	plain := r
	plain.Origin = nil
	require.NotEqual(t, plain.Digest(), r.Digest(), "the same words without the ticket are another request")
}
