package requesttracker_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/requesttracker"
)

func TestUserGroups(t *testing.T) {
	s := realServer(t)
	accesstest.RunUserGroups(t, func(t *testing.T) accesstest.UserGroupsHarness {
		one := newGroupsSite(t, s, "groups")
		one.short = true
		return accesstest.UserGroupsHarness{
			Groups:   one.users(t, usersKept()),
			PutUser:  func(u access.DeskUser) access.UserID { return one.putUser(t, u).ID },
			PutGroup: func(name string, members ...access.UserID) { one.putGroup(t, name, members...) },
			RemoveUser: func(id access.UserID) {
				// As RT's shredder does.
				s.execute(t, `DELETE FROM GroupMembers WHERE MemberId = ?`, string(id))
				s.execute(t, `DELETE FROM CachedGroupMembers WHERE MemberId = ?`, string(id))
				s.execute(t, `DELETE FROM Users WHERE id = ?`, string(id))
			},
			NestGroup: func(outer, inner string) {
				one.addMembers(t, one.groupNumber(t, outer), one.groupNumber(t, inner))
			},
			SameName: func(name string) {
				// RT makes no second one, but old databases have them.
				id := one.putGroup(t, name+" again")
				s.execute(t, `UPDATE Groups SET Name = ? WHERE id = ?`, name, id)
			},
			RefuseCredentials: func() { one.faults(func() { one.spoilt = true }) },
			CutShort:          func() { one.edits(cutMembersOnce()) },
			LoseAnswer: func(adds bool) {
				one.faults(func() {
					if one.drop = "RemoveGroupMember"; adds {
						one.drop = "AddGroupMember"
					}
				})
			},
			IgnoreWrites: func() { one.faults(func() { one.deaf = true }) },
			Pages:        5,
		}
	})
}

// newGroupsSite is newUsersSite whose groups are gone afterwards, too.
func newGroupsSite(t *testing.T, s *server, account string) *site {
	t.Helper()
	one := newUsersSite(t, s, account)
	var before int
	require.NoError(t, s.db.QueryRow(`SELECT max(id) FROM Principals`).Scan(&before))
	t.Cleanup(func() {
		s.execute(t, `DELETE FROM GroupMembers WHERE GroupId > ?`, before)
		s.execute(t, `DELETE FROM CachedGroupMembers WHERE GroupId > ?`, before)
		s.execute(t, `DELETE FROM Groups WHERE id > ? AND Domain = 'UserDefined'`, before)
	})
	return one
}

// putGroup adds a group as RT's administrator does, and returns its number.
func (s *site) putGroup(t *testing.T, name string, members ...access.UserID) string {
	t.Helper()
	s.do(t, "root", http.MethodPost, "group", map[string]any{"Name": name}, nil)
	id := s.groupNumber(t, name)
	var numbers []string
	for _, m := range members {
		numbers = append(numbers, string(m))
	}
	if len(numbers) > 0 {
		s.addMembers(t, id, numbers...)
	}
	return id
}

func (s *site) addMembers(t *testing.T, group string, numbers ...string) {
	t.Helper()
	var said []string
	s.do(t, "root", http.MethodPut, "group/"+group+"/members", numbers, &said)
	for _, one := range said {
		require.Contains(t, one, "Member added")
	}
}

// groupNumber is the number of the group of that name, or of the first of them.
func (s *site) groupNumber(t *testing.T, name string) string {
	t.Helper()
	var id string
	require.NoError(t, s.db.QueryRow(`SELECT id FROM Groups WHERE Domain = 'UserDefined' AND Name = ? ORDER BY id`, name).Scan(&id))
	return id
}

// cutMembersOnce leaves out all but the first member of the next listing, which says how many there are.
func cutMembersOnce() func(*http.Request, []byte) []byte {
	cut := false
	return func(r *http.Request, answer []byte) []byte {
		if cut || !strings.HasSuffix(r.URL.Path, "/members") {
			return answer
		}
		cut = true
		return onlyRows(answer, func(n int) bool { return n == 0 })
	}
}

// inGroup is a group of a name with one member, and the members' users.
func inGroup(t *testing.T, one *site, name string) (string, []access.UserID) {
	t.Helper()
	ids := []access.UserID{one.putUser(t, ana("in")).ID, one.putUser(t, ana("out")).ID}
	return one.putGroup(t, name, ids[0]), ids
}

// TestUserGroups_rights has accounts that do not see groups, and that may not change them.
func TestUserGroups_rights(t *testing.T) {
	s := realServer(t)
	one := newGroupsSite(t, s, "groups")
	number, ids := inGroup(t, one, "Rights")
	id := access.GroupID(number)
	for account, want := range map[string]access.Kind{"directory": access.Forbidden, "looking": access.Invalid} {
		as := &site{server: s, self: account, token: s.Tokens[account], queue: "Access"}
		as.listen(t)
		d := as.users(t, usersKept())
		_, err := d.FindGroup(t.Context(), "Rights")
		requireKind(t, want, err)
		_, err = d.GroupMembers(t.Context(), id)
		requireKind(t, access.Forbidden, err)
		for _, user := range ids {
			requireKind(t, want, d.AddGroupMember(t.Context(), id, user))
			requireKind(t, want, d.RemoveGroupMember(t.Context(), id, user))
		}
		none := access.NotFound
		if account == "directory" {
			none = access.Forbidden
		}
		_, err = d.FindGroup(t.Context(), "Nothing")
		requireKind(t, none, err)
		_, err = d.GroupMembers(t.Context(), "999999")
		requireKind(t, none, err)
	}
	got, err := one.users(t, usersKept()).GroupMembers(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, ids[:1], got)
}

// TestUserGroups_kinds has groups that are none of ours: RT's own, disabled ones, and one whose name differs in case.
func TestUserGroups_kinds(t *testing.T) {
	s := realServer(t)
	one := newGroupsSite(t, s, "groups")
	d := one.users(t, usersKept())
	number, ids := inGroup(t, one, "Kinds")
	var privileged string
	require.NoError(t, s.db.QueryRow(`SELECT id FROM Groups WHERE Domain = 'SystemInternal' AND Name = 'Privileged'`).Scan(&privileged))
	for _, name := range []string{"kinds", "KINDS", "Kinds ", "Privileged", "Everyone", number} {
		_, err := d.FindGroup(t.Context(), name)
		requireKind(t, access.NotFound, err)
	}
	s.do(t, "root", http.MethodDelete, "group/"+number, nil, nil)
	_, err := d.FindGroup(t.Context(), "Kinds")
	requireKind(t, access.NotFound, err)
	for _, id := range []access.GroupID{access.GroupID(privileged), access.GroupID(number), access.GroupID(ids[0])} {
		_, err = d.GroupMembers(t.Context(), id)
		requireKind(t, access.NotFound, err)
		requireKind(t, access.NotFound, d.AddGroupMember(t.Context(), id, ids[1]))
		requireKind(t, access.NotFound, d.RemoveGroupMember(t.Context(), id, ids[0]))
	}
}

// TestUserGroups_groups_are_no_users has the number of a group where a user's is expected.
func TestUserGroups_groups_are_no_users(t *testing.T) {
	one := newGroupsSite(t, realServer(t), "groups")
	d := one.users(t, usersKept())
	outer, _ := inGroup(t, one, "Outer")
	inner := one.putGroup(t, "Inner")
	requireKind(t, access.NotFound, d.AddGroupMember(t.Context(), access.GroupID(outer), access.UserID(inner)))
	one.addMembers(t, outer, inner)
	require.NoError(t, d.RemoveGroupMember(t.Context(), access.GroupID(outer), access.UserID(inner)))
	var shown struct {
		Members []struct{ Type string }
	}
	one.do(t, "root", http.MethodGet, "group/"+outer, nil, &shown)
	require.Len(t, shown.Members, 2)
}

// TestUserGroups_changing has somebody take a member's place between two looks: there are as many as before.
func TestUserGroups_changing(t *testing.T) {
	one := newGroupsSite(t, realServer(t), "groups")
	d := one.users(t, requesttracker.UsersConfig{})
	number, ids := inGroup(t, one, "Changing")
	one.edits(func(r *http.Request, answer []byte) []byte {
		if strings.HasSuffix(r.URL.Path, "/members") {
			one.do(t, "root", http.MethodDelete, "group/"+number+"/member/"+string(ids[0]), nil, nil)
			one.addMembers(t, number, string(ids[1]))
		}
		return answer
	})
	_, err := d.GroupMembers(t.Context(), access.GroupID(number))
	requireKind(t, access.Transient, err)
}

// TestUserGroups_search_ignored has RT leave out what it is asked for, and so find every group.
func TestUserGroups_search_ignored(t *testing.T) {
	one := newGroupsSite(t, realServer(t), "groups")
	inGroup(t, one, "Another")
	one.edits(func(r *http.Request, answer []byte) []byte {
		if !r.URL.Query().Has("query") {
			return answer
		}
		var raw json.RawMessage
		one.do(t, "root", http.MethodGet, "groups"+query("per_page", "5"), nil, &raw)
		return raw
	})
	_, err := one.users(t, usersKept()).FindGroup(t.Context(), "Wanted")
	requireKind(t, access.NotFound, err)
}
