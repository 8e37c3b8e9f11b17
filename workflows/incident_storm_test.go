package workflows_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident_storm: whatever happens in whatever order, there is one ticket, nothing is said twice, the ledger has what the workflow has, and in the end
// the ticket is with somebody who is available, with nobody if nobody is, or with whom people chose.
func TestIncident_storm(t *testing.T) {
	seeds := uint64(60)
	if os.Getenv("FULL") != "" {
		seeds = 2000
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { incidentStorm(t, seed) })
	}
}

func incidentStorm(t *testing.T, seed uint64) {
	h, random := newHelpdesk(t, nil), rand.New(rand.NewPCG(seed, 1))
	names := []string{"ops-1", "ops-2", "sam"}
	byHand := false
	opened := func() bool { return len(h.desk.Tickets()) > 0 }
	// What cannot be told apart from usher's own assignment by the account is not played: people choose others.
	actions := []func(){
		func() {
			h.flags(names[random.IntN(3)], []string{"off", ""}[random.IntN(2)])
			h.signal(workflows.SignalAssignee, struct{}{})
		},
		func() { h.signal(workflows.SignalHint, workflows.Hint{}) },
		func() { h.desk.Down(random.IntN(2) == 0) },
		func() { h.ledger.setAway(random.IntN(2) == 0) },
		func() {
			h.desk.DropAnswerNext([]string{memory.OpCreateTicket, memory.OpAddComments, memory.OpAssignTicket, memory.OpReadTicket}[random.IntN(4)])
		},
		func() {
			if opened() && random.IntN(3) == 0 {
				byHand = true
				require.NoError(t, h.desk.AssignAs(h.ticket().Ref.ID, h.accounts["omar"]))
			}
		},
	}
	for range 12 {
		h.at(time.Duration(random.Int64N(int64(4*time.Hour))), actions[random.IntN(len(actions))])
	}
	h.at(4*time.Hour+time.Minute, func() {
		h.desk.Down(false)
		h.ledger.setAway(false)
	})
	h.at(10*time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) })
	// It ends by a human, or because there is nothing more to do.
	end := h.closes
	if random.IntN(2) == 0 {
		end = func() {
			h.signal(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "Nothing is held back any more."})
		}
	}
	h.at(18*time.Hour, end)
	view := h.kept(h.report("wiki"))
	require.Equal(t, access.IncidentClosed, view.State)
	ticket := h.ticket()
	require.Equal(t, view.Assignee.Account, ticket.Assignee)
	h.saidOnce()
	var free []string
	for _, name := range names {
		if h.registered(name).Available() {
			free = append(free, name)
		}
	}
	switch assignee := view.Assignee; {
	case assignee.User != "" && len(free) > 0:
		require.True(t, slices.ContainsFunc(free, func(name string) bool { return h.ids[name] == assignee.User }), "%v are free, %+v has it", free, assignee)
	case assignee.Account == "":
		require.Empty(t, free)
	case assignee.User == "":
		require.True(t, byHand)
	}
}
