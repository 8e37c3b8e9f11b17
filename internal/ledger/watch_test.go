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
	never := access.WatchView{Desk: "jira"}
	requireWatch(t, d, never)
	require.NoError(t, s.SaveWatch(t.Context(), never))
	got, err := s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, never, got, "a time that was never reached is zero")

	first := access.WatchView{Desk: "jira", Cursor: minutes(1), LookedAt: minutes(2).In(time.FixedZone("far away", 5*3600))}
	require.NoError(t, s.SaveWatch(t.Context(), first))
	require.NoError(t, s.SaveWatch(t.Context(), access.WatchView{Desk: "other", Cursor: minutes(99)}))
	got, err = s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchView{Desk: "jira", Cursor: minutes(1), LookedAt: minutes(2)}, got)

	fine := access.WatchView{Desk: "jira", SweptAt: noon.Add(999 * time.Nanosecond)}
	require.NoError(t, s.SaveWatch(t.Context(), fine))
	got, err = s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, noon, got.SweptAt, "times are rounded down to the microsecond")
}

// requireWatch asks a ledger that is new.
func requireWatch(t *testing.T, d databases, want access.WatchView) {
	t.Helper()
	got, err := d.open(t).Watch(t.Context(), want.Desk)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func testWatchNeverGoesBack(t *testing.T, d databases) {
	s := d.open(t)
	saves := map[string]struct{ save, want access.WatchView }{
		"an older cursor stays behind a later look":    {access.WatchView{Cursor: minutes(9), LookedAt: minutes(21)}, access.WatchView{Cursor: minutes(10), LookedAt: minutes(21), SweptAt: minutes(30)}},
		"an older look stays behind a later sweep":     {access.WatchView{LookedAt: minutes(19), SweptAt: minutes(31)}, access.WatchView{Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(31)}},
		"an older sweep stays behind a later cursor":   {access.WatchView{Cursor: minutes(11), SweptAt: minutes(29)}, access.WatchView{Cursor: minutes(11), LookedAt: minutes(20), SweptAt: minutes(30)}},
		"zero times change nothing":                    {access.WatchView{}, access.WatchView{Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(30)}},
		"times before 1970 change nothing":             {access.WatchView{Cursor: time.Unix(-5, 0)}, access.WatchView{Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(30)}},
		"the same again changes nothing":               {access.WatchView{Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(30)}, access.WatchView{Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(30)}},
		"a microsecond is later, in all three at once": {access.WatchView{Cursor: minutes(10).Add(time.Microsecond), LookedAt: minutes(20).Add(time.Microsecond), SweptAt: minutes(30).Add(time.Microsecond)}, access.WatchView{Cursor: minutes(10).Add(time.Microsecond), LookedAt: minutes(20).Add(time.Microsecond), SweptAt: minutes(30).Add(time.Microsecond)}},
	}
	for name, c := range saves {
		t.Run(name, func(t *testing.T) {
			desk := access.DeskName(name)
			require.NoError(t, s.SaveWatch(t.Context(), access.WatchView{Desk: desk, Cursor: minutes(10), LookedAt: minutes(20), SweptAt: minutes(30)}))
			c.save.Desk, c.want.Desk = desk, desk
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
			return s.SaveWatch(ctx, access.WatchView{Desk: "jira", Cursor: minutes(n), LookedAt: minutes(writers - n)})
		})
		group.Go(func() error { return other.SaveWatch(ctx, access.WatchView{Desk: "jira", SweptAt: minutes(n)}) })
	}
	require.NoError(t, group.Wait())
	got, err := s.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchView{Desk: "jira", Cursor: minutes(writers), LookedAt: minutes(writers - 1), SweptAt: minutes(writers)}, got)
}

func testBadDesks(t *testing.T, d databases) {
	s := d.open(t)
	for _, desk := range []access.DeskName{"", "d\x00", "\xff", access.DeskName(strings.Repeat("d", 513))} {
		err := s.SaveWatch(t.Context(), access.WatchView{Desk: desk, Cursor: noon})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "desk: ")

		got, err := s.Watch(t.Context(), desk)
		require.NoError(t, err)
		require.Equal(t, access.WatchView{Desk: desk}, got)
		tickets, err := s.WatchedTickets(t.Context(), desk, []access.TicketID{"10"})
		require.NoError(t, err)
		require.Empty(t, tickets)
		ids, err := s.OpenTickets(t.Context(), desk, "", 10)
		require.NoError(t, err)
		require.Empty(t, ids)
		require.NoError(t, s.SaveMarks(t.Context(), desk, map[access.TicketID]access.TicketMark{"10": {Key: "ACC-10"}}))
	}
}
