package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

func TestReassignCommand(t *testing.T) {
	w := newWorld(t)
	w.gateway.view = access.RequestView{
		StatusText: "Waiting for Olga (owner) to decide.", WaitingOn: []access.Waiting{{Person: "olga", Name: "Olga", Stage: "owner"}},
	}
	got := w.usher(t, "adam", "reassign", "r9", "--to", "olga", "--to", "omar", "--stage", "owner", "--item", "1", "--reason", "on leave", "--id", "n1")
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "Waiting for Olga (owner) to decide.\n  waiting for: Olga (olga), stage owner\n", got.out)
	require.Equal(t, workflows.ReassignInput{
		ID: "adam:n1", By: "adam", Evidence: w.gateway.named.Evidence, To: []access.PersonID{"olga", "omar"}, Stage: "owner",
		Items: []access.ItemID{"1"}, Reason: "on leave",
	}, w.gateway.named)

	missing := w.usher(t, "adam", "reassign", "r9", "--reason", "on leave")
	require.NotEqual(t, exitOK, missing.code)
	require.Contains(t, missing.err, "--to: is missing")
	empty := w.usher(t, "adam", "reassign", "r9", "--to", "olga")
	require.Contains(t, empty.err, "--reason: is empty")
	stranger := w.usher(t, "ana", "reassign", "r9", "--to", "olga", "--reason", "on leave")
	require.Contains(t, stranger.err, "Only administrators may name who approves a request.")
	w.gateway.err = access.Errorf(access.Transient, "reassign", "away")
	require.Contains(t, w.usher(t, "adam", "reassign", "r9", "--to", "olga", "--reason", "on leave", "--id", "n2").err, "the same command with --id n2")
}
