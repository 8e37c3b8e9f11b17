package accesstest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// ProvisionerHarness is a fresh target behind the connector under test, with what the port cannot do. Its funcs fail
// the test themselves when they cannot do what they are asked for.
type ProvisionerHarness struct {
	Provisioner access.Provisioner
	// Role and OtherRole exist and nobody holds them; UnknownRole does not exist.
	Role, OtherRole, UnknownRole string
	// Subject and Other have an account each; Stranger has none.
	Subject, Other, Stranger access.Person
	// RolesByID is true where a role's name is its id on the target, AccountsByID where a person's id is that of the
	// account: what is named so and not found is gone, and not renamed.
	RolesByID, AccountsByID bool

	// Members are the accounts that hold a role, as they lie in the target: an account that is listed twice is there
	// twice. Empty for nobody and for a role that does not exist.
	Members func(role string) []string
	// Put makes a person hold a role, Take makes them not hold it, as somebody else than usher does.
	Put, Take func(role string, p access.Person)
	// RenameAccount and RenameRole change what a role or an account is found by, as far as that is not its id.
	RenameAccount func(access.Person)
	RenameRole    func(role string)
	// RemoveAccount and RemoveRole delete for good.
	RemoveAccount func(access.Person)
	RemoveRole    func(role string)
	// DropAnswerOnce lets the next change that "Grant" or "Revoke" makes happen, and loses the target's answer to it.
	DropAnswerOnce func(method string)
	// RefuseCredentials makes the target treat the connector's credentials as wrong.
	RefuseCredentials func()
}

// RunProvisioner checks every promise of access.Provisioner, one case each. newHarness is called once per case; what
// it opens it closes by t.Cleanup.
func RunProvisioner(t *testing.T, newHarness func(*testing.T) ProvisionerHarness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, ProvisionerHarness)
	}{
		{"a grant makes the subject hold the role, once", grantOnce},
		{"granting again is success and changes nothing", grantTwice},
		{"granting what somebody else granted is success", grantHeld},
		{"a grant to a person without an account is not found and says account", grantToStranger},
		{"a grant of a role that does not exist is not found and says role", grantUnknownRole},
		{"a grant whose answer is lost is transient, and its repetition leaves one membership", grantWithLostAnswer},
		{"grants at the same time all hold", grantConcurrently},
		{"the same grant at the same time is held once it is read", grantSameConcurrently},
		{"a grant leaves everybody else and every other role alone", grantLeavesOthers},
		{"a revoke takes the role away", revokeOnce},
		{"revoking again is success", revokeTwice},
		{"a revoke takes away what somebody else granted", revokeForeign},
		{"revoking what was never held is success and changes nothing", revokeNeverHeld},
		{"revoking from a person whose account is not found proves nothing by a name", revokeFromStranger},
		{"revoking a role that is not found proves nothing by a name", revokeUnknownRole},
		{"revoking from an account that is gone proves nothing by a name", revokeFromGone},
		{"revoking a role that is gone proves nothing by a name", revokeGoneRole},
		{"a revoke whose answer is lost is transient, and its repetition is success", revokeWithLostAnswer},
		{"a revoke leaves everybody else and every other role alone", revokeLeavesOthers},
		{"access that was revoked can be granted again", grantAfterRevoke},
		{"verifying tells whether the role is held and changes nothing", verifyBoth},
		{"verifying sees what others changed", verifyForeign},
		{"verifying an account that is gone proves nothing by a name", verifyGone},
		{"verifying a person whose account is not found proves nothing by a name", verifyStranger},
		{"verifying a role that is not found proves nothing by a name", verifyUnknownRole},
		{"every verification names the ids of the role and of the account", proofsNameIDs},
		{"a grant by ids asks for no name", grantByIDs},
		{"a grant by the id of a role that is gone is not found and says role", grantGoneRoleByID},
		{"a revoke and a verify by ids do without names", revokeByIDs},
		{"a role and an account that were renamed are found by their ids", renamedByIDs},
		{"a role that was renamed is not taken for gone", renamedRole},
		{"an account that was renamed is not taken for gone", renamedAccount},
		{"an account that is gone by its id does not hold the role", goneAccountByID},
		{"a role that is gone by its id is held by nobody", goneRoleByID},
		{"ids that never were are held by nobody", unknownIDs},
		{"a write whose time is over is not made, and reading goes on", provisionAfterItsTime},
		{"bad credentials are forbidden and change nothing", provisionForbidden},
		{"a context that has ended ends the call and changes nothing", provisionEnded},
		{"a target that is in order has no findings, and checking changes nothing", provisionCheck},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

func (h ProvisionerHarness) hold(role string, p access.Person) access.Assignment {
	return access.Assignment{Role: role, Subject: p}
}

// grant grants and wants it to be held.
func (h ProvisionerHarness) grant(t *testing.T, role string, p access.Person) access.Verification {
	t.Helper()
	verification, err := h.Provisioner.Grant(t.Context(), h.hold(role, p))
	require.NoError(t, err)
	requireVerification(t, verification)
	require.True(t, verification.Present)
	require.NotEmpty(t, verification.Account)
	return verification
}

// revoke revokes and wants it to be gone.
func (h ProvisionerHarness) revoke(t *testing.T, role string, p access.Person) access.Verification {
	t.Helper()
	verification, err := h.Provisioner.Revoke(t.Context(), h.hold(role, p))
	require.NoError(t, err)
	requireVerification(t, verification)
	require.False(t, verification.Present)
	return verification
}

// requireVerification wants what every verification has: how, what and when it was read, fit for one line of an audit trail.
func requireVerification(t *testing.T, p access.Verification) {
	t.Helper()
	require.NotEmpty(t, p.Method)
	require.NotEmpty(t, p.Evidence)
	require.False(t, strings.ContainsAny(p.Evidence, "\r\n"), "the evidence is one line: %q", p.Evidence)
	require.False(t, p.At.IsZero())
	require.Equal(t, time.UTC, p.At.Location())
}

// requireMissing wants a NotFound that says which of the two is missing, and its name.
func requireMissing(t *testing.T, err error, what, name string) {
	t.Helper()
	requireFailure(t, access.NotFound, err)
	other := map[string]string{"role": "account", "account": "role"}[what]
	require.Contains(t, err.Error(), what)
	require.Contains(t, err.Error(), name)
	require.NotContains(t, err.Error(), other, "the text says which of the two is missing")
}

// sought is the role or the account that a call looks for.
type sought struct {
	what, name string
	// byID is true where the name is the id.
	byID bool
}

func (h ProvisionerHarness) role(name string) sought { return sought{"role", name, h.RolesByID} }

func (h ProvisionerHarness) account(p access.Person) sought {
	return sought{"account", string(p.ID), h.AccountsByID}
}

// requireAbsence wants a verification that the access is gone where what is missing was named by its id. A name proves nothing:
// there it wants a NotFound that says what is missing.
func requireAbsence(t *testing.T, missing sought, verification access.Verification, err error) {
	t.Helper()
	if !missing.byID {
		requireMissing(t, err, missing.what, missing.name)
		require.Zero(t, verification)
		return
	}
	require.NoError(t, err)
	requireVerification(t, verification)
	require.False(t, verification.Present)
}

// requireFailure wants an error of a kind that says what was attempted.
func requireFailure(t *testing.T, want access.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.NotEmpty(t, e.Op)
}
