package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"usher/internal/access"
)

// minutes is so many minutes after noon.
func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func testWatch(t *testing.T, d databases) {
	s := d.open(t)
	never := access.WatchPosition{Desk: "jira"}
	requireWatch(t, d, never)
	require.NoError(t, s.SaveWatch(t.Context(), never))
	got, err := s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, never, got, "a time that was never reached is zero")

	first := access.WatchPosition{Desk: "jira", Cursor: minutes(1), LastPollAt: minutes(2).In(time.FixedZone("far away", 5*3600))}
	require.NoError(t, s.SaveWatch(t.Context(), first))
	require.NoError(t, s.SaveWatch(t.Context(), access.WatchPosition{Desk: "other", Cursor: minutes(99)}))
	got, err = s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchPosition{Desk: "jira", Cursor: minutes(1), LastPollAt: minutes(2)}, got)

	fine := access.WatchPosition{Desk: "jira", LastScanAt: noon.Add(999 * time.Nanosecond)}
	require.NoError(t, s.SaveWatch(t.Context(), fine))
	got, err = s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, noon, got.LastScanAt, "times are rounded down to the microsecond")
}

// requireWatch asks a ledger that is new.
func requireWatch(t *testing.T, d databases, want access.WatchPosition) {
	t.Helper()
	got, err := d.open(t).Watch(t.Context(), want.Desk)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func testWatchNeverGoesBack(t *testing.T, d databases) {
	s := d.open(t)
	saves := map[string]struct{ save, want access.WatchPosition }{
		"an older cursor stays behind a later look":    {access.WatchPosition{Cursor: minutes(9), LastPollAt: minutes(21)}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(21), LastScanAt: minutes(30)}},
		"an older look stays behind a later sweep":     {access.WatchPosition{LastPollAt: minutes(19), LastScanAt: minutes(31)}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(31)}},
		"an older sweep stays behind a later cursor":   {access.WatchPosition{Cursor: minutes(11), LastScanAt: minutes(29)}, access.WatchPosition{Cursor: minutes(11), LastPollAt: minutes(20), LastScanAt: minutes(30)}},
		"zero times change nothing":                    {access.WatchPosition{}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30)}},
		"times before 1970 change nothing":             {access.WatchPosition{Cursor: time.Unix(-5, 0)}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30)}},
		"the same again changes nothing":               {access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30)}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30)}},
		"an older search for asks stays behind":        {access.WatchPosition{AskedCursor: minutes(39), Cursor: minutes(11)}, access.WatchPosition{Cursor: minutes(11), LastPollAt: minutes(20), LastScanAt: minutes(30)}},
		"a later search for asks alone is kept":        {access.WatchPosition{AskedCursor: minutes(41)}, access.WatchPosition{Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30), AskedCursor: minutes(41)}},
		"a microsecond is later, in all three at once": {access.WatchPosition{Cursor: minutes(10).Add(time.Microsecond), LastPollAt: minutes(20).Add(time.Microsecond), LastScanAt: minutes(30).Add(time.Microsecond)}, access.WatchPosition{Cursor: minutes(10).Add(time.Microsecond), LastPollAt: minutes(20).Add(time.Microsecond), LastScanAt: minutes(30).Add(time.Microsecond)}},
	}
	for name, c := range saves {
		t.Run(name, func(t *testing.T) {
			desk := access.DeskName(name)
			require.NoError(t, s.SaveWatch(t.Context(), access.WatchPosition{Desk: desk, Cursor: minutes(10), LastPollAt: minutes(20), LastScanAt: minutes(30), AskedCursor: minutes(40)}))
			c.save.Desk, c.want.Desk = desk, desk
			if c.want.AskedCursor.IsZero() {
				c.want.AskedCursor = minutes(40)
			}
			require.NoError(t, s.SaveWatch(t.Context(), c.save))
			got, err := s.Watch(t.Context(), desk)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func testRacingWatches(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	other := openAt(t, url)
	group, ctx := errgroup.WithContext(t.Context())
	for n := 1; n <= writers; n++ {
		group.Go(func() error {
			return s.SaveWatch(ctx, access.WatchPosition{Desk: "jira", Cursor: minutes(n), LastPollAt: minutes(writers - n)})
		})
		group.Go(func() error { return other.SaveWatch(ctx, access.WatchPosition{Desk: "jira", LastScanAt: minutes(n)}) })
	}
	require.NoError(t, group.Wait())
	got, err := s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchPosition{Desk: "jira", Cursor: minutes(writers), LastPollAt: minutes(writers - 1), LastScanAt: minutes(writers)}, got)
}

func testBadDesks(t *testing.T, d databases) {
	s := d.open(t)
	for _, desk := range []access.DeskName{"", "d\x00", "\xff", access.DeskName(strings.Repeat("d", 513))} {
		err := s.SaveWatch(t.Context(), access.WatchPosition{Desk: desk, Cursor: noon})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "desk: ")

		got, err := s.Watch(t.Context(), desk)
		require.NoError(t, err)
		require.Equal(t, access.WatchPosition{Desk: desk}, got)
		tickets, err := s.WatchedTickets(t.Context(), desk, []access.TicketID{"10"})
		require.NoError(t, err)
		require.Empty(t, tickets)
		ids, err := s.OpenTickets(t.Context(), desk, "", 10)
		require.NoError(t, err)
		require.Empty(t, ids)
		require.NoError(t, s.SaveFingerprints(t.Context(), desk, map[access.TicketID]access.TicketFingerprint{"10": {Key: "ACC-10"}}))
	}
}
