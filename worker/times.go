package main

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// timesConfig is when a schedule runs.
type timesConfig struct {
	// Every is the time between two runs, and Cron the times of runs ("30 3 * * *", in UTC): one of the two.
	Every access.Duration `yaml:"every"`
	Cron  string          `yaml:"cron"`
	// Jitter spreads the beginning of each run over so much time.
	Jitter access.Duration `yaml:"jitter"`
}

// shortestEvery is the shortest time between two runs.
const shortestEvery = time.Second

func (c timesConfig) validate() []error {
	switch {
	case c.Every == 0 && c.Cron == "", c.Every != 0 && c.Cron != "":
		return []error{errors.New("every: expected one of every and cron")}
	case c.Every != 0 && c.Every.Std() < shortestEvery:
		return []error{fmt.Errorf("every: found %s, expected at least %s", c.Every, access.Duration(shortestEvery))}
	}
	return nil
}

// schedule is the schedule of that id, which starts a workflow of the same id. A run that is due while another goes on is left out; one that was due
// while Temporal was unavailable is made up for within a day.
func (c timesConfig) schedule(id string, action *client.ScheduleWorkflowAction) client.ScheduleOptions {
	spec := client.ScheduleSpec{Jitter: c.Jitter.Std()}
	if c.Cron != "" {
		spec.CronExpressions = []string{c.Cron}
	} else {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: c.Every.Std()}}
	}
	action.ID = id
	return client.ScheduleOptions{
		ID: id, Spec: spec, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: 24 * time.Hour, Action: action,
	}
}
