package lease

import (
	"cmp"
	"slices"
	"time"
)

// agenda holds the leases that have something to do, so that a pass of the loop evaluates what has changed and what is due,
// however many leases a person has. Its lists are sorted slices: to move some thousand pointers takes about a microsecond.
type agenda struct {
	// changed are the leases to evaluate, in the order of their numbers.
	changed []*lease
	// timed are the leases with something to do by the clock, in the order of their times.
	timed []*lease
}

func byNumber(a, b *lease) int { return cmp.Compare(a.number, b.number) }

func byTime(a, b *lease) int { return cmp.Or(a.dueAt.Compare(b.dueAt), byNumber(a, b)) }

// add has a lease evaluated.
func (a *agenda) add(l *lease) {
	l.changed = true
	if i, found := slices.BinarySearchFunc(a.changed, l, byNumber); !found {
		a.changed = slices.Insert(a.changed, i, l)
	}
}

// after returns the first lease to evaluate with a number higher than this one; nil for none.
func (a *agenda) after(number int) *lease {
	i, _ := slices.BinarySearchFunc(a.changed, &lease{number: number + 1}, byNumber)
	if i == len(a.changed) {
		return nil
	}
	return a.changed[i]
}

// schedule sets when a lease has something to do by the clock; the zero time is never.
func (a *agenda) schedule(l *lease, at time.Time) {
	a.timed = without(a.timed, l, byTime)
	l.dueAt = at
	if !at.IsZero() {
		i, _ := slices.BinarySearchFunc(a.timed, l, byTime)
		a.timed = slices.Insert(a.timed, i, l)
	}
}

// due returns the leases whose time has come.
func (a *agenda) due(now time.Time) []*lease {
	i := 0
	for i < len(a.timed) && !a.timed[i].dueAt.After(now) {
		i++
	}
	return a.timed[:i]
}

// without returns a sorted list without a lease.
func without(list []*lease, l *lease, compare func(a, b *lease) int) []*lease {
	if i, found := slices.BinarySearchFunc(list, l, compare); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}
