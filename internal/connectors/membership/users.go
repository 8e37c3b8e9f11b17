package membership

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"usher/internal/access"
)

// keepFor is how long the members of a group are known that were listed once: a run over users lists them first, and then reads each user whom it
// changes. What people change in the desk meanwhile is found by the next run; but whom a group protects is asked again for each user.
const keepFor = time.Hour

// Users are the users of a desk, each with a field access.GroupField for every one of some groups that the user is in. The desk's other groups are
// not looked at. Safe for concurrent use.
type Users struct {
	access.UserDirectory
	groups access.UserGroups
	names  []string
	// guards are the groups without which nothing is known: they protect their members.
	guards []string

	mu sync.Mutex
	// found are the groups that the desk has, by name, nil before it was asked; members are who is in them, by the id of the group, and listed is when
	// that was read.
	found   map[string]access.DeskGroup
	members map[access.GroupID]map[access.UserID]bool
	listed  map[access.GroupID]time.Time
}

var _ access.UserDirectory = (*Users)(nil)

// New returns users with their memberships in the groups of these names, and in those that protect their members.
func New(users access.UserDirectory, groups access.UserGroups, names, guards []string) *Users {
	return &Users{
		UserDirectory: users, groups: groups, names: slices.Concat(names, guards), guards: slices.Clone(guards),
		members: map[access.GroupID]map[access.UserID]bool{}, listed: map[access.GroupID]time.Time{},
	}
}

// UserSchema implements access.UserDirectory. A group that the desk does not have, or whose members usher may not change, is no field, and is named in
// the notes: it keeps the users from nothing else. One that protects its members is Invalid then: nobody would be protected by it.
func (u *Users) UserSchema(ctx context.Context) (access.UserSchema, error) {
	schema, err := u.UserDirectory.UserSchema(ctx)
	if err != nil {
		return schema, err
	}
	schema.Fields = maps.Clone(schema.Fields)
	if schema.Fields == nil {
		schema.Fields = map[string]access.UserField{}
	}
	found := map[string]access.DeskGroup{}
	for _, name := range u.names {
		group, err := u.groups.FindGroup(ctx, name)
		switch {
		case err == nil:
			found[name] = group
			schema.Fields[access.GroupField(name)] = access.UserField{Clears: true}
		case passes(err):
			return access.UserSchema{}, err
		case slices.Contains(u.guards, name):
			return access.UserSchema{}, access.Errorf(access.Invalid, "read the fields of users", "protected_groups: %q: %w", name, err)
		default:
			schema.Notes = append(slices.Clip(schema.Notes), access.GroupField(name)+": "+err.Error())
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = found
	return schema, nil
}

// passes reports whether an error says nothing about a group.
func passes(err error) bool {
	kind := access.KindOf(err)
	return kind != access.NotFound && kind != access.Conflict && kind != access.Invalid && kind != access.Forbidden
}

// ListUsers implements access.UserDirectory.
func (u *Users) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	groups, err := u.usable(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if _, err := u.list(ctx, groups[name]); err != nil {
			return 0, err
		}
	}
	return u.UserDirectory.ListUsers(ctx, func(page []access.DeskUser) error {
		with := make([]access.DeskUser, len(page))
		for i, user := range page {
			if with[i], err = u.with(ctx, user); err != nil {
				return err
			}
		}
		return take(with)
	})
}

// usable returns the groups that the desk has, by name.
func (u *Users) usable(ctx context.Context) (map[string]access.DeskGroup, error) {
	u.mu.Lock()
	found := u.found
	u.mu.Unlock()
	if found != nil {
		return found, nil
	}
	if _, err := u.UserSchema(ctx); err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.found, nil
}

// list reads who is in a group.
func (u *Users) list(ctx context.Context, group access.DeskGroup) (map[access.UserID]bool, error) {
	ids, err := u.groups.GroupMembers(ctx, group.ID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", access.GroupField(group.Name), err)
	}
	members := make(map[access.UserID]bool, len(ids))
	for _, id := range ids {
		members[id] = true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.members[group.ID], u.listed[group.ID] = members, time.Now()
	return members, nil
}

// with returns a user with the groups that the user is in.
func (u *Users) with(ctx context.Context, user access.DeskUser) (access.DeskUser, error) {
	groups, err := u.usable(ctx)
	if err != nil {
		return user, err
	}
	user.Values = maps.Clone(user.Values)
	if user.Values == nil {
		user.Values = map[string]string{}
	}
	for name, group := range groups {
		in, err := u.has(ctx, group, user.ID)
		if err != nil {
			return user, err
		}
		if in {
			user.Values[access.GroupField(name)] = access.GroupMember
		}
	}
	return user, nil
}

// has reports whether a user is in a group, as far as is known; who is in it is read where that is too long ago.
func (u *Users) has(ctx context.Context, group access.DeskGroup, user access.UserID) (bool, error) {
	u.mu.Lock()
	members, known := u.members[group.ID]
	known = known && time.Since(u.listed[group.ID]) < keepFor
	in := members[user]
	u.mu.Unlock()
	if known {
		return in, nil
	}
	members, err := u.list(ctx, group)
	if err != nil {
		return false, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return members[user], nil
}

// ReadUser implements access.UserDirectory.
func (u *Users) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	user, err := u.UserDirectory.ReadUser(ctx, id)
	if err == nil {
		err = u.guarded(ctx)
	}
	if err != nil {
		return user, err
	}
	return u.with(ctx, user)
}

// guarded reads anew who is in the groups that protect their members.
func (u *Users) guarded(ctx context.Context) error {
	if len(u.guards) == 0 {
		return nil
	}
	groups, err := u.usable(ctx)
	for _, name := range u.guards {
		if err == nil {
			_, err = u.list(ctx, groups[name])
		}
	}
	return err
}

// FindUsers implements access.UserDirectory.
func (u *Users) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	found, err := u.UserDirectory.FindUsers(ctx, q)
	if err == nil && len(found) > 0 {
		err = u.guarded(ctx)
	}
	for i := range found {
		if err == nil {
			found[i], err = u.with(ctx, found[i])
		}
	}
	return found, err
}

// CreateUser implements access.UserDirectory. A user who was created and did not come into every group is Unknown, with the groups.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	values, memberships := apart(n.Values)
	groups, err := u.named(ctx, "create user", memberships)
	if err != nil {
		return access.DeskUser{}, err
	}
	n.Values = values
	user, err := u.UserDirectory.CreateUser(ctx, n)
	if err != nil {
		return user, err
	}
	if err := u.write(ctx, user.ID, groups, memberships); err != nil {
		return user, access.Errorf(access.Unknown, "create user", "user %q is created, and is not in every group: %w", user.ID, err)
	}
	return u.with(ctx, user)
}

// UpdateUser implements access.UserDirectory.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	values, memberships := apart(change.Values)
	groups, err := u.named(ctx, "update user", memberships)
	if err != nil {
		return access.DeskUser{}, err
	}
	change.Values = values
	var user access.DeskUser
	if change.Person != "" || len(values) > 0 {
		user, err = u.UserDirectory.UpdateUser(ctx, id, change)
	} else {
		user, err = u.UserDirectory.ReadUser(ctx, id)
	}
	if err == nil {
		err = u.write(ctx, id, groups, memberships)
	}
	if err != nil {
		return user, err
	}
	return u.with(ctx, user)
}

// SetUserActive implements access.UserDirectory.
func (u *Users) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	user, err := u.UserDirectory.SetUserActive(ctx, id, active)
	if err != nil {
		return user, err
	}
	return u.with(ctx, user)
}

// apart returns the values that are the desk's own fields, and those that are memberships, by the names of their groups.
func apart(values map[string]string) (own, memberships map[string]string) {
	own, memberships = map[string]string{}, map[string]string{}
	for name, value := range values {
		if group, is := access.GroupOfField(name); is {
			memberships[group] = value
		} else {
			own[name] = value
		}
	}
	return own, memberships
}

// named returns the groups of memberships. Invalid names each one that is not among the groups.
func (u *Users) named(ctx context.Context, op string, memberships map[string]string) (map[string]access.DeskGroup, error) {
	if len(memberships) == 0 {
		return nil, nil
	}
	found, err := u.usable(ctx)
	if err != nil {
		return nil, err
	}
	groups := map[string]access.DeskGroup{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(memberships)) {
		group, known := found[name]
		value := memberships[name]
		switch {
		case !known:
			wrong = append(wrong, fmt.Errorf("%s: expected one of the groups that are configured, and that the desk has", access.GroupField(name)))
		case value != "" && value != access.GroupMember:
			wrong = append(wrong, fmt.Errorf("%s: found %q, expected %q or nothing", access.GroupField(name), value, access.GroupMember))
		}
		groups[name] = group
	}
	if len(wrong) > 0 {
		return nil, access.Errorf(access.Invalid, op, "%w", errors.Join(wrong...))
	}
	return groups, nil
}

// write makes a user a member of groups, or no member. It tries each, and returns the first error.
func (u *Users) write(ctx context.Context, id access.UserID, groups map[string]access.DeskGroup, memberships map[string]string) error {
	var first error
	for _, name := range slices.Sorted(maps.Keys(memberships)) {
		member := memberships[name] != ""
		set := u.groups.RemoveGroupMember
		if member {
			set = u.groups.AddGroupMember
		}
		err := set(ctx, groups[name].ID, id)
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", access.GroupField(name), err)
		}
		if err == nil {
			u.learn(groups[name].ID, id, member)
		}
	}
	return first
}

// learn keeps in mind what was written.
func (u *Users) learn(group access.GroupID, user access.UserID, member bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if members, known := u.members[group]; known {
		members[user] = member
	}
}
