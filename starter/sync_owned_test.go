package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestShowSyncRun_owned: what came of what leavers own is shown, with what people should look at.
func TestShowSyncRun_owned(t *testing.T) {
	h := &access.HandOver{Leavers: 2, Kinds: map[string]access.OwnedCounts{
		"tickets": {HandedOver: 3, Refused: 1}, "assets": {Observed: 2, Changed: 1, Nobodys: 4},
	}}
	h.Problem("p1: nobody takes\nit")
	shown := showSyncRun(access.SyncRun{Desk: "it", ID: "r1", HandOver: h})
	require.Contains(t, shown, "Owned    What leavers own, assets: 2 would be handed over, 1 somebody else's by now, 4 with nobody to take them.\n"+
		"Owned    What leavers own, tickets: 3 handed over, 1 refused.\nOwned    Look at: p1: nobody takes it\n")
	run := access.SyncRun{Plan: "p", States: map[access.SyncState]int{access.SyncApplied: 1}, HandOver: h}
	require.Contains(t, progress(run, 0), "hands over what leavers own: 2 leavers own something")
	for range access.MaxOwnedProblems + 2 {
		h.Problem("p2")
	}
	require.Len(t, h.Problems, access.MaxOwnedProblems)
	require.Contains(t, showSyncRun(access.SyncRun{HandOver: h}), "Owned    And 3 more.")
}
