package membership_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
)

// Reading asks which group has a name once in a minute, not for each user.
func TestUsers_groups_are_found_again(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	port := membership.New(users, users, []string{sales, chiefs}, nil)
	now := time.Now()
	port.SetNow(func() time.Time { return now })
	reads := func() map[string]string {
		got, err := port.ReadUser(t.Context(), ana.ID)
		require.NoError(t, err)
		return got.Values
	}
	for range 3 {
		require.NotContains(t, reads(), access.GroupField(chiefs))
	}
	require.Equal(t, 2, users.Calls(memory.OpFindGroup))
	users.PutGroup(chiefs, ana.ID)
	now = now.Add(59 * time.Second)
	require.NotContains(t, reads(), access.GroupField(chiefs))
	now = now.Add(time.Second)
	require.Equal(t, access.GroupMember, reads()[access.GroupField(chiefs)])
	require.Equal(t, 4, users.Calls(memory.OpFindGroup))
}

// A group that is gone, and one of which the desk does not answer, refuse their own membership and nothing else.
func TestUsers_one_group_refuses(t *testing.T) {
	for found, want := range map[access.Kind]access.Kind{
		access.NotFound: access.Invalid, access.Conflict: access.Invalid, access.Forbidden: access.Forbidden, access.Transient: access.Transient,
	} {
		t.Run(string(found), func(t *testing.T) {
			users := memory.NewUsers()
			ana := users.Put(member("ana"))
			users.PutGroup(sales, ana.ID)
			// The one that refuses is written first.
			groups := &refusesOne{Users: users, name: chiefs}
			users.PutGroup(chiefs, ana.ID)
			port := membership.New(users, groups, []string{sales, chiefs}, nil)
			groups.kind = found
			_, err := port.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{
				access.GroupField(chiefs): "", access.GroupField(sales): "", "department": "Sales",
			}})
			require.True(t, access.IsKind(err, want), err)
			require.ErrorContains(t, err, access.GroupField(chiefs))
			require.Empty(t, users.Members(sales))
			require.NotEmpty(t, users.Members(chiefs))
			got, err := users.ReadUser(t.Context(), ana.ID)
			require.NoError(t, err)
			require.Equal(t, "Sales", got.Values["department"])
		})
	}
}

// Nobody is created while the desk does not answer for a group: the answer would be known by nobody.
func TestUsers_create_while_a_group_is_silent(t *testing.T) {
	users := memory.NewUsers()
	users.PutGroup(sales)
	port := membership.New(users, users, []string{sales}, nil)
	users.FailNext(memory.OpFindGroup, access.Errorf(access.Transient, memory.OpFindGroup, "down"))
	_, err := port.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "eve", access.GroupField(sales): access.GroupMember}})
	require.True(t, access.IsKind(err, access.Transient), err)
	require.Empty(t, users.All())
}

// Where a group that protects is gone, nobody is known to be unprotected; that says nothing about the user.
func TestUsers_guard_is_gone(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(chiefs)
	groups := &refusesOne{Users: users}
	port := membership.New(users, groups, nil, []string{chiefs})
	_, err := port.ReadUser(t.Context(), ana.ID)
	require.NoError(t, err)
	groups.name, groups.kind = chiefs, access.NotFound
	_, err = port.ReadUser(t.Context(), ana.ID)
	require.True(t, access.IsKind(err, access.Forbidden), err)
	require.ErrorContains(t, err, "protected_groups: ")
	_, err = port.FindUsers(t.Context(), access.UserQuery{UserName: "ana"})
	require.True(t, access.IsKind(err, access.Forbidden), err)
	_, err = port.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
	require.True(t, access.IsKind(err, access.Forbidden), err)
	_, err = port.UserSchema(t.Context())
	require.True(t, access.IsKind(err, access.Invalid), err)
	require.ErrorContains(t, err, "protected_groups: ")
}

// The schema is read again while rows are applied. A group that the desk does not show just then is written all the same once it is there.
func TestUsers_schema_without_a_group_while_rows_are_applied(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	groups := &refusesOne{Users: users, name: sales, kind: access.NotFound}
	port := membership.New(users, groups, []string{sales}, nil)
	schema, err := port.UserSchema(t.Context())
	require.NoError(t, err)
	require.NotContains(t, schema.Fields, access.GroupField(sales))
	groups.name = ""
	_, err = port.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.GroupField(sales): ""}})
	require.NoError(t, err)
	require.Empty(t, users.Members(sales))
}

// A group that goes between being found and being listed is no user who is not there.
func TestUsers_group_goes_while_it_is_read(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	users.PutGroup(sales, ana.ID)
	port := membership.New(users, users, []string{sales}, nil)
	users.FailNext(memory.OpGroupMembers, access.Errorf(access.NotFound, memory.OpGroupMembers, "no such group"))
	_, err := port.ReadUser(t.Context(), ana.ID)
	require.True(t, access.IsKind(err, access.Transient), err)
	got, err := port.ReadUser(t.Context(), ana.ID)
	require.NoError(t, err)
	require.Equal(t, access.GroupMember, got.Values[access.GroupField(sales)])
	require.Equal(t, 2, users.Calls(memory.OpFindGroup))
}

// refusesOne are groups of which one is not found.
type refusesOne struct {
	*memory.Users
	name string
	kind access.Kind
}

func (g *refusesOne) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	if name == g.name {
		return access.DeskGroup{}, access.Errorf(g.kind, "find a group", "not %q", name)
	}
	return g.Users.FindGroup(ctx, name)
}
