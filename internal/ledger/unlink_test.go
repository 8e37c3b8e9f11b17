package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func unlinkOf(id string, person access.PersonID) access.Unlink {
	return access.Unlink{ID: id, Desk: "it", Person: person, At: noon, By: "adam", Evidence: "a token", Reason: "a namesake"}
}

func linked(t *testing.T, s *ledger.Store, person access.PersonID, user access.UserID) access.DeskLink {
	t.Helper()
	link := access.DeskLink{Person: person, User: user, How: access.LinkEmail, At: noon}
	require.NoError(t, s.SaveDeskLink(t.Context(), "it", link, ""))
	return link
}

func testUnlink(t *testing.T, d databases) {
	s := d.open(t)
	wanted := linked(t, s, "a", "1")
	linked(t, s, "b", "2")
	require.NoError(t, s.SaveDeskLink(t.Context(), "other", access.DeskLink{Person: "a", User: "1"}, ""))
	run := begunSync(t, s, "run-1", peopleDay)
	_, err := s.RemoveDeskLink(t.Context(), unlinkOf("u1", "a"))
	require.Equal(t, access.Conflict, access.KindOf(err))
	require.ErrorContains(t, err, "a run over the users of it goes on")
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{}))
	endedSync(t, s, plannedSync(t, s, run))

	link, err := s.RemoveDeskLink(t.Context(), unlinkOf("u1", "a"))
	require.NoError(t, err)
	require.Equal(t, wanted, link)
	said := []access.DeskEvent{{
		ID: "u1#user_unlinked", Desk: "it", User: "1", Person: "a", Type: access.DeskUserUnlinked, At: noon, Actor: "adam", Evidence: "a token",
		Text: "The person a is not linked to the user 1 any more: a namesake.",
	}}
	require.Equal(t, said, deskEvents(t, s, access.DeskEventsQuery{Desk: "it"}))
	links, err := s.DeskLinks(t.Context(), "it", []access.PersonID{"a", "b"})
	require.NoError(t, err)
	require.Len(t, links, 1, "only this person's")
	links, err = s.DeskLinks(t.Context(), "other", []access.PersonID{"a"})
	require.NoError(t, err)
	require.Len(t, links, 1, "only on this desk")

	// The same one again, though the person has got another user and a run goes on.
	linked(t, s, "a", "3")
	begunSync(t, s, "run-2", peopleDay.Add(time.Hour))
	link, err = s.RemoveDeskLink(t.Context(), unlinkOf("u1", "a"))
	require.NoError(t, err)
	require.Equal(t, access.DeskLink{Person: "a", User: "1"}, link)
	require.Equal(t, said, deskEvents(t, s, access.DeskEventsQuery{}))
	runs, err := s.SyncRuns(t.Context(), "it", time.Time{}, 10)
	require.NoError(t, err)
	require.Len(t, runs, 2, "nothing is left of the place that was held")
	_, err = s.RemoveDeskLink(t.Context(), access.Unlink{ID: "u2", Desk: "other", Person: "c"})
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.NoError(t, s.BeginSyncRun(t.Context(), access.SyncRun{Desk: "other", ID: "x", BeganAt: peopleDay}))
	for field, u := range map[string]access.Unlink{
		"id": {Desk: "it", Person: "a"}, "desk": {ID: "u", Person: "a"}, "person": {ID: "u", Desk: "it", Person: "a\x00"}, "by": {ID: "u", Desk: "it", Person: "a", By: "\xff"},
	} {
		_, err := s.RemoveDeskLink(t.Context(), u)
		require.Equal(t, access.Invalid, access.KindOf(err), field)
		require.ErrorContains(t, err, field+": ")
	}
}

// Runs begin and end while links are taken away: each link is taken away once, and with an event.
func testUnlinkBesideRuns(t *testing.T, d databases) {
	s := d.open(t)
	const people = 12
	for i := range people {
		linked(t, s, access.PersonID(fmt.Sprint("p", i)), access.UserID(fmt.Sprint(i)))
	}
	ctx := context.WithoutCancel(t.Context())
	var left, began atomic.Int64
	left.Store(people)
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; left.Load() > 0; i++ {
			run := access.SyncRun{Desk: "it", ID: fmt.Sprint("r", i), BeganAt: peopleDay.Add(time.Duration(i) * time.Second)}
			if s.BeginSyncRun(ctx, run) == nil {
				began.Add(1)
				run.EndedAt, run.Problem = run.BeganAt.Add(time.Second), "enough"
				_ = s.SaveSyncRun(ctx, run)
			}
		}
	})
	for i := range people {
		all.Go(func() {
			u := unlinkOf(fmt.Sprint("u", i), access.PersonID(fmt.Sprint("p", i)))
			for {
				_, err := s.RemoveDeskLink(ctx, u)
				if !access.IsKind(err, access.Conflict) {
					left.Add(-1)
					return
				}
			}
		})
	}
	all.Wait()
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{Desk: "it"}), people)
	_, err := s.OpenSyncRun(t.Context(), "it")
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.Positive(t, began.Load())
}

// An attempt that is late links nobody again whose link was taken away.
func testLateLink(t *testing.T, d databases) {
	s := d.open(t)
	run := plannedSync(t, s, begunSync(t, s, "run-1", peopleDay))
	link := access.DeskLink{Person: "a", User: "1", How: access.LinkEmail, Run: run.ID, At: noon}
	for range 2 {
		require.NoError(t, s.SaveDeskLink(t.Context(), "it", link, ""), "while it goes on")
	}
	endedSync(t, s, run)
	_, err := s.RemoveDeskLink(t.Context(), unlinkOf("u1", "a"))
	require.NoError(t, err)
	err = s.SaveDeskLink(t.Context(), "it", link, "")
	require.Equal(t, access.Conflict, access.KindOf(err))
	require.ErrorContains(t, err, `the run "run-1" over the users of it has ended`)
	links, err := s.DeskLinks(t.Context(), "it", []access.PersonID{"a"})
	require.NoError(t, err)
	require.Empty(t, links)
	begunSync(t, s, "run-2", peopleDay.Add(time.Hour))
	link.Run = "run-2"
	require.NoError(t, s.SaveDeskLink(t.Context(), "it", link, ""), "the next run may")
}
