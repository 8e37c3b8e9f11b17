package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// incidentsConfig is how incidents of other systems become tickets of a desk, and who gets them.
type incidentsConfig struct {
	Assignment policy.AssignmentRules `yaml:",inline"`
	// CheckInterval is the time between two checks of the integration users; 0 for an hour.
	CheckInterval access.Duration `yaml:"check_interval"`
	// WhenUnavailable is what becomes of the open tickets of a user who is switched off or removed: "reassign", which is the default, or "keep".
	WhenUnavailable string `yaml:"when_unavailable"`
}

// The values of when_unavailable.
const (
	reassignTickets = "reassign"
	keepTickets     = "keep"
)

// usualCheck is the time between two checks where nothing is configured.
const usualCheck = time.Hour

// validate names every key that is wrong. It is nil for no configuration.
func (c *incidentsConfig) validate() error {
	if c == nil {
		return nil
	}
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("incidents."+format, args...)) }
	for _, err := range c.Assignment.Validate() {
		problem("%w", err)
	}
	if c.CheckInterval != 0 && c.CheckInterval.Std() < shortestEvery {
		problem("check_interval: found %s, expected at least %s, or 0 for %s", c.CheckInterval, access.Duration(shortestEvery), access.Duration(usualCheck))
	}
	switch c.WhenUnavailable {
	case "", reassignTickets, keepTickets:
	default:
		problem("when_unavailable: found %q, expected %s or %s", c.WhenUnavailable, reassignTickets, keepTickets)
	}
	return errors.Join(wrong...)
}

func (c *incidentsConfig) keeps() bool { return c.WhenUnavailable == keepTickets }

// schedule is the schedule of the checks of a desk's integration users.
func (c *incidentsConfig) schedule(name access.DeskName) client.ScheduleOptions {
	params := workflows.IntegrationUsersParams{Desk: name}
	every := cmp.Or(c.CheckInterval, access.Duration(usualCheck))
	const shareOfJitter = 10
	times := timesConfig{Every: every, Jitter: every / shareOfJitter}
	return times.schedule(workflows.IntegrationUsersScheduleID(name), &client.ScheduleWorkflowAction{
		Workflow: workflows.IntegrationUsersType, TaskQueue: workflows.TaskQueue, Args: []any{params},
		StaticSummary: workflows.IntegrationUsersSummary(params), WorkflowExecutionTimeout: workflows.IntegrationUsersTimeout,
	})
}

// incidentProblems names the desks whose incidents this worker cannot keep: whoever reads the desk has to know the ledger, which has the register.
func (c *workerConfig) incidentProblems() []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		d := c.Desks[name]
		if d.Incidents == nil {
			continue
		}
		if kind, known := deskKinds[d.Kind]; known && kind.users == nil {
			wrong = append(wrong, fmt.Errorf("desks.%s.incidents: usher cannot ask a desk of the kind %s for its users; expected no incidents", name, d.Kind))
		}
		if d.Queue.Edge || !c.Serve.Workflows {
			wrong = append(wrong, fmt.Errorf("desks.%s.incidents: a worker at the edge does not know the ledger, which has the integration users; expected no"+
				" incidents, or a worker that serves workflows and the desk", name))
		}
	}
	return wrong
}

// incidentSettings are those of the desks that take incidents.
func (c *workerConfig) incidentSettings() map[access.DeskName]activities.IncidentSettings {
	all := map[access.DeskName]activities.IncidentSettings{}
	for name, d := range c.Desks {
		if d.Incidents == nil {
			continue
		}
		reads := activities.IncidentReads{
			SearchDelay: d.Changes.SearchIndexDelay, First: d.Changes.PollInitialInterval, Max: d.Changes.PollMaxInterval, Recheck: d.Changes.PollInitialInterval,
		}
		if d.Changes.ChangeDetection == access.DetectByWatch {
			// The watch notifies of changes; what no list of changes shows, such as a deletion, is found by these reads.
			reads.First, reads.Max = d.Changes.Watch.StalenessCheckInterval, d.Changes.Watch.StalenessCheckInterval
		}
		all[name] = activities.IncidentSettings{Rules: d.Incidents.Assignment, KeepAssignee: d.Incidents.keeps(), Ticket: reads}
	}
	return all
}

// ensureChecks sees to it that the schedule of every desk that takes incidents is there, as it is configured.
func (r *runner) ensureChecks(ctx context.Context) error {
	var wanted []wantedSchedule
	for _, name := range slices.Sorted(maps.Keys(r.parts.Config.Desks)) {
		if incidents := r.parts.Config.Desks[name].Incidents; incidents != nil {
			wanted = append(wanted, wantedSchedule{"desks." + string(name) + ".incidents", incidents.schedule(name)})
		}
	}
	return r.ensureSchedules(ctx, "schedule checks of integration users", wanted)
}

// integrationUsers are the activities over the register of a desk.
func (p workerParts) integrationUsers(name access.DeskName, config deskConfig, directory access.UserDirectory) *activities.IntegrationUsers {
	return &activities.IntegrationUsers{
		Port: observedUsers{p.observer("users", string(name)), directory}, Ledger: observedLedger{Store: p.Store, metrics: p.Metrics},
		Client: p.Temporal, Integration: config.Kind, Tenant: strings.TrimRight(deskKinds[config.Kind].tenant(config), "/"), KeepAssignee: config.Incidents.keeps(),
	}
}
