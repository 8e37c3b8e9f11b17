package servicenow_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

func TestUserGroups(t *testing.T) {
	accesstest.RunUserGroups(t, func(t *testing.T) accesstest.UserGroupsHarness {
		s, users := directory(t, servicenowtest.Config{PageLimit: 2}, nil)
		ids := map[string]string{}
		add := func(name string) {
			ids[name] = s.AddGroup(servicenowtest.Group{Name: name})
		}
		return accesstest.UserGroupsHarness{
			Groups:  users,
			PutUser: func(u access.DeskUser) access.UserID { return s.put(u).ID },
			PutGroup: func(name string, members ...access.UserID) {
				add(name)
				for _, id := range members {
					s.AddMember(ids[name], string(id))
				}
			},
			NestGroup:         func(outer, inner string) { s.SetGroupParent(ids[inner], ids[outer]) },
			SameName:          add,
			RefuseCredentials: func() { s.faults(func(f *servicenowtest.Faults) { f.RefuseCredentials = true }) },
			CutShort: func() {
				s.faults(func(f *servicenowtest.Faults) {
					f.Rules = []fakewire.Rule{{Every: 2, Times: 1, Only: []fakewire.Operation{servicenowtest.OpList}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}}}
				})
			},
			LoseAnswer: func(adds bool) {
				op := servicenowtest.OpDelete
				if adds {
					op = servicenowtest.OpInsert
				}
				s.faults(func(f *servicenowtest.Faults) {
					f.Faults = fakewire.Rules(fakewire.Rule{
						Times: 1, Only: []fakewire.Operation{op}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
					})
				})
			},
			IgnoreWrites: func() { s.faults(func(f *servicenowtest.Faults) { f.DeafMembers = true }) },
			Pages:        7,
		}
	})
}

// wiki is a fake with a group that has the first of two people.
type wiki struct {
	*site
	users  *servicenow.Users
	id     access.GroupID
	people []access.UserID
}

// grouped is a fake with a group that has ana, and bob beside it.
func grouped(t *testing.T, g servicenowtest.Group) wiki {
	t.Helper()
	s, users := directory(t, servicenowtest.Config{PageLimit: 2}, nil)
	w := wiki{site: s, users: users, id: access.GroupID(s.AddGroup(g)), people: []access.UserID{s.put(someone("ana")).ID, s.put(someone("bob")).ID}}
	s.AddMember(string(w.id), string(w.people[0]))
	return w
}

// TestFindGroup_case: ServiceNow finds names in another case as well.
func TestFindGroup_case(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	w.AddGroup(servicenowtest.Group{Name: "WIKI"})
	got, err := w.users.FindGroup(t.Context(), "Wiki")
	require.NoError(t, err)
	require.Equal(t, access.DeskGroup{ID: w.id, Name: "Wiki"}, got)
	_, err = w.users.FindGroup(t.Context(), "wiki")
	requireKind(t, access.NotFound, err)
}

func TestFindGroup_refused(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	for _, name := range []string{"x^ORsys_idISNOTEMPTY", "javascript:gs.getUserID()", "a\nb", "a,b"} {
		_, err := w.users.FindGroup(t.Context(), name)
		requireKind(t, access.Invalid, err)
	}
	require.Empty(t, w.tap.Calls("GET "), "nobody was asked")
	for _, f := range []servicenowtest.Faults{
		{HiddenTables: []string{"sys_user_group"}},
		{ForbiddenTables: []string{"sys_user_group"}},
		{HiddenFields: []string{"active"}},
		{IgnoredConditions: []string{"name"}, InvalidQueryReturnsNothing: true},
		{HiddenFields: []string{"name"}},
	} {
		w.SetFaults(f)
		_, err := w.users.FindGroup(t.Context(), "Wiki")
		requireKind(t, access.Forbidden, err)
	}
}

// TestUserGroups_owned: the members of a group that a directory keeps, or that is switched off, are not usher's to change.
func TestUserGroups_owned(t *testing.T) {
	for says, g := range map[string]servicenowtest.Group{
		"owned by another system": {Name: "Wiki", Source: "ldap:CN=Wiki,OU=Groups,DC=example,DC=test"}, "not active": {Name: "Wiki", Inactive: true},
	} {
		w := grouped(t, g)
		_, err := w.users.FindGroup(t.Context(), "Wiki")
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, `"Wiki"`)
		require.NoError(t, w.users.AddGroupMember(t.Context(), w.id, w.people[0]), "already so")
		requireKind(t, access.Invalid, w.users.AddGroupMember(t.Context(), w.id, w.people[1]))
		requireKind(t, access.Invalid, w.users.RemoveGroupMember(t.Context(), w.id, w.people[0]))
		require.Empty(t, slices.Concat(w.tap.Calls("POST "), w.tap.Calls("DELETE ")))
		got, err := w.users.GroupMembers(t.Context(), w.id)
		require.NoError(t, err)
		require.Equal(t, w.people[:1], got)
	}
	w := grouped(t, servicenowtest.Group{Name: "Wiki", Source: "ldap:x"})
	w.faults(func(f *servicenowtest.Faults) { f.HiddenFields = []string{"source"} })
	_, err := w.users.FindGroup(t.Context(), "Wiki")
	require.NoError(t, err, "nothing shows whose it is")
}

// TestGroupMembers_hidden: a row that is counted and not shown is not nobody, and neither is a row without its column.
func TestGroupMembers_hidden(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	w.AddMember(string(w.id), string(w.people[1]))
	for name, f := range map[string]servicenowtest.Faults{
		"a row": {HiddenMembers: []string{"ana"}}, "all rows": {HiddenTables: []string{"sys_user_grmember"}}, "the user": {HiddenFields: []string{"user"}},
		"the group": {HiddenFields: []string{"group"}}, "the count": {NoTotalCount: true}, "the table": {ForbiddenTables: []string{"sys_user_grmember"}},
		"the search": {IgnoredConditions: []string{"group"}, InvalidQueryReturnsNothing: true},
	} {
		w.SetFaults(f)
		_, err := w.users.GroupMembers(t.Context(), w.id)
		require.Error(t, err, name)
		requireKind(t, access.Forbidden, err)
		requireKind(t, access.Forbidden, w.users.AddGroupMember(t.Context(), w.id, w.people[0]))
		requireKind(t, access.Forbidden, w.users.RemoveGroupMember(t.Context(), w.id, w.people[0]))
	}
	require.Empty(t, slices.Concat(w.tap.Calls("POST "), w.tap.Calls("DELETE ")))
}

// TestUserGroups_duplicates: ServiceNow may have a user twice in a group.
func TestUserGroups_duplicates(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	for range 4 {
		w.AddMember(string(w.id), string(w.people[0]))
	}
	got, err := w.users.GroupMembers(t.Context(), w.id)
	require.NoError(t, err)
	require.Equal(t, w.people[:1], got)
	require.NoError(t, w.users.RemoveGroupMember(t.Context(), w.id, w.people[0]))
	require.Len(t, w.tap.Calls("DELETE "), 5)
	got, err = w.users.GroupMembers(t.Context(), w.id)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestUserGroups_refused(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	readOnly := servicenowtest.Faults{}
	readOnly.ReadOnlyProjects = []string{"sys_user_grmember"}
	for _, f := range []servicenowtest.Faults{readOnly, {AbortedUpdates: true}} {
		w.SetFaults(f)
		requireKind(t, access.Invalid, w.users.AddGroupMember(t.Context(), w.id, w.people[1]))
		requireKind(t, access.Invalid, w.users.RemoveGroupMember(t.Context(), w.id, w.people[0]))
	}
	w.SetFaults(servicenowtest.Faults{})
	w.tap.AnswerInstead("DELETE ", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Your instance is hibernating</html>"))
	})
	requireKind(t, access.Transient, w.users.RemoveGroupMember(t.Context(), w.id, w.people[0]))
}

// TestAddGroupMember_index: an index refuses a second row. Whether the first one makes the user a member, the next answer shows.
func TestAddGroupMember_index(t *testing.T) {
	for _, there := range []bool{true, false} {
		w := grouped(t, servicenowtest.Group{Name: "Wiki"})
		w.tap.AnswerInstead("POST /sys_user_grmember", func(rw http.ResponseWriter, _ *http.Request) {
			if there {
				w.AddMember(string(w.id), string(w.people[1]))
			}
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusForbidden)
			_, _ = rw.Write([]byte(`{"error":{"message":"Operation Failed","detail":"Unique Key violation detected by database"},"status":"failure"}`))
		})
		err := w.users.AddGroupMember(t.Context(), w.id, w.people[1])
		if there {
			require.NoError(t, err)
			continue
		}
		requireKind(t, access.Invalid, err)
	}
}

// TestGroupMembers_changed_meanwhile: a row that is added while the others are listed may be missing, or stand for one that is hidden.
func TestGroupMembers_changed_meanwhile(t *testing.T) {
	w := grouped(t, servicenowtest.Group{Name: "Wiki"})
	first := true
	w.tap.AnswerInstead("GET /sys_user_grmember", func(rw http.ResponseWriter, r *http.Request) {
		w.ServeHTTP(rw, r)
		if first {
			first = false
			w.AddMember(string(w.id), string(w.people[1]))
		}
	})
	_, err := w.users.GroupMembers(t.Context(), w.id)
	requireKind(t, access.Transient, err)
}
