package scimtest

import (
	"slices"
	"strconv"
	"time"
)

// state is everything that a restart keeps.
type state struct {
	users   *roster[User]
	groups  *roster[*group]
	changes []Change
	// made counts the ids that were made up.
	made int
}

func newState() state {
	return state{
		users: newRoster(map[string]func(User) string{
			"username":   func(u User) string { return u.UserName },
			"externalid": func(u User) string { return u.ExternalID },
		}),
		groups: newRoster(map[string]func(*group) string{
			"displayname": func(g *group) string { return g.DisplayName },
		}),
	}
}

type group struct {
	ID          string
	DisplayName string
	members     *roster[member]
	// before is what stale reads show, and staleReads how many are left.
	before     *roster[member]
	staleReads int
}

type member struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// newGroup makes a group. Who is named twice among its members is one of them once, in the first place.
func newGroup(id, displayName string, members []member) *group {
	g := &group{ID: id, DisplayName: displayName, members: newRoster[member](nil)}
	for _, m := range members {
		if !g.members.has(m.ID) {
			g.members.put(m.ID, m)
		}
	}
	return g
}

// shown are the members as reads see them.
func (g *group) shown() *roster[member] {
	if g.staleReads > 0 {
		return g.before
	}
	return g.members
}

func (g *group) readOnce() { g.staleReads = max(0, g.staleReads-1) }

// ChangeKind is what happened to a membership.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
)

// Change is one change of a membership, in the order in which they happened. A seeded membership is not a change.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Group string     `json:"group"`
	User  string     `json:"user"`
	At    time.Time  `json:"at"`
}

// update is one change of the state, and a line of the state file. It has one of its pointers.
type update struct {
	At time.Time `json:"at"`
	// Made is state.made after it.
	Made int `json:"made,omitempty"`
	// User and Group are added, or replace the one with their ID.
	User  *User  `json:"user,omitempty"`
	Group *Group `json:"group,omitempty"`
	// DropUser and DropGroup are the ids of what is deleted.
	DropUser  *string `json:"drop_user,omitempty"`
	DropGroup *string `json:"drop_group,omitempty"`
	Edit      *edit   `json:"edit,omitempty"`
}

// edit is what a PATCH did to a group: Left are not members any more, in the order in which they came, and then Came
// stand at the end. Who is in both has only moved.
type edit struct {
	Group string `json:"group"`
	// Name is the new name; "" for the same as before.
	Name string   `json:"name,omitempty"`
	Left []string `json:"left,omitempty"`
	Came []string `json:"came,omitempty"`
}

// apply is the only way in which a state changes, so that an update does the same when it is read back from the file.
func (st *state) apply(u update) {
	st.made = max(st.made, u.Made)
	switch {
	case u.User != nil:
		st.users.put(u.User.ID, *u.User)
	case u.Group != nil:
		var members []member
		for _, id := range u.Group.Members {
			members = append(members, member{ID: id, Since: u.At})
		}
		st.groups.put(u.Group.ID, newGroup(u.Group.ID, u.Group.DisplayName, members))
	case u.DropUser != nil:
		st.dropUser(*u.DropUser, u.At)
	case u.DropGroup != nil:
		st.dropGroup(*u.DropGroup, u.At)
	case u.Edit != nil:
		st.edit(*u.Edit, u.At)
	}
}

// named returns an id, or makes one up for "".
func (st *state) named(id, prefix string) string {
	if id != "" {
		return id
	}
	st.made++
	return prefix + strconv.Itoa(st.made)
}

// dropUser removes a user and, as a directory with references does, every membership.
func (st *state) dropUser(id string, at time.Time) {
	st.users.drop(id)
	for g := range st.groups.values() {
		if g.members.has(id) {
			g.members.drop(id)
			st.log(Removed, g, id, at)
		}
	}
}

func (st *state) dropGroup(id string, at time.Time) {
	g, found := st.groups.get(id)
	if !found {
		return
	}
	for _, user := range g.members.ids() {
		st.log(Removed, g, user, at)
	}
	st.groups.drop(id)
}

// edit needs the group to be there.
func (st *state) edit(e edit, at time.Time) {
	g, _ := st.groups.get(e.Group)
	if e.Name != "" {
		g.DisplayName = e.Name
		st.groups.put(g.ID, g)
	}
	fresh := slices.DeleteFunc(slices.Clone(e.Came), g.members.has)
	for _, id := range e.Left {
		g.members.drop(id)
	}
	for _, id := range e.Came {
		g.members.put(id, member{ID: id, Since: at})
	}
	for _, id := range e.Left {
		if !g.members.has(id) {
			st.log(Removed, g, id, at)
		}
	}
	for _, id := range fresh {
		st.log(Added, g, id, at)
	}
}

func (st *state) log(kind ChangeKind, g *group, user string, at time.Time) {
	st.changes = append(st.changes, Change{Kind: kind, Group: g.ID, User: user, At: at})
}
