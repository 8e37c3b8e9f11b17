package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// testHandOver: what an attempt has handed over is kept along with its events, and one that is late changes nothing.
func testHandOver(t *testing.T, d databases) {
	s := d.open(t)
	at := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	run := begunSync(t, s, "r1", at)
	h := access.HandOver{Leavers: 1, Pending: &access.PendingHandOver{Person: "ana", To: "7", Records: []access.Owned{{Kind: "assets", ID: "a1"}}}}
	event := access.DeskEvent{ID: "e1", Desk: "it", User: "3", Person: "ana", Type: access.DeskOwnedHandOver, At: at, Text: "usher hands it over."}
	requireKind(t, access.Conflict, s.SaveHandOver(t.Context(), run, "first", h, event))
	run = plannedSync(t, s, run)
	requireKind(t, access.Conflict, s.SaveHandOver(t.Context(), run, "first", h, event))
	_, err := s.DeskEvent(t.Context(), "e1")
	requireKind(t, access.NotFound, err)

	require.NoError(t, s.ClaimSyncRun(t.Context(), run, "first"))
	for range 2 {
		require.NoError(t, s.SaveHandOver(t.Context(), run, "first", h, event))
	}
	got, err := s.SyncRun(t.Context(), "it", "r1")
	require.NoError(t, err)
	require.Equal(t, &h, got.HandOver)
	require.Equal(t, run.Rows, got.Rows, "the rest of the run stays")
	_, err = s.DeskEvent(t.Context(), "e1")
	require.NoError(t, err)

	require.NoError(t, s.ClaimSyncRun(t.Context(), run, "second"))
	done := access.HandOver{Leavers: 1, Done: true, Kinds: map[string]access.OwnedCounts{"assets": {HandedOver: 1}}}
	require.NoError(t, s.SaveHandOver(t.Context(), run, "second", done))
	requireKind(t, access.Conflict, s.SaveHandOver(t.Context(), run, "first", h))
	got.HandOver = &done
	endedSync(t, s, got)
	requireKind(t, access.Conflict, s.SaveHandOver(t.Context(), run, "second", h))
	got, err = s.SyncRun(t.Context(), "it", "r1")
	require.NoError(t, err)
	require.Equal(t, &done, got.HandOver)
	for _, wrong := range []access.DeskEvent{{ID: "", Type: "x"}, {ID: "x\x00", Type: "x"}} {
		requireKind(t, access.Invalid, s.SaveHandOver(t.Context(), run, "second", h, wrong))
	}
}

// testLeaverMarks: the last mark of a person of a source and a desk counts, and a run that has ended sets none.
func testLeaverMarks(t *testing.T, d databases) {
	s := d.open(t)
	at := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	run := begunSync(t, s, "r1", at)
	mark := func(person access.PersonID, state access.LeaverState) access.LeaverMark {
		return access.LeaverMark{Person: person, Revision: 7, Kinds: "assets", State: state, Run: "r1", At: at}
	}
	people := []access.PersonID{"ana", "ben", "eve"}
	require.NoError(t, s.SaveLeaverMarks(t.Context(), run, []access.LeaverMark{mark("ana", access.LeaverHeld), mark("ben", access.LeaverHeld)}))
	for range 2 {
		require.NoError(t, s.SaveLeaverMarks(t.Context(), run, []access.LeaverMark{mark("ana", access.LeaverPassed)}))
	}
	found, err := s.LeaverMarks(t.Context(), run, people)
	require.NoError(t, err)
	require.ElementsMatch(t, []access.LeaverMark{mark("ana", access.LeaverPassed), mark("ben", access.LeaverHeld)}, found)
	for _, other := range []access.SyncRun{{Desk: "it", Source: "ad"}, {Desk: "hr", Source: "hr"}} {
		found, err = s.LeaverMarks(t.Context(), other, people)
		require.NoError(t, err)
		require.Empty(t, found)
	}
	requireKind(t, access.Invalid, s.SaveLeaverMarks(t.Context(), run, []access.LeaverMark{mark("a\x00", access.LeaverHeld)}))
	endedSync(t, s, plannedSync(t, s, run))
	requireKind(t, access.Conflict, s.SaveLeaverMarks(t.Context(), run, []access.LeaverMark{mark("ben", access.LeaverPassed)}))
}
