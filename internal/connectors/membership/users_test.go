package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
)

const (
	sales  = "Sales"
	chiefs = "Chiefs"
)

func member(name string) access.DeskUser {
	return access.DeskUser{Person: access.PersonID("p-" + name), Active: true, Values: map[string]string{
		access.UserFieldName: name, access.UserFieldEmail: name + "@example.com",
	}}
}

// everybody is the listing, by id.
func everybody(t *testing.T, users access.UserDirectory) map[access.UserID]access.DeskUser {
	t.Helper()
	all := map[access.UserID]access.DeskUser{}
	_, err := users.ListUsers(t.Context(), func(page []access.DeskUser) error {
		for _, u := range page {
			all[u.ID] = u
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// Users with memberships keep every promise of users.
func TestUsers_suite(t *testing.T) {
	accesstest.RunUserDirectory(t, func(*testing.T) accesstest.UserDirectoryHarness {
		users := memory.NewUsers()
		users.PutGroup(sales)
		return accesstest.UserDirectoryHarness{
			Directory: membership.New(users, users, []string{sales}, nil), Put: users.Put, Remove: users.Remove,
			RefuseCredentials: func() { users.RefuseCredentials(true) },
			CutShort:          users.CutNextListing,
			NoHiding:          "nothing shows it in memory",
			LoseAnswer:        func() { users.DropAnswerNext(memory.OpCreateUser) },
			IgnoreWrites:      func() { users.IgnoreWrites(true) },
			New: map[string]string{
				access.UserFieldName: "new", access.UserFieldEmail: "new@example.com", access.UserFieldDisplayName: "Somebody New", "department": "Research",
				access.GroupField(sales): access.GroupMember,
			},
			Own: "department", Pages: 501 + 600,
		}
	})
}

func TestUsers_memberships_are_fields(t *testing.T) {
	users := memory.NewUsers()
	ana, bob := users.Put(member("ana")), users.Put(member("bob"))
	users.PutGroup(sales, ana.ID)
	users.PutGroup(chiefs, ana.ID, bob.ID)
	users.PutGroup("Others", ana.ID)
	port := membership.New(users, users, []string{sales, chiefs}, nil)
	all := everybody(t, port)
	require.Equal(t, access.GroupMember, all[ana.ID].Values[access.GroupField(sales)])
	require.Equal(t, access.GroupMember, all[ana.ID].Values[access.GroupField(chiefs)])
	require.NotContains(t, all[ana.ID].Values, access.GroupField("Others"), "nobody asked for it")
	require.NotContains(t, all[bob.ID].Values, access.GroupField(sales))

	for range 2 {
		got, err := port.UpdateUser(t.Context(), bob.ID, access.UserChange{Values: map[string]string{
			access.GroupField(sales): access.GroupMember, access.GroupField(chiefs): "", "department": "Sales",
		}})
		require.NoError(t, err)
		require.Equal(t, access.GroupMember, got.Values[access.GroupField(sales)])
		require.NotContains(t, got.Values, access.GroupField(chiefs))
		require.Equal(t, "Sales", got.Values["department"])
		require.Equal(t, []access.UserID{ana.ID, bob.ID}, users.Members(sales))
		require.Equal(t, []access.UserID{ana.ID}, users.Members(chiefs))
	}
	created, err := port.CreateUser(t.Context(), access.NewUser{Person: "p-eve", Values: map[string]string{
		access.UserFieldName: "eve", access.GroupField(chiefs): access.GroupMember,
	}})
	require.NoError(t, err)
	require.Contains(t, users.Members(chiefs), created.ID)
	require.Equal(t, access.GroupMember, created.Values[access.GroupField(chiefs)])
}

// A group that somebody deletes on the desk keeps no user from being listed, and is named.
func TestUsers_group_that_is_not_there(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	port := membership.New(users, users, []string{sales, chiefs}, nil)
	schema, err := port.UserSchema(t.Context())
	require.NoError(t, err)
	require.Contains(t, schema.Fields, access.GroupField(sales))
	require.NotContains(t, schema.Fields, access.GroupField(chiefs))
	require.Len(t, schema.Notes, 1)
	require.Contains(t, schema.Notes[0], access.GroupField(chiefs)+": ")
	require.Len(t, everybody(t, port), 1)
	_, err = port.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.GroupField(chiefs): access.GroupMember}})
	require.True(t, access.IsKind(err, access.Invalid), err)
	_, err = port.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.GroupField(sales): "yes"}})
	require.True(t, access.IsKind(err, access.Invalid), err)

	// A desk that does not answer is no desk without the group.
	users.FailNext(memory.OpFindGroup, access.Errorf(access.Transient, memory.OpFindGroup, "down"))
	_, err = port.UserSchema(t.Context())
	require.True(t, access.IsKind(err, access.Transient), err)
}

// Whose members cannot be listed has no listing of users: a user who seems to be in no group would come into it anew.
func TestUsers_members_that_cannot_be_listed(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	port := membership.New(users, users, []string{sales}, nil)
	for _, kind := range []access.Kind{access.Transient, access.Forbidden} {
		users.FailNext(memory.OpGroupMembers, access.Errorf(kind, memory.OpGroupMembers, "no"))
		_, err := port.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
		require.True(t, access.IsKind(err, kind), err)
		require.ErrorContains(t, err, access.GroupField(sales))
	}
}

// Another worker than the one that listed applies the plan: it reads who is in the groups once.
func TestUsers_members_are_read_once(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	port := membership.New(users, users, []string{sales}, nil)
	for range 3 {
		got, err := port.ReadUser(t.Context(), ana.ID)
		require.NoError(t, err)
		require.Equal(t, access.GroupMember, got.Values[access.GroupField(sales)])
	}
	require.Equal(t, 1, users.Calls(memory.OpGroupMembers))
	// A listing asks anew.
	users.PutGroup(sales)
	require.NotContains(t, everybody(t, port)[ana.ID].Values, access.GroupField(sales))
}

// A user who was created and is not in the groups is there: nobody may create another one.
func TestUsers_created_and_not_in_the_group(t *testing.T) {
	users := memory.NewUsers()
	users.PutGroup(sales)
	port := membership.New(users, users, []string{sales}, nil)
	for _, kind := range []access.Kind{access.Transient, access.Invalid} {
		users.FailNext(memory.OpAddGroupMember, access.Errorf(kind, memory.OpAddGroupMember, "no"))
		_, err := port.CreateUser(t.Context(), access.NewUser{Values: map[string]string{
			access.UserFieldName: "eve-" + string(kind), access.GroupField(sales): access.GroupMember,
		}})
		require.True(t, access.IsKind(err, access.Unknown), err)
	}
	require.Len(t, users.All(), 2)
}
