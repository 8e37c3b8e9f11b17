package accesstest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func revokeOnce(t *testing.T, h ProvisionerHarness) {
	account := h.grant(t, h.Role, h.Subject).Account
	verification := h.revoke(t, h.Role, h.Subject)
	require.False(t, verification.Unchanged)
	require.Equal(t, account, verification.Account)
	require.Empty(t, h.Members(h.Role))
}

func revokeTwice(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Subject)
	h.revoke(t, h.Role, h.Subject)
	require.True(t, h.revoke(t, h.Role, h.Subject).Unchanged)
	require.Empty(t, h.Members(h.Role))
}

func revokeForeign(t *testing.T, h ProvisionerHarness) {
	h.Put(h.Role, h.Subject)
	require.Len(t, h.Members(h.Role), 1)
	require.False(t, h.revoke(t, h.Role, h.Subject).Unchanged)
	require.Empty(t, h.Members(h.Role))
}

func revokeNeverHeld(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	require.True(t, h.revoke(t, h.Role, h.Subject).Unchanged)
	require.Equal(t, []string{other}, h.Members(h.Role))
}

func revokeFromStranger(t *testing.T, h ProvisionerHarness) {
	verification, err := h.Provisioner.Revoke(t.Context(), h.hold(h.Role, h.Stranger))
	requireAbsence(t, h.account(h.Stranger), verification, err)
	require.Empty(t, verification.Account)
}

func revokeUnknownRole(t *testing.T, h ProvisionerHarness) {
	verification, err := h.Provisioner.Revoke(t.Context(), h.hold(h.UnknownRole, h.Subject))
	requireAbsence(t, h.role(h.UnknownRole), verification, err)
}

func revokeFromGone(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	h.grant(t, h.Role, h.Subject)
	h.RemoveAccount(h.Subject)
	verification, err := h.Provisioner.Revoke(t.Context(), h.hold(h.Role, h.Subject))
	requireAbsence(t, h.account(h.Subject), verification, err)
	require.Contains(t, h.Members(h.Role), other)
}

func revokeGoneRole(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Subject)
	h.RemoveRole(h.Role)
	verification, err := h.Provisioner.Revoke(t.Context(), h.hold(h.Role, h.Subject))
	requireAbsence(t, h.role(h.Role), verification, err)
}

func revokeWithLostAnswer(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Subject)
	h.DropAnswerOnce("Revoke")
	_, err := h.Provisioner.Revoke(t.Context(), h.hold(h.Role, h.Subject))
	requireFailure(t, access.Transient, err)
	require.Empty(t, h.Members(h.Role), "it was done and the answer was lost")
	require.True(t, h.revoke(t, h.Role, h.Subject).Unchanged)
}

func revokeLeavesOthers(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	subject := h.grant(t, h.Role, h.Subject).Account
	h.grant(t, h.OtherRole, h.Subject)
	h.revoke(t, h.Role, h.Subject)
	require.Equal(t, []string{other}, h.Members(h.Role))
	require.Equal(t, []string{subject}, h.Members(h.OtherRole))
}

func grantAfterRevoke(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Subject)
	h.revoke(t, h.Role, h.Subject)
	verification := h.grant(t, h.Role, h.Subject)
	require.False(t, verification.Unchanged)
	require.Equal(t, []string{verification.Account}, h.Members(h.Role))
}

func verifyBoth(t *testing.T, h ProvisionerHarness) {
	verify := func(p access.Person) access.Verification {
		before := h.Members(h.Role)
		verification, err := h.Provisioner.Verify(t.Context(), h.hold(h.Role, p))
		require.NoError(t, err)
		requireVerification(t, verification)
		require.Equal(t, before, h.Members(h.Role))
		return verification
	}
	nobody := verify(h.Subject)
	require.False(t, nobody.Present)
	account := h.grant(t, h.Role, h.Subject).Account
	require.Equal(t, account, nobody.Account)
	held := verify(h.Subject)
	require.True(t, held.Present)
	require.Equal(t, account, held.Account)
	require.NotEqual(t, nobody.Evidence, held.Evidence)
	require.False(t, verify(h.Other).Present, "another person's access is not theirs")
	h.revoke(t, h.Role, h.Subject)
	require.False(t, verify(h.Subject).Present)
}

func verifyForeign(t *testing.T, h ProvisionerHarness) {
	for _, change := range []struct {
		act   func(string, access.Person)
		holds bool
	}{{h.Put, true}, {h.Take, false}} {
		change.act(h.Role, h.Subject)
		verification, err := h.Provisioner.Verify(t.Context(), h.hold(h.Role, h.Subject))
		require.NoError(t, err)
		require.Equal(t, change.holds, verification.Present)
	}
}

func verifyGone(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Subject)
	h.RemoveAccount(h.Subject)
	verification, err := h.Provisioner.Verify(t.Context(), h.hold(h.Role, h.Subject))
	requireAbsence(t, h.account(h.Subject), verification, err)
	require.Empty(t, verification.Account)
}

func verifyStranger(t *testing.T, h ProvisionerHarness) {
	verification, err := h.Provisioner.Verify(t.Context(), h.hold(h.Role, h.Stranger))
	requireAbsence(t, h.account(h.Stranger), verification, err)
	require.Empty(t, verification.Account)
}

func verifyUnknownRole(t *testing.T, h ProvisionerHarness) {
	verification, err := h.Provisioner.Verify(t.Context(), h.hold(h.UnknownRole, h.Subject))
	requireAbsence(t, h.role(h.UnknownRole), verification, err)
}

func provisionForbidden(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Other)
	before := h.Members(h.Role)
	h.RefuseCredentials()
	for _, refused := range everyCall(t.Context(), h) {
		requireFailure(t, access.Forbidden, refused)
	}
	require.Equal(t, before, h.Members(h.Role))
}

func provisionEnded(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Other)
	before := h.Members(h.Role)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ended := range everyCall(ctx, h) {
		require.Error(t, ended)
		require.Equal(t, access.Transient, access.KindOf(ended))
	}
	require.Equal(t, before, h.Members(h.Role))
}

// everyCall grants to the subject, revokes from the other, verifies and checks, and gives the errors.
func everyCall(ctx context.Context, h ProvisionerHarness) []error {
	_, grant := h.Provisioner.Grant(ctx, h.hold(h.Role, h.Subject))
	_, revoke := h.Provisioner.Revoke(ctx, h.hold(h.Role, h.Other))
	_, verify := h.Provisioner.Verify(ctx, h.hold(h.Role, h.Other))
	_, check := h.Provisioner.Check(ctx)
	return []error{grant, revoke, verify, check}
}

func provisionCheck(t *testing.T, h ProvisionerHarness) {
	h.grant(t, h.Role, h.Other)
	before := h.Members(h.Role)
	for range 2 {
		findings, err := h.Provisioner.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
	}
	require.Equal(t, before, h.Members(h.Role))
}
