package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// TestImportSet_refused: a row whose transform fails comes with 201, and the desk's words.
func TestImportSet_refused(t *testing.T) {
	for name, row := range map[string]struct {
		change           func(*servicenowtest.ImportSet, *servicenowtest.TransformMap)
		fault            func(*servicenowtest.Faults)
		created, updated access.Kind
		want             string
	}{
		"an error of the row": {
			nil, func(f *servicenowtest.Faults) { f.ImportError = "Department is closed" }, access.Invalid, access.Invalid, "error: Department is closed",
		},
		"the unique index": {
			nil, func(f *servicenowtest.Faults) { f.ImportError = "Unique Key violation detected by database" }, access.Conflict, access.Invalid, "Unique Key violation",
		},
		"a business rule": {nil, func(f *servicenowtest.Faults) { f.AbortedUpdates = true }, access.Invalid, access.Invalid, "aborted by Business Rule"},
		"an error behind the write": {
			nil, func(f *servicenowtest.Faults) { f.LateImportError = "onAfter failed" }, access.Unknown, access.Invalid, "onAfter failed",
		},
		"no new users from empty keys": {
			func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.NewOnEmpty = false }, unreadable, access.Invalid, "", "skipped: Unable to resolve target record",
		},
		"ignored by a script": {
			func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Guard = "u_nothing" }, unreadable, "", access.Invalid, "ignored: Row transform ignored by onBefore script",
		},
		"no transform map": {
			func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Maps = nil }, unreadable, access.Invalid, access.Invalid, "no transform map has taken the row",
		},
		"an asynchronous import set": {
			nil, func(f *servicenowtest.Faults) { f.AsyncImports = true }, access.Unknown, access.Invalid, "desks.now.users.import_set.table: expected a synchronous import set",
		},
		"a staging table that is forbidden": {
			nil, func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"u_usher_users"} }, access.Forbidden, access.Forbidden, "User Not Authorized",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for operation, kind := range map[string]access.Kind{"create": row.created, "update": row.updated} {
				s, users := importing(t, row.change)
				s.faults(row.fault)
				ana := s.put(someone("ana"))
				var err error
				if operation == "create" {
					_, err = users.CreateUser(t.Context(), newcomer())
				} else {
					_, err = users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
				}
				if kind == "" {
					require.NoError(t, err, operation)
					continue
				}
				requireKind(t, kind, err)
				require.ErrorContains(t, err, row.want)
				found, err := s.users(t, nil).FindUsers(t.Context(), access.UserQuery{UserName: "new"})
				require.NoError(t, err)
				require.Equal(t, operation == "create" && name == "an error behind the write", len(found) == 1)
			}
		})
	}
}

// TestImportSet_other_target: a map that writes another table as well is none of usher's business.
func TestImportSet_other_target(t *testing.T) {
	s, users := importing(t, func(set *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
		set.Maps = append(set.Maps, servicenowtest.TransformMap{Name: "log", Target: "u_log"})
	})
	ana := s.put(someone("ana"))
	_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	require.NoError(t, err)
	_, err = users.CreateUser(t.Context(), newcomer())
	require.NoError(t, err)
}
