package ticket_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows/ticket"
)

// reading is a shelf that reads its ticket at intervals.
func reading(t *testing.T) *shelf {
	t.Helper()
	s := newShelf(t)
	s.settings.First, s.settings.Max = first, longest
	return s
}

// reads are the times of the reads so far, after the beginning.
func (s *shelf) reads(t *testing.T, times *[]time.Duration) {
	t.Helper()
	begin := s.env.Now()
	s.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == "ReadTicket" {
			*times = append(*times, s.env.Now().Sub(begin))
		}
	})
}

func minutes(all ...int) []time.Duration {
	times := make([]time.Duration, len(all))
	for i, n := range all {
		times[i] = time.Duration(n) * time.Minute
	}
	return times
}

func TestRead(t *testing.T) {
	t.Run("the interval doubles while nothing is new, up to its limit", func(t *testing.T) {
		s := reading(t)
		s.fresh = false
		var times []time.Duration
		s.reads(t, &times)
		s.ends(33 * time.Minute)
		require.NoError(t, s.run(t))
		require.Equal(t, minutes(1, 3, 7, 15, 23, 31), times)
	})
	t.Run("something new begins the intervals again", func(t *testing.T) {
		s := reading(t)
		var times []time.Duration
		s.reads(t, &times)
		s.ends(4*time.Minute + time.Second)
		require.NoError(t, s.run(t))
		require.Equal(t, minutes(1, 2, 3, 4), times)
	})
	t.Run("news from elsewhere does so too", func(t *testing.T) {
		s := reading(t)
		s.fresh = false
		var times []time.Duration
		s.reads(t, &times)
		s.at(10*time.Minute, func() { s.News() })
		s.at(20*time.Minute, func() { s.Unchanged() })
		s.ends(29 * time.Minute)
		require.NoError(t, s.run(t))
		require.Equal(t, minutes(1, 3, 7, 11, 13, 17, 28), times)
	})
	t.Run("a ticket that replaces another begins the intervals again", func(t *testing.T) {
		s := reading(t)
		s.fresh = false
		var times []time.Duration
		s.reads(t, &times)
		s.at(16*time.Minute, func() { s.Replace() })
		s.ends(20 * time.Minute)
		require.NoError(t, s.run(t))
		require.Equal(t, minutes(1, 3, 7, 15, 17, 19), times)
	})
	t.Run("where nothing is to be read, it is not", func(t *testing.T) {
		s := newShelf(t)
		s.at(24*time.Hour, func() {})
		s.ends(48 * time.Hour)
		require.NoError(t, s.run(t))
		require.Zero(t, s.desk.Calls(memory.OpReadTicket))
	})
	t.Run("it can be read at once", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Hour, func() { s.state.ReadNow = true })
		s.ends(2 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.told("read waiting"))
		require.False(t, s.state.ReadNow)
	})
	t.Run("one that a write overtook is made again, and shown to nobody", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.state.ReadNow = true
			s.during(memory.OpReadTicket, func() { s.Write(ticket.Write{TransitionTo: access.TicketWorking}) })
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"opened MEM-1, found false", "read working"}, s.log)
	})
	t.Run("none is made while a write is in flight", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.Write(ticket.Write{Text: "one"})
			s.during(memory.OpAddComments, func() {
				s.state.ReadNow = true
				require.Zero(t, s.desk.Calls(memory.OpReadTicket))
			})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.told("read waiting"))
		require.Equal(t, 1, s.desk.Calls(memory.OpReadTicket))
	})
	t.Run("what is wrong is said, until a read is good", func(t *testing.T) {
		s := reading(t)
		s.at(30*time.Second, func() { s.desk.RefuseCredentials(true) })
		s.at(time.Hour, func() {
			require.Contains(t, s.state.Problem, "the ticket cannot be read: ")
			s.desk.RefuseCredentials(false)
		})
		s.ends(90 * time.Minute)
		require.NoError(t, s.run(t))
		require.Empty(t, s.state.Problem)
	})
	t.Run("a run that continues as new reads again what it was reading", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() { s.desk.Down(true) })
		s.at(2*time.Minute, func() { s.state.ReadNow = true })
		s.at(2*time.Minute+time.Second, func() { s.env.SetContinueAsNewSuggested(true) })
		require.ErrorContains(t, s.run(t), errCarried.Error())
		require.True(t, s.state.ReadNow)
		s.desk.Down(false)
		s.newRun()
		s.ends(0)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.told("read waiting"))
	})
}

func TestMissing(t *testing.T) {
	gone := func(s *shelf) func() { return func() { _ = s.desk.Delete(s.state.Ref.ID) } }
	t.Run("one miss proves nothing", func(t *testing.T) {
		s := reading(t)
		s.at(90*time.Second, func() { require.NoError(t, s.desk.Hide(s.state.Ref.ID, true)) })
		s.at(150*time.Second, func() { require.NoError(t, s.desk.Hide(s.state.Ref.ID, false)) })
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Zero(t, s.told("missing"))
		require.Zero(t, s.state.Misses)
	})
	t.Run("two in a row do", func(t *testing.T) {
		s := reading(t)
		s.at(90*time.Second, gone(s))
		s.missing = func() { s.TurnOff() }
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"opened MEM-1, found false", "read waiting", "missing"}, s.log)
		require.Equal(t, 3, s.desk.Calls(memory.OpReadTicket))
	})
	t.Run("two writes do so too, though nothing is read", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			gone(s)()
			s.Write(ticket.Write{Text: "one"})
		})
		s.missing = func() { s.TurnOff() }
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.told("missing"))
		require.True(t, s.UpToDate(), "there is nothing to be kept any more")
		require.Empty(t, s.state.Problem)
	})
	t.Run("a ticket that is gone can be replaced, and what waited goes to the new one", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			gone(s)()
			s.Write(ticket.Write{Text: "one"})
		})
		s.missing = func() { s.Replace() }
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.told("missing"))
		require.Equal(t, access.TicketKey("MEM-1"), s.state.Old.Key)
		require.Equal(t, access.TicketKey("MEM-2"), s.state.Ref.Key)
		require.Equal(t, []string{"one"}, s.desk.Comments(s.state.Ref.ID))
	})
	t.Run("a read of a ticket that was replaced meanwhile says nothing", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.state.ReadNow = true
			s.during(memory.OpReadTicket, func() {
				gone(s)()
				s.Replace()
			})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"opened MEM-1, found false", "opened MEM-2, found false"}, s.log)
	})
}
