package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/usersync"
)

func TestGroups_members(t *testing.T) {
	tables := usersync.Tables{"team": {"Research": "blue"}}
	for expression, in := range map[string]bool{
		`true`:  true,
		`false`: false,
		`first(attributes, "department") == "Research"`:             true,
		`table("team", first(attributes, "department")) == "green"`: false,
		`reports >= 2`:                                   true,
		`reports > 2`:                                    false,
		`owns.exists(e, e.startsWith("wiki/"))`:          true,
		`"payroll/reader" in owns`:                       false,
		`owns.size() == 1 && user_name == "ada"`:         true,
		`ends == "" && email.endsWith("@elsewhere.org")`: false,
	} {
		t.Run(expression, func(t *testing.T) {
			g, err := usersync.NewGroups(map[string]usersync.Group{"Blue": {Members: expression}}, tables)
			require.NoError(t, err)
			values := map[string]string{"title": "Clerk"}
			notes := g.Add(values, []string{"first"}, ada(), usersync.Position{Reports: 2, Owns: []string{"wiki/editor"}})
			require.Equal(t, []string{"first"}, notes)
			want := ""
			if in {
				want = access.GroupMember
			}
			require.Equal(t, map[string]string{"title": "Clerk", access.GroupField("Blue"): want}, values)
		})
	}
}

// Of whom it cannot be known has a note and no value: that user stays what they are.
func TestGroups_notes(t *testing.T) {
	g, err := usersync.NewGroups(map[string]usersync.Group{
		"Blue": {Members: `attributes["shoe size"][0] == "44"`}, "Red": {Members: `owns.size() == 0 && reports == 0`},
	}, nil)
	require.NoError(t, err)
	values := map[string]string{}
	notes := g.Add(values, nil, ada(), usersync.Position{})
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], access.GroupField("Blue")+": no such key")
	require.Equal(t, map[string]string{access.GroupField("Red"): access.GroupMember}, values)

	var none *usersync.Groups
	require.Empty(t, none.Names())
	require.Equal(t, []string{"x"}, none.Add(values, []string{"x"}, ada(), usersync.Position{}))
}

func TestGroups_names_what_is_wrong(t *testing.T) {
	_, err := usersync.NewGroups(map[string]usersync.Group{
		"a": {}, "b": {Members: "reports"}, "c": {Members: "reportz > 0"}, " d": {Members: "true"}, "": {Members: "true"}, "fine": {Members: "true"},
	}, nil)
	for _, part := range []string{"groups.a.members: expected an expression", "groups.b.members: found an expression that is a int", "groups.c.members: ", `groups." d"`, `groups.""`} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "fine")
}

// Which expressions ask what people own does not go by their letters.
func TestGroups_by_owns(t *testing.T) {
	g, err := usersync.NewGroups(map[string]usersync.Group{
		"text": {Members: `user_name == "owns"`}, "own": {Members: `["x"].exists(owns, owns == user_name)`}, "yes": {Members: `reports > 0 || "a/b" in owns`},
		"inner": {Members: `["x"].exists(one, one in owns)`},
	}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"inner", "yes"}, g.ByOwns())
	require.Empty(t, (*usersync.Groups)(nil).ByOwns())
}

// A group that many come into is held as one that many leave; whoever leaves the company is switched off all the same.
func TestBrakes_groups(t *testing.T) {
	field := access.GroupField("Blue")
	for name, row := range map[string]struct {
		values, before map[string]string
		has            string
	}{
		"come": {map[string]string{field: access.GroupMember}, nil, ""},
		"go":   {map[string]string{field: ""}, map[string]string{field: access.GroupMember}, access.GroupMember},
	} {
		t.Run(name, func(t *testing.T) {
			var c access.SyncCounts
			var one access.SyncRow
			for range 4 {
				user := access.DeskUser{ID: "u", Active: true, Values: map[string]string{access.UserFieldName: "ada", field: row.has}}
				one = access.SyncRow{Operation: access.UserUpdate, User: "u", Values: row.values, Before: row.before}
				link := access.DeskLink{User: "u"}
				usersync.Count(&c, access.KnownPerson{State: access.PersonPresent}, usersync.Found{Link: &link, Linked: &user}, one, true)
			}
			require.Equal(t, 4, c.Different[field])
			holds := usersync.Brakes{DeactivationsCount: 9, DeactivationsShare: 1, FieldShare: 0.2, MissingShare: 1, Floor: 3}.Holds(c, false)
			require.Len(t, holds, 1)
			require.Equal(t, "field:"+field, holds[0].Name())
			require.True(t, usersync.Meets(holds[0], one))
			one.Operation = access.UserDeactivate
			require.False(t, usersync.Meets(holds[0], one))
			require.Empty(t, usersync.Brakes{DeactivationsCount: 9, DeactivationsShare: 1, FieldShare: 0.2, MissingShare: 1, Floor: 4}.Holds(c, false))
		})
	}
}
