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

// fakeRevocation records everything but what is of the subjects other and bad, and never ends for slow.
func fakeRevocation(ctx workflow.Context, r access.Revocation) (workflows.RevocationResult, error) {
	switch r.Subject {
	case "other":
		return workflows.RevocationResult{Kind: access.Conflict, Problem: "the id is another revocation's"}, nil
	case "bad":
		return workflows.RevocationResult{Kind: access.Invalid, Problem: "reason: is empty"}, nil
	case "slow":
		return workflows.RevocationResult{}, workflow.Sleep(ctx, time.Hour)
	}
	r.Leases = []access.LeaseID{"r1:1"}
	return workflows.RevocationResult{Revocation: r}, nil
}

func revocation(subject access.PersonID) access.Revocation {
	return access.Revocation{
		ID: access.RevocationID(uuid.NewString()), Subject: subject, By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: time.Now().UTC(),
	}
}

func TestRevoke(t *testing.T) {
	g := newGateway(t)
	r := revocation("ana")
	recorded := r
	recorded.Leases = []access.LeaseID{"r1:1"}
	receipt, err := g.Revoke(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, gateway.RevocationReceipt{Revocation: recorded, Created: true}, receipt)
	again := r
	again.At, again.Evidence = r.At.Add(time.Minute), "another token"
	receipt, err = g.Revoke(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, gateway.RevocationReceipt{Revocation: recorded}, receipt, "a repeated call gets the first record")
	again.Reason = "another"
	_, err = g.Revoke(t.Context(), again)
	requireUsed(t, err, "another revocation")
	_, err = g.Revoke(t.Context(), revocation("other"))
	requireUsed(t, err, "another revocation")
	_, err = g.Revoke(t.Context(), revocation("bad"))
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "reason: is empty")
}

func TestRevoke_no_answer(t *testing.T) {
	r := revocation("slow")
	receipt, err := impatient(server(t).temporal).Revoke(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, gateway.RevocationReceipt{Revocation: r, Pending: true}, receipt)
	require.NoError(t, server(t).temporal.TerminateWorkflow(t.Context(), workflows.RevocationWorkflowID(r.ID), "", "by an operator"))
	_, err = newGateway(t).Revoke(t.Context(), r)
	require.Equal(t, access.Conflict, access.KindOf(err))
}
