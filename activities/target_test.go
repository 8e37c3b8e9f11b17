package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// grantCall asks for ana's role, and the ledger first.
func grantCall() activities.GrantCall {
	return activities.GrantCall{
		Assignment: access.Assignment{Role: "editors", Subject: access.Person{ID: "ana"}},
		Recall:     &activities.RecallCall{Lease: "r1:1", Request: "r1", Item: "1"},
	}
}

func newTarget(t *testing.T) (*activities.Target, *memory.Target, *store) {
	t.Helper()
	s, port := newStore(t, &journal{}), memory.NewTarget("editors")
	port.AddAccounts("ana")
	return &activities.Target{Port: port, Ledger: s}, port, s
}

func TestAGrantThatNothingForbidsIsMadeAndProved(t *testing.T) {
	target, port, s := newTarget(t)
	require.NoError(t, s.Record(t.Context(), submitted("r1")))
	for range 2 {
		answer, err := target.Grant(t.Context(), grantCall())
		require.NoError(t, err)
		require.True(t, answer.Proof.Holds)
		require.Nil(t, answer.Remembered)
		require.False(t, answer.Unasked)
	}
	require.Equal(t, []access.PersonID{"ana"}, port.Members("editors"))
}

func TestWhatTheLedgerForbidsIsNotGranted(t *testing.T) {
	withdrawn := submitted("r1")
	withdrawn.View.State = access.OutcomeWithdrawn
	for name, entry := range map[string]access.Entry{
		"the lease has a past": {Lease: &access.LeaseView{
			Lease: access.Lease{ID: "r1:1", Request: "r1", Item: "1", Subject: access.Person{ID: "ana"}}, State: access.LeaseEnded, Version: 1,
		}},
		"the request was withdrawn": withdrawn,
	} {
		t.Run(name, func(t *testing.T) {
			target, port, s := newTarget(t)
			require.NoError(t, s.Record(t.Context(), entry))
			answer, err := target.Grant(t.Context(), grantCall())
			require.NoError(t, err)
			require.NotNil(t, answer.Remembered)
			require.True(t, answer.Remembered.Forbids())
			require.Zero(t, answer.Proof)
			require.Zero(t, port.Calls(memory.OpGrant))
		})
	}
}

func TestALedgerThatIsAwayForbidsTheGrant(t *testing.T) {
	target, port, s := newTarget(t)
	s.away = true
	_, err := target.Grant(t.Context(), grantCall())
	requireKind(t, access.Transient, err)
	require.Zero(t, port.Calls(memory.OpGrant))
}

func TestATargetAtTheEdgeGrantsNothingUnasked(t *testing.T) {
	target, port, _ := newTarget(t)
	target.Ledger = nil
	call := grantCall()
	answer, err := target.Grant(t.Context(), call)
	require.NoError(t, err)
	require.True(t, answer.Unasked)
	require.Zero(t, port.Calls(memory.OpGrant))

	// The workflow has asked.
	call.Recall = nil
	answer, err = target.Grant(t.Context(), call)
	require.NoError(t, err)
	require.True(t, answer.Proof.Holds)
	require.False(t, answer.Unasked)
}

func TestRevokeAndVerifyGiveTheProof(t *testing.T) {
	target, port, _ := newTarget(t)
	assignment := grantCall().Assignment
	port.Put("editors", "ana")
	proof, err := target.Verify(t.Context(), assignment)
	require.NoError(t, err)
	require.True(t, proof.Holds)
	proof, err = target.Revoke(t.Context(), assignment)
	require.NoError(t, err)
	require.False(t, proof.Holds)
	require.Empty(t, port.Members("editors"))

	port.Down(true)
	_, err = target.Revoke(t.Context(), assignment)
	requireKind(t, access.Transient, err)
	_, err = target.Verify(t.Context(), assignment)
	requireKind(t, access.Transient, err)
}
