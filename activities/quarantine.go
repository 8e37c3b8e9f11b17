package activities

import (
	"context"
	"time"

	"usher/internal/access"
)

// lastRuns is how many runs are looked at for failures in a row.
const lastRuns = 50

// failures returns how often in a row the runs of a source's schedule have failed.
func (a *People) failures(ctx context.Context, source access.SourceName) (access.Failures, error) {
	runs, err := a.Ledger.PeopleRuns(ctx, source, time.Time{}, lastRuns)
	var ends []access.RunEnd
	for _, r := range runs {
		ends = append(ends, access.RunEnd{At: r.EndedAt, Problem: r.Problem, NotTried: r.By != "" || r.NeverBegan})
	}
	return access.FailuresOf(ends), err
}

// failures returns how often in a row the runs of a desk's schedule have failed.
func (a *UserSync) failures(ctx context.Context, desk access.DeskName) (access.Failures, error) {
	runs, err := a.Ledger.SyncRuns(ctx, desk, time.Time{}, lastRuns)
	var ends []access.RunEnd
	for _, r := range runs {
		ends = append(ends, access.RunEnd{At: r.EndedAt, Problem: r.Problem, NotTried: r.By != "" || r.NeverBegan})
	}
	return access.FailuresOf(ends), err
}
