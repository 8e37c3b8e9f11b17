package accesstest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// UserGroupsHarness is a fresh desk behind the connector under test, with what the port cannot do. Its funcs fail the test themselves when they
// cannot do what they are asked for.
type UserGroupsHarness struct {
	Groups access.UserGroups
	// PutUser adds a user as an administrator of the desk does, and returns how the groups name the user.
	PutUser func(access.DeskUser) access.UserID
	// RemoveUser deletes a user; nil where the desk deletes nobody.
	RemoveUser func(access.UserID)
	// PutGroup adds a group of that name with these members as an administrator of the desk does.
	PutGroup func(name string, members ...access.UserID)
	// NestGroup makes one group a member of another, by their names; nil where the desk has no groups within groups.
	NestGroup func(outer, inner string)
	// SameName adds a group of a name that another has; nil where names are unique.
	SameName func(name string)
	// RefuseCredentials makes the desk treat the connector's credentials as wrong.
	RefuseCredentials func()
	// CutShort makes the next listing of members end before its last page; nil where a listing is one answer.
	CutShort func()
	// LoseAnswer makes the desk change the members with the next call that adds a member, or else removes one, and lose the answer; nil where it cannot be made to, and NoLoss says why.
	LoseAnswer func(adds bool)
	NoLoss     string
	// IgnoreWrites makes the desk answer writes with success and keep nothing; nil where it cannot be made to, and NoDeaf says why.
	IgnoreWrites func()
	NoDeaf       string
	// Pages is how many members a listing of several pages has at least; 0 where so many cannot be put.
	Pages int
}

// RunUserGroups checks every promise of access.UserGroups, one case each. newHarness is called once per case; what it opens it closes by t.Cleanup.
func RunUserGroups(t *testing.T, newHarness func(*testing.T) UserGroupsHarness) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, UserGroupsHarness)
	}{
		{"a group is found by exactly its name", groupFound},
		{"no group is not found", groupNotFound},
		{"a name that two groups have is a conflict", groupTwins},
		{"what is asked for is a value and never a part of the question", groupNotInjected},
		{"all members are listed once, those who are switched off too", groupMembers},
		{"members of a group within the group are no members", groupNested},
		{"a listing of several pages has everybody", groupPaged},
		{"a listing that is cut short is an error, and the next one is whole", groupCutShort},
		{"bad credentials are forbidden, never an empty answer", groupForbidden},
		{"a context that has ended ends the call", groupEnded},
		{"a user becomes a member, and repeating is safe", groupAdds},
		{"a user is no member any more, and repeating is safe", groupRemoves},
		{"a user who is not there cannot become a member", groupAddsNobody},
		{"a user who is not there is no member", groupRemovesNobody},
		{"a write whose answer is lost may be repeated", groupLost},
		{"a write that the desk does not keep is an error", groupNotKept},
		{"a group that is not there is not found", groupGone},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

const (
	staff = "Usher Staff"
	other = "Usher Others"
)

// put adds users of these names, and returns them in the order of their ids.
func (h UserGroupsHarness) put(names ...string) []access.UserID {
	var ids []access.UserID
	for _, name := range names {
		ids = append(ids, h.PutUser(person(name)))
	}
	slices.Sort(ids)
	return ids
}

// found is the group of a name.
func (h UserGroupsHarness) found(t *testing.T, name string) access.GroupID {
	t.Helper()
	g, err := h.Groups.FindGroup(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, name, g.Name)
	require.NotEmpty(t, g.ID)
	return g.ID
}

// has is a failure unless a group has exactly these members.
func (h UserGroupsHarness) has(t *testing.T, id access.GroupID, members ...access.UserID) {
	t.Helper()
	got, err := h.Groups.GroupMembers(t.Context(), id)
	require.NoError(t, err)
	slices.Sort(members)
	require.Equal(t, members, got)
}

func groupFound(t *testing.T, h UserGroupsHarness) {
	h.PutGroup(staff)
	h.PutGroup(staff + " 2")
	h.PutGroup(other)
	require.NotEqual(t, h.found(t, staff), h.found(t, other))
}

func groupNotFound(t *testing.T, h UserGroupsHarness) {
	h.PutGroup(staff)
	for _, name := range []string{other, "Usher", "usher staff", staff + "x", ""} {
		_, err := h.Groups.FindGroup(t.Context(), name)
		requireKind(t, access.NotFound, err)
	}
}

func groupTwins(t *testing.T, h UserGroupsHarness) {
	if h.SameName == nil {
		t.Log("fallback: the desk has each name once")
		return
	}
	h.PutGroup(staff)
	h.SameName(staff)
	_, err := h.Groups.FindGroup(t.Context(), staff)
	requireKind(t, access.Conflict, err)
}

func groupNotInjected(t *testing.T, h UserGroupsHarness) {
	h.PutGroup(staff)
	for _, name := range []string{
		"Usher*", "%", "*", "x^ORactive=true", `" OR "1"="1`, "javascript:gs.getUserID()", "x&maxResults=1", "_sher Staff", `Usher\ Staff`, "../" + staff, staff + "\x00", `' OR id > 0 OR Name = '`,
	} {
		_, err := h.Groups.FindGroup(t.Context(), name)
		require.Errorf(t, err, "%q", name)
		require.Truef(t, access.IsKind(err, access.NotFound) || access.IsKind(err, access.Invalid), "%q: %v", name, err)
	}
}

func groupMembers(t *testing.T, h UserGroupsHarness) {
	off := person("off")
	off.Active = false
	ids := append(h.put("ana", "bob"), h.PutUser(off))
	h.put("eve")
	h.PutGroup(staff, ids...)
	h.PutGroup(other)
	h.has(t, h.found(t, staff), ids...)
	h.has(t, h.found(t, other))
}

func groupNested(t *testing.T, h UserGroupsHarness) {
	if h.NestGroup == nil {
		t.Log("fallback: the desk has no groups within groups")
		return
	}
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids[0])
	h.PutGroup(other, ids[1])
	h.NestGroup(staff, other)
	h.has(t, h.found(t, staff), ids[0])
	h.has(t, h.found(t, other), ids[1])
}

func groupPaged(t *testing.T, h UserGroupsHarness) {
	if h.Pages == 0 {
		t.Log("fallback: so many members cannot be put; the listing has one page")
		return
	}
	var names []string
	for i := range h.Pages {
		names = append(names, fmt.Sprintf("user%04d", i))
	}
	ids := h.put(names...)
	h.PutGroup(staff, ids...)
	h.has(t, h.found(t, staff), ids...)
}

func groupCutShort(t *testing.T, h UserGroupsHarness) {
	if h.CutShort == nil {
		t.Log("fallback: a listing is one answer")
		return
	}
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids...)
	id := h.found(t, staff)
	h.CutShort()
	_, err := h.Groups.GroupMembers(t.Context(), id)
	requireKind(t, access.Transient, err)
	h.has(t, id, ids...)
}

func groupForbidden(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids[0])
	id := h.found(t, staff)
	h.RefuseCredentials()
	_, err := h.Groups.FindGroup(t.Context(), staff)
	requireKind(t, access.Forbidden, err)
	_, err = h.Groups.FindGroup(t.Context(), other)
	requireKind(t, access.Forbidden, err)
	_, err = h.Groups.GroupMembers(t.Context(), id)
	requireKind(t, access.Forbidden, err)
	requireKind(t, access.Forbidden, h.Groups.AddGroupMember(t.Context(), id, ids[1]))
	requireKind(t, access.Forbidden, h.Groups.RemoveGroupMember(t.Context(), id, ids[0]))
}

func groupEnded(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids[0])
	id := h.found(t, staff)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Groups.FindGroup(ctx, staff)
	require.Error(t, err)
	_, err = h.Groups.GroupMembers(ctx, id)
	require.Error(t, err)
	require.Error(t, h.Groups.AddGroupMember(ctx, id, ids[1]))
	h.has(t, id, ids[0])
}

func groupAdds(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana", "bob", "eve")
	h.PutGroup(staff, ids[0])
	h.PutGroup(other)
	id := h.found(t, staff)
	for range 2 {
		require.NoError(t, h.Groups.AddGroupMember(t.Context(), id, ids[1]))
		h.has(t, id, ids[0], ids[1])
	}
	h.has(t, h.found(t, other))
}

func groupRemoves(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana", "bob", "eve")
	h.PutGroup(staff, ids...)
	h.PutGroup(other, ids...)
	id := h.found(t, staff)
	for range 2 {
		require.NoError(t, h.Groups.RemoveGroupMember(t.Context(), id, ids[1]))
		h.has(t, id, ids[0], ids[2])
	}
	h.has(t, h.found(t, other), ids...)
}

// nobodies are ids that no user has.
func nobodies(known access.UserID) []access.UserID {
	return []access.UserID{known + "0", "nobody", "../" + known, "a b?c=d&e"}
}

func groupAddsNobody(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana")
	h.PutGroup(staff, ids...)
	id := h.found(t, staff)
	for _, user := range nobodies(ids[0]) {
		err := h.Groups.AddGroupMember(t.Context(), id, user)
		requireKind(t, access.NotFound, err)
	}
	h.has(t, id, ids...)
}

func groupRemovesNobody(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids...)
	id := h.found(t, staff)
	for _, user := range nobodies(ids[0]) {
		require.NoErrorf(t, h.Groups.RemoveGroupMember(t.Context(), id, user), "%q", user)
	}
	h.has(t, id, ids...)
	if h.RemoveUser == nil {
		return
	}
	h.RemoveUser(ids[0])
	require.NoError(t, h.Groups.RemoveGroupMember(t.Context(), id, ids[0]))
	h.has(t, id, ids[1])
}

func groupLost(t *testing.T, h UserGroupsHarness) {
	if h.LoseAnswer == nil {
		require.NotEmpty(t, h.NoLoss)
		t.Log("fallback: " + h.NoLoss)
		return
	}
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids[0])
	id := h.found(t, staff)
	h.LoseAnswer(true)
	requireKind(t, access.Transient, h.Groups.AddGroupMember(t.Context(), id, ids[1]))
	require.NoError(t, h.Groups.AddGroupMember(t.Context(), id, ids[1]))
	h.has(t, id, ids...)
	h.LoseAnswer(false)
	requireKind(t, access.Transient, h.Groups.RemoveGroupMember(t.Context(), id, ids[1]))
	require.NoError(t, h.Groups.RemoveGroupMember(t.Context(), id, ids[1]))
	h.has(t, id, ids[0])
}

func groupNotKept(t *testing.T, h UserGroupsHarness) {
	if h.IgnoreWrites == nil {
		require.NotEmpty(t, h.NoDeaf)
		t.Log("fallback: " + h.NoDeaf)
		return
	}
	ids := h.put("ana", "bob")
	h.PutGroup(staff, ids[0])
	id := h.found(t, staff)
	h.IgnoreWrites()
	requireKind(t, access.Invalid, h.Groups.AddGroupMember(t.Context(), id, ids[1]))
	requireKind(t, access.Invalid, h.Groups.RemoveGroupMember(t.Context(), id, ids[0]))
	h.has(t, id, ids[0])
}

func groupGone(t *testing.T, h UserGroupsHarness) {
	ids := h.put("ana")
	h.PutGroup(staff, ids...)
	for _, id := range []access.GroupID{h.found(t, staff) + "0", "../" + access.GroupID(staff), "a b?c=d&e", ""} {
		_, err := h.Groups.GroupMembers(t.Context(), id)
		requireKind(t, access.NotFound, err)
		requireKind(t, access.NotFound, h.Groups.AddGroupMember(t.Context(), id, ids[0]))
		requireKind(t, access.NotFound, h.Groups.RemoveGroupMember(t.Context(), id, ids[0]))
	}
}
