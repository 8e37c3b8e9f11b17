package usersync_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock" //nolint:depguard // the test environment matches signals to other workflows with it
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/time/rate"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	sync "usher/internal/usersync"
	"usher/workflows"
	"usher/workflows/usersync"
)

const (
	hr access.SourceName = "hr"
	it access.DeskName   = "it"
)

// office is a desk in memory whose users follow a snapshot of people, with a real ledger.
type office struct {
	t *testing.T
	// name is the desk's.
	name     access.DeskName
	users    *memory.Users
	port     access.UserDirectory
	ledger   *ledger.Store
	settings activities.SyncSettings
	// people are those of the snapshot; changed is true while it does not have them yet.
	people  map[access.PersonID]access.KnownPerson
	changed bool
	// gone are those whom the snapshot has as left.
	gone    map[access.PersonID]bool
	now     time.Time
	runs    int
	details string
	running map[string]bool
	// longest is how long a run may take on this machine; 0 for a minute.
	longest time.Duration
	// handedIn are the incidents of usher itself, and closed those with which there is nothing more to do, with why.
	handedIn []access.Incident
	// opened are the workflows of those incidents that nobody has terminated.
	opened []string
	// unrecorded is true where incidents are terminated before their first record.
	unrecorded bool
	// started are all workflows of incidents, and news what tickets had to say later.
	started []string
	news    []workflows.IncidentNews
	closed  map[string]string
	// wraps changes what the activities of the desk rest on; nil changes nothing.
	wraps func(*activities.DeskUsers)
}

func newOffice(t *testing.T, n int) *office {
	t.Helper()
	store := ledgertest.SQLite(t)
	o := &office{
		t: t, name: it, users: memory.NewUsers(), ledger: store, people: map[access.PersonID]access.KnownPerson{}, gone: map[access.PersonID]bool{},
		now: time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC),
		settings: activities.SyncSettings{
			Source: hr, Digest: "m1", LinkByEmail: true, Modes: map[access.UserOperation]bool{
				access.UserCreate: true, access.UserLink: true, access.UserUpdate: true, access.UserDeactivate: true, access.UserReactivate: true,
			},
			Brakes: sync.Brakes{DeactivationsCount: 1000, DeactivationsShare: 0.2, FieldShare: 0.3, MissingShare: 0.1, Floor: 2},
		},
	}
	o.port = o.users
	o.maps(map[string]sync.Field{
		access.UserFieldName: {Value: "user_name"}, access.UserFieldEmail: {Value: "email"}, access.UserFieldDisplayName: {Value: "display_name"},
		access.UserFieldManager: {}, "department": {Value: `first(attributes, "department")`}, "cost_center": {Value: `first(attributes, "cost_center")`, Keep: true},
	})
	o.protects("svc-*")
	for i := range n {
		o.put(employee(i))
	}
	o.snapshot()
	return o
}

func (o *office) maps(fields map[string]sync.Field) {
	o.t.Helper()
	var err error
	o.settings.Mapping, err = sync.NewMapping(fields, nil)
	require.NoError(o.t, err)
}

func (o *office) protects(patterns ...string) {
	o.t.Helper()
	var err error
	o.settings.Guard, err = sync.NewGuard(patterns, "")
	require.NoError(o.t, err)
}

func idOf(i int) access.PersonID { return access.PersonID(fmt.Sprintf("p%04d", i)) }

func employee(i int) access.KnownPerson {
	name := "user." + string(idOf(i))
	return access.KnownPerson{State: access.PersonPresent, Joined: true, Record: access.PersonRecord{
		Person:     access.Person{ID: idOf(i), UserName: name, DisplayName: "The person " + name, Email: name + "@example.com", Manager: idOf(i / 10), Active: true},
		Attributes: map[string][]string{access.AttributeDepartment: {fmt.Sprint("dep-", i%7)}},
	}}
}

func (o *office) put(p access.KnownPerson) { o.people[p.Record.ID], o.changed = p, true }

// written writes the snapshot where people have changed since.
func (o *office) written() {
	if o.changed {
		o.snapshot()
	}
}

// change changes a person; the next run finds it in the snapshot.
func (o *office) change(i int, change func(*access.KnownPerson)) {
	p := o.people[idOf(i)]
	p.Record.Attributes = maps.Clone(p.Record.Attributes)
	change(&p)
	o.put(p)
}

func (o *office) leaves(is ...int) {
	for _, i := range is {
		o.change(i, func(p *access.KnownPerson) { p.State = access.PersonLeft })
	}
}

// snapshot writes the people into the snapshot of the source, as a run over them does.
func (o *office) snapshot() {
	o.t.Helper()
	o.changed = false
	o.runs++
	run := access.PeopleRun{Source: hr, ID: fmt.Sprint("people-", o.runs), BeganAt: o.now.Add(time.Duration(o.runs) * time.Second)}
	require.NoError(o.t, o.ledger.BeginPeopleRun(o.t.Context(), run))
	run.Plan = run.ID
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
	var changes []access.PersonChange
	for _, id := range slices.Sorted(maps.Keys(o.people)) {
		class := access.ClassChanged
		switch left := o.people[id].State == access.PersonLeft; {
		case left && !o.gone[id]:
			class = access.ClassLeaver
		case !left && o.gone[id]:
			class = access.ClassReturner
		}
		o.gone[id] = o.people[id].State == access.PersonLeft
		changes = append(changes, access.PersonChange{Person: id, Class: class, After: o.people[id]})
	}
	for page := range slices.Chunk(changes, ledger.MaxPeople) {
		require.NoError(o.t, o.ledger.ApplyPeople(o.t.Context(), run, page))
	}
	run.EndedAt = run.BeganAt
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
}

// run runs once, an hour after the run before.
func (o *office) run(p workflows.UserSyncParams) (access.SyncRun, error) {
	o.t.Helper()
	o.written()
	o.now = o.now.Add(time.Hour)
	o.runs++
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	// The default is for a machine that has nothing else to do.
	env.SetTestTimeout(max(o.longest, time.Minute))
	env.SetStartTime(o.now)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: fmt.Sprintf("usersync/%s-%d", o.name, o.runs), TaskQueue: workflows.TaskQueue})
	env.RegisterActivity(o.desk())
	env.RegisterActivity(o.records())
	env.RegisterWorkflowWithOptions(func(workflow.Context, workflows.IncidentTicketParams) error { return nil }, workflow.RegisterOptions{Name: workflows.IncidentTicketType})
	env.SetOnChildWorkflowStartedListener(o.handsIn)
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.SignalIncidentDone, mock.Anything).Return(
		func(_, id, _, _ string, arg any) error {
			o.closes(id, arg.(workflows.IncidentDone).Text)
			return nil
		})
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.SignalIncidentNews, mock.Anything).Return(
		func(_, _, _, _ string, arg any) error {
			o.news = append(o.news, arg.(workflows.IncidentNews))
			return nil
		})
	p.Desk = o.name
	named := func(ctx workflow.Context, p workflows.UserSyncParams) (access.SyncRun, error) {
		run, err := usersync.Workflow(ctx, p)
		o.details = workflow.GetCurrentDetails(ctx)
		return run, err
	}
	env.ExecuteWorkflow(named, p)
	require.True(o.t, env.IsWorkflowCompleted())
	var run access.SyncRun
	if err := env.GetWorkflowError(); err != nil {
		return run, err
	}
	require.NoError(o.t, env.GetWorkflowResult(&run))
	return run, nil
}

// handsIn takes an incident of usher itself, whose ticket is open until somebody closes it.
func (o *office) handsIn(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
	var p workflows.IncidentTicketParams
	require.NoError(o.t, args.Get(&p))
	o.handedIn = append(o.handedIn, p.Incident)
	o.started = append(o.started, workflows.IncidentWorkflowID(p.Incident.ID))
	view := access.IncidentView{Incident: p.Incident, State: access.IncidentOpen, Since: o.now, Desk: p.Incident.Desk, Version: 1}
	if o.unrecorded {
		return
	}
	require.NoError(o.t, o.ledger.SaveIncident(o.t.Context(), view))
	o.opened = append(o.opened, workflows.IncidentWorkflowID(p.Incident.ID))
}

// closes has an incident end.
func (o *office) closes(workflow, text string) {
	o.t.Helper()
	id := access.IncidentID(strings.TrimPrefix(workflow, workflows.IncidentPrefix))
	view, err := o.ledger.Incident(o.t.Context(), id)
	require.NoError(o.t, err)
	view.State, view.Version, view.NothingLeft = access.IncidentClosed, view.Version+1, text
	require.NoError(o.t, o.ledger.SaveIncident(o.t.Context(), view))
	if o.closed == nil {
		o.closed = map[string]string{}
	}
	o.closed[string(id)] = text
}

func (o *office) desk() *activities.DeskUsers {
	a := &activities.DeskUsers{Port: o.port, Belongings: o.users, Ledger: o.ledger, Settings: o.settings, Writes: rate.NewLimiter(rate.Inf, 1)}
	if o.wraps != nil {
		o.wraps(a)
	}
	return a
}

func (o *office) records() *activities.UserSync {
	return &activities.UserSync{
		Ledger: o.ledger, Settings: map[access.DeskName]activities.SyncSettings{o.name: o.settings},
		Started: func(_ context.Context, workflow string) (bool, error) {
			return slices.Contains(o.started, workflow), nil
		},
		Running: func(_ context.Context, workflow string) (bool, error) {
			return o.running[workflow] || slices.Contains(o.opened, workflow), nil
		},
	}
}

// ends runs once, and must end well.
func (o *office) ends() access.SyncRun {
	o.t.Helper()
	run, err := o.run(workflows.UserSyncParams{})
	require.NoError(o.t, err)
	return run
}

// settles runs twice: managers get their users, and then nothing is left to be done.
func (o *office) settles() {
	o.t.Helper()
	o.ends()
	writes := o.users.Writes()
	run := o.ends()
	require.Equal(o.t, writes, o.users.Writes(), "a second run writes: %+v", run)
	require.Empty(o.t, run.States)
}

// of is the user of a person.
func (o *office) of(i int) access.DeskUser {
	o.t.Helper()
	links, err := o.ledger.DeskLinks(o.t.Context(), o.name, []access.PersonID{idOf(i)})
	require.NoError(o.t, err)
	require.Lenf(o.t, links, 1, "the person %s is not linked", idOf(i))
	user, err := o.users.ReadUser(o.t.Context(), links[0].User)
	require.NoError(o.t, err)
	return user
}

// rows are the rows of a run, by person.
func (o *office) rows(run access.SyncRun) map[access.PersonID]access.SyncRow {
	o.t.Helper()
	rows, err := o.ledger.SyncRows(o.t.Context(), o.name, run.Rows, access.SyncRowsQuery{Limit: ledger.MaxPeople})
	require.NoError(o.t, err)
	byPerson := map[access.PersonID]access.SyncRow{}
	for _, r := range rows {
		byPerson[r.Person] = r
	}
	return byPerson
}

// rowsOf names the rows of a run as the ledger has it.
func (o *office) rowsOf(run access.SyncRun) string {
	o.t.Helper()
	now, err := o.ledger.SyncRun(o.t.Context(), o.name, run.ID)
	require.NoError(o.t, err)
	return now.Rows
}

func holdsOf(run access.SyncRun) []string {
	var names []string
	for _, h := range run.Holds {
		names = append(names, h.Name())
	}
	return names
}
