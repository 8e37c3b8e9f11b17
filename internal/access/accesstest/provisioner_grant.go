package accesstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func grantOnce(t *testing.T, h ProvisionerHarness) {
	verification := h.grant(t, h.Role, h.Subject)
	require.False(t, verification.Unchanged)
	require.Equal(t, []string{verification.Account}, h.Members(h.Role))
}

func grantTwice(t *testing.T, h ProvisionerHarness) {
	first := h.grant(t, h.Role, h.Subject)
	second := h.grant(t, h.Role, h.Subject)
	require.True(t, second.Unchanged)
	require.Equal(t, first.Account, second.Account)
	require.Equal(t, []string{first.Account}, h.Members(h.Role))
}

func grantHeld(t *testing.T, h ProvisionerHarness) {
	h.Put(h.Role, h.Subject)
	before := h.Members(h.Role)
	require.Len(t, before, 1)
	require.True(t, h.grant(t, h.Role, h.Subject).Unchanged)
	require.Equal(t, before, h.Members(h.Role))
	require.False(t, h.grant(t, h.Role, h.Other).Unchanged, "another person's access is not the other's")
}

func grantToStranger(t *testing.T, h ProvisionerHarness) {
	_, err := h.Provisioner.Grant(t.Context(), h.hold(h.Role, h.Stranger))
	requireMissing(t, err, "account", string(h.Stranger.ID))
	require.Empty(t, h.Members(h.Role))
}

func grantUnknownRole(t *testing.T, h ProvisionerHarness) {
	_, err := h.Provisioner.Grant(t.Context(), h.hold(h.UnknownRole, h.Subject))
	requireMissing(t, err, "role", h.UnknownRole)
	require.Empty(t, h.Members(h.UnknownRole), "a grant makes no role")
}

func grantWithLostAnswer(t *testing.T, h ProvisionerHarness) {
	h.DropAnswerOnce("Grant")
	_, err := h.Provisioner.Grant(t.Context(), h.hold(h.Role, h.Subject))
	requireFailure(t, access.Transient, err)
	require.Len(t, h.Members(h.Role), 1, "it was done and the answer was lost")
	verification := h.grant(t, h.Role, h.Subject)
	require.True(t, verification.Unchanged)
	require.Equal(t, []string{verification.Account}, h.Members(h.Role))
}

func grantConcurrently(t *testing.T, h ProvisionerHarness) {
	results := make(chan error)
	wanted := []access.Assignment{
		h.hold(h.Role, h.Subject), h.hold(h.Role, h.Other), h.hold(h.OtherRole, h.Subject), h.hold(h.OtherRole, h.Other),
	}
	for _, a := range wanted {
		go func() {
			_, err := h.Provisioner.Grant(t.Context(), a)
			results <- err
		}()
	}
	for range wanted {
		require.NoError(t, <-results)
	}
	for _, role := range []string{h.Role, h.OtherRole} {
		require.Len(t, h.Members(role), 2)
	}
}

// grantSameConcurrently does not count the members: a target may list one twice when two writers meet, and one revoke
// takes it away all the same.
func grantSameConcurrently(t *testing.T, h ProvisionerHarness) {
	const calls = 4
	results := make(chan error)
	for range calls {
		go func() {
			_, err := h.Provisioner.Grant(t.Context(), h.hold(h.Role, h.Subject))
			results <- err
		}()
	}
	for range calls {
		require.NoError(t, <-results)
	}
	require.True(t, h.grant(t, h.Role, h.Subject).Unchanged)
	h.revoke(t, h.Role, h.Subject)
	require.Empty(t, h.Members(h.Role))
}

func grantLeavesOthers(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	held := h.grant(t, h.OtherRole, h.Subject).Account
	subject := h.grant(t, h.Role, h.Subject).Account
	require.NotEqual(t, other, subject)
	require.Equal(t, held, subject)
	require.ElementsMatch(t, []string{other, subject}, h.Members(h.Role))
	require.Equal(t, []string{subject}, h.Members(h.OtherRole))
}
