package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/worker"
)

// deploymentConfig names this worker in Temporal's worker versioning. Versioning is on when both are set, here or in
// TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID; what is set here wins.
type deploymentConfig struct {
	// Name is the deployment's: one for the workers of one pool; a worker at the edge has another.
	Name string `yaml:"name"`
	// BuildID identifies the build of the program.
	BuildID string `yaml:"build_id"`
}

func (d deploymentConfig) validate() error {
	if strings.ContainsAny(d.Name, ".:") {
		return fmt.Errorf("name: found %q, expected a name without '.' and ':', which Temporal puts between name and build id", d.Name)
	}
	return nil
}

// orEnvironment fills in what Temporal's own variables say.
func (d deploymentConfig) orEnvironment() deploymentConfig {
	if d.Name == "" {
		d.Name = os.Getenv("TEMPORAL_DEPLOYMENT_NAME")
	}
	if d.BuildID == "" {
		d.BuildID = os.Getenv("TEMPORAL_WORKER_BUILD_ID")
	}
	return d
}

func (d deploymentConfig) versioned() bool { return d.Name != "" && d.BuildID != "" }

// options are the SDK's.
func (d deploymentConfig) options() worker.DeploymentOptions {
	if !d.versioned() {
		return worker.DeploymentOptions{}
	}
	// There is no default behaviour: registry.Register sets it for each type, and the SDK refuses one that is left out.
	return worker.DeploymentOptions{
		UseVersioning: true,
		Version:       worker.WorkerDeploymentVersion{DeploymentName: d.Name, BuildID: d.BuildID},
	}
}

// limitsConfig bound what this worker holds and does at once. The defaults are for 256 MB.
type limitsConfig struct {
	// WorkflowCache is how many runs are kept in memory between their tasks; one that is not kept is read and replayed
	// anew. It counts for the process.
	WorkflowCache int `yaml:"workflow_cache"`
	// WorkflowTasks is how many workflow tasks run at once.
	WorkflowTasks int `yaml:"workflow_tasks"`
	// Activities is how many activities run at once, for each queue.
	Activities int           `yaml:"activities"`
	Pollers    pollersConfig `yaml:"pollers"`
}

// pollersConfig is how many calls wait for work, for each queue.
type pollersConfig struct {
	WorkflowTasks int `yaml:"workflow_tasks"`
	Activities    int `yaml:"activities"`
	// Autoscale has the SDK go between one and these numbers by what the server says; without it, these numbers always.
	Autoscale bool `yaml:"autoscale"`
}

func defaultLimits() limitsConfig {
	return limitsConfig{
		WorkflowCache: 500, WorkflowTasks: 50, Activities: 50,
		Pollers: pollersConfig{WorkflowTasks: 4, Activities: 4},
	}
}

func (l limitsConfig) validate() error {
	var wrong []error
	for _, limit := range []struct {
		key          string
		found, least int
	}{
		{"workflow_cache", l.WorkflowCache, 0},
		// One is always the sticky queue's, so with one alone nothing new would ever begin.
		{"workflow_tasks", l.WorkflowTasks, 2},
		{"activities", l.Activities, 1},
		{"pollers.workflow_tasks", l.Pollers.WorkflowTasks, 2},
		{"pollers.activities", l.Pollers.Activities, 1},
	} {
		if limit.found < limit.least {
			wrong = append(wrong, fmt.Errorf("%s: found %d, expected %d or more", limit.key, limit.found, limit.least))
		}
	}
	return errors.Join(wrong...)
}

// queueOptions are the SDK's options for one queue. Every queue but that of the workflows is for activities only.
func (c *workerConfig) queueOptions(fail *fatal, rate float64, workflows bool) worker.Options {
	options := worker.Options{
		WorkerStopTimeout:            c.ShutdownTimeout.Std(),
		DeploymentOptions:            c.Deployment.options(),
		DisableWorkflowWorker:        !workflows,
		TaskQueueActivitiesPerSecond: rate,
		// How long a message for a cached run waits for a worker that has died: shorter than what an API caller waits.
		StickyScheduleToStartTimeout: 2 * time.Second,
		DisableRegistrationAliasing:  true,
		OnFatalError:                 fail.report,

		MaxConcurrentWorkflowTaskExecutionSize:  c.Limits.WorkflowTasks,
		MaxConcurrentActivityExecutionSize:      c.Limits.Activities,
		MaxConcurrentLocalActivityExecutionSize: c.Limits.Activities,
	}
	if !c.Limits.Pollers.Autoscale {
		options.MaxConcurrentWorkflowTaskPollers = c.Limits.Pollers.WorkflowTasks
		options.MaxConcurrentActivityTaskPollers = c.Limits.Pollers.Activities
		return options
	}
	options.WorkflowTaskPollerBehavior = autoscaling(c.Limits.Pollers.WorkflowTasks)
	options.ActivityTaskPollerBehavior = autoscaling(c.Limits.Pollers.Activities)
	return options
}

// autoscaling begins with few pollers.
func autoscaling(atMost int) worker.PollerBehavior {
	return worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
		InitialNumberOfPollers: min(2, atMost), MinimumNumberOfPollers: 1, MaximumNumberOfPollers: atMost,
	})
}
