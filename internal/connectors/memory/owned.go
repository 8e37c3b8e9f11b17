package memory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
)

// The operations of Users on what they own that faults are scripted for.
const (
	OpOwnedKinds = "OwnedKinds"
	OpListOwned  = "ListOwned"
	OpHandOver   = "HandOver"
)

var _ access.UserBelongings = (*Users)(nil)

// ownedRecord is a record and whose it is. A closed one is not listed, and not handed over.
type ownedRecord struct {
	access.Owned
	owner  access.UserID
	closed bool
}

// PutOwned adds a record as somebody on the desk does, or replaces the one of its kind and id; a kind is there from its first record on.
func (u *Users) PutOwned(o access.Owned, owner access.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.owned == nil {
		u.owned = map[string]ownedRecord{}
	}
	u.owned[ownedKey(o)] = ownedRecord{Owned: o, owner: owner}
}

// CloseOwned makes a record one that is not of its kind any more, as somebody on the desk does who closes a ticket.
func (u *Users) CloseOwned(kind, id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := ownedKey(access.Owned{Kind: kind, ID: id})
	if r, there := u.owned[key]; there {
		r.closed = true
		u.owned[key] = r
	}
}

// OwnerOf returns whose a record is; "" for none.
func (u *Users) OwnerOf(kind, id string) access.UserID {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.owned[ownedKey(access.Owned{Kind: kind, ID: id})].owner
}

func ownedKey(o access.Owned) string { return o.Kind + "\x00" + o.ID }

// hasKind reports whether there is a record of a kind.
func (u *Users) hasKind(kind string) bool {
	for key := range u.owned {
		if strings.HasPrefix(key, kind+"\x00") {
			return true
		}
	}
	return false
}

// OwnedKinds implements access.UserBelongings.
func (u *Users) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	return scripted(ctx, &u.Faults, OpOwnedKinds, func() ([]access.OwnedKind, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		names := map[string]bool{}
		for _, r := range u.owned {
			names[r.Kind] = true
		}
		var kinds []access.OwnedKind
		for _, name := range slices.Sorted(maps.Keys(names)) {
			kinds = append(kinds, access.OwnedKind{Name: name, Text: name + " in memory"})
		}
		return kinds, nil
	})
}

// ListOwned implements access.UserBelongings.
func (u *Users) ListOwned(ctx context.Context, q access.OwnedQuery) ([]access.Owned, error) {
	return scripted(ctx, &u.Faults, OpListOwned, func() ([]access.Owned, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if !u.hasKind(q.Kind) {
			return nil, access.Errorf(access.NotFound, OpListOwned, "no kind %q", q.Kind)
		}
		var page []access.Owned
		for _, key := range slices.Sorted(maps.Keys(u.owned)) {
			if r := u.owned[key]; r.Kind == q.Kind && !r.closed && r.owner == q.Owner.ID && r.ID > q.After && len(page) < q.Limit {
				page = append(page, r.Owned)
			}
		}
		if u.cut {
			u.cut = false
			return nil, access.Errorf(access.Transient, OpListOwned, "the connection was lost")
		}
		return page, nil
	})
}

// HandOver implements access.UserBelongings.
func (u *Users) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	_, err := scripted(ctx, &u.Faults, OpHandOver, func() (struct{}, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		return struct{}{}, u.handOver(o, from.ID, to.ID)
	})
	return err
}

func (u *Users) handOver(o access.Owned, from, to access.UserID) error {
	r, there := u.owned[ownedKey(o)]
	switch {
	case !there:
		return access.Errorf(access.NotFound, OpHandOver, "no %s %q", o.Kind, o.ID)
	case r.owner == to:
		return nil
	case !u.users[to].Active:
		return access.Errorf(access.Invalid, OpHandOver, "the user %q is switched off, or not there", to)
	case r.owner != from:
		return access.Errorf(access.Conflict, OpHandOver, "it is owned by %q", r.owner)
	case r.closed:
		return access.Errorf(access.Conflict, OpHandOver, "%s %q is closed", o.Kind, o.ID)
	case u.deaf:
		return access.Errorf(access.Invalid, OpHandOver, "the desk did not keep the owner of %s %q", o.Kind, o.ID)
	}
	r.owner = to
	u.owned[ownedKey(o)] = r
	u.writes++
	return nil
}
