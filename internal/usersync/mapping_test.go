package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/usersync"
)

func ada() access.PersonRecord {
	return access.PersonRecord{
		Person: access.Person{ID: "p1", UserName: "ada", DisplayName: "Ada Löwe", Email: "ada@example.com", Manager: "p2", Active: true},
		Attributes: map[string][]string{
			access.AttributeDepartment: {"Research", "Teaching"}, access.AttributeCostCenter: {"4711"},
		},
		Ends: "2027-01-31",
	}
}

func TestMapping_values(t *testing.T) {
	tables := usersync.Tables{"department": {"Research": "dep-17"}}
	for text, wanted := range map[string]string{
		`user_name`:                                                          "ada",
		`"  " + display_name + " "`:                                          "Ada Löwe",
		`first(attributes, "department")`:                                    "Research",
		`first(attributes, "shoe size")`:                                     "",
		`table("department", first(attributes, "department"))`:               "dep-17",
		`table("department", first(attributes, "shoe size"))`:                "",
		`ends != "" ? "contractor" : "employee"`:                             "contractor",
		`attributes["department"].exists(d, d == "Teaching") ? "yes" : "no"`: "yes",
	} {
		m, err := usersync.NewMapping(map[string]usersync.Field{"title": {Value: text}}, tables)
		require.NoError(t, err, text)
		values, notes := m.Values(ada())
		require.Empty(t, notes, text)
		require.Equal(t, map[string]string{"title": wanted}, values, text)
	}
}

// A value that cannot be made is a note, and the field is left out: it must not become empty.
func TestMapping_notes(t *testing.T) {
	tables := usersync.Tables{"department": {"Sales": "dep-1"}}
	for text, problem := range map[string]string{
		`table("department", first(attributes, "department"))`: `the table department has no "Research"`,
		`table("location", "x")`:                               `there is no table "location"`,
		`attributes["shoe size"][0]`:                           "no such key",
		`attributes["department"][7]`:                          "index out of bounds",
	} {
		m, err := usersync.NewMapping(map[string]usersync.Field{"title": {Value: text}, "user_name": {Value: "user_name"}}, tables)
		require.NoError(t, err, text)
		values, notes := m.Values(ada())
		require.Equal(t, map[string]string{"user_name": "ada"}, values, text)
		require.Len(t, notes, 1)
		require.Contains(t, notes[0], "title: ")
		require.Contains(t, notes[0], problem, text)
	}
}

func TestMapping_names_what_is_wrong(t *testing.T) {
	_, err := usersync.NewMapping(map[string]usersync.Field{
		"a": {Value: "user_nam"}, "b": {Value: "1 + 1"}, "c": {}, "manager": {Value: "id"}, "d": {Value: `"fine"`},
	}, nil)
	for _, part := range []string{"fields.a.value", "user_nam", "fields.b.value", "expected one that is a string", "fields.c.value: expected an expression", "fields.manager.value: expected none"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "fields.d")
}

// An expression cannot keep a worker busy.
func TestMapping_cost(t *testing.T) {
	m, err := usersync.NewMapping(map[string]usersync.Field{
		"a": {Value: `attributes["d"].all(a, attributes["d"].all(b, attributes["d"].all(c, a + b + c != "x"))) ? "yes" : "no"`},
	}, nil)
	require.NoError(t, err)
	p := ada()
	p.Attributes["d"] = make([]string, 1000)
	_, notes := m.Values(p)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "cost")
}
