package gateway_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

// fakePause records everything but what is of the targets other and unknown, and never ends for slow.
func fakePause(ctx workflow.Context, p access.Pause) (workflows.PauseResult, error) {
	switch p.Target {
	case "other":
		return workflows.PauseResult{Kind: access.Conflict}, nil
	case "unknown":
		return workflows.PauseResult{Kind: access.Invalid, Refusals: []access.Refusal{{Field: "target", Problem: "there is no such target"}}}, nil
	case "slow":
		return workflows.PauseResult{}, workflow.Sleep(ctx, time.Hour)
	}
	return workflows.PauseResult{Pause: p, Asked: p.At, Now: []access.Pause{p}}, nil
}

func pauseOf(target access.TargetName) access.Pause {
	return access.Pause{
		ID: access.PauseID(uuid.NewString()), What: access.PausedGrants, Target: target, Paused: true, By: "adam", Reason: "repair", At: time.Now().UTC(),
	}
}

func TestPause(t *testing.T) {
	g := newGateway(t)
	p := pauseOf("wiki")
	receipt, err := g.Pause(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, gateway.PauseReceipt{Pause: p, Now: []access.Pause{p}, Created: true}, receipt)
	again := p
	again.At, again.Evidence = p.At.Add(time.Minute), "another token"
	receipt, err = g.Pause(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, gateway.PauseReceipt{Pause: p, Now: []access.Pause{p}}, receipt, "a repeated call gets the first record")
	again.Paused = false
	_, err = g.Pause(t.Context(), again)
	requireUsed(t, err, "another pause")
	_, err = g.Pause(t.Context(), pauseOf("other"))
	requireUsed(t, err, "another pause")
	_, err = g.Pause(t.Context(), pauseOf("unknown"))
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "there is no such target")
}

func TestPause_no_answer(t *testing.T) {
	p := pauseOf("slow")
	receipt, err := impatient(server(t).temporal).Pause(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, gateway.PauseReceipt{Pause: p, Pending: true}, receipt)
	require.NoError(t, server(t).temporal.TerminateWorkflow(t.Context(), workflows.PauseWorkflowID(p.ID), "", "by an operator"))
	_, err = newGateway(t).Pause(t.Context(), p)
	require.Equal(t, access.Conflict, access.KindOf(err))
}
