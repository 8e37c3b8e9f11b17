package workflows_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident_storm_of_refusals: whomever the desk refuses, whomever people choose, whoever the desk itself gives the ticket to, and when the ticket is
// hidden, in the end the ledger says who has the ticket.
func TestIncident_storm_of_refusals(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { stormOfRefusals(t, seed) })
	}
}

func stormOfRefusals(t *testing.T, seed uint64) {
	h, random := newHelpdesk(t, nil), rand.New(rand.NewPCG(seed, 7))
	names := []string{"ops-1", "ops-2", "sam"}
	if random.IntN(2) == 0 {
		h.desk.DefaultAssignee(h.accounts["mia"])
	}
	opened := func() bool { return len(h.desk.Tickets()) > 0 }
	anybody := func() access.AccountID {
		return []access.AccountID{h.accounts["omar"], h.account("ops-1"), h.account("ops-2"), h.account("sam"), ""}[random.IntN(5)]
	}
	actions := []func(){
		func() {
			if opened() {
				require.NoError(t, h.desk.Hide(h.ticket().Ref.ID, random.IntN(2) == 0))
			}
		},
		func() {
			h.flags(names[random.IntN(3)], []string{"off", ""}[random.IntN(2)])
			h.signal(workflows.SignalAssignee, struct{}{})
		},
		func() { h.signal(workflows.SignalHint, workflows.Hint{}) },
		func() { h.desk.Down(random.IntN(2) == 0) },
		func() { h.ledger.setAway(random.IntN(2) == 0) },
		func() {
			h.desk.FailNext(memory.OpAssignTicket, access.Errorf(access.Invalid, "assign", "not this one"))
		},
		func() {
			if random.IntN(4) == 0 {
				require.NoError(t, h.desk.MakeUnassignable(h.account(names[random.IntN(3)])))
			}
		},
		func() {
			h.desk.DropAnswerNext([]string{memory.OpCreateTicket, memory.OpAddComments, memory.OpAssignTicket, memory.OpReadTicket}[random.IntN(4)])
		},
		func() {
			if opened() && random.IntN(2) == 0 {
				require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, anybody()))
			}
		},
	}
	for range 14 {
		h.at(time.Duration(random.Int64N(int64(4*time.Hour))), actions[random.IntN(len(actions))])
	}
	h.at(4*time.Hour+time.Minute, func() {
		h.desk.Down(false)
		require.NoError(t, h.desk.Hide(h.ticket().Ref.ID, false))
		h.ledger.setAway(false)
	})
	h.at(10*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
	h.at(17*time.Hour, func() {
		v := h.recorded("i1")
		require.Equal(t, h.ticket().Assignee, v.Assignee.Account, "%+v, said %q", v.Assignee, comments(h.ticket()))
		h.closes()
	})
	h.kept(h.report("wiki"))
	h.saidOnce()
}

// TestIncident_refused_write_is_no_assignment: where the desk refuses a write for good, whatever the reason, the ledger does not say that it was made.
func TestIncident_refused_write_is_no_assignment(t *testing.T) {
	for name, row := range map[string]struct {
		op   string
		kind access.Kind
		who  string
	}{
		"a comment is refused":             {memory.OpAddComments, access.Invalid, "ops-2"},
		"the ticket is locked, comment":    {memory.OpAddComments, access.Conflict, "ops-2"},
		"the ticket is locked, assignment": {memory.OpAssignTicket, access.Conflict, "sam"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHelpdesk(t, nil)
			h.at(time.Hour, func() {
				h.flags("ops-1", "off")
				h.desk.FailNext(row.op, access.Errorf(row.kind, "write", "not now"))
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			// The schedule's next checks.
			for n := range 6 {
				h.at(time.Duration(n+2)*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
			}
			h.at(12*time.Hour, func() {
				require.Equal(t, h.recorded("i1").Assignee.Account, h.ticket().Assignee, "the ledger has what the desk has")
				require.Equal(t, h.account(row.who), h.ticket().Assignee)
				h.closes()
			})
			h.kept(h.report("wiki"))
		})
	}
}
