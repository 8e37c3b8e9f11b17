package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident_shows_no_other_callers_incident: an id under which the ledger has an ended incident of another caller shows nothing of that one. So it is
// when Temporal has forgotten it, and the gateway could not ask the ledger.
func TestIncident_shows_no_other_callers_incident(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, h.closes)
	h.kept(h.report("wiki"))
	h.newRun()
	other := h.report("wiki")
	other.Caller, other.Summary, other.Description, other.Reference = "prober", "x", "", "x"
	answered := &answer{}
	h.at(0, func() { answered = h.opens(other.Digest()) })
	view, err := h.keep(other)
	require.NoError(t, err)
	require.True(t, answered.done)
	require.Equal(t, access.PersonID("prober"), view.Incident.Caller, "it is answered with %q", view.Incident.Summary)
	require.Equal(t, access.IncidentRefused, view.State)
	require.Len(t, view.Refusals, 1)
}

// TestIncident_records_over_no_other_incident: whatever becomes of an incident whose id another one had, the ledger keeps that one.
func TestIncident_records_over_no_other_incident(t *testing.T) {
	for name, change := range map[string]func(*helpdesk, *access.Incident){
		"it is assigned":  func(*helpdesk, *access.Incident) {},
		"it is refused":   func(_ *helpdesk, i *access.Incident) { i.Desk = "nowhere" },
		"it is cancelled": func(h *helpdesk, _ *access.Incident) { h.at(0, h.env.CancelWorkflow) },
		"there is no end yet": func(h *helpdesk, _ *access.Incident) {
			open := h.recorded("i1")
			open.Incident.ID, open.State, open.EndedAt = "i2", access.IncidentOpen, nil
			require.NoError(h.t, h.ledger.SaveIncident(h.t.Context(), open))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			h.at(time.Hour, h.closes)
			h.kept(h.report("wiki"))
			later := h.env.Now().Add(aDay)
			h.newRun()
			h.env.SetStartTime(later)
			other := h.report("wiki")
			other.Caller, other.Reference = "prober", "x"
			change(h, &other)
			if name == "there is no end yet" {
				other.ID = "i2"
			}
			before, told := h.recorded(other.ID), h.told(other.ID)
			_, err := h.keep(other)
			require.Equal(t, name == "it is cancelled", err != nil)
			require.Equal(t, before, h.recorded(other.ID))
			require.Equal(t, told, h.told(other.ID))
			require.Len(t, h.desk.Tickets(), 1)
		})
	}
}

// TestIncident_nobody_else: where nobody is left, the incident says with whom the ticket stays and why, and the ticket says it once for each time it happens.
func TestIncident_nobody_else(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.flags("ops-2", "off")
	h.flags("sam", "off")
	const why = "usher can assign it to nobody else: rule 1 (group ops, round robin) has nobody to whom tickets can be assigned"
	off := func(at time.Duration) {
		h.at(at, func() {
			h.flags("ops-1", "off")
			h.signal(workflows.SignalAssignee, struct{}{})
		})
		h.at(at+12*time.Hour, func() {
			require.Contains(t, h.recorded("i1").StatusText, "MEM-1 is open and assigned to The user ops-1 (ops-1@example.test). "+why)
			h.flags("ops-1", "")
			h.signal(workflows.SignalAssignee, struct{}{})
		})
		h.at(at+13*time.Hour, func() {
			require.Equal(t, "MEM-1 is open and assigned to The user ops-1 (ops-1@example.test).", h.recorded("i1").StatusText)
		})
	}
	off(time.Hour)
	off(24 * time.Hour)
	h.at(48*time.Hour, func() {
		require.Len(t, comments(h.ticket()), 3, "%q", comments(h.ticket()))
		h.saidOnce()
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_says_why_it_is_not_open: an incident that stays opening while the desk is away says so in its status text, as docs/operations.md says.
func TestIncident_says_why_it_is_not_open(t *testing.T) {
	t.Run("the desk is away", func(t *testing.T) {
		h := newHelpdesk(t, nil)
		h.desk.Down(true)
		h.at(time.Hour, func() {
			require.Contains(t, h.shown().StatusText, "No ticket yet", "the ticket's problem: %s", h.shown().TicketProblem)
			h.desk.Down(false)
		})
		h.at(2*time.Hour, h.closes)
		h.kept(h.report("wiki"))
	})
	t.Run("the ledger was away, and the desk is", func(t *testing.T) {
		h := newHelpdesk(t, nil)
		h.desk.Down(true)
		h.ledger.setAway(true)
		h.at(time.Hour, func() { h.ledger.setAway(false) })
		h.at(3*time.Hour, func() {
			require.NotContains(t, h.shown().StatusText, "the database is away", "it is back for two hours")
			h.desk.Down(false)
		})
		h.at(4*time.Hour, h.closes)
		h.kept(h.report("wiki"))
	})
}

// TestIncident_comments_are_true: the ticket says of nobody that it is assigned to them where it never was.
func TestIncident_comments_are_true(t *testing.T) {
	t.Run("people were faster", func(t *testing.T) {
		h := newHelpdesk(t, nil)
		h.at(time.Hour, func() {
			h.flags("ops-1", "off")
			h.desk.FailNext(memory.OpAssignTicket, access.Errorf(access.Transient, "assign", "not now"))
			require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.accounts["omar"]))
			h.signal(workflows.SignalAssignee, struct{}{})
		})
		h.at(4*time.Hour, func() {
			require.Equal(t, h.accounts["omar"], h.ticket().Assignee)
			require.Len(t, comments(h.ticket()), 1, "ops-2 never had it: %q", comments(h.ticket()))
			h.closes()
		})
		h.kept(h.report("wiki"))
	})
	t.Run("the desk refuses", func(t *testing.T) {
		h := newHelpdesk(t, nil)
		require.NoError(t, h.desk.MakeUnassignable(h.account("ops-1")))
		h.at(time.Hour, func() {
			for _, text := range comments(h.ticket()) {
				require.False(t, strings.HasPrefix(text, "Assigned to The user ops-1"), "ops-1 never had it: %q", text)
			}
			h.closes()
		})
		h.kept(h.report("wiki"))
	})
}

// TestIncident_chosen_on_purpose: the ticket is taken from a flagged user however often people assign it to that one, and each taking is told on the ticket.
func TestIncident_chosen_on_purpose(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.flags("ops-1", "off")
	const rounds = 6
	taken := 0
	for n := range rounds {
		h.at(time.Duration(2*n+1)*time.Hour, func() {
			require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.account("ops-1")))
		})
		h.at(time.Duration(2*n+2)*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
		h.at(time.Duration(2*n+2)*time.Hour+50*time.Minute, func() {
			if h.ticket().Assignee != h.account("ops-1") {
				taken++
			}
		})
	}
	h.at(2*rounds*time.Hour+4*time.Hour, h.closes)
	h.kept(h.report("wiki"))
	require.Equal(t, rounds, taken)
	require.Len(t, comments(h.ticket()), rounds+1)
	h.saidOnce()
}

// TestIncident_looks_for_somebody_less_and_less: where nobody is left, usher looks every quarter of an hour, later every four hours.
func TestIncident_looks_for_somebody_less_and_less(t *testing.T) {
	h := newHelpdesk(t, nil)
	looks := 0
	h.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == "AssignIncident" {
			looks++
		}
	})
	h.at(time.Hour, func() {
		for _, name := range []string{"ops-1", "ops-2", "sam"} {
			h.flags(name, "off")
		}
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(49*time.Hour, h.closes)
	h.kept(h.report("wiki"))
	require.Less(t, looks, 24, "in 48 hours")
}
