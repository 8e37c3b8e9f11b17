package jira_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// The last issue of a page is moved into another project of the kind before the next page is asked for. A page that began in that other project, behind the new
// number of the issue, would skip what is left of the first project without a word, and what has a smaller number in the other one. It would stay with the leaver
// until the next run, and whoever owns more than `most` would pass for somebody who owns little, so that what should be left alone would be handed over.
func TestAttackOwned_last_of_a_page_moves_within_the_kind(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newOwned(t, edition, "", func(c *jira.Config) {
			c.Users.Owned["both"] = jira.OwnedConfig{Projects: []string{"ACCESS", "OTHER"}}
		})
		ana := s.putUser(person("ana"))
		var ids []string
		for n := range 5 {
			ids = append(ids, s.put(t, fmt.Sprint("issue ", n), ana))
		}
		q := access.OwnedQuery{Kind: "both", Owner: ana, Limit: 2}
		first, err := s.users.ListOwned(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, first, 2)
		q.After = first[1].ID
		_, err = s.MoveToProject(q.After, "OTHER")
		require.NoError(t, err)
		var rest []string
		for {
			page, err := s.users.ListOwned(t.Context(), q)
			if err != nil {
				requireKind(t, access.Transient, err)
				return // It may say that it was cut short.
			}
			for _, o := range page {
				rest = append(rest, o.ID)
			}
			if len(page) < q.Limit {
				break
			}
			q.After = page[len(page)-1].ID
		}
		require.Subset(t, rest, ids[2:], "three issues of the leaver are left out, and the listing says that it is whole")
	})
}

// A page that is not full yet needs a second search, behind the last issue of the first one. If that issue is deleted or moved in between, Jira finds nothing behind it, and
// the page counts as the last: all that follows stays with the leaver. Only the issue behind which a page begins is looked at anew.
func TestAttackOwned_issue_is_gone_between_two_searches(t *testing.T) {
	s := newOwned(t, jiratest.Cloud, "", nil)
	ana := s.putUser(person("ana"))
	var second string
	// So many are in one answer.
	const answered = 3
	for n := range answered {
		second = s.put(t, fmt.Sprint("issue ", n), ana)
	}
	third := s.put(t, "one more", ana)
	searches, moved := 0, error(nil)
	s.tap.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/search/jql") {
			if searches++; searches == 2 {
				_, moved = s.MoveToProject(second, "OTHER")
			}
		}
		return false
	})
	page, err := s.users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: ana, Limit: access.MaxOwnedPage})
	require.Equal(t, 2, searches)
	require.NoError(t, moved)
	if err != nil {
		requireKind(t, access.Transient, err)
		return
	}
	var ids []string
	for _, o := range page {
		ids = append(ids, o.ID)
	}
	require.Contains(t, ids, third, "the page has %v and is shorter than its limit, so it is the last", ids)
}

// An administrator gives a project another key. Jira goes on to take the old one in calls, and answers with the new one. Every issue then looks like one of another project, where the
// index is behind, and is left out without a word: nothing of this project is handed over any more, no kind is named as wrong, and the runs end well.
func TestAttackOwned_project_has_another_key(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/3/user", okay(`{"accountId":"ana","accountType":"atlassian","active":false}`))
	s.on("GET /rest/api/3/mypermissions", okay(`{"permissions":{"ASSIGN_ISSUES":{"havePermission":true}}}`))
	s.on("POST /rest/api/3/search/jql", okay(`{"isLast":true,"issues":[{"id":"10001","key":"HELP-1","fields":{"summary":"x","project":{"key":"HELP"},
		"status":{"id":"1","name":"Open","statusCategory":{"key":"new"}},"creator":{"accountId":"bob"},"assignee":{"accountId":"ana"},"labels":[]}}]}`))
	c := jira.Config{BaseURL: s.url, Edition: jira.Cloud, Auth: jira.AuthBearer, Token: "t", Project: "ACCESS", IssueType: "x"}
	c.Rate, c.Users.Owned = 10_000, map[string]jira.OwnedConfig{"tickets": {Projects: []string{"SUPPORT"}}}
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	_, wrong := users.OwnedKinds(t.Context())
	page, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: access.DeskUser{ID: "ana"}, Limit: 2})
	require.True(t, wrong != nil || err != nil || len(page) > 0, "nobody learns that the project SUPPORT is HELP by now, and its issues are left out")
}

// Whether Jira is away, or one issue alone is bad, is decided by asking for the schema of users: if that is answered, the desk is there. On Data Center, and on Cloud without
// `users.groups`, nobody is asked for it, so Jira is always there. When it is away for a minute, or refuses the log-in, the attempt is not given time: each issue of each leaver
// counts as refused, with two events in the audit trail, and where the kinds cannot be read the run ends well with nothing handed over. With a wrong password
// every issue is one more failed log-in, until Data Center wants a CAPTCHA. The rows of a plan fail in the same way.
func TestAttackOwned_jira_is_away(t *testing.T) {
	for name, code := range map[string]int{"away": http.StatusServiceUnavailable, "locked out": http.StatusUnauthorized} {
		onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
			t.Run(name, func(t *testing.T) {
				s, users := newUsers(t, edition, func(c *jira.Config) {
					c.Users.Owned = map[string]jira.OwnedConfig{"tickets": {Projects: []string{"ACCESS"}}}
				})
				_, err := users.UserSchema(t.Context())
				require.NoError(t, err)
				s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
					status(code, `{"errorMessages":["no"]}`)(w, r)
					return true
				})
				_, err = users.OwnedKinds(t.Context())
				require.Error(t, err)
				_, err = users.UserSchema(t.Context())
				require.Error(t, err, "Jira answers nobody, and its schema is answered all the same")
			})
		})
	}
}
