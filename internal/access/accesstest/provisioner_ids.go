package accesstest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// noName is a role and a person that no target knows by a name.
const noName = "a name that nobody has"

// known is an assignment that has nothing but the ids that a verification named.
func known(p access.Verification) access.Assignment {
	return access.Assignment{
		Role: noName, Subject: access.Person{ID: noName, UserName: noName},
		RoleID: p.RoleID, Account: p.Account,
	}
}

// requireIDs wants a verification to name the same role and the same account as another one.
func requireIDs(t *testing.T, want, got access.Verification) {
	t.Helper()
	require.NotEmpty(t, got.RoleID)
	require.NotEmpty(t, got.Account)
	require.Equal(t, want.RoleID, got.RoleID)
	require.Equal(t, want.Account, got.Account)
}

// call makes a call that must succeed and wants to hear whether the role is held.
func (h ProvisionerHarness) call(t *testing.T, of callOf, a access.Assignment, holds bool) access.Verification {
	t.Helper()
	verification, err := of(h.Provisioner)(t.Context(), a)
	require.NoError(t, err)
	requireVerification(t, verification)
	require.Equal(t, holds, verification.Present)
	return verification
}

func proofsNameIDs(t *testing.T, h ProvisionerHarness) {
	asked := h.hold(h.Role, h.Subject)
	before := h.call(t, verify, asked, false)
	requireIDs(t, before, before)
	requireIDs(t, before, h.call(t, grant, asked, true))
	requireIDs(t, before, h.call(t, verify, asked, true))
	requireIDs(t, before, h.call(t, grant, asked, true))
	requireIDs(t, before, h.call(t, revoke, asked, false))
	requireIDs(t, before, h.call(t, revoke, asked, false))
	other := h.call(t, verify, h.hold(h.OtherRole, h.Other), false)
	require.NotEqual(t, before.RoleID, other.RoleID)
	require.NotEqual(t, before.Account, other.Account)
}

func grantByIDs(t *testing.T, h ProvisionerHarness) {
	ids := h.call(t, verify, h.hold(h.Role, h.Subject), false)
	first := h.call(t, grant, known(ids), true)
	requireIDs(t, ids, first)
	require.False(t, first.Unchanged)
	require.Equal(t, []string{ids.Account}, h.Members(h.Role))
	require.True(t, h.call(t, grant, known(ids), true).Unchanged)
	require.Equal(t, []string{ids.Account}, h.Members(h.Role))

	// One id alone leaves the other to be looked up.
	byRole, byAccount := h.hold(noName, h.Other), h.hold(h.OtherRole, access.Person{ID: noName, UserName: noName})
	byRole.RoleID, byAccount.Account = ids.RoleID, ids.Account
	other := h.call(t, grant, byRole, true)
	requireIDs(t, ids, h.call(t, grant, known(ids), true))
	require.ElementsMatch(t, []string{ids.Account, other.Account}, h.Members(h.Role))
	h.call(t, grant, byAccount, true)
	require.Equal(t, []string{ids.Account}, h.Members(h.OtherRole))
}

func grantGoneRoleByID(t *testing.T, h ProvisionerHarness) {
	ids := h.call(t, verify, h.hold(h.Role, h.Subject), false)
	h.RemoveRole(h.Role)
	_, err := h.Provisioner.Grant(t.Context(), known(ids))
	requireMissing(t, err, "role", ids.RoleID)
}

func revokeByIDs(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	ids := h.grant(t, h.Role, h.Subject)
	requireIDs(t, ids, h.call(t, verify, known(ids), true))
	gone := h.call(t, revoke, known(ids), false)
	requireIDs(t, ids, gone)
	require.False(t, gone.Unchanged)
	require.Equal(t, []string{other}, h.Members(h.Role))
	requireIDs(t, ids, h.call(t, verify, known(ids), false))
	again := h.call(t, revoke, known(ids), false)
	requireIDs(t, ids, again)
	require.True(t, again.Unchanged)
}

func renamedByIDs(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Subject)
	h.RenameRole(h.Role)
	h.RenameAccount(h.Subject)
	asked := h.hold(h.Role, h.Subject)
	asked.RoleID, asked.Account = ids.RoleID, ids.Account
	requireIDs(t, ids, h.call(t, verify, asked, true))
	require.True(t, h.call(t, grant, asked, true).Unchanged)
	requireIDs(t, ids, h.call(t, revoke, asked, false))
	requireIDs(t, ids, h.call(t, verify, asked, false))
}

func renamedRole(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Subject)
	h.RenameRole(h.Role)
	asked := h.hold(h.Role, h.Subject)
	for _, of := range []callOf{verify, revoke} {
		verification, err := of(h.Provisioner)(t.Context(), asked)
		requireRenamed(t, h.role(h.Role), verification, err)
	}
	h.call(t, revoke, known(ids), false)
}

func renamedAccount(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Subject)
	h.RenameAccount(h.Subject)
	asked := h.hold(h.Role, h.Subject)
	for _, of := range []callOf{verify, revoke} {
		verification, err := of(h.Provisioner)(t.Context(), asked)
		requireRenamed(t, h.account(h.Subject), verification, err)
	}
	h.call(t, revoke, known(ids), false)
}

// requireRenamed wants a NotFound that says what was not found, unless the name is an id: that stays as it is, and the
// call has found what it asked for.
func requireRenamed(t *testing.T, renamed sought, verification access.Verification, err error) {
	t.Helper()
	if !renamed.byID {
		requireMissing(t, err, renamed.what, renamed.name)
		require.Zero(t, verification)
		return
	}
	require.NoError(t, err)
	require.False(t, verification.Unchanged)
}

func goneAccountByID(t *testing.T, h ProvisionerHarness) {
	other := h.grant(t, h.Role, h.Other).Account
	ids := h.grant(t, h.Role, h.Subject)
	h.RemoveAccount(h.Subject)
	requireIDs(t, ids, h.call(t, verify, known(ids), false))
	requireIDs(t, ids, h.call(t, revoke, known(ids), false))
	requireIDs(t, ids, h.call(t, verify, known(ids), false))
	require.Contains(t, h.Members(h.Role), other)
}

func goneRoleByID(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Subject)
	h.RemoveRole(h.Role)
	requireIDs(t, ids, h.call(t, verify, known(ids), false))
	gone := h.call(t, revoke, known(ids), false)
	requireIDs(t, ids, gone)
	require.True(t, gone.Unchanged)
}

func unknownIDs(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Subject)
	for _, one := range []access.Verification{
		{RoleID: "no-such-role", Account: ids.Account}, {RoleID: ids.RoleID, Account: "no-such-account"},
	} {
		asked := known(one)
		asked.Role, asked.Subject = h.Role, h.Subject
		for _, of := range []callOf{verify, revoke} {
			requireIDs(t, one, h.call(t, of, asked, false))
		}
	}
	require.Equal(t, []string{ids.Account}, h.Members(h.Role), "a name beside an id counts for nothing")
}

// callOf picks one of the calls of a Provisioner.
type callOf func(access.Provisioner) func(context.Context, access.Assignment) (access.Verification, error)

func grant(p access.Provisioner) func(context.Context, access.Assignment) (access.Verification, error) {
	return p.Grant
}

func revoke(p access.Provisioner) func(context.Context, access.Assignment) (access.Verification, error) {
	return p.Revoke
}

func verify(p access.Provisioner) func(context.Context, access.Assignment) (access.Verification, error) {
	return p.Verify
}
