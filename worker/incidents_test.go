package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// loadIncidents reads a configuration whose desk takes incidents.
func loadIncidents(t *testing.T, incidents string, change ...string) (workerConfig, error) {
	t.Helper()
	return load(t, append([]string{"jira: {kind: jira,", "jira: {kind: jira, incidents: " + incidents + ","}, change...)...)
}

func TestIncidentsConfig(t *testing.T) {
	c, err := loadIncidents(t, `{rules: [{applications: [wiki], group: ops, by: round_robin}], fallback: "sam@example.test", when_unavailable: keep}`)
	require.NoError(t, err)
	require.Equal(t, map[access.DeskName]activities.IncidentSettings{"jira": {
		Rules: policy.AssignmentRules{
			Rules:    []policy.AssignmentRule{{Applications: []string{"wiki"}, Group: "ops", By: access.RoundRobin}},
			Fallback: "sam@example.test",
		},
		KeepAssignee: true,
		Ticket: activities.IncidentReads{
			SearchDelay: access.Duration(130 * time.Second), First: access.Duration(time.Hour), Max: access.Duration(time.Hour), Recheck: access.Duration(30 * time.Second),
		},
	}}, c.incidentSettings())
	require.Equal(t, "http://127.0.0.1:1", deskKinds["jira"].tenant(c.Desks["jira"]))

	c, err = loadIncidents(t, `{fallback: "sam@example.test"}, change_detection: poll`)
	require.NoError(t, err)
	settings := c.incidentSettings()["jira"]
	require.False(t, settings.KeepAssignee)
	require.Equal(t, access.Duration(30*time.Second), settings.Ticket.First, "without a watch the ticket is polled")
	require.Equal(t, access.Duration(15*time.Minute), settings.Ticket.Max)

	c, err = load(t)
	require.NoError(t, err)
	require.Empty(t, c.incidentSettings(), "none are taken where nobody asked for it")
}

func TestIncidentsConfig_names_the_key(t *testing.T) {
	for incidents, says := range map[string]string{
		`{}`: `desks.jira.incidents.fallback: found "", expected the e-mail address of an integration user`,
		`{fallback: "sam@example.test", rules: [{by: dice, group: ops}]}`: `desks.jira.incidents.rules[0].by: found "dice"`,
		`{fallback: "sam@example.test", check_interval: 10ms}`:            "desks.jira.incidents.check_interval: found 10ms, expected at least 1s",
		`{fallback: "sam@example.test", when_unavailable: drop}`:          `desks.jira.incidents.when_unavailable: found "drop", expected reassign or keep`,
		`{fallback: "sam@example.test", rule: []}`:                        "rule",
	} {
		t.Run(incidents, func(t *testing.T) {
			_, err := loadIncidents(t, incidents)
			require.ErrorContains(t, err, says)
		})
	}
}

// Who takes incidents has to know the ledger.
func TestIncidentsConfig_at_the_edge(t *testing.T) {
	_, err := load(t, "desks:", "desks:\n  plant: {edge: true, incidents: {fallback: \"sam@example.test\"}}")
	require.ErrorContains(t, err, "desks.plant.incidents: a worker at the edge does not know the ledger")
}

// The schedule of the checks is there as the configuration has it.
func TestIncidentsSchedule(t *testing.T) {
	temporal, _ := devServer(t, schedules)
	c, err := loadIncidents(t, `{fallback: "sam@example.test", check_interval: 20m}`)
	require.NoError(t, err)
	require.NoError(t, (&runner{parts: runnerParams{Config: &c, Temporal: temporal}}).ensureChecks(t.Context()))
	found, err := temporal.ScheduleClient().GetHandle(t.Context(), workflows.IntegrationUsersScheduleID("jira")).Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 20*time.Minute, found.Schedule.Spec.Intervals[0].Every)
	require.Equal(t, 2*time.Minute, found.Schedule.Spec.Jitter)
	action, is := found.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.True(t, is)
	require.Equal(t, workflows.IntegrationUsersType, action.Workflow)
	require.Equal(t, workflows.IntegrationUsersTimeout, action.WorkflowExecutionTimeout)
}
