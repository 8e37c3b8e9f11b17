package jira_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
)

// TestUsers_nobody_can_be_read: where Jira, or what stands before it, has not even usher's own account at the address of users, nobody is known to be
// gone: else a check of integration users flags everybody.
func TestUsers_nobody_can_be_read(t *testing.T) {
	for _, row := range []struct {
		edition      jira.Edition
		api, account string
	}{
		{jira.Cloud, "/rest/api/3/", `{"accountId":"acc-1","active":true}`},
		{jira.DataCenter, "/rest/api/2/", `{"key":"JIRAUSER1","name":"usher","active":true}`},
	} {
		t.Run(string(row.edition), func(t *testing.T) {
			s := newScript(t)
			s.on("GET "+row.api+"myself", okay(row.account))
			s.on("GET "+row.api+"user", status(http.StatusNotFound, `{"errorMessages":["null for uri"],"errors":{}}`))
			_, err := s.users(t, row.edition).ReadUser(t.Context(), "acc-2")
			require.Error(t, err)
			require.NotEqual(t, access.NotFound, access.KindOf(err), "%v", err)
		})
	}
}
