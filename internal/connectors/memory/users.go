package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"usher/internal/access"
)

// The operations of Users that faults are scripted for.
const (
	OpUserSchema    = "UserSchema"
	OpListUsers     = "ListUsers"
	OpReadUser      = "ReadUser"
	OpFindUsers     = "FindUsers"
	OpCreateUser    = "CreateUser"
	OpUpdateUser    = "UpdateUser"
	OpSetUserActive = "SetUserActive"
)

// Users is an access.UserDirectory in memory. Faults are scripted through the embedded Faults; a dropped answer of CreateUser is Unknown.
// Safe for concurrent use.
type Users struct {
	Faults

	mu     sync.Mutex
	schema access.UserSchema
	users  map[access.UserID]access.DeskUser
	groups map[access.GroupID]memberGroup
	owned  map[string]ownedRecord
	next   int
	writes int
	// deaf is true while writes are answered and not kept; cut and hide are of listings.
	deaf, cut bool
	hide      int
}

var _ access.UserDirectory = (*Users)(nil)

// NewUsers returns a directory with the usual fields, a department and a cost centre.
func NewUsers() *Users {
	const limit = 100
	all := map[string]access.UserField{}
	for _, name := range []string{access.UserFieldDisplayName, access.UserFieldManager, "department", "cost_center"} {
		all[name] = access.UserField{Runes: limit, Clears: true}
	}
	all[access.UserFieldName] = access.UserField{Runes: limit, Required: true}
	all[access.UserFieldEmail] = access.UserField{Runes: limit, Clears: true}
	return &Users{
		Faults: Faults{what: "the desk"}, schema: access.UserSchema{Fields: all, KeepsPerson: true}, users: map[access.UserID]access.DeskUser{},
	}
}

// SetSchema replaces what the desk holds and what it lets usher do.
func (u *Users) SetSchema(change func(*access.UserSchema)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.schema)
}

// Put adds a user, or replaces the one of that id, as an administrator of the desk does, and returns the user.
func (u *Users) Put(user access.DeskUser) access.DeskUser {
	u.mu.Lock()
	defer u.mu.Unlock()
	if user.ID == "" {
		user.ID = u.newID()
	}
	user.Account = cmp.Or(user.Account, access.AccountID(user.ID))
	u.users[user.ID] = copied(user)
	return copied(user)
}

// Remove deletes a user.
func (u *Users) Remove(id access.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.users, id)
}

// All returns the users by their ids.
func (u *Users) All() []access.DeskUser {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []access.DeskUser
	for _, id := range slices.Sorted(maps.Keys(u.users)) {
		all = append(all, copied(u.users[id]))
	}
	return all
}

// Writes returns how many calls changed something.
func (u *Users) Writes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.writes
}

// IgnoreWrites makes the desk answer writes and not keep them, until it is called with false.
func (u *Users) IgnoreWrites(ignore bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deaf = ignore
}

// CutNextListing makes the next listing end before its last user.
func (u *Users) CutNextListing() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = true
}

// HideUsers makes every so manieth user invisible to listings and searches without anything that shows it; 0 for none.
func (u *Users) HideUsers(every int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hide = every
}

// UserSchema implements access.UserDirectory.
func (u *Users) UserSchema(ctx context.Context) (access.UserSchema, error) {
	return scripted(ctx, &u.Faults, OpUserSchema, func() (access.UserSchema, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		s := u.schema
		s.Fields, s.Cannot = maps.Clone(s.Fields), maps.Clone(s.Cannot)
		return s, nil
	})
}

// ListUsers implements access.UserDirectory.
func (u *Users) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	return scripted(ctx, &u.Faults, OpListUsers, func() (int, error) {
		all, cut := u.listed()
		for page := range slices.Chunk(all, access.MaxUsersPage) {
			if err := take(page); err != nil {
				return 0, err
			}
		}
		if cut {
			return 0, access.Errorf(access.Transient, OpListUsers, "the connection was lost")
		}
		return len(all), nil
	})
}

func (u *Users) listed() (all []access.DeskUser, cut bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(u.users)) {
		if !u.hidden(id) {
			all = append(all, copied(u.users[id]))
		}
	}
	cut, u.cut = u.cut, false
	if cut && len(all) > 0 {
		all = all[:len(all)-1]
	}
	return all, cut
}

func (u *Users) hidden(id access.UserID) bool {
	n, _ := strconv.Atoi(strings.TrimPrefix(string(id), "user-"))
	return u.hide > 0 && n%u.hide == 0
}

// ReadUser implements access.UserDirectory.
func (u *Users) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	return scripted(ctx, &u.Faults, OpReadUser, func() (access.DeskUser, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.user(OpReadUser, id)
	})
}

func (u *Users) user(op string, id access.UserID) (access.DeskUser, error) {
	user, known := u.users[id]
	if !known {
		return user, access.Errorf(access.NotFound, op, "no user %q", id)
	}
	return copied(user), nil
}

// FindUsers implements access.UserDirectory.
func (u *Users) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	const most = 10
	return scripted(ctx, &u.Faults, OpFindUsers, func() ([]access.DeskUser, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		var found []access.DeskUser
		for _, id := range slices.Sorted(maps.Keys(u.users)) {
			if user := u.users[id]; !u.hidden(id) && has(user, q) && len(found) < most {
				found = append(found, copied(user))
			}
		}
		return found, nil
	})
}

func has(user access.DeskUser, q access.UserQuery) bool {
	switch {
	case q.Person != "":
		return user.Person == q.Person
	case q.UserName != "":
		return strings.EqualFold(user.Values[access.UserFieldName], q.UserName)
	}
	return q.Email != "" && strings.EqualFold(user.Values[access.UserFieldEmail], q.Email)
}

// CreateUser implements access.UserDirectory.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	user, err := scripted(ctx, &u.Faults, OpCreateUser, func() (access.DeskUser, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		user := access.DeskUser{Active: true, Person: n.Person, Values: map[string]string{}}
		if !u.schema.KeepsPerson {
			user.Person = ""
		}
		if why := u.schema.Cannot[access.UserCreate]; why != "" {
			return user, access.Errorf(access.Invalid, OpCreateUser, "%s", why)
		}
		for name, f := range u.schema.Fields {
			if f.Required && n.Values[name] == "" {
				return user, access.Errorf(access.Invalid, OpCreateUser, "%s: expected a value", name)
			}
		}
		if err := u.write(OpCreateUser, &user, n.Values, true); err != nil {
			return user, err
		}
		user.ID = u.newID()
		user.Account = access.AccountID(user.ID)
		u.users[user.ID] = copied(user)
		return user, nil
	})
	if access.IsKind(err, access.Transient) && strings.Contains(err.Error(), "lost") {
		err = &access.Error{Kind: access.Unknown, Op: OpCreateUser, Err: err}
	}
	return user, err
}

// write checks values and writes them to a user.
func (u *Users) write(op string, user *access.DeskUser, values map[string]string, created bool) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		f, known := u.schema.Fields[name]
		switch {
		case !known:
			return access.Errorf(access.Invalid, op, "%s: the desk has no such field", name)
		case f.ReadOnly && (!created || !f.OnlyNew):
			return access.Errorf(access.Invalid, op, "%s: the desk does not let it be written", name)
		case f.Runes > 0 && utf8.RuneCountInString(value) > f.Runes:
			return access.Errorf(access.Invalid, op, "%s: expected at most %d characters", name, f.Runes)
		case value == "" && !f.Clears:
			return access.Errorf(access.Invalid, op, "%s: expected a value", name)
		case name == access.UserFieldManager && value != "" && u.users[access.UserID(value)].ID == "":
			return access.Errorf(access.Invalid, op, "%s: found %q, expected the id of a user", name, value)
		case u.taken(user.ID, name, value):
			return access.Errorf(access.Conflict, op, "%s: %q is taken", name, value)
		}
		user.Values[name] = value
		if value == "" {
			delete(user.Values, name)
		}
	}
	u.writes++
	return nil
}

// taken reports whether another user has the user name.
func (u *Users) taken(id access.UserID, name, value string) bool {
	if name != access.UserFieldName {
		return false
	}
	for other, user := range u.users {
		if other != id && strings.EqualFold(user.Values[name], value) {
			return true
		}
	}
	return false
}

// UpdateUser implements access.UserDirectory.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	return u.change(ctx, OpUpdateUser, id, func(user *access.DeskUser) error {
		if change.Person != "" && u.schema.KeepsPerson {
			user.Person = change.Person
		}
		return u.write(OpUpdateUser, user, change.Values, false)
	})
}

// SetUserActive implements access.UserDirectory.
func (u *Users) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	return u.change(ctx, OpSetUserActive, id, func(user *access.DeskUser) error {
		as := access.UserDeactivate
		if active {
			as = access.UserReactivate
		}
		if user.Active == active {
			return nil
		}
		if why := u.schema.Cannot[as]; why != "" {
			return access.Errorf(access.Invalid, OpSetUserActive, "%s", why)
		}
		user.Active = active
		u.writes++
		return nil
	})
}

// change writes to a user; Invalid where the desk answers and keeps nothing.
func (u *Users) change(ctx context.Context, op string, id access.UserID, write func(*access.DeskUser) error) (access.DeskUser, error) {
	return scripted(ctx, &u.Faults, op, func() (access.DeskUser, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		user, err := u.user(op, id)
		if err != nil {
			return user, err
		}
		if err := write(&user); err != nil {
			return user, err
		}
		if u.deaf {
			return user, access.Errorf(access.Invalid, op, "%s: the desk did not keep what was written", strings.Join(different(u.users[id], user), ", "))
		}
		u.users[id] = copied(user)
		return user, nil
	})
}

// different returns the names of the fields that differ.
func different(a, b access.DeskUser) []string {
	var names []string
	for name := range b.Values {
		if a.Values[name] != b.Values[name] {
			names = append(names, name)
		}
	}
	if a.Active != b.Active {
		names = append(names, "active")
	}
	slices.Sort(names)
	return names
}

func (u *Users) newID() access.UserID {
	u.next++
	return access.UserID("user-" + strconv.Itoa(u.next))
}

func copied(user access.DeskUser) access.DeskUser {
	user.Values = maps.Clone(user.Values)
	if user.Values == nil {
		user.Values = map[string]string{}
	}
	return user
}
