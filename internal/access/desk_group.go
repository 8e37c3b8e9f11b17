package access

import (
	"context"
	"strings"
)

// GroupID is a desk's immutable id of one of its groups, or its name where the desk has no other id.
type GroupID string

// DeskGroup is one group of a desk.
type DeskGroup struct {
	ID   GroupID `json:"id"`
	Name string  `json:"name"`
}

// UserGroups are the groups of a desk, and which of its users are in them. Only users who are members themselves count, not those of a group within
// the group. Implementations are safe for concurrent use, never retry and never sleep. No error text holds a secret.
type UserGroups interface {
	// FindGroup returns the group of exactly this name. NotFound: there is none, and the credentials were proved good. Conflict: more than one
	// has the name. Invalid: usher may not change its members, as of a group that another system owns, where the desk shows that,
	// or of one by which users are switched on and off.
	FindGroup(ctx context.Context, name string) (DeskGroup, error)
	// GroupMembers returns all users who are members, those who are switched off too, each once, in the order of their ids. It returns only once
	// the desk has shown that nobody is missing, where it can. NotFound: there is no such group. Transient: it was cut short, or changed while it
	// was read. Forbidden: bad credentials, or rights that do not show all.
	GroupMembers(ctx context.Context, id GroupID) ([]UserID, error)
	// AddGroupMember makes a user a member. It returns only once the desk shows it. Safe to repeat; already so is success. NotFound: there is no such
	// group or user. Invalid: the desk does not let usher do so, or did not.
	AddGroupMember(ctx context.Context, id GroupID, user UserID) error
	// RemoveGroupMember makes a user no member. It returns only once the desk shows it. Safe to repeat; already so is success, and so is a user whom
	// the desk does not have. NotFound: there is no such group. Invalid: the desk does not let usher do so, or did not.
	RemoveGroupMember(ctx context.Context, id GroupID, user UserID) error
}

// GroupMember is the value of a user's field GroupField of a group that the user is in; the field of another has no value.
const GroupMember = "member"

const groupField = "group:"

// GroupField returns the name of the field of a DeskUser that is about a group.
func GroupField(group string) string { return groupField + group }

// GroupOfField returns the group that a field of a DeskUser is about, and false for a field that is about none.
func GroupOfField(field string) (string, bool) { return strings.CutPrefix(field, groupField) }
