package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/personexpr"
	"usher/internal/snapshot"
	"usher/workflows"
)

// peopleConfig is when a source lists its people, and how the listings are read.
type peopleConfig struct {
	Times timesConfig `yaml:",inline"`
	// WholeEvery is how often everybody is listed where the source can list changes; 0 for always.
	WholeEvery access.Duration `yaml:"whole_every"`
	// Only is an expression over a person's record (personexpr) that is true of whoever is in scope; "" for everybody.
	Only string `yaml:"only"`
	// MissingListings is how many whole listings in a row somebody is missing from who has left; 0 for 3.
	MissingListings int `yaml:"missing_listings"`
	// MoverFields are the fields of which a change makes a mover; none for manager, attributes.department and attributes.cost_center.
	MoverFields []string     `yaml:"mover_fields"`
	Brakes      brakesConfig `yaml:"brakes"`
	// Follow reports whether requests and leases follow what runs apply, where the source is that in which people are looked up; nil for true.
	Follow *bool `yaml:"follow"`
	// LeaveOrder are the targets on which the leases of somebody who has left end first.
	LeaveOrder []access.TargetName `yaml:"leave_order"`
	// TicketsOn is the desk on which a ticket is opened when people have to look; "" for the desk of requests if that takes incidents, and noTickets for none.
	TicketsOn access.DeskName `yaml:"tickets_on"`
}

// brakesConfig is snapshot.Brakes as it is written. What is left out has a careful value.
type brakesConfig struct {
	LeaversCount *int     `yaml:"leavers_count"`
	LeaversShare *float64 `yaml:"leavers_share"`
	ShrunkShare  *float64 `yaml:"shrunk_share"`
	FieldShare   *float64 `yaml:"field_share"`
	Floor        *int     `yaml:"floor"`
	Protected    []string `yaml:"protected"`
}

func (b brakesConfig) brakes() snapshot.Brakes {
	return snapshot.Brakes{
		LeaversCount: or(b.LeaversCount, 50), LeaversShare: or(b.LeaversShare, 0.02), ShrunkShare: or(b.ShrunkShare, 0.05),
		FieldShare: or(b.FieldShare, 0.2), Floor: or(b.Floor, 5), Protected: b.Protected,
	}
}

// or returns what a pointer points to, or a value where it points to nothing.
func or[T any](p *T, value T) T {
	if p == nil {
		return value
	}
	return *p
}

// validate names every key that is wrong. It is nil for no configuration.
func (c *peopleConfig) validate() error {
	if c == nil {
		return nil
	}
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("people."+format, args...)) }
	for _, err := range c.Times.validate() {
		problem("%w", err)
	}
	if c.MissingListings < 0 {
		problem("missing_listings: found %d, expected 1 or more, or none for 3", c.MissingListings)
	}
	if _, err := c.only(); err != nil {
		problem("only: %w", err)
	}
	for _, field := range c.MoverFields {
		if !snapshot.ValidField(field) {
			problem("mover_fields: found %q, expected user_name, display_name, email, manager, starts, ends or attributes.<name>", field)
		}
	}
	for _, err := range c.Brakes.brakes().Validate() {
		problem("brakes.%w", err)
	}
	return errors.Join(wrong...)
}

// peopleProblems names the sources whose people this worker cannot have listed: whoever reads the source has to know the ledger.
func (c *workerConfig) peopleProblems() []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		source := c.Sources[name]
		if source.People != nil && (source.Queue.Edge || !c.Serve.Workflows) {
			wrong = append(wrong, fmt.Errorf("sources.%s.people: a worker at the edge does not know the ledger, which gets the listings; expected no people,"+
				" or a worker that serves workflows and the source", name))
		}
	}
	return wrong
}

// leaveProblems names the targets of leave_order that the configuration does not have.
func (c *workerConfig) leaveProblems() []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		people := c.Sources[name].People
		if people == nil {
			continue
		}
		for i, target := range people.LeaveOrder {
			if _, known := c.Targets[target]; !known || slices.Contains(people.LeaveOrder[:i], target) {
				wrong = append(wrong, fmt.Errorf("sources.%s.people.leave_order[%d]: found %q, expected the name of one of targets, each once", name, i, target))
			}
		}
		if (people.LeaveOrder != nil || people.Follow != nil) && name != c.Source {
			wrong = append(wrong, fmt.Errorf("sources.%s.people: leave_order and follow count for %q only, the source in which people are looked up", name, c.Source))
		}
	}
	return wrong
}

// followed returns the source whose people requests and leases follow, and the order in which leases of somebody who has left end; "" for none.
func (c *workerConfig) followed() (access.SourceName, []access.TargetName) {
	people := c.Sources[c.Source].People
	if people == nil || !or(people.Follow, true) {
		return "", nil
	}
	return c.Source, people.LeaveOrder
}

// settings are the settings of the activities.
func (c *peopleConfig) settings() activities.PeopleSettings {
	s := activities.PeopleSettings{
		MissingListings: c.MissingListings, MoverFields: c.MoverFields, Brakes: c.Brakes.brakes(), WholeEvery: c.WholeEvery.Std(),
	}
	if s.MissingListings == 0 {
		s.MissingListings = 3
	}
	if len(s.MoverFields) == 0 {
		s.MoverFields = []string{"manager", "attributes." + access.AttributeDepartment, "attributes." + access.AttributeCostCenter}
	}
	return s
}

// only returns the condition of whoever is in scope; nil for everybody, and for no configuration.
func (c *peopleConfig) only() (*personexpr.Condition, error) {
	if c == nil || c.Only == "" {
		return nil, nil
	}
	language, err := personexpr.New()
	if err != nil {
		return nil, err
	}
	return language.Condition(c.Only)
}

// peopleSettings are those of the sources that list people.
func (c *workerConfig) peopleSettings() map[access.SourceName]activities.PeopleSettings {
	all := map[access.SourceName]activities.PeopleSettings{}
	for name, source := range c.Sources {
		if source.People != nil {
			settings := source.People.settings()
			settings.TicketsOn = c.ticketsOn(source.People.TicketsOn, c.Desk)
			all[name] = settings
		}
	}
	return all
}

// mapping returns a digest of how the source's kind reads records, and of who is in scope; "" for a kind that lists nobody.
func (c sourceConfig) mapping() (string, error) {
	found, known := allSourceKinds()[c.Kind]
	if !known || found.mapping == nil {
		return "", nil
	}
	if c.People == nil || c.People.Only == "" {
		return digestOf(found.mapping(c))
	}
	return digestOf([]any{found.mapping(c), c.People.Only})
}

// ensurePeople sees to it that the schedule of every source that lists people is there, as it is configured.
func (r *runner) ensurePeople(ctx context.Context) error {
	var wanted []wantedSchedule
	for _, name := range slices.Sorted(maps.Keys(r.parts.Config.Sources)) {
		if people := r.parts.Config.Sources[name].People; people != nil {
			wanted = append(wanted, wantedSchedule{"sources." + string(name) + ".people", people.schedule(name)})
		}
	}
	return r.ensureSchedules(ctx, "schedule listings", wanted)
}

// wantedSchedule is a schedule that the configuration asks for, by the key that does.
type wantedSchedule struct {
	key     string
	options client.ScheduleOptions
}

// ensureSchedules sees to it that schedules are there, as they are configured.
func (r *runner) ensureSchedules(ctx context.Context, op string, wanted []wantedSchedule) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, w := range wanted {
		if err := ensureSchedule(ctx, r.parts.Temporal.ScheduleClient(), w.options); err != nil {
			return access.Errorf(kindOfSchedule(err), op, "%s: %w", w.key, err)
		}
	}
	return nil
}

// kindOfSchedule returns what can be done about an error of Temporal.
func kindOfSchedule(err error) access.Kind {
	var invalid *serviceerror.InvalidArgument
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &invalid):
		return access.Invalid
	case errors.As(err, &denied):
		return access.Forbidden
	}
	return access.Transient
}

// schedule is the schedule of a source's listings.
func (c *peopleConfig) schedule(name access.SourceName) client.ScheduleOptions {
	params := workflows.PeopleRunParams{Source: name}
	return c.Times.schedule(workflows.PeopleScheduleID(name), &client.ScheduleWorkflowAction{
		Workflow: workflows.PeopleRunType, TaskQueue: workflows.TaskQueue, Args: []any{params},
		StaticSummary: workflows.PeopleRunSummary(params), WorkflowExecutionTimeout: workflows.PeopleRunTimeout,
	})
}

// ensureSchedule creates a schedule, or gives the one that is there its times and its action. Whether it is paused stays.
func ensureSchedule(ctx context.Context, schedules client.ScheduleClient, wanted client.ScheduleOptions) error {
	_, err := schedules.Create(ctx, wanted)
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return schedules.GetHandle(ctx, wanted.ID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(there client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := there.Description.Schedule
			schedule.Spec, schedule.Action = &wanted.Spec, wanted.Action
			schedule.Policy.Overlap, schedule.Policy.CatchupWindow = wanted.Overlap, wanted.CatchupWindow
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		},
	})
}
