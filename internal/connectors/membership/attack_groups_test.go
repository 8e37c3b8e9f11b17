package membership_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
)

// attackedGroups are groups with ids of their own, as those of Jira Cloud, ServiceNow and Request Tracker.
type attackedGroups struct {
	names   map[access.GroupID]string
	members map[access.GroupID][]access.UserID
}

func (g *attackedGroups) FindGroup(_ context.Context, name string) (access.DeskGroup, error) {
	for id, found := range g.names {
		if found == name {
			return access.DeskGroup{ID: id, Name: name}, nil
		}
	}
	return access.DeskGroup{}, access.Errorf(access.NotFound, "find group", "no group %q", name)
}

func (g *attackedGroups) GroupMembers(_ context.Context, id access.GroupID) ([]access.UserID, error) {
	if _, there := g.names[id]; !there {
		return nil, access.Errorf(access.NotFound, "list members", "no group %q", id)
	}
	return slices.Clone(g.members[id]), nil
}

func (g *attackedGroups) AddGroupMember(_ context.Context, id access.GroupID, user access.UserID) error {
	g.members[id] = append(g.members[id], user)
	return nil
}

func (g *attackedGroups) RemoveGroupMember(_ context.Context, id access.GroupID, user access.UserID) error {
	g.members[id] = slices.DeleteFunc(g.members[id], func(one access.UserID) bool { return one == user })
	return nil
}

// A worker keeps the ids of the groups by their names until it lists the desk itself. Where two workers serve a desk, one lists and the other applies: with the ids of its last listing, of
// days ago. Meanwhile an administrator has renamed the group, and made another one of the old name.
// The company loses: the plan says "Approvers", and the user comes into what is "Site administrators" by now.
func TestAttackGroups_other_worker_writes_to_a_renamed_group(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	groups := &attackedGroups{names: map[access.GroupID]string{"1": "Approvers"}, members: map[access.GroupID][]access.UserID{}}
	lists, applies := membership.New(users, groups, []string{"Approvers"}, nil), membership.New(users, groups, []string{"Approvers"}, nil)
	for _, worker := range []*membership.Users{lists, applies} {
		_, err := worker.UserSchema(t.Context())
		require.NoError(t, err)
		everybody(t, worker)
	}
	groups.names = map[access.GroupID]string{"1": "Site administrators", "2": "Approvers"}

	_, err := lists.UserSchema(t.Context())
	require.NoError(t, err)
	require.NotContains(t, everybody(t, lists)[ana.ID].Values, access.GroupField("Approvers"))
	_, err = applies.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.GroupField("Approvers"): access.GroupMember}})
	t.Logf("error: %v; members: %v", err, groups.members)
	require.Empty(t, groups.members["1"], "%s has a member whom no rule put there", groups.names["1"])
}

// The same of a protected group: "who is in them is asked again before each write", but of the group that had the name when this worker listed the desk the last time.
// The company loses: usher writes to an account that is in the protected group, and switches it off.
func TestAttackGroups_other_worker_guards_by_a_renamed_group(t *testing.T) {
	users := memory.NewUsers()
	robot := users.Put(member("robot"))
	groups := &attackedGroups{names: map[access.GroupID]string{"1": "Robots"}, members: map[access.GroupID][]access.UserID{}}
	lists, applies := membership.New(users, groups, nil, []string{"Robots"}), membership.New(users, groups, nil, []string{"Robots"})
	for _, worker := range []*membership.Users{lists, applies} {
		_, err := worker.UserSchema(t.Context())
		require.NoError(t, err)
	}
	groups.names = map[access.GroupID]string{"1": "Robots (old)", "2": "Robots"}
	groups.members["2"] = []access.UserID{robot.ID}

	_, err := lists.UserSchema(t.Context())
	require.NoError(t, err)
	user, err := lists.ReadUser(t.Context(), robot.ID)
	require.NoError(t, err)
	require.Equal(t, access.GroupMember, user.Values[access.GroupField("Robots")], "the worker that lists knows it")
	user, err = applies.ReadUser(t.Context(), robot.ID)
	if err == nil {
		require.Equal(t, access.GroupMember, user.Values[access.GroupField("Robots")], "the worker that applies would write to a member of a protected group")
	}
}

// One group that this worker did not find when it listed the desk the last time (an hour without rights, a group that was made since) is unknown to it for ever, and the whole write is refused: a leaver stays
// in all groups.
func TestAttackGroups_other_worker_does_not_know_a_group(t *testing.T) {
	users := memory.NewUsers()
	ana := users.Put(member("ana"))
	groups := &attackedGroups{names: map[access.GroupID]string{"1": "Approvers"}, members: map[access.GroupID][]access.UserID{"1": {ana.ID}}}
	applies := membership.New(users, groups, []string{"Approvers", "Sales"}, nil)
	_, err := applies.UserSchema(t.Context())
	require.NoError(t, err)
	groups.names["2"], groups.members["2"] = "Sales", []access.UserID{ana.ID}
	_, err = applies.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{
		access.GroupField("Approvers"): "", access.GroupField("Sales"): "",
	}})
	t.Log(err)
	require.Empty(t, groups.members["1"], "the leaver is an approver")
	require.Empty(t, groups.members["2"])
}
