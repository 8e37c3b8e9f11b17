package memory

import (
	"cmp"
	"context"
	"slices"

	"usher/internal/access"
)

// The operations of Users on groups that faults are scripted for.
const (
	OpFindGroup         = "FindGroup"
	OpGroupMembers      = "GroupMembers"
	OpAddGroupMember    = "AddGroupMember"
	OpRemoveGroupMember = "RemoveGroupMember"
)

var _ access.UserGroups = (*Users)(nil)

// memberGroup is a group and who is in it.
type memberGroup struct {
	access.DeskGroup
	members map[access.UserID]bool
}

// PutGroup adds a group as an administrator of the desk does, or replaces the members of the one of that name.
func (u *Users) PutGroup(name string, members ...access.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	g := memberGroup{DeskGroup: access.DeskGroup{ID: access.GroupID("group:" + name), Name: name}, members: map[access.UserID]bool{}}
	for _, id := range members {
		g.members[id] = true
	}
	if u.groups == nil {
		u.groups = map[access.GroupID]memberGroup{}
	}
	u.groups[g.ID] = g
}

// RemoveGroup deletes a group.
func (u *Users) RemoveGroup(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.groups, access.GroupID("group:"+name))
}

// Members returns the members of a group by its name, in the order of their ids; none for no such group.
func (u *Users) Members(name string) []access.UserID {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.groups[access.GroupID("group:"+name)].sorted(u.users)
}

// sorted are the members who are users.
func (g memberGroup) sorted(users map[access.UserID]access.DeskUser) []access.UserID {
	var all []access.UserID
	for id := range g.members {
		if _, there := users[id]; there {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, cmp.Compare)
	return all
}

// FindGroup implements access.UserGroups.
func (u *Users) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	return scripted(ctx, &u.Faults, OpFindGroup, func() (access.DeskGroup, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		g, err := u.group(OpFindGroup, access.GroupID("group:"+name))
		return g.DeskGroup, err
	})
}

func (u *Users) group(op string, id access.GroupID) (memberGroup, error) {
	g, known := u.groups[id]
	if !known {
		return g, access.Errorf(access.NotFound, op, "no group %q", id)
	}
	return g, nil
}

// GroupMembers implements access.UserGroups.
func (u *Users) GroupMembers(ctx context.Context, id access.GroupID) ([]access.UserID, error) {
	return scripted(ctx, &u.Faults, OpGroupMembers, func() ([]access.UserID, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		g, err := u.group(OpGroupMembers, id)
		if err != nil {
			return nil, err
		}
		all := g.sorted(u.users)
		if u.cut {
			u.cut = false
			return nil, access.Errorf(access.Transient, OpGroupMembers, "the connection was lost")
		}
		return all, nil
	})
}

// AddGroupMember implements access.UserGroups.
func (u *Users) AddGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	return u.setMember(ctx, OpAddGroupMember, id, user, true)
}

// RemoveGroupMember implements access.UserGroups.
func (u *Users) RemoveGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	return u.setMember(ctx, OpRemoveGroupMember, id, user, false)
}

func (u *Users) setMember(ctx context.Context, op string, id access.GroupID, user access.UserID, member bool) error {
	_, err := scripted(ctx, &u.Faults, op, func() (struct{}, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		g, err := u.group(op, id)
		if err != nil {
			return struct{}{}, err
		}
		if _, err := u.user(op, user); err != nil && member {
			return struct{}{}, err
		}
		if g.members[user] == member {
			return struct{}{}, nil
		}
		if u.deaf {
			return struct{}{}, access.Errorf(access.Invalid, op, "the desk did not keep the change of the group %q", g.Name)
		}
		u.writes++
		if member {
			g.members[user] = true
		} else {
			delete(g.members, user)
		}
		return struct{}{}, nil
	})
	return err
}
