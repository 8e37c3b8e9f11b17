package servicenow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// TestImportSet_check is about what the instance shows of an import set before anything is written.
func TestImportSet_check(t *testing.T) {
	coalesce := func(columns ...string) func(*servicenowtest.ImportSet, *servicenowtest.TransformMap) {
		return func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Coalesce = columns }
	}
	for name, row := range map[string]struct {
		change func(*servicenowtest.ImportSet, *servicenowtest.TransformMap)
		key    string
		want   string
	}{
		"no such table": {
			func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Table = "u_other" }, "table", `there is no table "u_usher_users"`,
		},
		"no map": {
			func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Maps = nil }, "table", "has 0 active transform maps for sys_user, expected 1",
		},
		"two maps": {
			func(set *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { set.Maps = append(set.Maps, *m) }, "table", "has 2 active transform maps for sys_user, expected 1",
		},
		"it finds users by nothing":     {coalesce(), "coalesce", "finds users by nothing, and makes a new one of each row; expected it to coalesce on sys_id alone"},
		"it finds users by the address": {coalesce("email"), "coalesce", "finds users by email; expected it to coalesce on sys_id alone"},
		"it finds users by two":         {coalesce("sys_id", "email"), "coalesce", "finds users by email, sys_id; expected"},
		"no column of the sys_id": {
			func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { delete(set.Columns, "u_sys_id") }, "user", "has no column u_sys_id",
		},
		"no column of the switch": {
			func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { delete(set.Columns, "u_active") }, "fields.active", "has no column u_active",
		},
		"no entry of the person": {
			func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { delete(m.Fields, "u_person") }, "fields.u_person", "has no entry for u_person",
		},
		"another column": {
			func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
				delete(m.Fields, "u_user_name")
				m.Fields["u_login"] = "user_name"
			}, "fields.user_name", "takes user_name from u_login, expected u_user_name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := importing(t, row.change)
			open(t, s.desk(t, nil))
			_, err := users.UserSchema(t.Context())
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, "desks.now.users.import_set."+row.key+": ")
			require.ErrorContains(t, err, row.want)
			findings, err := s.desk(t, func(c *servicenow.Config) {
				c.Users = servicenow.UsersConfig{PersonField: "u_person", Lock: true}
				byImportSet(nil)(c)
			}).Check(t.Context())
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, "desks.now.users.import_set."+row.key, findings[0].Key)
			require.Contains(t, findings[0].Problem, row.want)
			require.Empty(t, s.sent(t))
		})
	}
}

// TestImportSet_schema: the schema has what both tables can hold.
func TestImportSet_schema(t *testing.T) {
	s, users := importing(t, func(set *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
		set.Columns["u_title"], set.Columns["u_last_name"] = 40, 500
		delete(set.Columns, "u_manager")
	})
	schema, err := users.UserSchema(t.Context())
	require.NoError(t, err)
	require.Equal(t, 40, schema.Fields["title"].Runes)
	require.Equal(t, 50, schema.Fields["last_name"].Runes)
	require.True(t, schema.Fields[access.UserFieldManager].ReadOnly)
	path := "the Table API: users are written by rows of the staging table u_usher_users"
	require.Equal(t, []string{path, "manager: the staging table u_usher_users has no column u_manager"}, schema.Notes)
	_, err = users.UpdateUser(t.Context(), s.put(someone("ana")).ID, access.UserChange{Values: map[string]string{access.UserFieldManager: ""}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "manager: the staging table u_usher_users has no column u_manager")

	s, users = importing(t, nil)
	s.faults(unreadable)
	schema, err = users.UserSchema(t.Context())
	require.NoError(t, err)
	require.Len(t, schema.Notes, 2)
	require.Equal(t, path, schema.Notes[0])
	require.Contains(t, schema.Notes[1], "may not read sys_transform_map")
	require.False(t, schema.Fields[access.UserFieldManager].ReadOnly)

	_, byName := coalescing(t, "user_name")
	schema, err = byName.UserSchema(t.Context())
	require.NoError(t, err)
	require.True(t, schema.Fields[access.UserFieldName].ReadOnly && schema.Fields[access.UserFieldName].OnlyNew)

	for want, change := range map[string]func(*servicenow.ImportSetConfig){
		"desks.now.users.import_set.fields.shoe_size: usher does not write this column": func(c *servicenow.ImportSetConfig) {
			c.Fields = map[string]string{"shoe_size": "u_shoe_size"}
		},
		"the column u_email carries email and title": func(c *servicenow.ImportSetConfig) { c.Fields = map[string]string{"title": "u_email"} },
	} {
		config := byImportSet(change)
		if strings.Contains(want, "carries") {
			c := s.config()
			config(&c)
			_, err = servicenow.NewUsers(c, "now", ownFields)
		} else {
			_, err = s.users(t, config, ownFields...).UserSchema(t.Context())
			requireKind(t, access.Invalid, err)
		}
		require.ErrorContains(t, err, want)
	}
}
