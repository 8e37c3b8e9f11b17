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

// findFor is how long is known for reading which group has a name. An administrator may give the name to another group, and it is another worker that
// lists. For writing, and for whom a group protects, it is asked each time.
const findFor = time.Minute

// Users are the users of a desk, each with a field access.GroupField for every one of some groups that the user is in. The desk's other groups are
// not looked at. Safe for concurrent use.
type Users struct {
	access.UserDirectory
	groups access.UserGroups
	names  []string
	// guards are the groups without which nothing is known: they protect their members.
	guards []string
	now    func() time.Time

	mu sync.Mutex
	// found is what the desk has by a name, as far as it was asked; members are who is in the groups, by the id of the group, and listed is when that was
	// read.
	found   map[string]foundGroup
	members map[access.GroupID]map[access.UserID]bool
	listed  map[access.GroupID]time.Time
}

var _ access.UserDirectory = (*Users)(nil)

// foundGroup is the group of a name, or why there is none that usher can use; at is when the desk was asked.
type foundGroup struct {
	group access.DeskGroup
	err   error
	at    time.Time
}

// New returns users with their memberships in the groups of these names, and in those that protect their members.
func New(users access.UserDirectory, groups access.UserGroups, names, guards []string) *Users {
	return &Users{
		UserDirectory: users, groups: groups, names: slices.Concat(names, guards), guards: slices.Clone(guards), now: time.Now,
		found: map[string]foundGroup{}, members: map[access.GroupID]map[access.UserID]bool{}, listed: map[access.GroupID]time.Time{},
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
	for _, name := range u.names {
		_, err := u.find(ctx, name)
		switch {
		case err == nil:
			schema.Fields[access.GroupField(name)] = access.UserField{Clears: true}
		case passes(err):
			return access.UserSchema{}, err
		case slices.Contains(u.guards, name):
			return access.UserSchema{}, access.Errorf(access.Invalid, "read the fields of users", "protected_groups: %q: %w", name, err)
		default:
			schema.Notes = append(slices.Clip(schema.Notes), access.GroupField(name)+": "+err.Error())
		}
	}
	return schema, nil
}

// find asks the desk which group has a name.
func (u *Users) find(ctx context.Context, name string) (access.DeskGroup, error) {
	at := u.now()
	group, err := u.groups.FindGroup(ctx, name)
	if err != nil && passes(err) {
		return group, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found[name] = foundGroup{group, err, at}
	return group, err
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
			if with[i], err = u.among(ctx, groups, user); err != nil {
				return err
			}
		}
		return take(with)
	})
}

// usable returns the groups that the desk has, by name; what was asked a short time ago counts.
func (u *Users) usable(ctx context.Context) (map[string]access.DeskGroup, error) {
	groups := map[string]access.DeskGroup{}
	for _, name := range u.names {
		u.mu.Lock()
		found, asked := u.found[name]
		u.mu.Unlock()
		group, err := found.group, found.err
		if !asked || u.now().Sub(found.at) >= findFor {
			group, err = u.find(ctx, name)
		}
		switch {
		case err == nil:
			groups[name] = group
		case passes(err):
			return nil, err
		case slices.Contains(u.guards, name):
			return nil, unguarded(name, err)
		}
	}
	return groups, nil
}

// unguarded is the error of a group that protects its members, and is not there any more while users are read: usher may not change anybody then.
func unguarded(name string, err error) error {
	return access.Errorf(access.Forbidden, "read the members of a protected group", "protected_groups: %q: %w", name, err)
}

// list reads who is in a group. Transient: the group has gone since it was found; the next time it is found again.
func (u *Users) list(ctx context.Context, group access.DeskGroup) (map[access.UserID]bool, error) {
	ids, err := u.groups.GroupMembers(ctx, group.ID)
	if access.IsKind(err, access.NotFound) {
		u.mu.Lock()
		delete(u.found, group.Name)
		u.mu.Unlock()
		return nil, access.Errorf(access.Transient, "list the members of a group", "%s: the group is gone: %w", access.GroupField(group.Name), err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", access.GroupField(group.Name), err)
	}
	members := make(map[access.UserID]bool, len(ids))
	for _, id := range ids {
		members[id] = true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.members[group.ID], u.listed[group.ID] = members, u.now()
	return members, nil
}

// with returns a user with the groups that the user is in.
func (u *Users) with(ctx context.Context, user access.DeskUser) (access.DeskUser, error) {
	groups, err := u.usable(ctx)
	if err != nil {
		return user, err
	}
	return u.among(ctx, groups, user)
}

// among returns a user with those of some groups that the user is in.
func (u *Users) among(ctx context.Context, groups map[string]access.DeskGroup, user access.DeskUser) (access.DeskUser, error) {
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
	known = known && u.now().Sub(u.listed[group.ID]) < keepFor
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

// guarded reads anew which groups protect their members, and who is in them.
func (u *Users) guarded(ctx context.Context) error {
	for _, name := range u.guards {
		group, err := u.find(ctx, name)
		if err == nil {
			_, err = u.list(ctx, group)
		} else if !passes(err) {
			err = unguarded(name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// CreateUser implements access.UserDirectory. A user who was created and did not come into every group is Unknown, with the groups. Where the desk does
// not answer for a group, nobody is created.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	values, memberships := apart(n.Values)
	if err := u.check("create user", memberships); err != nil {
		return access.DeskUser{}, err
	}
	groups := u.locate(ctx, memberships)
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if err := groups[name].err; err != nil && passes(err) {
			return access.DeskUser{}, fmt.Errorf("%s: %w", access.GroupField(name), err)
		}
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

// UpdateUser implements access.UserDirectory. A group that is not found, or that refuses, keeps nothing else from being written.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	values, memberships := apart(change.Values)
	if err := u.check("update user", memberships); err != nil {
		return access.DeskUser{}, err
	}
	groups := u.locate(ctx, memberships)
	change.Values = values
	var user access.DeskUser
	var err error
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

// check is Invalid for memberships that nobody configured, and for values that are none.
func (u *Users) check(op string, memberships map[string]string) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(memberships)) {
		value := memberships[name]
		switch {
		case !slices.Contains(u.names, name):
			wrong = append(wrong, fmt.Errorf("%s: expected one of the groups that are configured", access.GroupField(name)))
		case value != "" && value != access.GroupMember:
			wrong = append(wrong, fmt.Errorf("%s: found %q, expected %q or nothing", access.GroupField(name), value, access.GroupMember))
		}
	}
	if len(wrong) > 0 {
		return access.Errorf(access.Invalid, op, "%w", errors.Join(wrong...))
	}
	return nil
}

// locate asks the desk which groups have the names of memberships.
func (u *Users) locate(ctx context.Context, memberships map[string]string) map[string]foundGroup {
	groups := map[string]foundGroup{}
	for name := range memberships {
		group, err := u.find(ctx, name)
		if access.IsKind(err, access.NotFound) || access.IsKind(err, access.Conflict) {
			// Of a write these are about the user.
			err = access.Errorf(access.Invalid, "find a group", "%w", err)
		}
		groups[name] = foundGroup{group: group, err: err}
	}
	return groups
}

// write makes a user a member of groups, or no member. It tries each, and returns the first error.
func (u *Users) write(ctx context.Context, id access.UserID, groups map[string]foundGroup, memberships map[string]string) error {
	var first error
	for _, name := range slices.Sorted(maps.Keys(memberships)) {
		member := memberships[name] != ""
		set := u.groups.RemoveGroupMember
		if member {
			set = u.groups.AddGroupMember
		}
		group, err := groups[name].group.ID, groups[name].err
		if err == nil {
			err = set(ctx, group, id)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", access.GroupField(name), err)
		}
		if err == nil {
			u.learn(group, id, member)
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
