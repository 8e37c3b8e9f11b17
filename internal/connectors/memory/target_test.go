package memory_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/memory"
)

func TestTargetIsAProvisioner(t *testing.T) {
	accesstest.RunProvisioner(t, func(*testing.T) accesstest.ProvisionerHarness {
		target := memory.NewTarget("Wiki editor", "Wiki reader")
		target.AddAccounts("ada", "bob")
		return accesstest.ProvisionerHarness{
			Provisioner: target,
			Role:        "Wiki editor", OtherRole: "Wiki reader", UnknownRole: "Wiki nobody",
			Subject: access.Person{ID: "ada"}, Other: access.Person{ID: "bob"}, Stranger: access.Person{ID: "zoe"},
			Members: func(role string) []string {
				var accounts []string
				for _, p := range target.Members(role) {
					accounts = append(accounts, "account-"+string(p))
				}
				return accounts
			},
			Put:               func(role string, p access.Person) { target.Put(role, p.ID) },
			Take:              func(role string, p access.Person) { target.Take(role, p.ID) },
			RenameAccount:     func(p access.Person) { target.RenameAccount(p.ID, p.ID+"-renamed") },
			RenameRole:        func(role string) { target.RenameRole(role, role+", renamed") },
			RemoveAccount:     func(p access.Person) { target.RemoveAccount(p.ID) },
			RemoveRole:        target.RemoveRole,
			DropAnswerOnce:    target.DropAnswerNext,
			RefuseCredentials: func() { target.RefuseCredentials(true) },
		}
	})
}

func TestTarget_faults_in_order(t *testing.T) {
	target := memory.NewTarget("editor")
	target.AddAccounts("ada")
	a := access.Assignment{Role: "editor", Subject: access.Person{ID: "ada"}}
	first, third := errors.New("first"), errors.New("third")
	target.FailNext(memory.OpGrant, first, nil, third)

	_, err := target.Grant(t.Context(), a)
	require.ErrorIs(t, err, first)
	require.Empty(t, target.Members("editor"))
	_, err = target.Grant(t.Context(), a)
	require.NoError(t, err)
	_, err = target.Grant(t.Context(), a)
	require.ErrorIs(t, err, third)
	target.Down(true)
	_, err = target.Verify(t.Context(), a)
	require.Equal(t, access.Transient, access.KindOf(err))
	target.Down(false)
	_, err = target.Verify(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, 3, target.Calls(memory.OpGrant))
}

func TestTarget_history(t *testing.T) {
	target := memory.NewTarget("editor")
	target.AddAccounts("ada", "bob")
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	target.SetClock(func() time.Time { return at })
	ada := access.Assignment{Role: "editor", Subject: access.Person{ID: "ada"}}

	target.Put("editor", "bob")
	verification, err := target.Grant(t.Context(), ada)
	require.NoError(t, err)
	require.Equal(t, at, verification.At)
	_, err = target.Grant(t.Context(), ada)
	require.NoError(t, err)
	target.Take("editor", "bob")
	_, err = target.Revoke(t.Context(), ada)
	require.NoError(t, err)
	require.Equal(t, []memory.TargetChange{
		{Op: memory.OpGrant, Role: "editor", Person: "ada"}, {Op: memory.OpRevoke, Role: "editor", Person: "ada"},
	}, target.History())
	require.Empty(t, target.Members("editor"))
}

func TestIdentitySource(t *testing.T) {
	accesstest.RunIdentitySource(t, func(*testing.T) accesstest.IdentitySourceHarness {
		known := access.Person{
			ID: "ada", UserName: "ada@example.com", DisplayName: "Ada", Email: "ada@example.com",
			Manager: "mia", Active: true,
		}
		bare := access.Person{ID: "bob", UserName: "bob", Active: true}
		inactive := access.Person{ID: "eve", UserName: "eve", DisplayName: "Eve"}
		source := memory.NewSource(known, bare, inactive)
		return accesstest.IdentitySourceHarness{
			Source: source, Known: known, Bare: bare, Inactive: inactive, Unknown: "nobody",
			Deactivate:        func(p access.Person) { source.Deactivate(p.ID) },
			RefuseCredentials: func() { source.RefuseCredentials(true) },
		}
	})
}

func TestSource_removed(t *testing.T) {
	source := memory.NewSource(access.Person{ID: "ada", Active: true})
	source.Remove("ada")
	_, err := source.Lookup(t.Context(), "ada")
	require.Equal(t, access.NotFound, access.KindOf(err))
	source.DropAnswerNext(memory.OpLookup)
	source.Put(access.Person{ID: "ada"})
	kinds := []access.Kind{}
	for range 2 {
		_, err := source.Lookup(t.Context(), "ada")
		kinds = append(kinds, access.KindOf(err))
	}
	require.True(t, slices.Equal([]access.Kind{access.Transient, ""}, kinds), "%v", kinds)
}
