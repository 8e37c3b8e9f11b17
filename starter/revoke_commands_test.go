package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestRevokeCommand(t *testing.T) {
	w := newWorld(t)
	story(t, w)
	w.gateway.receipt.Created = true
	w.gateway.receipt.Revocation.Leases = []access.LeaseID{"r1:1"}
	got := w.usher(t, "sub", "revoke", "r1:1", "--reason", "the project\nis over", "--id", "n1")
	require.Equal(t, exitOK, got.code, got.err)
	r := w.gateway.revoked
	require.Equal(t, access.RevocationScope{Lease: "r1:1"}, r.Scope)
	require.Equal(t, access.RevokedBySubject, r.Role)
	require.Equal(t, string(r.ID)+"  lease r1:1 of sub, by sub (subject), "+clock(r.At)+"\n"+
		"    reason: the project is over\n    Of 1 leases that it covered, 0 have ended.\n    lease r1:1  wiki/editor  active\n", got.out)

	for scope, args := range map[access.RevocationScope][]string{
		{}:                           nil,
		{Application: "wiki"}:        {"--application", "wiki"},
		{Entitlement: "wiki/editor"}: {"--entitlement", "wiki/editor"},
	} {
		got = w.usher(t, "hal", append([]string{"revoke", "--person", "sub", "--reason", "stolen"}, args...)...)
		require.Equal(t, exitOK, got.code, got.err)
		require.Equal(t, scope, w.gateway.revoked.Scope)
		require.Equal(t, access.RevokedByHelpDesk, w.gateway.revoked.Role)
	}
	require.Contains(t, w.usher(t, "eve", "revoke", "--person", "sub", "--reason", "x").err, "only the help desk and administrators")
	w.gateway.err = access.Errorf(access.Transient, "revoke", "away")
	require.Contains(t, w.usher(t, "hal", "revoke", "r1:1", "--reason", "x", "--id", "n2").err, "the same command with --id n2")
}

func TestRevokeCommand_usage(t *testing.T) {
	for want, args := range map[string][]string{
		"expected a lease, or --person":                   {"--reason", "x"},
		"expected either a lease or --person, not both":   {"r1:1", "--person", "sub", "--reason", "x"},
		"--person: is missing":                            {"r1:1", "--application", "wiki", "--reason", "x"},
		"either --application or --entitlement, not both": {"--person", "sub", "--application", "wiki", "--entitlement", "wiki/editor", "--reason", "x"},
		"--reason: is empty, expected why the access":     {"r1:1"},
	} {
		got := newWorld(t).usher(t, "hal", append([]string{"revoke"}, args...)...)
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.err, want)
	}
}

func TestRevocationsCommand(t *testing.T) {
	w := newWorld(t)
	story(t, w)
	require.Equal(t, "Nothing was taken back.\n", w.usher(t, "sub", "revocations", "sub").out)
	for n, id := range []access.RevocationID{"rev-1", "rev-2"} {
		_, err := w.store.SaveRevocation(t.Context(), access.Revocation{
			ID: id, Subject: "sub", By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen", At: at(n), Leases: []access.LeaseID{"r9:1"},
		}, nil)
		require.NoError(t, err)
	}
	got := w.usher(t, "audra", "revocations", "sub", "--limit", "1")
	require.Equal(t, "rev-2  everything of sub, by hal (help_desk), 2026-06-01 09:01:00Z\n    reason: stolen\n"+
		"    Of 1 leases that it covered, 0 have ended.\n    lease r9:1\nMore: the same command with --before rev-2\n", got.out)
	require.Contains(t, w.usher(t, "sub", "revocations", "sub", "--before", "rev-2").out, "rev-1")
}
