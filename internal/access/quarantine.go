package access

import "time"

// A source or a desk whose runs fail is tried at each time of its schedule, until QuarantineAfter runs in a row have failed. Then it is tried less and
// less often, at most once in QuarantineMost: a system that is away for a weekend is not asked every five minutes, and neither is one that refuses
// usher's password, which would lock the account.
const (
	QuarantineAfter = 5
	quarantineFirst = 30 * time.Minute
	// QuarantineMost is the longest time between two tries.
	QuarantineMost = 12 * time.Hour
)

// RunEnd is how a run ended.
type RunEnd struct {
	// At is when it ended; zero for one that goes on.
	At time.Time
	// Problem is why it failed; "" where it did not.
	Problem string
	// NotTried is true for a run that says nothing about the schedule if it failed: somebody started it or cancelled it, or it never began, as beside another one.
	NotTried bool
}

// Failures are runs that failed in a row.
type Failures struct {
	// InARow is how many; LastAt is when the last one ended, and Problem why it failed.
	InARow  int
	LastAt  time.Time
	Problem string
}

// FailuresOf returns the failures in a row at the end of runs; the last run comes first. Runs that go on do not count, nor do those that somebody
// started and that failed: people may try as often as they like, and a run that ended well ends the failures, whoever started it.
func FailuresOf(runs []RunEnd) Failures {
	var f Failures
	for _, r := range runs {
		switch {
		case r.At.IsZero(), r.Problem != "" && r.NotTried:
			continue
		case r.Problem == "":
			return f
		}
		if f.InARow == 0 {
			f.LastAt, f.Problem = r.At, r.Problem
		}
		f.InARow++
	}
	return f
}

// Until returns when the next try is due; zero for at once.
func (f Failures) Until() time.Time {
	if f.InARow < QuarantineAfter {
		return time.Time{}
	}
	wait := quarantineFirst
	for range f.InARow - QuarantineAfter {
		if wait *= 2; wait >= QuarantineMost {
			wait = QuarantineMost
			break
		}
	}
	return f.LastAt.Add(wait)
}
