package lease

import (
	"cmp"
	"slices"
	"time"

	"usher/internal/access"
)

// standing takes the message that the person has left, or is back. One about somebody else is counted, and changes nothing.
func (w *person) standing(m access.SubjectStanding) {
	if m.Standing.Person != w.Person.ID {
		w.Unreadable++
		return
	}
	w.stand(m)
}

// stand takes the person's standing, unless it is known or out of date. Every lease that it speaks against ends.
func (w *person) stand(m access.SubjectStanding) {
	if m.Standing.Revision <= w.Standing.Revision {
		return
	}
	w.Standing, w.Order = m.Standing, m.Order
	if !access.Limits().KeptReason.Fits(w.Standing.Reason) {
		// The ledger could not keep it: whoever may write to the namespace can send it.
		w.Standing.Reason = ""
	}
	w.order()
	for _, l := range w.leases {
		w.judge(l)
		w.index.changed(l)
		// One that waited for its turn may have it now.
		w.agenda.add(l)
	}
}

// judge has a lease end that the person's standing or a revocation speaks against, whatever its request says.
func (w *person) judge(l *lease) {
	switch why := w.Standing.Against(l.Revision); {
	case l.Foreign:
	case why != "":
		l.leave(why)
	case l.Revoked != "":
		l.revokedBy(access.RevokedLease{Revocation: l.Revoked, Reason: cmp.Or(l.Reason, "it was revoked"), Single: l.Spared})
	}
}

// leave takes that the lease ends because the person has left, or because it was revoked: why. What a person has granted by hand is taken in first.
func (l *lease) leave(why string) {
	switch {
	case l.State == access.LeaseEnded:
		return
	case l.State == access.LeaseGranting && l.DesiredState == access.Absent && !l.Left:
		// Its request has ended it before.
		return
	}
	wanted := l.DesiredState == access.Present
	l.Left, l.Spared, l.DesiredState = true, false, access.Absent
	if !wanted || l.State == access.LeaseRevoking {
		return
	}
	l.Reason, l.Failures, l.RetryAt, l.Paused = why, 0, time.Time{}, false
	if l.State == access.LeaseGranting && l.Attempted && l.Granted == nil {
		l.Refused, l.StatusDue, l.Problem = why, true, ""
	}
}

// comeBack forgets that a lease was to end because the person had left: it has been asked for anew. What was revoked stays so.
func (l *lease) comeBack() {
	if l.Left && l.Revoked == "" {
		l.Left, l.Refused, l.Reason, l.Loaded = false, "", "", false
	}
}

// downAfter is how many leases of one target must fail for all of them to hold nothing back: as many as are called at once.
const downAfter = 10

// order learns the order in which the leases of somebody who is absent, or of whom something was revoked, end.
func (w *person) order() {
	w.ranks = make(map[access.TargetName]int, len(w.Order))
	for i, name := range slices.Backward(w.Order) {
		w.ranks[name] = i
	}
}

// rank returns where a lease stands in that order. What has no place in it, and what a person takes away, comes last.
func (w *person) rank(l *lease) int {
	if l.byHand() {
		return len(w.Order)
	}
	if rank, found := w.ranks[l.Binding.Target]; found {
		return rank
	}
	return len(w.Order)
}

// others returns what the other leases mean for one.
func (w *person) others(l *lease, now time.Time) others {
	o := w.index.others(l, now)
	o.waitsTurn = w.rank(l) > w.turn
	return o
}

// holdsBack reports whether the leases of later targets wait for one that must end: the first answer to its revoke is awaited. One that
// waits for another lease of the same access holds nothing back, for that one may wait for long.
func (w *person) holdsBack(l *lease, now time.Time) bool {
	return !l.Foreign && l.mustEnd(now) && l.Removal == nil &&
		(l.State != access.LeaseRevoking || !reserved(&l.record, w.index.others(l, now)))
}

// moveTurn learns up to which place in the order leases may be revoked, and has those evaluated whose turn has come. It returns false when
// there are none. While leases need not end in that order, every lease may.
func (w *person) moveTurn(now time.Time) bool {
	before := w.turn
	w.turn = w.lowest(now)
	if w.turn <= before {
		return false
	}
	moved := false
	for _, l := range w.leases {
		if rank := w.rank(l); l.State == access.LeaseRevoking && !l.busy && before < rank && rank <= w.turn {
			w.agenda.add(l)
			moved = true
		}
	}
	return moved
}

// lowest returns the first place in the order at which a lease holds others back; the last place for none.
func (w *person) lowest(now time.Time) int {
	last := len(w.Order)
	if last == 0 || !w.inOrder() {
		return last
	}
	holding, failing := make([]int, last+1), make([]int, last+1)
	for _, l := range w.leases {
		switch rank := w.rank(l); {
		case rank == last || l.State == access.LeaseEnded || l.Paused:
			// What is paused holds nothing back: that may take days.
		case l.Failures > 0:
			failing[rank]++
		case holding[rank] == 0 && w.holdsBack(l, now):
			holding[rank]++
		}
	}
	for rank := range last {
		if holding[rank] > 0 && failing[rank] < downAfter {
			return rank
		}
	}
	return last
}
