package accesstest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// deskMostPages is more pages than any round of the suite has; a feed that gives more never ends.
const deskMostPages = 60

func changesAscend(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	refs := deskOpenMany(t, h, 5)
	since := deskRead(t, h, refs[0].ID).UpdatedAt
	// The order of the changes is not that of the tickets.
	for _, i := range []int{3, 0, 4} {
		h.MoveAs(account, refs[i].ID, access.TicketApproved)
	}
	deskEventuallySeen(t, h, since, refs)
	deskEventuallyChanged(t, h, deskRead(t, h, refs[4].ID))
	round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 100}, nil)
	deskRequireAscending(t, round)
	for _, ref := range refs {
		require.Equal(t, deskInUTC(deskRead(t, h, ref.ID)), deskInUTC(round.last[ref.ID]), "told as it is")
	}
}

func changesByHumans(t *testing.T, h ServiceDeskHarness) {
	require.NotNil(t, h.AssignAs, "the harness has no AssignAs")
	require.NotNil(t, h.CommentAs, "the harness has no CommentAs")
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	for _, change := range []func(){
		func() { h.CommentAs(account, ref.ID, "who needs this?") },
		func() { h.AssignAs(account, ref.ID, account) },
		func() { h.MoveAs(account, ref.ID, access.TicketDenied) },
		func() { h.MoveAs(account, ref.ID, access.TicketWaiting) },
		func() { h.AssignAs(account, ref.ID, "") },
	} {
		before := deskRead(t, h, ref.ID)
		change()
		now := deskRead(t, h, ref.ID)
		require.False(t, now.UpdatedAt.Before(before.UpdatedAt))
		told := deskEventuallyChanged(t, h, now)
		require.Equal(t, deskInUTC(now), deskInUTC(told))
	}
	require.Equal(t, access.TicketWaiting, deskRead(t, h, ref.ID).Phase)
}

func changesAtTheMoment(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	now := deskRead(t, h, ref.ID)
	deskEventuallyChanged(t, h, now)
	for _, zone := range []*time.Location{
		time.UTC, time.FixedZone("east", 5*3600+1800), time.FixedZone("west", -11*3600), time.FixedZone("far east", 14*3600),
	} {
		round := deskRound(t, h, access.ChangesQuery{Since: now.UpdatedAt.In(zone), Limit: 10}, nil)
		require.Contains(t, round.last, ref.ID, zone.String())
		late := deskRound(t, h, access.ChangesQuery{Since: now.UpdatedAt.Add(2 * time.Hour).In(zone), Limit: 10}, nil)
		require.Empty(t, late.last, zone.String())
	}
}

func changesAfterAll(t *testing.T, h ServiceDeskHarness) {
	refs := deskOpenMany(t, h, 3)
	last := deskRead(t, h, refs[2].ID)
	deskEventuallyChanged(t, h, last)
	page, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: last.UpdatedAt.Add(48 * time.Hour), Limit: 2})
	require.NoError(t, err)
	require.Empty(t, page.Tickets)
	require.Empty(t, page.Next)
}

func changesInShortPages(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	refs := deskOpenMany(t, h, 9)
	since := deskRead(t, h, refs[0].ID).UpdatedAt
	h.MoveAs(account, refs[1].ID, access.TicketDone)
	deskEventuallySeen(t, h, since, refs)
	deskEventuallyChanged(t, h, deskRead(t, h, refs[1].ID))
	for _, limit := range []int{1, 2, 4, 9, 10} {
		round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: limit}, nil)
		deskRequireAscending(t, round)
		for _, ref := range refs {
			require.Contains(t, round.last, ref.ID, "limit %d", limit)
		}
		require.GreaterOrEqual(t, len(round.pages), (len(refs)+limit-1)/limit)
	}
}

// changesBetweenPages lets the tickets of the first page change before the second is asked for: they go to the end, and
// a feed that counts its way through the list would jump over others.
func changesBetweenPages(t *testing.T, h ServiceDeskHarness) {
	require.NotNil(t, h.CommentAs, "the harness has no CommentAs")
	account := h.AddAccount(deskAda())
	refs := deskOpenMany(t, h, 9)
	since := deskRead(t, h, refs[0].ID).UpdatedAt
	deskEventuallySeen(t, h, since, refs)
	round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 2}, func(page access.ChangesPage) {
		for _, s := range page.Tickets {
			h.CommentAs(account, s.Ref.ID, "between two pages")
			h.MoveAs(account, s.Ref.ID, access.TicketApproved)
		}
	})
	for _, ref := range refs {
		require.Contains(t, round.last, ref.ID, "seen though others changed")
	}
	for _, s := range round.pages[0].Tickets {
		told := deskEventuallyChanged(t, h, deskRead(t, h, s.Ref.ID))
		require.Equal(t, account, told.StatusChangedBy, "the change between two pages is told in the end")
	}
}

func changesAfterLag(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	before := deskOpen(t, h, "r1")
	since := deskRead(t, h, before.ID).UpdatedAt
	deskEventuallyChanged(t, h, deskRead(t, h, before.ID))
	h.SearchLags(true)
	h.MoveAs(account, before.ID, access.TicketDone)
	created := deskOpen(t, h, "r2")
	round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 10}, nil)
	require.NotContains(t, round.last, created.ID, "the desk's search lags")
	h.SearchLags(false)
	require.Equal(t, account, deskEventuallyChanged(t, h, deskRead(t, h, before.ID)).StatusChangedBy)
	deskEventuallySeen(t, h, since, []access.TicketRef{before, created})
}

func changesClock(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	changed := deskRead(t, h, ref.ID)
	deskEventuallyChanged(t, h, changed)
	page, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page.Tickets)
	require.Empty(t, page.Next)
	if page.Now.IsZero() {
		return // This desk does not tell its clock.
	}
	require.WithinRange(t, page.Now, changed.UpdatedAt.Add(-time.Second), changed.UpdatedAt.Add(time.Minute))
	page, err = h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: changed.UpdatedAt, Limit: 10})
	require.NoError(t, err)
	require.WithinRange(t, page.Now, changed.UpdatedAt.Add(-time.Second), changed.UpdatedAt.Add(time.Minute))
}

func changesOfOthers(t *testing.T, h ServiceDeskHarness) {
	require.NotNil(t, h.OpenAs, "the harness has no OpenAs")
	account := h.AddAccount(deskAda())
	first := deskOpen(t, h, "r1")
	since := deskRead(t, h, first.ID).UpdatedAt
	for range 4 {
		foreign := h.OpenAs(account)
		h.MoveAs(account, foreign, access.TicketDone)
	}
	second := deskOpen(t, h, "r2")
	deskEventuallySeen(t, h, since, []access.TicketRef{first, second})
	round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 2}, nil)
	deskRequireAscending(t, round)
	for _, ref := range []access.TicketRef{first, second} {
		require.Equal(t, ref, round.last[ref.ID].Ref)
	}
}

func changesWithoutDeleted(t *testing.T, h ServiceDeskHarness) {
	refs := deskOpenMany(t, h, 4)
	since := deskRead(t, h, refs[0].ID).UpdatedAt
	deskEventuallySeen(t, h, since, refs)
	h.Delete(refs[1].ID)
	for _, limit := range []int{1, 10} {
		round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: limit}, nil)
		for _, ref := range []access.TicketRef{refs[0], refs[2], refs[3]} {
			require.Contains(t, round.last, ref.ID)
		}
	}
	deskEventually(t, "what was deleted is not shown", func() bool {
		_, there := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 10}, nil).last[refs[1].ID]
		return !there
	})
}

func changesOfRekeyed(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	key := h.Rekey(ref.ID)
	told := deskEventuallyChanged(t, h, deskRead(t, h, ref.ID))
	require.Equal(t, key, told.Ref.Key)
	require.Equal(t, deskRead(t, h, ref.ID).Project, told.Project)
}

func changesUnknownPage(t *testing.T, h ServiceDeskHarness) {
	refs := deskOpenMany(t, h, 4)
	since := deskRead(t, h, refs[0].ID).UpdatedAt
	deskEventuallySeen(t, h, since, refs)
	_, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 2, Page: "no such page"})
	deskRequireKind(t, access.Invalid, err)
}

// deskRoundSeen is what one round of pages has told.
type deskRoundSeen struct {
	pages []access.ChangesPage
	// last is each ticket as it was told last.
	last map[access.TicketID]access.TicketSnapshot
}

// deskRound asks for all pages, and calls between, if there is one, after the first of several. A page that is no longer
// known begins the round again.
func deskRound(t *testing.T, h ServiceDeskHarness, q access.ChangesQuery, between func(access.ChangesPage)) deskRoundSeen {
	t.Helper()
	round := deskRoundSeen{last: map[access.TicketID]access.TicketSnapshot{}}
	for range deskMostPages {
		page, err := h.Desk.ChangedTickets(t.Context(), q)
		if q.Page != "" && access.IsKind(err, access.Invalid) {
			q.Page, between = "", nil
			continue
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Tickets), q.Limit)
		round.pages = append(round.pages, page)
		for _, s := range page.Tickets {
			require.NotEmpty(t, s.Ref.ID)
			round.last[s.Ref.ID] = s
		}
		if page.Next == "" {
			deskRequireSettled(t, round)
			return round
		}
		if between != nil {
			between(page)
			between = nil
		}
		q.Page = page.Next
	}
	require.FailNow(t, "the feed does not end", "%d pages with the limit %d", deskMostPages, q.Limit)
	return round
}

// deskRequireSettled wants every page to have told, with those before, what changed before the time that it settles.
func deskRequireSettled(t *testing.T, round deskRoundSeen) {
	t.Helper()
	told := map[access.TicketID]bool{}
	for n, page := range round.pages {
		for _, s := range page.Tickets {
			told[s.Ref.ID] = true
		}
		for id, s := range round.last {
			require.False(t, !told[id] && page.Next != "" && s.UpdatedAt.Before(page.CompleteUntil),
				"page %d settles all changes before %s, and ticket %s of %s comes later", n+1, page.CompleteUntil, id, s.UpdatedAt)
		}
	}
}

// deskRequireAscending wants the oldest change first, over all pages; a ticket may be told again.
func deskRequireAscending(t *testing.T, round deskRoundSeen) {
	t.Helper()
	var newest time.Time
	told := map[access.TicketID]bool{}
	for _, page := range round.pages {
		for _, s := range page.Tickets {
			require.False(t, s.UpdatedAt.IsZero())
			if told[s.Ref.ID] {
				continue
			}
			told[s.Ref.ID] = true
			require.False(t, s.UpdatedAt.Before(newest), "ticket %s", s.Ref.ID)
			newest = s.UpdatedAt
		}
	}
}

// deskEventuallyChanged waits until the feed tells the ticket as it is now, and gives that; a desk's search may lag by
// itself.
func deskEventuallyChanged(t *testing.T, h ServiceDeskHarness, now access.TicketSnapshot) access.TicketSnapshot {
	t.Helper()
	var told access.TicketSnapshot
	deskEventually(t, fmt.Sprintf("the change of %s is told", now.Ref.ID), func() bool {
		round := deskRound(t, h, access.ChangesQuery{Since: now.UpdatedAt, Limit: 100}, nil)
		told = round.last[now.Ref.ID]
		return told.Ref.ID != "" && !told.UpdatedAt.Before(now.UpdatedAt)
	})
	return told
}

// deskEventuallySeen waits until the feed tells all these tickets.
func deskEventuallySeen(t *testing.T, h ServiceDeskHarness, since time.Time, refs []access.TicketRef) {
	t.Helper()
	deskEventually(t, "all tickets are told", func() bool {
		round := deskRound(t, h, access.ChangesQuery{Since: since, Limit: 100}, nil)
		for _, ref := range refs {
			if _, there := round.last[ref.ID]; !there {
				return false
			}
		}
		return true
	})
}

// deskEventually asks on the test's own goroutine, so that a condition may fail the test.
func deskEventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-deadline.C:
			require.FailNow(t, "it did not come to be", what)
		}
	}
}

// deskOpenMany opens tickets for the requests r0, r1, ...
func deskOpenMany(t *testing.T, h ServiceDeskHarness, n int) []access.TicketRef {
	t.Helper()
	refs := make([]access.TicketRef, n)
	for i := range refs {
		refs[i] = deskOpen(t, h, access.RequestID(fmt.Sprintf("r%d", i)))
	}
	return refs
}
