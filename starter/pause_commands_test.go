package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestPauseCommands(t *testing.T) {
	w := newWorld(t)
	w.gateway.pausedNow = []access.Pause{{ID: "p-1", What: access.PausedGrants, Target: "wiki", Paused: true, By: "adam", Reason: "repair", At: at(0)}}
	got := w.usher(t, "adam", "pause", "grants", "wiki", "--reason", "the directory\nis repaired", "--id", "n1")
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "Grants on wiki are paused. A call that is under way may still end.\n", got.out)
	p := w.gateway.paused
	require.True(t, p.Paused)
	require.Equal(t, access.PausedGrants, p.What)
	require.Equal(t, access.TargetName("wiki"), p.Target)
	require.Equal(t, "the directory\nis repaired", p.Reason)
	require.Equal(t, access.PersonID("adam"), p.By)

	got = w.usher(t, "adam", "resume", "grants")
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "Grants on all targets go on within five minutes. Still, grants on wiki are paused by adam since 2026-06-01 09:00:00Z: repair.\n", got.out)
	require.False(t, w.gateway.paused.Paused)
	require.Empty(t, w.gateway.paused.Target)

	got = w.usher(t, "adam", "pause", "revokes", "--reason", "repair", "-o", "json")
	require.Equal(t, exitOK, got.code, got.err)
	require.Contains(t, got.out, `"what": "revokes"`)
	require.Contains(t, got.out, `"status_text"`)
	require.Contains(t, w.usher(t, "eve", "pause", "grants", "--reason", "x").err, "Only administrators")
	w.gateway.err = access.Errorf(access.Transient, "pause", "away")
	require.Contains(t, w.usher(t, "adam", "resume", "revokes", "--id", "n2").err, "the same command with --id n2")
}

func TestPauseCommands_usage(t *testing.T) {
	for want, args := range map[string][]string{
		"--reason: is empty, expected why it is paused": {"pause", "grants"},
		"expected grants or revokes":                    {"resume", "tickets"},
		"TARGET: is empty":                              {"resume", "grants", ""},
		"accepts between 1 and 2 arg(s)":                {"pause", "--reason", "x"},
	} {
		got := newWorld(t).usher(t, "adam", args...)
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.err, want)
	}
}

func TestPausesCommand(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "Nothing is paused.\n", w.usher(t, "audra", "pauses").out)
	for _, p := range []access.Pause{
		{ID: "p-1", What: access.PausedGrants, Paused: true, By: "adam", Reason: "repair", At: at(0)},
		{ID: "p-2", What: access.PausedRevokes, Target: "wiki", Paused: true, By: "adam", Reason: "a new\nserver", At: at(1)},
	} {
		_, err := w.store.SavePause(t.Context(), p)
		require.NoError(t, err)
	}
	require.Equal(t, "grants on all targets are paused by adam since 2026-06-01 09:00:00Z: repair\n"+
		"revokes on wiki are paused by adam since 2026-06-01 09:01:00Z: a new server\n", w.usher(t, "hal", "pauses").out)
}
