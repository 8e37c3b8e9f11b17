package ticket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows/ticket"
)

// phases are all phases of a ticket, in the order of the columns of the table below.
var phases = []access.TicketPhase{
	access.TicketWaiting, access.TicketWorking, access.TicketOther, access.TicketApproved, access.TicketDenied,
	access.TicketDone, access.TicketWontDo,
}

// The events of the table.
const (
	none    access.TicketEvent = ""
	decided                    = access.EventDecidedByApprover
	undone                     = access.EventClosedUndecided
	done                       = access.EventClosedDone
	wontDo                     = access.EventClosedWontDo
	again                      = access.EventReopened
)

// statusTable is what it means that a person brings a ticket into a phase.
var statusTable = []struct {
	name   string
	state  access.RequestState
	manual bool
	// closed is true when usher had closed the ticket before.
	closed bool
	// events are those of the phases, in their order.
	events [7]access.TicketEvent
}{
	//                                                                          waiting working other approved denied done won't do
	{"decisions are awaited", access.StateAwaitingApproval, false, false, [7]access.TicketEvent{none, none, none, decided, decided, undone, undone}},
	{"decisions are awaited, it was closed", access.StateAwaitingApproval, false, true, [7]access.TicketEvent{none, none, none, decided, decided, undone, undone}},
	{"usher grants", access.StateFulfilling, false, false, [7]access.TicketEvent{none, none, none, decided, decided, none, none}},
	{"a person grants", access.StateFulfilling, true, false, [7]access.TicketEvent{none, none, none, decided, decided, done, wontDo}},
	{"a person grants, it was closed", access.StateFulfilling, true, true, [7]access.TicketEvent{none, none, none, decided, decided, done, wontDo}},
	{"access is taken back", access.StateRevoking, false, false, [7]access.TicketEvent{none, none, none, decided, decided, none, none}},
	{"access is taken back from a person", access.StateRevoking, true, false, [7]access.TicketEvent{none, none, none, decided, decided, done, wontDo}},
	{"it was granted", access.OutcomeGranted, false, true, [7]access.TicketEvent{again, again, again, again, again, none, none}},
	{"it was granted, the ticket is open", access.OutcomeGranted, false, false, [7]access.TicketEvent{none, none, none, none, none, none, none}},
	{"it was denied", access.OutcomeDenied, false, true, [7]access.TicketEvent{again, again, again, again, again, none, none}},
	{"it has failed", access.OutcomeFailed, false, true, [7]access.TicketEvent{again, again, again, again, again, none, none}},
}

var morning = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// moved returns a ticket before and after a person has moved it.
func moved(closed bool, to access.TicketPhase) (before, now access.TicketSnapshot) {
	before = access.TicketSnapshot{
		Ref: access.TicketRef{Desk: "jira", ID: "1", Key: "ACC-1"}, Phase: access.TicketWaiting, StatusChangedAt: morning, StatusChangedBy: "usher", StatusChangedByUsher: true,
		AssignedByUsher: true,
	}
	if closed {
		before.Phase = access.TicketDone
	}
	now = before
	now.Phase, now.StatusChangedBy, now.StatusChangedAt, now.StatusChangedByUsher = to, human, morning.Add(time.Hour), false
	return before, now
}

func TestEvents(t *testing.T) {
	for _, row := range statusTable {
		for i, phase := range phases {
			t.Run(row.name+", now "+string(phase), func(t *testing.T) {
				before, now := moved(row.closed, phase)
				for _, may := range []bool{true, false} {
					want := row.events[i]
					if want == decided && !may {
						want = access.EventDecidedByOther
					}
					asked := access.AccountID("")
					s := ticket.Situation{State: row.state, Manual: row.manual, MayDecide: func(a access.AccountID) bool {
						asked = a
						return may
					}}
					require.Equal(t, list(want), ticket.Events(before, now, s))
					require.Contains(t, []access.AccountID{"", human}, asked)

					own := now
					own.StatusChangedByUsher, own.StatusChangedBy = true, "usher"
					require.Empty(t, ticket.Events(before, own, s), "usher's own move")
					nobody := now
					nobody.StatusChangedBy = ""
					require.Empty(t, ticket.Events(before, nobody, s), "nobody has moved it")
					require.Empty(t, ticket.Events(now, now, s), "it is as it was")
					again := now
					again.StatusChangedAt = now.StatusChangedAt.Add(time.Minute)
					if !row.closed {
						require.Equal(t, list(want), ticket.Events(now, again, s), "the same move once more")
					}
				}
			})
		}
	}
}

func list(events ...access.TicketEvent) []access.TicketEvent {
	events = slices.DeleteFunc(events, func(e access.TicketEvent) bool { return e == none })
	if len(events) == 0 {
		return nil
	}
	return events
}

// TestOtherEvents: a change of the key and of the assignee is an event in every situation, besides that of the status, and
// comes before it.
func TestOtherEvents(t *testing.T) {
	for _, row := range statusTable {
		t.Run(row.name, func(t *testing.T) {
			s := ticket.Situation{State: row.state, Manual: row.manual, MayDecide: func(access.AccountID) bool { return true }}
			for i, phase := range phases {
				before, now := moved(row.closed, phase)
				now.Ref.Key = "NEW-7"
				require.Equal(t, list(access.EventMoved, row.events[i]), ticket.Events(before, now, s))
				now.Assignee = "somebody"
				require.Equal(t, list(access.EventMoved, row.events[i]), ticket.Events(before, now, s), "usher has assigned it")
				now.AssignedByUsher = false
				require.Equal(t, list(access.EventMoved, access.EventAssigned, row.events[i]), ticket.Events(before, now, s))
				before.Ref.Key = "NEW-7"
				require.Equal(t, list(access.EventAssigned, row.events[i]), ticket.Events(before, now, s))
			}
		})
	}
}
