package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestAttackConfig_intake: a configuration with which no ticket of a person can become a request, or one becomes somebody else's, is
// refused.
func TestAttackConfig_intake(t *testing.T) {
	const good, kind = "issue_type: Task}", "issue_type: Task, intake: {kind: Access request}}"
	_, err := load(t, good, kind)
	require.NoError(t, err)
	t.Run("nobody polls", func(t *testing.T) {
		_, err := load(t, good, kind+", change_detection: poll")
		require.Error(t, err, "without a watch nobody ever looks for tickets that ask")
	})
	t.Run("an account of two", func(t *testing.T) {
		_, err := load(t, good, "issue_type: Task, accounts: {ana: x1, ben: x1}, intake: {kind: Access request}}")
		require.Error(t, err, "who asks would be drawn by lot")
	})
	t.Run("a field twice", func(t *testing.T) {
		_, err := load(t, good, "issue_type: Task, intake: {kind: Access request, fields: {customfield_1: access, customfield_2: access}}}")
		require.Error(t, err, "which of the fields counts would be drawn by lot")
	})
	t.Run("usher's own kind", func(t *testing.T) {
		for _, name := range []string{"jira of the whole house", strings.Repeat("j", 60)} {
			_, err := load(t, good, kind, "  jira: {", "  "+name+": {", "desk: jira", "desk: "+name)
			if err == nil {
				require.True(t, access.ValidRequestID(string(access.AskedRequestID(access.DeskName(name), "1234567"))),
					"no id of a request can be made of the desk %q", name)
			}
		}
	})
}
