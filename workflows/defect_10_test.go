package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// The window of a higher revision counts for a lease that is held, and the answer says so.
func TestDefect10(t *testing.T) {
	const hour = time.Hour
	lasts := func(d time.Duration) func(*holderRuns) access.Window {
		return func(*holderRuns) access.Window { return access.Window{Duration: access.Duration(d)} }
	}
	until := func(d time.Duration) func(*holderRuns) access.Window {
		return func(r *holderRuns) access.Window {
			end := r.begun.Add(d).UTC()
			return access.Window{Until: &end}
		}
	}
	rows := []struct {
		name          string
		first, second func(*holderRuns) access.Window
		// ends is when the access ends, counted from the grant; 0 for without end.
		ends time.Duration
	}{
		{"shorter", lasts(10 * hour), lasts(3 * hour), 3 * hour},
		{"longer", lasts(3 * hour), lasts(10 * hour), 10 * hour},
		{"shorter, to a time", lasts(10 * hour), until(3 * hour), 3 * hour},
		{"longer, to a time", until(3 * hour), until(10 * hour), 10 * hour},
		{"an end where there was none", lasts(0), lasts(5 * hour), 5 * hour},
		{"no end where there was one", lasts(5 * hour), lasts(0), 0},
		{"an end that is over", lasts(10 * hour), until(90 * time.Minute), 2 * hour},
	}
	for _, row := range rows {
		for _, long := range []bool{false, true} {
			t.Run(row.name+map[bool]string{true: ", in the next run", false: ""}[long], func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				say := func(after time.Duration, revision int, wanted access.DesiredState, window func(*holderRuns) access.Window) {
					r.at(after, func() {
						e := lease("r1:1", "wiki-editors", 0)
						e.Revision, e.DesiredState, e.Window = revision, wanted, window(r)
						if revision == 1 {
							r.holder.approved("r1", e)
						}
						r.signal(workflows.SignalApplyLease, e)
					})
				}
				say(0, 1, access.Present, row.first)
				if long {
					r.at(hour, r.growsLong)
				}
				say(2*hour, 2, access.Present, row.second)
				if row.ends == 0 {
					r.members(30*hour, "wiki-editors", "ana")
					say(31*hour, 3, access.Absent, row.second)
				} else {
					r.members(max(row.ends-time.Minute, hour), "wiki-editors", "ana")
					r.members(row.ends+time.Minute, "wiki-editors")
				}
				r.at(2*hour+time.Minute, func() {
					answer := r.holder.last("r1:1")
					require.Equal(t, 2, answer.Revision)
					if row.ends == 0 {
						require.Nil(t, answer.EndsAt, "the answer says the new end")
						return
					}
					require.NotNil(t, answer.EndsAt, "the answer says the new end")
					if row.ends > 2*hour {
						require.WithinDuration(t, r.begun.Add(row.ends), *answer.EndsAt, time.Second)
					}
				})
				r.mustEndBy(2 * day)
				r.run()
				require.Empty(t, r.target.Members("wiki-editors"))
				require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
			})
		}
	}
}
