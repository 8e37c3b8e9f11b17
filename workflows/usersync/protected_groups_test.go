package usersync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

const robots = "Robots"

// protectsGroup makes the members of a group of the desk protected.
func (o *office) protectsGroup() {
	o.t.Helper()
	o.settings.Guard = o.settings.Guard.WithGroups([]string{robots})
	o.port = membership.New(o.users, o.users, nil, []string{robots})
}

// Whoever is in a protected group is not touched, whatever the plan says, and stays in the group.
func TestUserSync_protected_group(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.users.PutGroup(robots, o.of(3).ID)
	o.protectsGroup()
	before := o.of(3)
	o.leaves(3, 4)
	o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Another name" })
	run := o.ends()
	require.Equal(t, before, o.of(3))
	require.False(t, o.of(4).Active)
	require.Contains(t, o.rows(run)[idOf(3)].Reason, "protected group")
	require.Equal(t, []access.UserID{before.ID}, o.users.Members(robots))
}

// puts puts a user into the protected group once the plan is made.
type puts struct {
	access.UserDirectory
	users *memory.Users
	user  access.UserID
	done  bool
}

func (p *puts) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	n, err := p.UserDirectory.ListUsers(ctx, take)
	if !p.done {
		p.done = true
		p.users.PutGroup(robots, p.user)
	}
	return n, err
}

// It counts who is in the group when the user is written, not when the users were listed.
func TestUserSync_protected_group_since_the_plan(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.users.PutGroup(robots)
	o.protectsGroup()
	o.port = &puts{UserDirectory: o.port, users: o.users, user: o.of(3).ID}
	o.leaves(3, 4)
	run := o.ends()
	require.True(t, o.of(3).Active)
	require.False(t, o.of(4).Active)
	require.Contains(t, o.rows(run)[idOf(3)].Problem, "protected group")
}

// Without the group nobody would be protected by it, so nothing goes on.
func TestUserSync_protected_group_is_gone(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.protectsGroup()
	o.leaves(3)
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "protected_groups")
	require.True(t, o.of(3).Active)
}
