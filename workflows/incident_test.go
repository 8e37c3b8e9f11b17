package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident: the ticket is opened and assigned by the rule, a note says why, and it is shown until somebody closes it.
func TestIncident(t *testing.T) {
	h := newHelpdesk(t, nil)
	i := h.report("wiki")
	answered, other := &answer{}, &answer{}
	h.at(0, func() { answered = h.opens(i.Digest()) })
	h.at(time.Hour, func() {
		require.True(t, answered.done)
		require.NoError(t, answered.accepted)
		open := h.shown()
		require.Equal(t, access.IncidentOpen, open.State)
		require.Equal(t, h.ids["ops-1"], open.Assignee.User)
		require.Equal(t, "rule 1 (group ops, round robin)", open.Assignee.Why)
		require.Equal(t, open, h.recorded("i1"))
		require.Equal(t, 1, h.registered("ops-1").Open)
		ticket := h.ticket()
		require.Equal(t, h.account("ops-1"), ticket.Assignee)
		require.Equal(t, h.account("ops-1"), ticket.New.Assignee, "from its first moment")
		require.Equal(t, "Incident: The disk is full", ticket.New.Summary)
		require.Contains(t, ticket.New.Body, "Handed in by monitor. Reference: INC-7 https://other.example.test/INC-7")
		require.Equal(t, []string{"Assigned to The user ops-1 (ops-1@example.test): rule 1 (group ops, round robin)."}, comments(ticket))
		other = h.opens("another digest")
	})
	h.at(2*time.Hour, func() {
		require.True(t, other.done)
		require.ErrorContains(t, other.rejected, "already names another incident")
		h.closes()
	})
	view := h.kept(i)
	require.Equal(t, access.IncidentClosed, view.State)
	require.Equal(t, "Ben closed MEM-1 as done.", view.StatusText)
	require.Zero(t, h.registered("ops-1").Open)
	require.Equal(t, []access.DeskEventType{
		access.DeskIncidentTaken, access.DeskIncidentAssigned, access.DeskIncidentOpened, access.DeskIncidentEnded,
	}, h.types("i1"))
	require.Equal(t, access.PersonID("monitor"), h.told("i1")[0].Actor)
	require.Empty(t, h.ensures, "nobody gets any access")
}

// TestIncident_refused: what cannot be taken opens nothing, and says which field is wrong.
func TestIncident_refused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*access.Incident)
		field  string
		says   string
	}{
		"a desk that takes none": {func(i *access.Incident) { i.Desk = "other" }, "desk", `found "other", expected one of the desks that take incidents: jira`},
		"an unknown assignee": {
			func(i *access.Incident) { i.Assignee = "eve@example.test" }, "assignee",
			`found "eve@example.test", expected the e-mail address of an integration user of the desk "jira"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			i := h.report("wiki")
			row.change(&i)
			view := h.kept(i)
			require.Equal(t, access.IncidentRefused, view.State)
			require.Equal(t, []access.Refusal{{Field: row.field, Problem: row.says}}, view.Refusals)
			require.Empty(t, h.desk.Tickets())
		})
	}
}

// TestIncident_assignee: who gets the ticket, and why.
func TestIncident_assignee(t *testing.T) {
	for name, row := range map[string]struct {
		application, wish string
		prepare           func(*helpdesk)
		who, why          string
		fallback          bool
	}{
		"by rule":           {application: "wiki", who: "ops-1", why: "rule 1 (group ops, round robin)"},
		"no rule":           {application: "mail", who: "sam", why: "the fallback, sam@example.test"},
		"the caller's wish": {application: "wiki", wish: "Ops-2@Example.test", who: "ops-2", why: "the caller asked for Ops-2@Example.test"},
		"a wish that is flagged": {
			application: "wiki", wish: "ops-2@example.test", prepare: func(h *helpdesk) { h.flags("ops-2", "off") }, who: "sam", fallback: true,
			why: "the caller asked for ops-2@example.test has nobody to whom tickets can be assigned, so it is the fallback, sam@example.test",
		},
		"the group is flagged": {
			application: "wiki", prepare: func(h *helpdesk) { h.flags("ops-1", "off"); h.flags("ops-2", "off") }, who: "sam", fallback: true,
			why: "rule 1 (group ops, round robin) has nobody to whom tickets can be assigned, so it is the fallback, sam@example.test",
		},
		"the desk refuses one of the group": {
			application: "wiki", prepare: func(h *helpdesk) { require.NoError(h.t, h.desk.MakeUnassignable(h.account("ops-1"))) }, who: "ops-2",
			why: "rule 1 (group ops, round robin)",
		},
		"a wish that only looks like an address of the group": {
			application: "wiki", wish: "kim@example.test", prepare: func(h *helpdesk) {
				h.hire("kim")
				h.hire("\u212aim")
				h.flags("kim", "off")
			},
			who: "sam", fallback: true,
			why: "the caller asked for kim@example.test has nobody to whom tickets can be assigned, so it is the fallback, sam@example.test",
		},
		"the desk refuses the only one of the group": {
			application: "wiki", prepare: func(h *helpdesk) {
				h.flags("ops-2", "off")
				require.NoError(h.t, h.desk.MakeUnassignable(h.account("ops-1")))
			},
			who: "sam", fallback: true,
			why: "rule 1 (group ops, round robin) has nobody to whom tickets can be assigned, so it is the fallback, sam@example.test",
		},
		"nobody": {
			application: "wiki", prepare: func(h *helpdesk) { h.flags("ops-1", "off"); h.flags("ops-2", "off"); h.flags("sam", "off") }, fallback: true,
			why: "rule 1 (group ops, round robin) has nobody to whom tickets can be assigned, the fallback, sam@example.test has nobody to whom tickets can be assigned",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			if row.prepare != nil {
				row.prepare(h)
			}
			i := h.report(row.application)
			i.Assignee = row.wish
			h.at(time.Hour, h.closes)
			view := h.kept(i)
			require.Equal(t, row.why, view.Assignee.Why)
			require.Equal(t, row.fallback, view.Assignee.Fallback)
			require.Equal(t, h.ids[row.who], view.Assignee.User)
			wanted := access.AccountID("")
			if row.who != "" {
				wanted = h.account(row.who)
			}
			require.Equal(t, wanted, h.ticket().Assignee)
		})
	}
}

// TestIncident_assigned_anew: the ticket of a user who is switched off goes to another one, unless people chose whom.
func TestIncident_assigned_anew(t *testing.T) {
	for name, row := range map[string]struct {
		before   func(*helpdesk)
		has, who string
	}{
		"another of the group": {has: "ops-1", who: "ops-2"},
		"the fallback":         {before: func(h *helpdesk) { h.flags("ops-2", "off") }, has: "ops-1", who: "sam"},
		"nobody is left": {
			before: func(h *helpdesk) { h.flags("ops-2", "off"); h.flags("sam", "off") }, has: "ops-1", who: "ops-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			if row.before != nil {
				row.before(h)
			}
			h.at(time.Hour, func() {
				require.Equal(t, h.account(row.has), h.ticket().Assignee)
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			h.at(2*time.Hour, func() {
				require.Equal(t, h.account(row.has), h.ticket().Assignee, "who is available keeps it")
				require.Len(t, h.ticket().Comments, 1)
				h.flags(row.has, "the desk has switched the user off")
				h.signal(workflows.SignalAssignee, struct{}{})
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			h.at(3*time.Hour, func() {
				require.Equal(t, h.account(row.who), h.ticket().Assignee)
				require.Len(t, h.ticket().Comments, 2, "said once: %v", comments(h.ticket()))
				h.closes()
			})
			view := h.kept(h.report("wiki"))
			require.Equal(t, h.ids[row.who], view.Assignee.User)
		})
	}
}

// TestIncident_vacant: a ticket that nobody can have is assigned as soon as somebody can.
func TestIncident_vacant(t *testing.T) {
	h := newHelpdesk(t, nil)
	for _, name := range []string{"ops-1", "ops-2", "sam"} {
		h.flags(name, "off")
	}
	h.at(time.Hour, func() {
		require.Empty(t, h.ticket().Assignee)
		require.Contains(t, comments(h.ticket())[0], "usher can assign this to nobody: rule 1")
		h.flags("ops-2", "")
	})
	h.at(6*time.Hour, func() {
		require.Equal(t, h.account("ops-2"), h.ticket().Assignee)
		h.closes()
	})
	require.Equal(t, h.ids["ops-2"], h.kept(h.report("wiki")).Assignee.User)
}

// TestIncident_by_hand: whom people choose on the desk stays; who is in the register is found there, and loses the ticket when switched off.
func TestIncident_by_hand(t *testing.T) {
	h := newHelpdesk(t, nil)
	assign := func(to access.AccountID) { require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, to)) }
	h.at(time.Hour, func() { assign(h.accounts["omar"]) })
	h.at(2*time.Hour, func() {
		require.Equal(t, h.accounts["omar"], h.recorded("i1").Assignee.Account)
		require.Empty(t, h.recorded("i1").Assignee.User)
		require.Zero(t, h.registered("ops-1").Open)
		h.flags("ops-1", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(3*time.Hour, func() {
		require.Equal(t, h.accounts["omar"], h.ticket().Assignee, "people's choice")
		assign(h.account("ops-2"))
	})
	h.at(4*time.Hour, func() {
		require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
		require.Equal(t, 1, h.registered("ops-2").Open)
		require.Equal(t, "MEM-1 is open and assigned to The user ops-2 (ops-2@example.test).", h.recorded("i1").StatusText)
		h.flags("ops-2", "off")
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(5*time.Hour, func() {
		require.Equal(t, h.account("sam"), h.ticket().Assignee)
		h.closes()
	})
	require.Equal(t, h.ids["sam"], h.kept(h.report("wiki")).Assignee.User)
}

// TestIncident_outages: whatever is away, there is one ticket in the end, and its end is recorded.
func TestIncident_outages(t *testing.T) {
	for name, row := range map[string]struct {
		begin, end func(*helpdesk)
	}{
		"the desk":                    {func(h *helpdesk) { h.desk.Down(true) }, func(h *helpdesk) { h.desk.Down(false) }},
		"the ledger":                  {func(h *helpdesk) { h.ledger.setAway(true) }, func(h *helpdesk) { h.ledger.setAway(false) }},
		"the answer to the create":    {func(h *helpdesk) { h.desk.DropAnswerNext(memory.OpCreateTicket); h.desk.SearchLags(true) }, func(h *helpdesk) { h.desk.SearchLags(false) }},
		"the answer to an update":     {func(h *helpdesk) { h.desk.DropAnswerNext(memory.OpAddComments) }, func(*helpdesk) {}},
		"the answer to an assignment": {func(h *helpdesk) { h.desk.DropAnswerNext(memory.OpAssignTicket) }, func(*helpdesk) {}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			row.begin(h)
			h.at(90*time.Second, func() { row.end(h) })
			h.at(6*time.Hour, func() {
				require.Equal(t, access.IncidentOpen, h.shown().State)
				require.Len(t, h.ticket().Comments, 1)
				h.closes()
			})
			view := h.kept(h.report("wiki"))
			require.Equal(t, access.IncidentClosed, view.State)
			require.Equal(t, h.ids["ops-1"], view.Assignee.User)
			require.Len(t, h.types("i1"), 4)
		})
	}
}

// TestIncident_ends: each way to an end, at each moment.
func TestIncident_ends(t *testing.T) {
	for _, moment := range []string{"opening", "open"} {
		for name, row := range map[string]struct {
			do    func(*helpdesk)
			state access.IncidentState
		}{
			"closed":    {func(h *helpdesk) { h.closes() }, access.IncidentClosed},
			"deleted":   {func(h *helpdesk) { require.NoError(h.t, h.desk.Delete(h.ticket().Ref.ID)) }, access.IncidentDeleted},
			"cancelled": {func(h *helpdesk) { h.env.CancelWorkflow() }, access.IncidentCancelled},
		} {
			if moment == "opening" && name != "cancelled" {
				continue
			}
			t.Run(moment+"/"+name, func(t *testing.T) {
				h := newHelpdesk(t, nil)
				if moment == "opening" {
					h.desk.Down(true)
				}
				h.at(time.Hour, func() { row.do(h) })
				_, err := h.keep(h.report("wiki"))
				require.Equal(t, row.state == access.IncidentCancelled, err != nil)
				recorded := h.recorded("i1")
				require.Equal(t, row.state, recorded.State)
				require.NotNil(t, recorded.EndedAt)
				require.Zero(t, h.registered("ops-1").Open)
			})
		}
	}
}

// TestIncident_ended_before: a workflow that was reset after its end opens no other ticket.
func TestIncident_ended_before(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, h.closes)
	first := h.kept(h.report("wiki"))
	require.NoError(t, h.desk.Delete(first.Ticket.ID))
	h.newRun()
	again := h.kept(h.report("wiki"))
	require.Equal(t, first, again)
	require.Len(t, h.desk.Tickets(), 1)
}

// TestIncident_people_were_faster: whom people choose while a write of usher's waits keeps the ticket, whether usher reads it before it writes or not.
func TestIncident_people_were_faster(t *testing.T) {
	for _, read := range []bool{false, true} {
		h := newHelpdesk(t, nil)
		h.at(time.Hour, func() {
			h.flags("ops-1", "off")
			// The desk is away for a moment, whether the write looks before it assigns or not.
			for _, op := range []string{memory.OpReadTicket, memory.OpAssignTicket} {
				h.desk.FailNext(op, slices.Repeat([]error{access.Errorf(access.Transient, op, "not now")}, 6)...)
			}
			h.signal(workflows.SignalAssignee, struct{}{})
			h.at(2*time.Second, func() {
				require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.accounts["omar"]))
				if read {
					h.signal(workflows.SignalHint, workflows.Hint{})
				}
			})
		})
		h.at(4*time.Hour, func() {
			require.Equal(t, h.accounts["omar"], h.ticket().Assignee, "read %t", read)
			require.Equal(t, h.accounts["omar"], h.recorded("i1").Assignee.Account, "read %t", read)
			h.closes()
		})
		h.kept(h.report("wiki"))
	}
}

// TestIncident_refused_once: whom the desk refused for this ticket is tried again where nobody else can have it.
func TestIncident_refused_once(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.flags("ops-2", "off")
	h.flags("sam", "off")
	h.at(time.Hour, func() {
		h.flags("ops-1", "off")
		h.flags("ops-2", "")
		h.desk.FailNext(memory.OpAssignTicket, access.Errorf(access.Invalid, "assign ticket", "not now"))
		h.signal(workflows.SignalAssignee, struct{}{})
	})
	h.at(time.Hour+time.Minute, func() { require.Equal(t, h.ids["ops-1"], h.shown().Assignee.User) })
	h.at(6*time.Hour, func() {
		require.Equal(t, h.ids["ops-2"], h.recorded("i1").Assignee.User)
		require.Equal(t, h.account("ops-2"), h.ticket().Assignee)
		h.closes()
	})
	h.kept(h.report("wiki"))
}

// TestIncident_nothing_left: what usher handed in itself is closed by usher once there is nothing more to do, whenever that is known, and once.
func TestIncident_nothing_left(t *testing.T) {
	for name, at := range map[string][]time.Duration{
		"before the ticket": {0},
		"later":             {time.Hour},
		"twice":             {time.Hour, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			for _, when := range at {
				h.at(when, func() {
					h.env.SignalWorkflow(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "Nothing is held back any more."})
				})
			}
			view := h.kept(h.report("wiki"))
			require.Equal(t, access.IncidentClosed, view.State)
			require.Equal(t, "Nothing is held back any more.", view.StatusText)
			ticket := h.ticket()
			require.Equal(t, access.TicketDone, ticket.Phase)
			require.Equal(t, 1, countOf(comments(ticket), "Nothing is held back any more."))
			require.Zero(t, h.registered("ops-1").Open)
			require.Empty(t, h.ensures, "nobody gets any access")
		})
	}
}

// TestIncident_nothing_left_and_closed: somebody was faster.
func TestIncident_nothing_left_and_closed(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.at(time.Hour, h.closes)
	h.at(time.Hour, func() {
		h.env.SignalWorkflow(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "Nothing is held back any more."})
	})
	view := h.kept(h.report("wiki"))
	require.Equal(t, access.IncidentClosed, view.State)
	require.Equal(t, access.TicketDone, h.ticket().Phase)
}

func countOf(texts []string, text string) int {
	n := 0
	for _, t := range texts {
		if t == text {
			n++
		}
	}
	return n
}
