package workflows_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestIncident_storm_of_runs: whatever happens while runs continue as new, there is one ticket, nothing is said twice, and the ledger has what the desk has.
func TestIncident_storm_of_runs(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { stormOfRuns(t, seed) })
	}
}

// timed is something that happens some time after the first run began.
type timed struct {
	at time.Duration
	do func()
}

func stormOfRuns(t *testing.T, seed uint64) {
	h, random := newHelpdesk(t, nil), rand.New(rand.NewPCG(seed, 11))
	names := []string{"ops-1", "ops-2", "sam"}
	actions := []func(){
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
			h.desk.DropAnswerNext([]string{memory.OpCreateTicket, memory.OpAddComments, memory.OpAssignTicket, memory.OpReadTicket}[random.IntN(4)])
		},
		func() { h.env.SetContinueAsNewSuggested(true) },
		func() { h.env.SetContinueAsNewSuggested(true) },
	}
	var plan []timed
	for range 16 {
		plan = append(plan, timed{time.Duration(random.Int64N(int64(4 * time.Hour))), actions[random.IntN(len(actions))]})
	}
	plan = append(plan,
		timed{4*time.Hour + time.Minute, func() { h.desk.Down(false); h.ledger.setAway(false); h.flags("sam", "") }},
		timed{10 * time.Hour, func() { h.signal(workflows.SignalAssignee, struct{}{}) }},
		timed{18 * time.Hour, func() {
			v := h.recorded("i1")
			require.Equal(t, h.ticket().Assignee, v.Assignee.Account, "%+v, said %q", v.Assignee, comments(h.ticket()))
			require.True(t, v.Assignee.User != "" && h.availableID(v.Assignee.User), "%+v", v.Assignee)
			h.closes()
		}},
	)
	var params any = workflows.IncidentTicketParams{Incident: h.report("wiki")}
	begin := h.env.Now()
	for run := 0; ; run++ {
		require.Less(t, run, 50)
		since := h.env.Now().Sub(begin)
		for _, one := range plan {
			if one.at > since {
				h.env.RegisterDelayedCallback(one.do, one.at-since)
			}
		}
		h.env.ExecuteWorkflow(workflows.IncidentTicketType, params)
		require.True(t, h.env.IsWorkflowCompleted())
		var next *workflow.ContinueAsNewError
		if !errors.As(h.env.GetWorkflowError(), &next) {
			require.NoError(t, h.env.GetWorkflowError())
			break
		}
		var carried map[string]any
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
		params = carried
		h.newRun()
	}
	require.Equal(t, access.IncidentClosed, h.recorded("i1").State)
	h.saidOnce()
}

// availableID reports whether tickets may be assigned to a user.
func (h *helpdesk) availableID(id access.UserID) bool {
	u, err := h.ledger.IntegrationUser(h.t.Context(), "jira", id)
	require.NoError(h.t, err)
	return u.Available()
}
