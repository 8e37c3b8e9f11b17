package ledger_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func testManyEntries(t *testing.T, d databases) {
	s := d.open(t)
	first, second := view("r-1", 1), view("r-1", 2)
	second.State = access.StateFulfilling
	l, k := lease("r-1", "1", 1), ticket("10", "r-1", "")
	require.NoError(t, s.Record(t.Context(),
		access.Entry{Events: []access.Event{event("r-1", 1)}, View: &first},
		access.Entry{},
		access.Entry{Events: []access.Event{event("r-1", 2), event("r-2", 1)}, View: &second, Lease: &l},
		access.Entry{Events: []access.Event{event("r-1", 1), event("r-1", 3)}, Ticket: &k}))

	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{event("r-1", 1), event("r-1", 2), event("r-1", 3)}, events, "in the order of the entries")
	events, err = s.Events(t.Context(), "r-2")
	require.NoError(t, err)
	require.Equal(t, []access.Event{event("r-2", 1)}, events)
	got, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, second, got)
	gotLease, err := s.Lease(t.Context(), "r-1:1")
	require.NoError(t, err)
	require.Equal(t, l, gotLease)
	links, err := s.TicketsOf(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.TicketLink{k}, links)
}

func testRefusedEntry(t *testing.T, d databases) {
	s := d.open(t)
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 1)}})
	other := event("r-1", 1)
	other.Text = "Mara denied item 1."
	v := view("r-2", 1)
	good := access.Entry{Events: []access.Event{event("r-2", 1)}, View: &v}

	err := s.Record(t.Context(), good, access.Entry{Events: []access.Event{other}})
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, `"request/r-1#1"`)
	err = s.Record(t.Context(), good, access.Entry{Events: []access.Event{event("r-2", 2), {ID: "x#1"}}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "entries[1].events[1].request: ")

	events, err := s.Events(t.Context(), "r-2")
	require.NoError(t, err)
	require.Empty(t, events, "the entry before is not kept either")
	_, err = s.View(t.Context(), "r-2")
	requireKind(t, access.NotFound, err)
}

// testNothingToRecord asks a ledger that is closed: whatever it did would fail.
func testNothingToRecord(t *testing.T, d databases) {
	s, err := ledger.Open(t.Context(), ledger.Config{URL: d.newURL(t)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Record(t.Context()))
	require.NoError(t, s.Record(t.Context(), access.Entry{}, access.Entry{Events: []access.Event{}}))
	requireKind(t, access.Transient, s.Record(t.Context(), access.Entry{}, access.Entry{Events: []access.Event{event("r-1", 1)}}))
}

// testLargeVersions: a version may be a point in time in microseconds, which 32 bits do not hold.
func testLargeVersions(t *testing.T, d databases) {
	s := d.open(t)
	const micros = 1_800_000_000_000_000
	for _, step := range []struct{ record, kept int }{
		{1, 1}, {micros, micros}, {micros + 2, micros + 2}, {micros + 1, micros + 2}, {math.MaxInt32, micros + 2}, {math.MaxInt, math.MaxInt},
	} {
		v, l := view("r-1", step.record), lease("r-1", "1", step.record)
		require.NoError(t, s.Record(t.Context(), access.Entry{View: &v, Lease: &l}))
		gotView, err := s.View(t.Context(), "r-1")
		require.NoError(t, err)
		require.Equal(t, view("r-1", step.kept), gotView)
		gotLease, err := s.Lease(t.Context(), "r-1:1")
		require.NoError(t, err)
		require.Equal(t, lease("r-1", "1", step.kept), gotLease)
	}
}
