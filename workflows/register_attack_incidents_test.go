package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// picked has what happens right after the ledger has picked somebody, before the workflow knows; by ledger, once.
var picked sync.Map

func (l *faultyLedger) AssignIncident(ctx context.Context, id access.IncidentID, c access.Assignees) (access.IntegrationUser, error) {
	u, err := l.Store.AssignIncident(ctx, id, c)
	if do, set := picked.LoadAndDelete(l); set && err == nil {
		do.(func(access.IntegrationUser))(u)
	}
	return u, err
}

// unread has the ledger not answer who is registered, once; by ledger.
var unread sync.Map

func (l *faultyLedger) IntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID) (access.IntegrationUser, error) {
	if _, set := unread.LoadAndDelete(l); set {
		return access.IntegrationUser{}, access.Errorf(access.Transient, "read a user", "the database is away")
	}
	return l.Store.IntegrationUser(ctx, desk, id)
}

// TestIntegrationUsers_remove_nobody: nobody is removed who never was registered, also where the ledger did not answer the first attempt.
func TestIntegrationUsers_remove_nobody(t *testing.T) {
	h := newHelpdesk(t, nil)
	unread.Store(h.ledger, true)
	got, err := h.changes(workflows.IntegrationUsersParams{Remove: &workflows.RemoveIntegrationUserInput{User: "nobody"}, Reason: "a slip of the pen"})
	require.NoError(t, err)
	require.Equal(t, access.NotFound, got.Kind, "%+v", got)
}

// TestIncident_removed_while_picked: whoever is removed from the register in the moment in which the ledger has picked them loses the ticket again: at
// the latest at the next checks.
func TestIncident_removed_while_picked(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.heard = func(_, signal string, _ any) error {
		h.env.SignalWorkflow(signal, struct{}{})
		return nil
	}
	picked.Store(h.ledger, func(u access.IntegrationUser) {
		require.NoError(t, h.ledger.RemoveIntegrationUser(t.Context(), "jira", u.ID, access.DeskEvent{
			ID: "remove", Desk: "jira", User: u.ID, Type: access.DeskUserRemoved, At: chainStart,
		}))
		ids, err := h.ledger.IncidentsOf(t.Context(), "jira", u.ID, "", 10)
		require.NoError(t, err)
		for range ids {
			require.NoError(t, h.heard("", workflows.SignalAssignee, nil))
		}
	})
	h.at(12*time.Hour, func() {
		has := h.recorded("i1").Assignee.User
		_, err := h.ledger.IntegrationUser(t.Context(), "jira", has)
		require.NoError(t, err, "the ticket is with somebody of the register")
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIntegrationUsers_removal_is_told_in_the_end: where the incidents of somebody who was removed could not be notified, a later run notifies them.
func TestIntegrationUsers_removal_is_told_in_the_end(t *testing.T) {
	h := newHelpdesk(t, nil)
	told := h.hears()
	hears, away := h.heard, true
	h.heard = func(workflowID, signal string, arg any) error {
		if away {
			return access.Errorf(access.Transient, "signal", "Temporal is away")
		}
		return hears(workflowID, signal, arg)
	}
	h.has("i1", "ops-1")
	remove := workflows.IntegrationUsersParams{Remove: &workflows.RemoveIntegrationUserInput{User: h.ids["ops-1"]}, Reason: "she has left"}
	_, err := h.changes(remove)
	require.Error(t, err, "it may have been done in part; repeat it with a new id")
	away = false
	_, err = h.changes(remove)
	require.NoError(t, err)
	_, err = h.changes(workflows.IntegrationUsersParams{})
	require.NoError(t, err)
	require.Contains(t, *told, "incident/i1 assignee")
}

// TestIntegrationUsers_check_keeps_addresses_apart: a user who takes the address of another one on the desk does not get that one's tickets.
func TestIntegrationUsers_check_keeps_addresses_apart(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.hire("eve")
	user, err := h.users.ReadUser(t.Context(), h.ids["eve"])
	require.NoError(t, err)
	user.Values[access.UserFieldEmail] = fallbackMail
	h.users.Put(user)
	_, err = h.changes(workflows.IntegrationUsersParams{})
	require.NoError(t, err)

	// sam has a ticket already, so the fewest are with eve.
	h.has("i2", "sam")
	h.newRun()
	h.at(time.Hour, func() {
		require.NotEqual(t, h.account("eve"), h.ticket().Assignee, "the fallback is sam")
		h.closes()
	})
	h.kept(h.report("mail"))
}

// anything is what the test environment takes for every argument of an activity.
const anything = "mock.Anything"

// unconfigured takes the incidents of the desk out of the configuration after some time.
func (h *helpdesk) unconfigured(after time.Duration) {
	incidents := &activities.Incidents{
		Ledger: h.ledger, Desk: "jira", Settings: map[access.DeskName]activities.IncidentSettings{"jira": h.incidents},
	}
	h.env.OnActivity(incidents.AssignIncident, anything, anything).Return(incidents.AssignIncident)
	h.at(after, func() { incidents.Settings = nil })
}

// TestIncident_without_a_configuration: the incidents section was taken out of the configuration while an incident is open. It shows that, it can be
// cancelled, and it ends when its ticket is closed.
func TestIncident_without_a_configuration(t *testing.T) {
	for _, end := range []string{"cancelled", "closed"} {
		t.Run(end, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			h.unconfigured(time.Hour)
			begin := h.env.Now()
			h.at(2*time.Hour, func() {
				h.flags("ops-1", "off")
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			h.at(12*time.Hour, func() {
				require.Equal(t, h.account("ops-1"), h.ticket().Assignee, "nobody can be picked")
				if end == "cancelled" {
					h.env.CancelWorkflow()
				} else {
					h.closes()
				}
			})
			_, err := h.keep(h.report("wiki"))
			require.Equal(t, end == "cancelled", err != nil)
			require.LessOrEqual(t, h.env.Now().Sub(begin), 13*time.Hour)
			require.Equal(t, access.IncidentState(end), h.recorded("i1").State)
		})
	}
}

// TestIncident_without_a_configuration_says_so: an incident that cannot be assigned anew, because no worker has the rules, shows why.
func TestIncident_without_a_configuration_says_so(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.unconfigured(time.Hour)
	h.at(2*time.Hour, func() {
		h.flags("ops-1", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(12*time.Hour, func() {
		v := h.shown()
		require.Contains(t, v.StatusText+v.TicketProblem, "configuration", "ops-1 is off, and nobody else gets the ticket")
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_everybody_is_flagged: a desk that shows nobody any more moves no ticket, and says so once on each.
func TestIncident_everybody_is_flagged(t *testing.T) {
	h := newHelpdesk(t, nil)
	for n := range 12 {
		h.at(time.Duration(n+1)*time.Hour, func() {
			for _, name := range []string{"ops-1", "ops-2", "sam"} {
				h.flags(name, "the desk has no such user any more")
			}
			h.signal(workflows.SignalAssignee, struct{}{})
		})
	}
	h.at(24*time.Hour, func() {
		require.Equal(t, h.account("ops-1"), h.ticket().Assignee)
		require.Len(t, h.ticket().Comments, 2, "%v", comments(h.ticket()))
		h.closes()
	})
	h.kept(h.report("wiki"))
}
