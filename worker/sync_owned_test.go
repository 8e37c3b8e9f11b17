package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

// deskThatOwns is a desk of the kind servicenow whose users are synced, with a section hand_over.
func deskThatOwns(handOver string, modes ...access.UserOperation) string {
	list := ""
	for _, m := range modes {
		list += string(m) + ","
	}
	return "desks:\n  now: {kind: servicenow, servicenow: {base_url: https://now.example.com, user: usher, password: \"${JIRA_TOKEN}\", users: {owned:" +
		" {assets: {table: alm_asset, field: owned_by}}}}, sync: {every: 1h, modes: [" + list + "], fields: {user_name: {value: user_name}}, " + handOver + "}}\n  jira: {"
}

func loadOwned(t *testing.T, handOver string, modes ...access.UserOperation) (workerConfig, error) {
	t.Helper()
	return load(t, "sources:\n  directory: {", "sources:\n  directory: {people: {every: 6h}, ", "desks:\n  jira: {", deskThatOwns(handOver, modes...))
}

func TestHandOverConfig_names_the_key(t *testing.T) {
	for handOver, says := range map[string]string{
		`hand_over: {}`:                                  "sync.hand_over.kinds: expected some of users.owned",
		`hand_over: {kinds: [assets], most: -1}`:         "sync.hand_over.most: found -1",
		`hand_over: {kinds: [assets], most: 100000}`:     "sync.hand_over.most: found 100000",
		`hand_over: {kinds: [assets], within: -1h}`:      "sync.hand_over.within: ",
		`hand_over: {kinds: [assets, cars]}`:             `desks.now.sync.hand_over.kinds: found "cars", expected some of servicenow.users.owned: [assets]`,
		`hand_over: {kinds: [assets], whom: the_doctor}`: "whom",
	} {
		t.Run(handOver, func(t *testing.T) {
			_, err := loadOwned(t, handOver)
			require.ErrorContains(t, err, says)
		})
	}
	_, err := loadOwned(t, `max_active: 5`, access.UserHandOver)
	require.ErrorContains(t, err, "sync.hand_over: expected what is handed over, where modes has hand_over")
	const sync = "desks:\n  jira: {sync: {every: 1h, fields: {user_name: {value: user_name}}, hand_over: {kinds: [tickets]}}, "
	people := []string{"sources:\n  directory: {", "sources:\n  directory: {people: {every: 6h}, "}
	_, err = load(t, append(people, "desks:\n  jira: {kind: jira", sync+"kind: trac")...)
	require.ErrorContains(t, err, "desks.jira.sync.hand_over: usher hands nothing over on a desk of the kind trac")
	_, err = load(t, append(people, "desks:\n  jira: {", sync)...)
	require.ErrorContains(t, err, `desks.jira.sync.hand_over.kinds: found "tickets", expected some of jira.users.owned: []`)
	const kind = ", users: {owned: {tickets: {projects: [SUPPORT], field: reporter}}}"
	_, err = load(t, append(people, "desks:\n  jira: {kind: jira", sync+"kind: jira", "issue_type: Task", "issue_type: Task"+kind)...)
	require.NoError(t, err)
}

func TestHandOverConfig_settings(t *testing.T) {
	for handOver, want := range map[string]*activities.HandOverSettings{
		`max_active: 5`:                {},
		`hand_over: {kinds: [assets]}`: {Kinds: []string{"assets"}, Within: 30 * 24 * time.Hour, Most: 500},
		`hand_over: {kinds: [assets], fallback: p1, within: 7d, most: 20}`: {Kinds: []string{"assets"}, Fallback: "p1", Within: 7 * 24 * time.Hour, Most: 20},
	} {
		c, err := loadOwned(t, handOver)
		require.NoError(t, err)
		settings, err := c.Desks["now"].Sync.settings("directory")
		require.NoError(t, err)
		if want.Kinds == nil {
			want = nil
		}
		require.Equal(t, want, settings.HandOver)
		require.False(t, settings.Modes[access.UserHandOver])
	}
	c, err := loadOwned(t, `hand_over: {kinds: [assets]}`, access.UserHandOver)
	require.NoError(t, err)
	settings, err := c.Desks["now"].Sync.settings("directory")
	require.NoError(t, err)
	require.True(t, settings.Modes[access.UserHandOver])
}
