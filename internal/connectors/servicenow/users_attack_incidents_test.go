package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// TestUsers_right_lost_later: what usher's account could see once proves nothing for ever. Who cannot be seen any more, because the account has lost a
// right, is not gone: else a check of integration users flags everybody.
func TestUsers_right_lost_later(t *testing.T) {
	for name, lose := range map[string]func(*servicenowtest.Faults){
		"rows are hidden, and not counted": func(f *servicenowtest.Faults) { f.HiddenTables, f.NoTotalCount = []string{"sys_user"}, true },
		"nobody may search by the column": func(f *servicenowtest.Faults) {
			f.IgnoredConditions, f.InvalidQueryReturnsNothing = []string{"sys_id"}, true
		},
		"rows are hidden, and counted":     func(f *servicenowtest.Faults) { f.HiddenTables = []string{"sys_user"} },
		"the table is refused":             func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"sys_user"} },
		"the credentials are good no more": func(f *servicenowtest.Faults) { f.RefuseCredentials = true },
		"the instance sleeps":              func(f *servicenowtest.Faults) { f.Hibernating = true },
	} {
		t.Run(name, func(t *testing.T) {
			s, users := directory(t, servicenowtest.Config{}, nil)
			ana := s.put(someone("ana"))
			// Somebody has left: that the account sees everybody was proven then.
			_, err := users.ReadUser(t.Context(), access.UserID("0123456789abcdef0123456789abcdef"))
			requireKind(t, access.NotFound, err)
			s.faults(lose)
			_, err = users.ReadUser(t.Context(), ana.ID)
			require.Error(t, err)
			require.NotEqual(t, access.NotFound, access.KindOf(err), "%v", err)
		})
	}
}
