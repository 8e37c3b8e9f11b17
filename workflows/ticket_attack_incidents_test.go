package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident_refused_successor_leaves_nobody_behind: where the desk refuses the first one who is picked instead of somebody who was switched off,
// the ticket goes to the next one, and does not stay with whom usher itself assigned.
func TestIncident_refused_successor_leaves_nobody_behind(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, func() {
		require.Equal(t, h.account("ops-1"), h.ticket().Assignee)
		require.NoError(t, h.desk.MakeUnassignable(h.account("ops-2")))
		h.flags("ops-1", "the desk has switched the user off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(12*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
	h.at(24*time.Hour, func() {
		require.Equal(t, h.ids["sam"], h.recorded("i1").Assignee.User)
		require.Equal(t, h.account("sam"), h.ticket().Assignee, "the desk has what the ledger has")
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_default_assignee_of_the_desk_is_nobodys_choice: a desk that gives every new ticket to somebody of its own choice (a project's default
// assignee) does not keep the ticket from an integration user.
func TestIncident_default_assignee_of_the_desk_is_nobodys_choice(t *testing.T) {
	for name, prepare := range map[string]func(*helpdesk){
		"whom the desk refuses at the opening": func(h *helpdesk) {
			require.NoError(h.t, h.desk.MakeUnassignable(h.account("ops-1")))
		},
		"nobody is available at the opening": func(h *helpdesk) {
			for _, one := range []string{"ops-1", "ops-2", "sam"} {
				h.flags(one, "off")
			}
			h.at(time.Minute, func() { h.flags("ops-2", "") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			h.desk.DefaultAssignee(h.accounts["mia"])
			prepare(h)
			h.at(10*time.Minute, func() {
				require.Equal(t, h.ticket().Assignee, h.recorded("i1").Assignee.Account, "%s", h.recorded("i1").StatusText)
			})
			h.at(24*time.Hour, func() {
				require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
				require.Equal(t, h.account("ops-2"), h.ticket().Assignee, "the desk has what the ledger has")
				h.closes()
			})
			h.kept(h.report("wiki"))
		})
	}
}

// TestIncident_reset_takes_the_ticket_from_who_left: after a reset to the beginning, the ticket that is found does not stay with somebody whom usher
// assigned and who is switched off by now.
func TestIncident_reset_takes_the_ticket_from_who_left(t *testing.T) {
	h := newHelpdesk(t, nil)
	i := h.report("wiki")
	// What the run before the reset had opened; the environment's runs have no first one before them.
	marker := access.IncidentMarkerOf(i.ID, "")
	_, err := h.desk.CreateTicket(t.Context(), access.NewTicket{Marker: marker, Summary: i.Summary, Assignee: h.account("ops-1")})
	require.NoError(t, err)
	h.flags("ops-1", "off")
	h.at(24*time.Hour, func() {
		require.Len(t, h.desk.Tickets(), 1, "the ticket of the run before is found")
		require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
		require.Equal(t, h.account("ops-2"), h.ticket().Assignee, "the desk has what the ledger has")
		h.closes()
	})
	h.kept(i)
}

// TestIncident_each_assignment_is_told: whoever gets the ticket a second time is told so a second time, on the ticket and in the audit trail.
func TestIncident_each_assignment_is_told(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.flags("ops-2", "off")
	step := func(after time.Duration, off, on string) {
		h.at(after, func() {
			h.flags(off, "off")
			h.flags(on, "")
			h.signal(workflows.SignalAssignee, struct{}{})
		})
	}
	step(1*time.Hour, "ops-1", "sam")
	step(2*time.Hour, "sam", "ops-1")
	step(3*time.Hour, "ops-1", "sam")
	h.at(4*time.Hour, func() {
		require.Equal(t, h.account("sam"), h.ticket().Assignee)
		assigned := 0
		for _, e := range h.told("i1") {
			if e.Type == access.DeskIncidentAssigned {
				assigned++
			}
		}
		require.Equal(t, 4, assigned, "ops-1, sam, ops-1, sam: %+v", h.told("i1"))
		require.Len(t, comments(h.ticket()), 4)
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_cancelled_while_the_ticket_is_opened: what is said of an incident that an operator cancels is true of its ticket.
func TestIncident_cancelled_while_the_ticket_is_opened(t *testing.T) {
	for name, prepare := range map[string]func(*helpdesk){
		"the answer of the desk is lost": func(h *helpdesk) {
			h.desk.DropAnswerNext(memory.OpCreateTicket)
			h.at(30*time.Second, func() { h.env.CancelWorkflow() })
		},
		"the call is under way": func(h *helpdesk) {
			h.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				if info.ActivityType.Name == "OpenTicket" {
					h.env.CancelWorkflow()
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			prepare(h)
			_, err := h.keep(h.report("wiki"))
			require.Error(t, err)
			// A server waits for a call that runs; the test environment gives it up, maybe before it comes to the desk.
			require.LessOrEqual(t, len(h.desk.Tickets()), 1)
			require.NotContains(t, h.recorded("i1").StatusText, "no ticket was opened", "there may be one")
		})
	}
}

// TestIncident_unassigned_by_offboarding: a ticket that is taken from its assignee who leaves, and given to nobody, is assigned to somebody who is available.
func TestIncident_unassigned_by_offboarding(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, func() {
		h.flags("ops-1", "the desk has switched the user off")
		require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, ""))
	})
	h.at(30*time.Hour, func() {
		require.NotEmpty(t, h.ticket().Assignee, "ops-2 and sam are available")
		require.Contains(t, comments(h.ticket())[1], "Somebody assigned the ticket to nobody on the desk. Assigned to The user ops-2")
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_left_with_nobody: a ticket that is assigned to nobody a second time within a day stays so until somebody is assigned, and the incident says so;
// a day later it is the first time again.
func TestIncident_left_with_nobody(t *testing.T) {
	for name, row := range map[string]struct {
		second time.Duration
		left   bool
	}{
		"within a day": {22 * time.Hour, true},
		"a day later":  {26 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			assign := func(to access.AccountID) { require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, to)) }
			h.at(time.Hour, func() { assign("") })
			h.at(time.Hour+row.second, func() {
				require.Equal(t, h.account("ops-2"), h.ticket().Assignee)
				assign("")
			})
			for n := range 40 {
				h.at(2*time.Hour+row.second+time.Duration(n)*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
			}
			h.at(50*time.Hour+row.second, func() {
				require.Equal(t, row.left, h.ticket().Assignee == "")
				if row.left {
					require.Contains(t, h.recorded("i1").StatusText, "is open and assigned to nobody. It stays so until somebody assigns it on the desk")
				}
				assign(h.account("sam"))
			})
			h.at(52*time.Hour+row.second, func() {
				require.Equal(t, "MEM-1 is open and assigned to The user sam (sam@example.test).", h.recorded("i1").StatusText)
				h.flags("sam", "off")
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			h.at(54*time.Hour+row.second, func() {
				require.NotEqual(t, h.account("sam"), h.ticket().Assignee)
				require.NotEmpty(t, h.ticket().Assignee)
				h.saidOnce()
				h.closes()
			})
			h.kept(h.report("wiki"))
		})
	}
}

// TestIncident_renamed_assignee: a ticket goes from who is switched off to somebody else though the desk names the account otherwise by now, as where
// accounts are user names.
func TestIncident_renamed_assignee(t *testing.T) {
	h := newHelpdesk(t, nil)
	renamed := h.desk.AddAccount(access.Person{ID: "ops-1-married", Email: "ops-1-married@example.test"})
	h.at(time.Hour, func() {
		// Nobody has assigned it anew: the history still has usher as the last who did.
		require.NoError(t, h.desk.AssignTicket(t.Context(), h.ticket().Ref.ID, renamed))
		u := h.registered("ops-1")
		u.Account = renamed
		require.NoError(t, h.ledger.UpdateIntegrationUser(t.Context(), u))
	})
	h.at(2*time.Hour, func() {
		h.flags("ops-1", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(12*time.Hour, func() {
		require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
		require.Equal(t, h.account("ops-2"), h.ticket().Assignee, "the desk has what the ledger has")
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_hidden_for_a_while: a ticket that cannot be read for some minutes, as where usher's account has lost a right, is not deleted.
func TestIncident_hidden_for_a_while(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, func() { require.NoError(t, h.desk.Hide(h.ticket().Ref.ID, true)) })
	h.at(2*time.Hour, func() {
		require.Contains(t, h.recorded("i1").StatusText, "MEM-1 cannot be read since ")
		require.NoError(t, h.desk.Hide(h.ticket().Ref.ID, false))
	})
	h.at(12*time.Hour, func() {
		require.Equal(t, "MEM-1 is open and assigned to The user ops-1 (ops-1@example.test).", h.recorded("i1").StatusText)
		h.closes()
	})
	require.Equal(t, access.IncidentClosed, h.kept(h.report("wiki")).State)
}

// TestIncident_hidden_for_good: a ticket that cannot be read for a day is deleted. It is not read all the time meanwhile, whatever waits to be written.
func TestIncident_hidden_for_good(t *testing.T) {
	for _, writes := range []bool{false, true} {
		h := newHelpdesk(t, nil)
		calls := 0
		h.at(time.Hour, func() {
			require.NoError(t, h.desk.Hide(h.ticket().Ref.ID, true))
			calls = h.desk.Calls(memory.OpReadTicket) + h.desk.Calls(memory.OpAssignTicket)
			if writes {
				h.flags("ops-1", "off")
				h.signal(workflows.SignalAssignee, struct{}{})
			}
		})
		h.at(24*time.Hour, func() { require.Equal(t, access.IncidentOpen, h.recorded("i1").State) })
		begin := h.env.Now()
		require.Equal(t, access.IncidentDeleted, h.kept(h.report("wiki")).State)
		require.Less(t, h.env.Now().Sub(begin), 31*time.Hour)
		const most = 60
		require.Less(t, h.desk.Calls(memory.OpReadTicket)+h.desk.Calls(memory.OpAssignTicket)-calls, most)
	}
}

// TestIncident_cancelled_while_no_worker_serves_the_desk: an operator's cancellation ends an incident, though nobody takes the call that waits for a worker
// of the desk, as where the desk was taken out of the configuration.
func TestIncident_cancelled_while_no_worker_serves_the_desk(t *testing.T) {
	h := newHelpdesk(t, nil)
	desk := &activities.Desk{Port: h.desk}
	const never = 30 * aDay
	h.env.OnActivity(desk.OpenTicket, anything, anything).After(never).Return(activities.OpenTicketResult{}, access.Errorf(access.Transient, "open", "late"))
	begin := h.env.Now()
	h.at(time.Hour, h.env.CancelWorkflow)
	_, err := h.keep(h.report("wiki"))
	require.Error(t, err)
	require.Less(t, h.env.Now().Sub(begin), aDay)
}

// TestIncident_refused_and_nobody_else: where the desk refuses the only one who is left, the incident shows with whom the ticket still is.
func TestIncident_refused_and_nobody_else(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.flags("sam", "off")
	h.at(time.Hour, func() {
		require.NoError(t, h.desk.MakeUnassignable(h.account("ops-2")))
		h.flags("ops-1", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	for _, at := range []time.Duration{time.Hour + 10*time.Second, 12 * time.Hour} {
		h.at(at, func() {
			require.Equal(t, h.account("ops-1"), h.ticket().Assignee)
			require.Equal(t, h.account("ops-1"), h.recorded("i1").Assignee.Account, "%s", h.recorded("i1").StatusText)
		})
	}
	h.at(13*time.Hour, h.closes)
	h.kept(h.report("wiki"))
}

// TestIncident_refused_whom_people_chose: whom the desk does not let usher assign, and whom people have assigned meanwhile, has the ticket.
func TestIncident_refused_whom_people_chose(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, func() {
		h.desk.Down(true)
		require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.account("ops-2")))
		h.flags("ops-1", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(2*time.Hour, func() {
		require.NoError(t, h.desk.MakeUnassignable(h.account("ops-2")))
		h.signal(workflows.SignalHint, workflows.Hint{})
		h.desk.Down(false)
	})
	h.at(12*time.Hour, func() {
		require.Equal(t, h.account("ops-2"), h.ticket().Assignee)
		require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_refused_successor_of_whom_people_chose: it is so too for a ticket that people assigned to a user of the register, who is switched off.
func TestIncident_refused_successor_of_whom_people_chose(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, func() { require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.account("sam"))) })
	h.at(2*time.Hour, func() {
		require.Equal(t, h.ids["sam"], h.recorded("i1").Assignee.User)
		require.NoError(t, h.desk.MakeUnassignable(h.account("ops-2")))
		h.flags("sam", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(12*time.Hour, func() {
		require.Equal(t, h.ids["ops-1"], h.recorded("i1").Assignee.User)
		require.Equal(t, h.account("ops-1"), h.ticket().Assignee, "the desk has what the ledger has")
		h.closes()
	})
	h.kept(h.report("wiki"))
}
