package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/snapshot"
	"usher/workflows"
)

// loadPeople reads a configuration whose directory lists its people.
func loadPeople(t *testing.T, people string, change ...string) (workerConfig, error) {
	t.Helper()
	return load(t, append([]string{
		"sources:\n  directory: {", "sources:\n  directory: {people: " + people + ", ",
	}, change...)...)
}

func TestPeopleConfig_every_setting(t *testing.T) {
	c, err := loadPeople(t, `{cron: "30 3 * * *", jitter: 5m, whole_every: 7d, missing_listings: 2, mover_fields: [manager, attributes.team],
    brakes: {leavers_count: 9, leavers_share: 0.1, shrunk_share: 0.2, field_share: 0.3, floor: 0, protected: ["svc-*"]}}`)
	require.NoError(t, err)
	require.Equal(t, map[access.SourceName]activities.PeopleSettings{"directory": {
		MissingListings: 2, MoverFields: []string{"manager", "attributes.team"}, WholeEvery: 7 * 24 * time.Hour,
		Brakes: snapshot.Brakes{LeaversCount: 9, LeaversShare: 0.1, ShrunkShare: 0.2, FieldShare: 0.3, Protected: []string{"svc-*"}},
	}}, c.peopleSettings())

	c, err = loadPeople(t, `{every: 6h}`)
	require.NoError(t, err)
	require.Equal(t, map[access.SourceName]activities.PeopleSettings{"directory": {
		MissingListings: 3, MoverFields: []string{"manager", "attributes.department", "attributes.cost_center"},
		Brakes: snapshot.Brakes{LeaversCount: 50, LeaversShare: 0.02, ShrunkShare: 0.05, FieldShare: 0.2, Floor: 5},
	}}, c.peopleSettings())

	c, err = load(t)
	require.NoError(t, err)
	require.Empty(t, c.peopleSettings(), "nobody is listed where nobody asked for it")
}

func TestPeopleConfig_names_the_key(t *testing.T) {
	for people, says := range map[string]string{
		`{}`:                                        "people.every: expected one of every and cron",
		`{every: 1h, cron: "0 3 * * *"}`:            "people.every: expected one of every and cron",
		`{every: 500ms}`:                            "people.every: found 500ms, expected at least 1s",
		`{every: -1h}`:                              `people.every: "-1h": expected a duration`,
		`{every: 1h, jitter: -1s}`:                  `people.jitter: "-1s": expected a duration`,
		`{every: 1h, whole_every: -1s}`:             `people.whole_every: "-1s": expected a duration`,
		`{every: 1h, missing_listings: -1}`:         "people.missing_listings: found -1",
		`{every: 1h, mover_fields: [boss]}`:         `people.mover_fields: found "boss", expected user_name`,
		`{every: 1h, mover_fields: [attributes.]}`:  `people.mover_fields: found "attributes."`,
		`{every: 1h, brakes: {leavers_count: -1}}`:  "people.brakes.leavers_count: found -1",
		`{every: 1h, brakes: {leavers_share: 2}}`:   "people.brakes.leavers_share: found 2, expected a share from 0 to 1",
		`{every: 1h, brakes: {shrunk_share: .nan}}`: "people.brakes.shrunk_share: found the number .nan, expected a number",
		`{every: 1h, brakes: {field_share: 20}}`:    "people.brakes.field_share: found 20",
		`{every: 1h, brakes: {floor: -5}}`:          "people.brakes.floor: found -5",
		`{every: 1h, brakes: {protected: ["[a-"]}}`: `people.brakes.protected: found "[a-", expected a pattern`,
		`{every: 1h, brakes: {leaver_share: 0.1}}`:  "leaver_share",
		`{every: 1h, only: active}`:                 "people.only: ERROR: <input>:1:1: undeclared reference to 'active'",
		`{every: 1h, only: id}`:                     "people.only: found an expression that is a string, expected one that is true or false",
		`{every: 1h, only: " "}`:                    "people.only: expected an expression",
		`{every: often}`:                            "every",
		`{every: 1h, brake: {leavers_share: 0.1}}`:  "brake",
	} {
		t.Run(people, func(t *testing.T) {
			_, err := loadPeople(t, people)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, "sources.directory")
		})
	}
}

// Another scope is another way of reading records. Without one, the digest is that of installations that never had any.
func TestPeopleConfig_only(t *testing.T) {
	mapping := func(people string) string {
		c, err := loadPeople(t, people)
		require.NoError(t, err)
		digest, err := c.Sources["directory"].mapping()
		require.NoError(t, err)
		return digest
	}
	c, err := loadPeople(t, `{every: 1h, only: 'first(attributes, "department") != "" && !user_name.startsWith("svc-")'}`)
	require.NoError(t, err)
	only, err := c.Sources["directory"].People.only()
	require.NoError(t, err)
	person := access.PersonRecord{Person: access.Person{ID: "p1", UserName: "ana"}}
	in, err := only.Holds(person)
	require.NoError(t, err)
	require.False(t, in)
	person.Attributes = map[string][]string{access.AttributeDepartment: {"Research"}}
	in, err = only.Holds(person)
	require.NoError(t, err)
	require.True(t, in)

	everybody := mapping(`{every: 1h}`)
	before, err := digestOf(sourceKinds["scim"].mapping(c.Sources["directory"]))
	require.NoError(t, err)
	require.Equal(t, before, everybody)
	some, others := mapping(`{every: 1h, only: 'id != "p1"'}`), mapping(`{every: 1h, only: 'id != "p2"'}`)
	require.NotEqual(t, everybody, some)
	require.NotEqual(t, some, others)
	only, err = (*peopleConfig)(nil).only()
	require.NoError(t, err)
	require.Nil(t, only)
}

// Who lists people has to know the ledger.
func TestPeopleConfig_at_the_edge(t *testing.T) {
	_, err := load(t, "sources:", "sources:\n  plant: {edge: true, people: {every: 1h}}")
	require.ErrorContains(t, err, "sources.plant.people: a worker at the edge does not know the ledger")
	_, err = loadPeople(t, `{every: 1h}`, "catalog:", "serve: {workflows: false}\ncatalog:")
	require.ErrorContains(t, err, "sources.directory.people: a worker at the edge does not know the ledger")
}

// The schedule of a source is there as the configuration has it: created, changed with it, and paused for as long as people want.
func TestPeopleSchedule(t *testing.T) {
	temporal, _ := devServer(t, schedules)
	handle := temporal.ScheduleClient().GetHandle(t.Context(), "people/directory")
	ensured := func(people string) *client.ScheduleDescription {
		t.Helper()
		c, err := loadPeople(t, people)
		require.NoError(t, err)
		r := &runner{parts: runnerParams{Config: &c, Temporal: temporal}}
		require.NoError(t, r.ensurePeople(t.Context()))
		found, err := handle.Describe(t.Context())
		require.NoError(t, err)
		return found
	}
	found := ensured(`{every: 6h, jitter: 1m}`)
	require.Equal(t, 6*time.Hour, found.Schedule.Spec.Intervals[0].Every)
	require.Equal(t, time.Minute, found.Schedule.Spec.Jitter)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, found.Schedule.Policy.Overlap)
	require.Equal(t, 24*time.Hour, found.Schedule.Policy.CatchupWindow)
	action, is := found.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.True(t, is)
	require.Equal(t, workflows.PeopleRunType, action.Workflow)
	require.Equal(t, workflows.TaskQueue, action.TaskQueue)
	require.Equal(t, workflows.PeopleRunTimeout, action.WorkflowExecutionTimeout)

	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "the source moves"}))
	found = ensured(`{cron: "30 3 * * *"}`)
	require.Empty(t, found.Schedule.Spec.Intervals)
	require.Zero(t, found.Schedule.Spec.Jitter)
	require.Len(t, found.Schedule.Spec.Calendars, 1)
	require.True(t, found.Schedule.State.Paused)
	require.Equal(t, "the source moves", found.Schedule.State.Note)

	require.NoError(t, handle.Unpause(t.Context(), client.ScheduleUnpauseOptions{}))
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		found, err := handle.Describe(t.Context())
		return err == nil && len(found.Info.RecentActions) == 1
	}, soon, 50*time.Millisecond)
	found, err := handle.Describe(t.Context())
	require.NoError(t, err)
	started := found.Info.RecentActions[0].StartWorkflowResult
	run, err := temporal.DescribeWorkflow(t.Context(), started.WorkflowID, started.FirstExecutionRunID)
	require.NoError(t, err)
	require.Regexp(t, `^people/directory-\d{4}-\d\d-\d\dT`, started.WorkflowID)
	require.NotEqual(t, started.WorkflowID, workflows.PeopleRunID("directory", started.WorkflowID))
	require.Equal(t, workflows.PeopleRunType, run.WorkflowType.Name)
	history := temporal.GetWorkflowHistory(t.Context(), started.WorkflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := history.Next()
	require.NoError(t, err)
	var params workflows.PeopleRunParams
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &params))
	require.Equal(t, workflows.PeopleRunParams{Source: "directory"}, params)
}

// What Temporal does not take as a schedule ends the worker, by the key that is wrong.
func TestPeopleSchedule_refused(t *testing.T) {
	temporal, _ := devServer(t, schedules)
	c, err := loadPeople(t, `{cron: "every night"}`)
	require.NoError(t, err)
	err = (&runner{parts: runnerParams{Config: &c, Temporal: temporal}}).ensurePeople(t.Context())
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "sources.directory.people: ")
}
