package activities

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/usersync"
)

// kindsOf returns one name for some kinds, in whatever order they stand: leavers are counted anew where other kinds are handed over.
func kindsOf(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(names, ",")
}

// leaver is somebody who has left. revision is that of their standing, which shows since when; mark is where the brake on what they own stands with
// them, nil where no run has counted them. waits is true where a brake has held what they own, of whatever kinds, and no run has dealt with them since.
type leaver struct {
	revision int
	mark     *access.LeaverMark
	waits    bool
}

func (l leaver) since() time.Time { return time.UnixMicro(int64(l.revision)) }

func (l leaver) is(s access.LeaverState) bool { return l.mark != nil && l.mark.State == s }

// leaversOf returns those of some people of a run who are known to have left. Who had left before a run could see them leave is not among them. A mark of another
// time of leaving, or of other kinds, is none.
func leaversOf(ctx context.Context, ledger SyncLedger, run access.SyncRun, people []access.PersonID, kinds []string) (map[access.PersonID]leaver, error) {
	if len(people) == 0 {
		return nil, nil
	}
	standings, err := ledger.Standings(ctx, run.Source, people...)
	if err != nil {
		return nil, err
	}
	marks, err := ledger.LeaverMarks(ctx, run, people)
	if err != nil {
		return nil, err
	}
	all := map[access.PersonID]leaver{}
	for _, s := range standings {
		if s.Absent {
			all[s.Person] = leaver{revision: s.Revision}
		}
	}
	for _, m := range marks {
		l, left := all[m.Person]
		if !left || m.Revision != l.revision {
			continue
		}
		l.waits = m.Waits || m.State == access.LeaverHeld || m.State == access.LeaverMissed
		if m.Kinds == kindsOf(kinds) {
			l.mark = &m
		}
		all[m.Person] = l
	}
	return all, nil
}

// countedLeavers are the leavers whom the brake on what they own counts while a run is planned.
type countedLeavers struct {
	*UserSync
	run      access.SyncRun
	settings SyncSettings
	// released is until when those have been held whom this run releases; zero for none.
	released time.Time
	people   []access.PersonID
	marks    []access.LeaverMark
}

// countLeavers returns who counts for the brake on what leavers own: nobody yet.
func (a *UserSync) countLeavers(ctx context.Context, run access.SyncRun, settings SyncSettings) (*countedLeavers, error) {
	c := &countedLeavers{UserSync: a, run: run, settings: settings}
	release, err := a.releaseOf(ctx, run)
	if err == nil && release.given != nil && run.Scope.Everybody() && release.of.Source == run.Source && release.of.FreesHandOver(*release.given) {
		c.released = release.of.BeganAt
	}
	return c, err
}

// take counts the leavers of a page whose user is off, or cannot be switched off. rows are those of the page. Whom they switch off counts for the brake on
// that. Everybody of the source counts, also for a run over some people, of which no brake would see what many own.
func (c *countedLeavers) take(ctx context.Context, page []access.KnownPerson, found []usersync.Found, rows []access.SyncRow) error {
	if c.settings.HandOver == nil || !c.settings.Modes[access.UserHandOver] {
		return nil
	}
	gone, switched, others := c.users(page, found, rows)
	left, err := leaversOf(ctx, c.Ledger, c.run, slices.Concat(gone, switched, others), c.settings.HandOver.Kinds)
	if err != nil {
		return err
	}
	maps.DeleteFunc(left, func(_ access.PersonID, l leaver) bool { return l.is(access.LeaverPassed) })
	for _, id := range others {
		if l, is := left[id]; is && l.waits {
			c.marks = append(c.marks, c.mark(id, l, access.LeaverMissed))
		}
	}
	for _, id := range switched {
		if l, is := left[id]; is && c.counts(l) {
			c.marks = append(c.marks, c.mark(id, l, access.LeaverCounted))
		}
	}
	for _, id := range gone {
		if l, is := left[id]; is {
			c.count(id, l)
		}
	}
	return nil
}

// users returns who of a page has left with a user who is off, or cannot be switched off, and whose user the rows would switch off: those are so few that the
// brake on that does not hold them, or their rows are held, and nothing of theirs is handed over. others are those who have left and whom this run does not count.
func (c *countedLeavers) users(page []access.KnownPerson, found []usersync.Found, rows []access.SyncRow) (gone, switched, others []access.PersonID) {
	off := map[access.PersonID]bool{}
	for _, r := range rows {
		off[r.Person] = r.Operation == access.UserDeactivate
	}
	for i, p := range page {
		switch user := found[i].Linked; {
		case p.State != access.PersonLeft:
		case user == nil || c.settings.Guard.Protects(*user) != "":
			others = append(others, p.Record.ID)
		case !user.Active || c.run.Schema.Cannot[access.UserDeactivate] != "":
			gone = append(gone, p.Record.ID)
		case off[p.Record.ID]:
			switched = append(switched, p.Record.ID)
		default:
			others = append(others, p.Record.ID)
		}
	}
	return gone, switched, others
}

// counts reports whether somebody has left not too long ago for anybody to have counted them, or has waited since.
func (c *countedLeavers) counts(l leaver) bool {
	return l.waits || c.run.BeganAt.Sub(l.since()) <= c.settings.HandOver.Within
}

// count counts one leaver with whom no run has dealt, unless this run releases them, or they left too long ago for anybody to have counted them.
func (c *countedLeavers) count(id access.PersonID, l leaver) {
	held := l.is(access.LeaverHeld)
	switch {
	case held && !l.mark.At.After(c.released):
		c.marks = append(c.marks, c.mark(id, l, access.LeaverPassed))
	case c.counts(l):
		m := c.mark(id, l, access.LeaverHeld)
		if held {
			m.At = l.mark.At
		}
		c.people, c.marks = append(c.people, id), append(c.marks, m)
	}
}

func (c *countedLeavers) mark(id access.PersonID, l leaver, state access.LeaverState) access.LeaverMark {
	return access.LeaverMark{
		Person: id, Revision: l.revision, Kinds: kindsOf(c.settings.HandOver.Kinds), State: state, Run: c.run.ID, Rows: c.run.Rows, At: c.run.BeganAt,
		Waits: l.waits && state != access.LeaverPassed,
	}
}

// brake sets how many count, and the hold where these are too many, and records where each of them stands. A dry run records nothing.
func (c *countedLeavers) brake(ctx context.Context, run *access.SyncRun) error {
	run.Counts.Leavers = len(c.people)
	hold, holds := c.settings.Brakes.HandOver(c.people, run.Counts.Linked)
	if holds {
		run.Holds = append(run.Holds, hold)
	}
	for i := range c.marks {
		if m := &c.marks[i]; m.State == access.LeaverHeld && !holds {
			m.State, m.At = access.LeaverCounted, run.BeganAt
		}
	}
	if run.Dry || len(c.marks) == 0 {
		return nil
	}
	return c.Ledger.SaveLeaverMarks(ctx, *run, c.marks)
}

// leavers returns whose things a run may hand over, of some people, by id: whom its brake has counted, and whom an earlier one has let pass not too long ago.
// Where it is only counted what would be handed over, these are all who have left not too long ago.
func (h *handing) leavers(ctx context.Context, people []access.KnownPerson) ([]access.DeskLink, error) {
	var gone []access.PersonID
	for _, p := range people {
		if p.State == access.PersonLeft && h.run.Scope.Has(p.Record) {
			gone = append(gone, p.Record.ID)
		}
	}
	left, err := leaversOf(ctx, h.Ledger, h.run, gone, h.Settings.HandOver.Kinds)
	if err != nil {
		return nil, err
	}
	gone = slices.DeleteFunc(gone, func(id access.PersonID) bool {
		l, is := left[id]
		return !is || !h.may(l)
	})
	if len(gone) == 0 {
		return nil, nil
	}
	h.left = left
	links, err := h.Ledger.DeskLinks(ctx, h.run.Desk, gone)
	slices.SortFunc(links, func(a, b access.DeskLink) int { return strings.Compare(string(a.Person), string(b.Person)) })
	return links, err
}

// may reports whether the run may deal with somebody who has left.
func (h *handing) may(l leaver) bool {
	since := l.since()
	switch {
	case !h.applies && (!h.run.HoldsHandOver() || l.is(access.LeaverPassed)):
		// It is only counted what would be handed over. A dry run has recorded no marks, but shows what its brake would hold.
	case l.is(access.LeaverCounted):
		// An attempt to plan that was late has counted others than the plan that is followed.
		return l.mark.Rows == h.run.Rows
	case !l.is(access.LeaverPassed):
		return false
	case l.mark.At.After(since):
		since = l.mark.At
	}
	return h.run.BeganAt.Sub(since) <= h.Settings.HandOver.Within
}

// passed records that the run has dealt with somebody who has left, so that no brake counts them again.
func (h *handing) passed(ctx context.Context, person access.PersonID) error {
	l := h.left[person]
	if !h.applies || l.mark == nil || l.is(access.LeaverPassed) {
		return nil
	}
	m := *l.mark
	m.Kinds, m.State, m.Run, m.Rows, m.At, m.Waits = kindsOf(h.kinds), access.LeaverPassed, h.run.ID, h.run.Rows, h.run.BeganAt, false
	return h.Ledger.SaveLeaverMarks(ctx, h.run, []access.LeaverMark{m})
}
