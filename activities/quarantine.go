package activities

import (
	"context"
	"slices"
	"time"

	"usher/internal/access"
)

// lastRuns is how many runs are looked at at once, and lastPages how often more of them are, for failures in a row.
const (
	lastRuns  = 50
	lastPages = 40
)

// ranOver is a run as it matters for failures.
type ranOver struct {
	began time.Time
	end   access.RunEnd
}

// failuresOf returns how often in a row runs have failed that a schedule has started. Those that somebody starts may be many, and hide none of them: runs are read until one has ended
// well, or lastPages of them were. read returns those that began before a time, the last first.
func failuresOf(read func(before time.Time) ([]ranOver, error)) (access.Failures, error) {
	var ends []access.RunEnd
	before := time.Time{}
	for range lastPages {
		page, err := read(before)
		if err != nil {
			return access.Failures{}, err
		}
		for _, r := range page {
			before = r.began
			if !r.end.At.IsZero() && r.end.Problem == "" {
				return access.FailuresOf(ends), nil
			}
			ends = append(ends, r.end)
		}
		if len(page) < lastRuns {
			break
		}
	}
	return access.FailuresOf(ends), nil
}

// failures returns how often in a row the runs of a source's schedule have failed.
func (a *People) failures(ctx context.Context, source access.SourceName) (access.Failures, error) {
	return failuresOf(func(before time.Time) (page []ranOver, err error) {
		runs, err := a.Ledger.PeopleRuns(ctx, source, before, lastRuns)
		for _, r := range runs {
			page = append(page, ranOver{r.BeganAt, access.RunEnd{At: r.EndedAt, Problem: r.Problem, NotTried: r.By != "" || r.NeverBegan || r.Cancelled}})
		}
		return page, err
	})
}

// failures returns how often in a row the runs of a desk's schedule have failed.
func (a *UserSync) failures(ctx context.Context, desk access.DeskName) (access.Failures, error) {
	return failuresOf(func(before time.Time) (page []ranOver, err error) {
		runs, err := a.Ledger.SyncRuns(ctx, desk, before, lastRuns)
		for _, r := range runs {
			page = append(page, ranOver{r.BeganAt, access.RunEnd{At: r.EndedAt, Problem: r.Problem, NotTried: r.By != "" || r.NeverBegan || r.Cancelled}})
		}
		return page, err
	})
}

// ended returns what reports whether a run over a source began after a time and has ended well, of those that are so.
func (a *People) ended(source access.SourceName, so func(access.PeopleRun) bool) func(context.Context, time.Time) (bool, error) {
	return func(ctx context.Context, since time.Time) (bool, error) {
		runs, err := a.Ledger.PeopleRuns(ctx, source, time.Time{}, lastRuns)
		return slices.ContainsFunc(runs, func(r access.PeopleRun) bool { return r.Problem == "" && r.Ended() && r.BeganAt.After(since) && so(r) }), err
	}
}

// ended returns what reports whether a run over the users of a desk began after a time and has ended well, of those that are so.
func (a *UserSync) ended(desk access.DeskName, so func(access.SyncRun) bool) func(context.Context, time.Time) (bool, error) {
	return func(ctx context.Context, since time.Time) (bool, error) {
		runs, err := a.Ledger.SyncRuns(ctx, desk, time.Time{}, lastRuns)
		return slices.ContainsFunc(runs, func(r access.SyncRun) bool { return r.Problem == "" && r.Ended() && r.BeganAt.After(since) && so(r) }), err
	}
}
