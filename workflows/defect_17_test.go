package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// The event that a ticket was opened is not older than the ticket, and not older than what was recorded before it.
func TestDefect17(t *testing.T) {
	unknown := access.Errorf(access.Unknown, "create ticket", "the connection broke before the desk answered")
	away := access.Errorf(access.Transient, "create ticket", "the desk is down")
	queue := workflows.DeskQueue("jira")
	rows := []struct {
		name string
		do   func(*runs)
	}{
		{"the desk answers at once", nothing},
		{"the desk answers after twenty seconds", func(r *runs) { r.server.slowDown(queue, 20*time.Second) }},
		{"the desk has no worker for forty seconds", func(r *runs) {
			r.server.removeWorker(queue)
			r.at(40*time.Second, func() { r.server.addWorker(queue) })
		}},
		{"the desk has no worker for a hundred seconds", func(r *runs) {
			r.server.removeWorker(queue)
			r.at(100*time.Second, func() { r.server.addWorker(queue) })
		}},
		{"a first attempt of unknown outcome has created nothing", func(r *runs) { r.desk.FailNext(memory.OpCreateTicket, unknown) }},
		{"three attempts fail", func(r *runs) { r.desk.FailNext(memory.OpCreateTicket, away, away, away) }},
		{"two attempts of unknown outcome, and one that fails", func(r *runs) {
			r.desk.FailNext(memory.OpCreateTicket, unknown, away, unknown)
		}},
	}
	for _, row := range rows {
		for decided, when := range map[string]time.Duration{"in between": 10 * time.Second, "later": time.Hour} {
			t.Run(row.name+", decided "+decided, func(t *testing.T) {
				t.Parallel()
				r := requestRuns(t, nil)
				r.each(func() { r.desk.SetClock(r.env.Now) })
				row.do(r)
				r.approves(when, "mia")
				r.mustEndBy(2 * day)
				require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("wiki/editor")).Outcome)
				events := r.events("r1")
				opened, submitted := index(events, access.EventTicketOpened), index(events, access.EventSubmitted)
				require.GreaterOrEqual(t, opened, 0)
				require.GreaterOrEqual(t, submitted, 0)
				// Two calls record them at the same time, so either may be recorded first.
				require.False(t, events[opened].At.Before(events[submitted].At), "submitted at %s, recorded as opened at %s",
					events[submitted].At, events[opened].At)
				require.Len(t, r.server.created, 1)
				created := r.server.created[0]
				require.False(t, events[opened].At.Before(created), "recorded as opened at %s, opened at %s", events[opened].At, created)
				for i := range opened {
					require.False(t, events[opened].At.Before(events[i].At), "%s at %s is recorded before, and is later than %s",
						events[i].Type, events[i].At, events[opened].At)
				}
			})
		}
	}
}

// What an API reader sees has the ticket from its opening on, also when something was decided while it was being opened.
func TestRecordedView_has_the_ticket(t *testing.T) {
	for name, decided := range map[string]time.Duration{"decided while it is opened": 10 * time.Second, "decided later": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, quietTerms)
			r.server.slowDown(workflows.DeskQueue("jira"), 20*time.Second)
			r.approves(decided, "omar")
			for _, when := range []time.Duration{5 * time.Minute, 2 * time.Hour} {
				r.at(when, func() {
					view, err := r.ledger.View(t.Context(), "r1")
					require.NoError(t, err)
					require.NotNil(t, view.Ticket, "after %s", when)
					require.Equal(t, 1, has(r.events("r1"), access.EventTicketOpened), "after %s", when)
				})
			}
			r.withdraws(3 * time.Hour)
			r.mustEndBy(2 * day)
			require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("badge/lab")).Outcome)
		})
	}
}
