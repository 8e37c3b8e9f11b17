package lease

import (
	"time"

	"usher/internal/access"
)

// index finds leases by their ids, and those that are about the same access, so that a step costs the same however many
// leases a person has. A lease's entitlement and binding never change.
type index struct {
	byID map[access.LeaseID]*lease
	// bound are the leases of each binding, free those without a binding, by entitlement, and entitled all of an entitlement.
	bound          map[access.Binding]*group
	free, entitled map[access.EntitlementID]*group
}

// group is the leases that are about one access, and what they mean for one another at the time known; the zero time after one
// of them has changed.
type group struct {
	leases []*lease
	known  time.Time
	// keepers are the first two that hold, so that each lease finds one that is not itself; the same of those being granted.
	keepers, granting []*record
	busy              int
}

func newIndex() *index {
	return &index{
		byID: map[access.LeaseID]*lease{}, bound: map[access.Binding]*group{},
		free: map[access.EntitlementID]*group{}, entitled: map[access.EntitlementID]*group{},
	}
}

func (in *index) add(l *lease) {
	in.byID[l.ID] = l
	for _, g := range in.own(l) {
		g.leases = append(g.leases, l)
	}
}

func (in *index) remove(l *lease) {
	in.changed(l)
	delete(in.byID, l.ID)
	for _, g := range in.own(l) {
		g.leases = without(g.leases, l, byNumber)
	}
}

// own returns the groups that a lease belongs to.
func (in *index) own(l *lease) []*group {
	groups := []*group{groupOf(in.entitled, l.Entitlement)}
	if l.Binding == nil {
		return append(groups, groupOf(in.free, l.Entitlement))
	}
	return append(groups, groupOf(in.bound, *l.Binding))
}

// around returns the groups whose leases are about the same access as a lease.
func (in *index) around(l *lease) []*group {
	if l.Binding == nil {
		return []*group{groupOf(in.entitled, l.Entitlement)}
	}
	return []*group{groupOf(in.bound, *l.Binding), groupOf(in.free, l.Entitlement)}
}

func groupOf[K comparable](groups map[K]*group, key K) *group {
	if groups[key] == nil {
		groups[key] = &group{}
	}
	return groups[key]
}

// changed forgets what a lease meant for the others.
func (in *index) changed(l *lease) {
	for _, g := range in.own(l) {
		g.known = time.Time{}
	}
}

// others returns what the other leases mean for one.
func (in *index) others(l *lease, now time.Time) others {
	var o others
	for _, g := range in.around(l) {
		g.learn(now)
		for _, k := range g.keepers {
			if k != &l.record && o.keeper == nil {
				o.keeper = k
			}
		}
		for _, k := range g.granting {
			if k != &l.record && o.granting == nil {
				o.granting = k
			}
		}
		o.busy = o.busy || g.busy > 1 || (g.busy == 1 && !l.busy)
	}
	return o
}

// enough is how many leases a group must know, so that each lease finds one that is not itself.
const enough = 2

func (g *group) learn(now time.Time) {
	if g.known.Equal(now) {
		return
	}
	g.known, g.keepers, g.granting, g.busy = now, nil, nil, 0
	for _, l := range g.leases {
		switch {
		case l.State == access.LeaseGranting && l.Attempted && !l.Loaded && len(g.granting) < enough:
			// Whether the access was there before stands in the ledger only.
			g.granting = append(g.granting, &l.record)
		case !l.isPresent(now):
		case l.State == access.LeaseActive && len(g.keepers) < enough:
			g.keepers = append(g.keepers, &l.record)
		case l.State == access.LeaseGranting && len(g.granting) < enough:
			g.granting = append(g.granting, &l.record)
		}
		if l.busy {
			g.busy++
		}
	}
}

// sameAccess returns another lease of usher's with the same access, whatever it does now; nil for none.
func (in *index) sameAccess(l *lease) *lease {
	for _, g := range in.around(l) {
		for _, other := range g.leases {
			if other != l && other.Attempted && other.State != access.LeaseEnded {
				return other
			}
		}
	}
	return nil
}

// ending returns the other leases on the binding of a lease that have ended or must end: the ledger may not know it yet.
func (in *index) ending(l *lease, now time.Time) []access.LeaseID {
	var ids []access.LeaseID
	for _, other := range groupOf(in.bound, *l.Binding).leases {
		if other != l && (other.State == access.LeaseRevoking || other.State == access.LeaseEnded || other.mustEnd(now)) {
			ids = append(ids, other.ID)
		}
	}
	return ids
}
