package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"usher/internal/access"
)

// recentLeavers finds linked people of a run's scope who have left not too long ago.
type recentLeavers struct {
	ledger interface {
		Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error)
		DeskLinks(ctx context.Context, desk access.DeskName, people []access.PersonID) ([]access.DeskLink, error)
	}
	run access.SyncRun
	// within is how long ago they may have left, counted from when the run began. From and until are the revisions of their standings: later than the first,
	// and not later than the second.
	within      time.Duration
	from, until time.Time
}

// of returns who of some people they are, by id. Who had left before a run could see them leave is not among them.
func (r recentLeavers) of(ctx context.Context, people []access.KnownPerson) ([]access.DeskLink, error) {
	var left []access.PersonID
	for _, p := range people {
		if p.State == access.PersonLeft && r.run.Scope.Has(p.Record) {
			left = append(left, p.Record.ID)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	standings, err := r.ledger.Standings(ctx, r.run.Source, left...)
	if err != nil {
		return nil, err
	}
	var some []access.PersonID
	for _, s := range standings {
		if since := time.UnixMicro(int64(s.Revision)); s.Absent && r.run.BeganAt.Sub(since) <= r.within && since.After(r.from) && !since.After(r.until) {
			some = append(some, s.Person)
		}
	}
	if len(some) == 0 {
		return nil, nil
	}
	links, err := r.ledger.DeskLinks(ctx, r.run.Desk, some)
	slices.SortFunc(links, func(a, b access.DeskLink) int { return cmp.Compare(a.Person, b.Person) })
	return links, err
}

// leavers returns whose things a run may hand over, of some people. What those own who have left since the last run that was not held is left alone where
// this one is.
func (h *handing) leavers(ctx context.Context, people []access.KnownPerson) ([]access.DeskLink, error) {
	r := recentLeavers{ledger: h.Ledger, run: h.run, within: h.Settings.HandOver.Within, until: h.run.HandOverUntil}
	if h.run.HoldsHandOver() {
		r.until = h.run.HandOverSince
	}
	return r.of(ctx, people)
}

// leaving returns the leavers whom the brake on what they own counts: those since the last run that was not held, or since the one that this run releases.
func (a *UserSync) leaving(ctx context.Context, run *access.SyncRun, settings SyncSettings) ([]access.PersonID, error) {
	if !handsOver(*run, settings) {
		return nil, nil
	}
	released, err := a.releasesHandOver(ctx, *run)
	if err != nil {
		return nil, err
	}
	if released.After(run.HandOverSince) {
		run.HandOverSince = released
	}
	var all []access.PersonID
	r := recentLeavers{ledger: a.Ledger, run: *run, within: settings.HandOver.Within, from: run.HandOverSince, until: run.HandOverUntil}
	err = a.people(ctx, run.Source, func(page []access.KnownPerson) error {
		links, err := r.of(ctx, page)
		for _, l := range links {
			all = append(all, l.Person)
		}
		return err
	})
	return all, err
}

// handsOver reports whether a run hands over what leavers own.
func handsOver(run access.SyncRun, settings SyncSettings) bool {
	return settings.HandOver != nil && settings.Modes[access.UserHandOver] && !run.Dry
}

// releasesHandOver returns until when those have left whose things a run releases, by what the run that held them has seen; zero where it releases none.
func (a *UserSync) releasesHandOver(ctx context.Context, run access.SyncRun) (time.Time, error) {
	r, err := a.releaseOf(ctx, run)
	if err != nil || r.given == nil || !run.Scope.Everybody() || !r.of.FreesHandOver(*r.given) {
		return time.Time{}, err
	}
	return r.of.HandOverUntil, nil
}
