package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
)

// second returns another user of a person, who is in department X.
func (o *office) second(i int, name string) access.DeskUser {
	o.t.Helper()
	second := o.users.Put(access.DeskUser{Person: idOf(i), Active: true, Values: map[string]string{access.UserFieldName: name}})
	o.users.PutGroup(department, append(o.users.Members(department), second.ID)...)
	return second
}

// All users of a leaver are switched off by one run, and count for the brake on deactivations, each of them.
func TestUserSync_users_of_a_leaver(t *testing.T) {
	o := officeOfGroups(t)
	second, third := o.second(2, "second"), o.second(2, "third")
	protected := o.second(2, "svc-2")
	o.leaves(2)
	held := o.ends()
	require.Equal(t, []string{sync.BrakeDeactivations}, holdsOf(held), "3 of 12")
	require.Equal(t, 3, held.Counts.SwitchedOff)
	o.settings.Brakes.Floor = 3
	o.ends()
	for _, u := range []access.UserID{o.of(2).ID, second.ID, third.ID} {
		user, err := o.users.ReadUser(t.Context(), u)
		require.NoError(t, err)
		require.False(t, user.Active, "%+v", user)
		require.NotContains(t, o.users.Members(department), u)
	}
	user, err := o.users.ReadUser(t.Context(), protected.ID)
	require.NoError(t, err)
	require.True(t, user.Active)
	require.Contains(t, o.users.Members(department), protected.ID)
}

// The second users of those who move count for the brake of the group, and a plan with nothing else for their people is one.
func TestUserSync_second_users_of_movers(t *testing.T) {
	o := officeOfGroups(t)
	// Whoever is in the group with the second user alone, and is not to be in it.
	second := o.second(6, "second")
	protected := o.second(7, "svc-7")
	require.Empty(t, o.rows(o.ends())[idOf(7)].Others)
	require.NotContains(t, o.users.Members(department), second.ID)
	require.Contains(t, o.users.Members(department), protected.ID)
	var seconds []access.UserID
	for _, i := range []int{6, 7, 8} {
		seconds = append(seconds, o.second(i, string(idOf(i))).ID)
	}
	usersyncHold(t, o.ends(), "field:group:"+department)
	require.Subset(t, o.users.Members(department), seconds)
}

// A second user who is protected, or another person's, since the plan is not touched.
func TestUserSync_second_user_since_the_plan(t *testing.T) {
	for name, change := range map[string]func(*office, access.DeskUser){
		"is protected": func(o *office, _ access.DeskUser) { o.protects("second") },
		"is of another person": func(o *office, u access.DeskUser) {
			u.Person = idOf(50)
			o.users.Put(u)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfGroups(t)
			second := o.second(6, "second")
			run := o.planned("x")
			require.Len(t, o.rows(run)[idOf(6)].Others, 1)
			change(o, second)
			o.applies(run)
			require.Contains(t, o.users.Members(department), second.ID)
		})
	}
}
