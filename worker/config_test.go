package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"usher/internal/access"
	"usher/internal/config"
	"usher/internal/policy"
)

const goodConfig = `
temporal: {address: "127.0.0.1:1"}
ledger: {url: "sqlite:LEDGER"}
catalog: CATALOG
desk: jira
source: directory
desks:
  jira: {kind: jira, jira: {base_url: "http://127.0.0.1:1", email: bot@example.test, token: "${JIRA_TOKEN}", project: ACC, issue_type: Task}}
targets:
  directory: {kind: scim, scim: {base_url: "http://127.0.0.1:1/scim/v2", token: "${SCIM_TOKEN}"}}
sources:
  directory: {kind: scim, scim: {base_url: "http://127.0.0.1:1/scim/v2", token: "${SCIM_TOKEN}"}}
`

const goodCatalog = `
applications:
  - id: wiki
    name: Wiki
    owners: [omar]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, stages: [manager]}
`

// load reads a configuration that is the good one with a change.
func load(t *testing.T, change ...string) (workerConfig, error) {
	t.Helper()
	dir := t.TempDir()
	catalog := filepath.Join(dir, "catalog.yaml")
	require.NoError(t, os.WriteFile(catalog, []byte(goodCatalog), 0o600))
	text := strings.NewReplacer("CATALOG", catalog, "LEDGER", filepath.Join(dir, "ledger.db")).Replace(goodConfig)
	text = strings.NewReplacer(change...).Replace(text)
	path := filepath.Join(dir, "worker.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c := defaults()
	err := config.Load(path, []string{"JIRA_TOKEN=s3cret-jira", "SCIM_TOKEN=s3cret-scim"}, &c)
	return c, err
}

func TestDeskKinds_servicenow(t *testing.T) {
	c, err := load(t, "jira: {kind: jira, jira: {", "now: {kind: servicenow, servicenow: {base_url: \"http://127.0.0.1:1\","+
		" user: usher, password: \"${JIRA_TOKEN}\", statuses: {done: [3, Closed]}}}\n  jira: {kind: jira, jira: {")
	require.NoError(t, err)
	now := c.Desks["now"]
	require.Equal(t, []string{"3", "Closed"}, now.ServiceNow.Statuses[access.TicketDone], "a state goes by its value as well")
	desk, err := now.open("now")
	require.NoError(t, err)
	require.NotNil(t, desk)
	require.True(t, now.fulfilledByNobody())
	now.ServiceNow.FulfilledBy = []access.AccountID{"fay"}
	require.False(t, now.fulfilledByNobody())
	now.ServiceNow.Password = ""
	require.ErrorContains(t, now.validate(), "password: expected a value, because auth is basic")
}

func TestModule_is_complete(t *testing.T) {
	c, err := load(t)
	require.NoError(t, err)
	require.NoError(t, fx.ValidateApp(module(t.Context(), &c, slog.New(slog.DiscardHandler))))
	require.NoError(t, fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler))).Err())
}

func TestConfig_bad_value_ends_the_start(t *testing.T) {
	rows := []struct {
		name, from, to string
		want           []string
	}{
		{"an unknown key", "catalog:", "catalogue: x\ncatalog:", []string{"catalogue", "catalog"}},
		{"a kind that does not exist", "kind: jira", "kind: jirra", []string{"desks.jira.kind", "jirra", "jira"}},
		{"a desk that is not configured", "desk: jira", "desk: servicenow", []string{"desk", "servicenow", "jira"}},
		{"a source that is not configured", "source: directory", "source: hr", []string{"source", "hr", "directory"}},
		{"a secret in the file", `"${JIRA_TOKEN}"`, "abc", []string{"desks.jira.jira.token", "${NAME}"}},
		{"a secret that is not set", "${JIRA_TOKEN}", "${NOBODY_SET_THIS}", []string{"desks.jira.jira.token", "NOBODY_SET_THIS"}},
		{"an empty project", "project: ACC", `project: ""`, []string{"desks.jira.project", "expected"}},
		{"a ledger of another kind", `"sqlite:`, `"oracle:`, []string{"ledger.url", "sqlite:"}},
		{"a duration of zero", "desk: jira", "request_settings: {approval_timeout: 0s}\ndesk: jira", []string{"request_settings.approval_timeout"}},
		{"no ledger", `{url: "sqlite:`, "{} # ", []string{"ledger.url", "is empty", "sqlite:"}},
		{"no catalog", "catalog: /", `catalog: "" # /`, []string{"catalog", "expected the path"}},
		{"a probe without a port", "desk: jira", "health: {address: here}\ndesk: jira", []string{"health.address", "host:port"}},
		{"a mode that does not exist", "kind: jira", "kind: jira, change_detection: push", []string{"desks.jira.change_detection", "push", "watch or poll"}},
		{
			"comments without the watch", "kind: jira", "kind: jira, comments: true, change_detection: poll",
			[]string{"desks.jira.comments", "change_detection: watch"},
		},
		{
			"comments of a desk at the edge", "desks:", "desks:\n  plant: {edge: true, comments: true}",
			[]string{"desks.plant.comments", "does not know the ledger"},
		},
		{
			"comments on a worker at the edge", "desks:", "serve: {workflows: false}\ndesks:\n  plant: {comments: true," +
				" kind: jira, jira: {base_url: \"http://127.0.0.1:1\", email: bot@example.test, token: \"${JIRA_TOKEN}\", project: ACC, issue_type: Task}}",
			[]string{"desks.plant.comments", "does not know the ledger"},
		},
		{"no interval", "kind: jira", "kind: jira, watch: {interval: 0s}", []string{"desks.jira.watch.interval", "above 0"}},
		{"no overlap", "kind: jira", "kind: jira, watch: {overlap: 0s}", []string{"desks.jira.watch.overlap", "above 0"}},
		{"an overlap below a minute", "kind: jira", "kind: jira, watch: {overlap: 59s}", []string{"desks.jira.watch.overlap", "59s", "1m"}},
		{"no sweep", "kind: jira", "kind: jira, watch: {full_scan_interval: 0s}", []string{"desks.jira.watch.full_scan_interval", "above 0"}},
		{"no time to be stale", "kind: jira", "kind: jira, watch: {stale_after: 0s}", []string{"desks.jira.watch.stale_after", "above 0"}},
		{
			"stale before two rounds", "kind: jira", "kind: jira, watch: {interval: 4m, stale_after: 7m}",
			[]string{"desks.jira.watch.stale_after", "7m", "twice the interval (4m)"},
		},
		{"no look for safety", "kind: jira", "kind: jira, watch: {staleness_check_interval: 0s}", []string{"desks.jira.watch.staleness_check_interval", "above 0"}},
		{"a queue's rate below 0", "kind: jira", "kind: jira, queue_rate: -1", []string{"desks.jira.queue_rate", "-1", "0 for no limit"}},
		{"a cache below 0", "desk: jira", "limits: {workflow_cache: -1}\ndesk: jira", []string{"limits.workflow_cache", "0 or more"}},
		{"one workflow task", "desk: jira", "limits: {workflow_tasks: 1}\ndesk: jira", []string{"limits.workflow_tasks", "2 or more"}},
		{"no activities", "desk: jira", "limits: {activities: 0}\ndesk: jira", []string{"limits.activities", "1 or more"}},
		{
			"one poller of workflow tasks", "desk: jira", "limits: {pollers: {workflow_tasks: 1}}\ndesk: jira",
			[]string{"limits.pollers.workflow_tasks", "2 or more"},
		},
		{"no poller of activities", "desk: jira", "limits: {pollers: {activities: 0}}\ndesk: jira", []string{"limits.pollers.activities"}},
		{"a deployment's name with a dot", "desk: jira", "deployment: {name: a.b}\ndesk: jira", []string{"deployment.name", "a.b"}},
		{
			"a desk at the edge with settings", "kind: jira", "edge: true, kind: jira",
			[]string{"desks.jira.edge", "expected it alone"},
		},
		{
			"a target at the edge with a rate", "targets:", "targets:\n  plant: {edge: true, queue_rate: 2}",
			[]string{"targets.plant.edge", "expected it alone"},
		},
		{"a source at the edge with a kind", "sources:", "sources:\n  hr: {edge: true, kind: scim}", []string{"sources.hr.edge", "expected it alone"}},
		{
			"a served desk that is not configured", "desk: jira", "serve: {desks: [servicenow]}\ndesk: jira",
			[]string{"serve.desks[0]", "servicenow", "expected one of desks: jira"},
		},
		{
			"a served target that is at the edge", "targets:", "serve: {targets: [plant]}\ntargets:\n  plant: {edge: true}",
			[]string{"serve.targets[0]", "plant", "targets.plant.edge"},
		},
		{
			"a source that is served twice", "desk: jira", "serve: {sources: [directory, directory]}\ndesk: jira",
			[]string{"serve.sources[1]", "twice"},
		},
		{
			"nothing to serve", "desk: jira", "serve: {workflows: false, desks: [], targets: [], sources: []}\ndesk: jira",
			[]string{"serve: names nothing", "workflows: true"},
		},
		{"looks that shrink", "kind: jira", "kind: jira, poll_initial_interval: 1h, poll_max_interval: 1m", []string{"desks.jira.poll_max_interval", "1h"}},
		{
			"an event that the contract does not know", "desk: jira", "request_settings: {ticket_actions: {closed: deny}}\ndesk: jira",
			[]string{"request_settings.ticket_actions.closed", "closed_done"},
		},
		{
			"a meaning that the event cannot have", "desk: jira", "request_settings: {ticket_actions: {assigned: deny}}\ndesk: jira",
			[]string{"request_settings.ticket_actions.assigned", "deny", "record_only"},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := load(t, row.from, row.to)
			require.Error(t, err)
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestCatalog_unknown_target(t *testing.T) {
	c, err := load(t)
	require.NoError(t, err)
	text := strings.Replace(goodCatalog, "target: directory", "target: ldap", 1)
	require.NoError(t, os.WriteFile(c.Catalog, []byte(text), 0o600))
	err = fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler))).Err()
	require.ErrorContains(t, err, "wiki/editor")
	require.ErrorContains(t, err, "expected one of targets: directory")
}

func TestCatalog_unknown_desk(t *testing.T) {
	c, err := load(t)
	require.NoError(t, err)
	text := strings.Replace(goodCatalog, "name: Wiki\n", "name: Wiki\n    desk: tracker\n", 1)
	require.NoError(t, os.WriteFile(c.Catalog, []byte(text), 0o600))
	_, err = readCatalog(&c)
	require.ErrorContains(t, err, `desk of wiki/editor: found "tracker", expected one of desks: jira`)
}

// Somebody must be named who grants by hand, where something is: on the desk of the application.
func TestFulfilledBy(t *testing.T) {
	manual := strings.Replace(goodCatalog, "fulfilment: scim, target: directory, target_role: wiki-editors", "fulfilment: manual", 1)
	for name, row := range map[string]struct{ setting, problem string }{
		"nobody":   {"", "desks.jira.jira.fulfilled_by: expected the accounts of those who grant access by hand, as the catalog has it for wiki/editor"},
		"somebody": {", fulfilled_by: [acc-zoe]", ""},
		"elsewhere": {
			"}}\n  other: {kind: jira, jira: {fulfilled_by: [acc-zoe], base_url: \"http://127.0.0.1:1\", email: bot@example.test, token: \"${JIRA_TOKEN}\", project: ACC, issue_type: Task",
			"desks.jira.jira.fulfilled_by: expected the accounts of those who grant access by hand, as the catalog has it for wiki/editor",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, "issue_type: Task", "issue_type: Task"+row.setting)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(c.Catalog, []byte(manual), 0o600))
			_, err = readCatalog(&c)
			if row.problem == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, row.problem)
		})
	}
}

func TestRequestSettings_reach_the_requests(t *testing.T) {
	c, err := load(t, "desk: jira",
		"request_settings: {approval_timeout: 2d, reminder_interval: 3h, operator_decisions: true,"+
			" request_url: \"https://x/{id}\", ticket_actions: {deleted: cancel}}\ndesk: jira",
		"desks:", "desks:\n  plant: {edge: true, change_detection: poll, watch: {interval: 20s, overlap: 4m, full_scan_interval: 3h, stale_after: 6m,"+
			" staleness_check_interval: 2h}, poll_initial_interval: 5s, poll_max_interval: 7m, search_index_delay: 11s}")
	require.NoError(t, err)
	plant := access.RequestSettings{
		Desk: "plant", ApprovalTimeout: access.Duration(48 * time.Hour), ReminderInterval: access.Duration(3 * time.Hour),
		ChangeDetection: access.DetectByPoll, Watch: access.WatchSettings{
			Interval: access.Duration(20 * time.Second), Overlap: access.Duration(4 * time.Minute), FullScanInterval: access.Duration(3 * time.Hour),
			StaleAfter: access.Duration(6 * time.Minute), StalenessCheckInterval: access.Duration(2 * time.Hour),
		},
		PollInitialInterval: access.Duration(5 * time.Second), PollMaxInterval: access.Duration(7 * time.Minute),
		SearchIndexDelay: access.Duration(11 * time.Second), OperatorDecisions: true, RequestURL: "https://x/{id}",
		TicketActions: access.TicketActions{access.EventDeleted: access.ActionCancel},
	}
	jira := plant
	jira.Desk, jira.ChangeDetection = "jira", access.DetectByWatch
	jira.Watch = access.WatchSettings{
		Interval: access.Duration(30 * time.Second), Overlap: access.Duration(3 * time.Minute), FullScanInterval: access.Duration(time.Hour),
		StaleAfter: access.Duration(5 * time.Minute), StalenessCheckInterval: access.Duration(time.Hour),
	}
	jira.PollInitialInterval, jira.PollMaxInterval = access.Duration(30*time.Second), access.Duration(15*time.Minute)
	jira.SearchIndexDelay = access.Duration(130 * time.Second)
	require.Equal(t, map[access.DeskName]access.RequestSettings{"jira": jira, "plant": plant}, c.requestSettings())
	require.Equal(t, map[access.DeskName]access.Duration{"jira": access.Duration(5 * time.Minute)}, c.watched())
}

func TestStop_longer_than_the_timeout(t *testing.T) {
	c, err := load(t)
	require.NoError(t, err)
	app := fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler)))
	require.Greater(t, app.StopTimeout(), c.ShutdownTimeout.Std())
}

// examples are the configuration files that the documents show.
const examples = "../docs/examples/"

// example reads one of them; its secrets are in files that exist.
func example(t *testing.T, name string) workerConfig {
	t.Helper()
	text, err := os.ReadFile(examples + name)
	require.NoError(t, err)
	dir := t.TempDir()
	shown := string(text)
	for _, file := range []string{"jira-token", "servicenow-password", "scim-token", "plant-token"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("s3cret"), 0o600))
		shown = strings.ReplaceAll(shown, "/run/secrets/"+file, filepath.Join(dir, file))
	}
	path := filepath.Join(dir, "worker.yaml")
	require.NoError(t, os.WriteFile(path, []byte(shown), 0o600))
	c := defaults()
	require.NoError(t, config.Load(path, []string{"LEDGER_PASSWORD=x"}, &c))
	return c
}

func TestExample_defaults(t *testing.T) {
	c := example(t, "usher-worker.yaml")
	contract := map[access.TicketEvent]access.TicketAction{}
	for event, meanings := range access.AllowedTicketActions() {
		contract[event] = meanings[0]
	}
	require.Equal(t, contract, c.RequestSettings.TicketActions)
	want := defaults()
	want.RequestSettings.TicketActions = contract
	require.Equal(t, want.RequestSettings, c.RequestSettings)
	var usual deskConfig
	usual.SetDefaults()
	require.Equal(t, usual.Changes, c.Desks["jira"].Changes)
	usualPeople := peopleConfig{Brakes: brakesConfig{Protected: []string{"svc-*"}}}
	require.Equal(t, usualPeople.settings(), c.Sources["people"].People.settings())
	require.Equal(t, want.Limits, c.Limits)
	require.Equal(t, want.Serve, c.Serve)
	require.Equal(t, want.ShutdownTimeout, c.ShutdownTimeout)

	catalog, err := os.ReadFile(examples + "catalog.yaml")
	require.NoError(t, err)
	parsed, err := policy.Parse(catalog)
	require.NoError(t, err)
	for _, e := range parsed.Entitlements() {
		if e.Binding != nil {
			require.Contains(t, c.Targets, e.Binding.Target)
		}
	}
}

// The example for another desk fits its catalog.
func TestExample_servicenow(t *testing.T) {
	c := example(t, "usher-worker-servicenow.yaml")
	c.Catalog = examples + "catalog-servicenow.yaml"
	catalog, err := readCatalog(&c)
	require.NoError(t, err)
	require.NotEmpty(t, catalog.Entitlements())
	require.True(t, c.requestSettings()["now"].DeskApprovals)
	_, err = c.Desks["now"].open("now")
	require.NoError(t, err)
}
