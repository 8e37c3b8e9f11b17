package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersioning_both_names(t *testing.T) {
	rows := []struct {
		name             string
		config           deploymentConfig
		fromName, fromID string
		want             deploymentConfig
		versioned        bool
	}{
		{name: "nothing is set"},
		{name: "a name alone", config: deploymentConfig{Name: "usher"}, want: deploymentConfig{Name: "usher"}},
		{name: "a build alone, from the environment", fromID: "b1", want: deploymentConfig{BuildID: "b1"}},
		{name: "both in the file", config: deploymentConfig{"usher", "b1"}, want: deploymentConfig{"usher", "b1"}, versioned: true},
		{name: "both from the environment", fromName: "usher", fromID: "b1", want: deploymentConfig{"usher", "b1"}, versioned: true},
		{
			name: "the name in the file, the build from the environment", config: deploymentConfig{Name: "usher"}, fromName: "other",
			fromID: "b1", want: deploymentConfig{"usher", "b1"}, versioned: true,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("TEMPORAL_DEPLOYMENT_NAME", row.fromName)
			t.Setenv("TEMPORAL_WORKER_BUILD_ID", row.fromID)
			got := row.config.orEnvironment()
			require.Equal(t, row.want, got)
			require.Equal(t, row.versioned, got.options().UseVersioning)
			if row.versioned {
				require.Equal(t, row.want.Name, got.options().Version.DeploymentName)
				require.Equal(t, row.want.BuildID, got.options().Version.BuildID)
			}
		})
	}
}

func TestLimits_reach_the_queues(t *testing.T) {
	c, err := load(t, "desk: jira", "limits: {workflow_cache: 7, workflow_tasks: 3, activities: 5, pollers: {workflow_tasks: 2, activities: 1}}\n"+
		"shutdown_timeout: 3s\ndesk: jira")
	require.NoError(t, err)
	fail := newFatal(nil, slog.New(slog.DiscardHandler))
	options := c.queueOptions(fail, 1.5, false)
	require.True(t, options.DisableWorkflowWorker)
	require.InDelta(t, 1.5, options.TaskQueueActivitiesPerSecond, 0)
	require.Equal(t, c.ShutdownTimeout.Std(), options.WorkerStopTimeout)
	require.Equal(t, 5, options.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 5, options.MaxConcurrentLocalActivityExecutionSize)
	require.Equal(t, 3, options.MaxConcurrentWorkflowTaskExecutionSize)
	require.Equal(t, 2, options.MaxConcurrentWorkflowTaskPollers)
	require.Equal(t, 1, options.MaxConcurrentActivityTaskPollers)
	require.Nil(t, options.ActivityTaskPollerBehavior)
	require.False(t, c.queueOptions(fail, 0, true).DisableWorkflowWorker)

	c.Limits.Pollers.Autoscale = true
	options = c.queueOptions(fail, 0, true)
	require.Zero(t, options.MaxConcurrentWorkflowTaskPollers)
	require.Zero(t, options.MaxConcurrentActivityTaskPollers)
	require.NotNil(t, options.WorkflowTaskPollerBehavior)
	require.NotNil(t, options.ActivityTaskPollerBehavior)
}
