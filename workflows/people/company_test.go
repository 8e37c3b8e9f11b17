package people_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock" //nolint:depguard // the test environment matches signals to other workflows with it
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	"usher/internal/personexpr"
	"usher/internal/snapshot"
	"usher/workflows"
	"usher/workflows/people"
)

const hr access.SourceName = "hr"

// company is a source of people in memory, with a real ledger, and what runs over them.
type company struct {
	t      *testing.T
	source *memory.Source
	// port is what lists people; the source itself, if nothing else.
	port     access.PeopleSource
	ledger   *unreliable
	post     *post
	settings activities.PeopleSettings
	// withoutSource is true for a worker whose configuration does not have the source.
	withoutSource bool
	mapping       string
	// only is the condition of whoever is in scope; nil for everybody.
	only    *personexpr.Condition
	now     time.Time
	runs    int
	details string
	// running are the workflows that run.
	running map[string]bool
	// cancelled is true where somebody cancels each run while it lists.
	cancelled bool
	// calls is how many activities ended, and size how many bytes the largest of their answers had.
	calls, size int
	// handedIn are the incidents of usher itself, and closed those with which there is nothing more to do, with why.
	handedIn []access.Incident
	// opened are the workflows of those incidents that nobody has terminated.
	opened []string
	// started are all workflows of incidents, and news what tickets had to say later.
	started []string
	news    []workflows.IncidentNews
	closed  map[string]string
}

// unreliable is a ledger of which one answer can be lost.
type unreliable struct {
	*ledger.Store
	// lose is how many calls from now on the one is whose answer is lost; 0 for none.
	lose int
	// most is how many people or changes one answer had at most.
	most int
}

// answered is the error that the caller of the ledger gets.
func (u *unreliable) answered(err error) error {
	if u.lose > 0 {
		if u.lose--; u.lose == 0 && err == nil {
			return access.Errorf(access.Transient, "call the ledger", "the answer is lost")
		}
	}
	return err
}

func (u *unreliable) StagePeople(ctx context.Context, source access.SourceName, listing string, page access.PeoplePage, first int) error {
	return u.answered(u.Store.StagePeople(ctx, source, listing, page, first))
}

func (u *unreliable) ListedPeople(
	ctx context.Context, source access.SourceName, listing string, after access.PersonID, limit int,
) ([]access.ListedRow, error) {
	found, err := u.Store.ListedPeople(ctx, source, listing, after, limit)
	u.most = max(u.most, len(found))
	return found, u.answered(err)
}

func (u *unreliable) KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error) {
	found, err := u.Store.KnownPeople(ctx, source, after, limit)
	u.most = max(u.most, len(found))
	return found, u.answered(err)
}

func (u *unreliable) PlanPeople(ctx context.Context, source access.SourceName, plan string, changes []access.PersonChange) error {
	return u.answered(u.Store.PlanPeople(ctx, source, plan, changes))
}

func (u *unreliable) PeopleChanges(
	ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery,
) ([]access.PersonChange, error) {
	found, err := u.Store.PeopleChanges(ctx, source, plan, q)
	u.most = max(u.most, len(found))
	return found, u.answered(err)
}

func (u *unreliable) ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error {
	return u.answered(u.Store.ApplyPeople(ctx, run, changes))
}

func (u *unreliable) BeginPeopleRun(ctx context.Context, run access.PeopleRun) error {
	return u.answered(u.Store.BeginPeopleRun(ctx, run))
}

func (u *unreliable) SavePeopleRun(ctx context.Context, run access.PeopleRun) error {
	return u.answered(u.Store.SavePeopleRun(ctx, run))
}

func (u *unreliable) PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	run, err := u.Store.PeopleRun(ctx, source, id)
	return run, u.answered(err)
}

func (u *unreliable) LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	run, err := u.Store.LastPeopleRun(ctx, source)
	return run, u.answered(err)
}

func (u *unreliable) PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error) {
	runs, err := u.Store.PeopleRuns(ctx, source, before, limit)
	return runs, u.answered(err)
}

func newCompany(t *testing.T, n int) *company {
	t.Helper()
	store := ledgertest.SQLite(t)
	c := &company{
		t: t, source: memory.NewSource(), ledger: &unreliable{Store: store}, mapping: "m1",
		now: time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC),
		settings: activities.PeopleSettings{
			MissingListings: 2, MoverFields: []string{"manager"},
			Brakes: snapshot.Brakes{LeaversCount: 1000, LeaversShare: 0.1, ShrunkShare: 0.1, FieldShare: 0.3, Floor: 2},
		},
	}
	c.port, c.post = c.source, newPost(c)
	for i := range n {
		c.source.PutRecords(employee(i))
	}
	return c
}

func idOf(i int) access.PersonID { return access.PersonID(fmt.Sprintf("p%04d", i)) }

func employee(i int) access.PersonRecord {
	return access.PersonRecord{
		Person:     access.Person{ID: idOf(i), UserName: "user." + string(idOf(i)), Manager: idOf(i / 10), Active: true},
		Attributes: map[string][]string{access.AttributeDepartment: {fmt.Sprint(i % 7)}},
	}
}

// run runs once, a day after the run before.
func (c *company) run(p workflows.PeopleRunParams) (access.PeopleRun, error) {
	c.t.Helper()
	c.now = c.now.Add(24 * time.Hour)
	return c.runNow(p)
}

func (c *company) runNow(p workflows.PeopleRunParams) (access.PeopleRun, error) {
	c.t.Helper()
	c.runs++
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	// The default is for a machine that has nothing else to do.
	env.SetTestTimeout(time.Minute)
	env.SetStartTime(c.now)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: fmt.Sprintf("people/hr-%d", c.runs), TaskQueue: workflows.TaskQueue})
	env.RegisterActivity(&activities.Source{Port: c.port, Ledger: c.ledger, Mapping: c.mapping, Only: c.only})
	env.RegisterActivity(c.activities())
	env.RegisterWorkflowWithOptions(func(workflow.Context, workflows.IncidentTicketParams) error { return nil }, workflow.RegisterOptions{Name: workflows.IncidentTicketType})
	env.SetOnChildWorkflowStartedListener(c.handsIn)
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.SignalIncidentDone, mock.Anything).Return(
		func(_, id, _, _ string, arg any) error {
			c.closes(id, arg.(workflows.IncidentDone).Text)
			return nil
		})
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.SignalIncidentNews, mock.Anything).Return(
		func(_, _, _, _ string, arg any) error {
			c.news = append(c.news, arg.(workflows.IncidentNews))
			return nil
		})
	if c.cancelled {
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			if info.ActivityType.Name == "ListPeople" {
				env.CancelWorkflow()
			}
		})
	}
	env.SetOnActivityCompletedListener(func(_ *activity.Info, result converter.EncodedValue, _ error) {
		c.calls++
		var raw any
		if result != nil && result.HasValue() && result.Get(&raw) == nil {
			text, err := json.Marshal(raw)
			require.NoError(c.t, err)
			c.size = max(c.size, len(text))
		}
	})
	p.Source = hr
	named := func(ctx workflow.Context, p workflows.PeopleRunParams) (access.PeopleRun, error) {
		run, err := people.Workflow(ctx, p)
		c.details = workflow.GetCurrentDetails(ctx)
		return run, err
	}
	env.ExecuteWorkflow(named, p)
	require.True(c.t, env.IsWorkflowCompleted())
	var run access.PeopleRun
	if err := env.GetWorkflowError(); err != nil {
		return run, err
	}
	require.NoError(c.t, env.GetWorkflowResult(&run))
	return run, nil
}

func (c *company) activities() *activities.People {
	return &activities.People{
		Ledger: c.ledger, Settings: c.allSettings(), Follows: hr, Client: c.post,
		Started: func(_ context.Context, workflow string) (bool, error) {
			return slices.Contains(c.started, workflow), nil
		},
		Running: func(_ context.Context, workflow string) (bool, error) {
			return c.running[workflow] || slices.Contains(c.opened, workflow), nil
		},
	}
}

// handsIn takes an incident of usher itself, whose ticket is open until somebody closes it.
func (c *company) handsIn(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
	var p workflows.IncidentTicketParams
	require.NoError(c.t, args.Get(&p))
	c.handedIn = append(c.handedIn, p.Incident)
	view := access.IncidentView{Incident: p.Incident, State: access.IncidentOpen, Since: c.now, Desk: p.Incident.Desk, Version: 1}
	require.NoError(c.t, c.ledger.SaveIncident(c.t.Context(), view))
	c.opened = append(c.opened, workflows.IncidentWorkflowID(p.Incident.ID))
	c.started = append(c.started, workflows.IncidentWorkflowID(p.Incident.ID))
}

// closes has an incident end.
func (c *company) closes(workflow, text string) {
	c.t.Helper()
	id := access.IncidentID(strings.TrimPrefix(workflow, workflows.IncidentPrefix))
	view, err := c.ledger.Incident(c.t.Context(), id)
	require.NoError(c.t, err)
	view.State, view.Version, view.NothingLeft = access.IncidentClosed, view.Version+1, text
	require.NoError(c.t, c.ledger.SaveIncident(c.t.Context(), view))
	if c.closed == nil {
		c.closed = map[string]string{}
	}
	c.closed[string(id)] = text
}

// activity calls one activity, as an attempt of its own.
func (c *company) activity(name string, input, result any) error {
	c.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(&activities.Source{Port: c.port, Ledger: c.ledger, Mapping: c.mapping, Only: c.only})
	env.RegisterActivity(c.activities())
	value, err := env.ExecuteActivity(name, input)
	if err != nil {
		return err
	}
	return value.Get(result)
}

// planned is a run that has its plan, and has applied nothing.
func (c *company) planned(id string) access.PeopleRun {
	c.t.Helper()
	run := access.PeopleRun{Source: hr, ID: id, Workflow: "people/hr/" + id, BeganAt: c.now.Add(time.Hour)}
	require.NoError(c.t, c.ledger.BeginPeopleRun(c.t.Context(), run))
	var listed activities.ListPeopleResult
	require.NoError(c.t, c.activity("ListPeople", activities.ListPeopleInput{Source: hr, Run: id}, &listed))
	run.Listing, run.Plan, run.Mapping = listed.Listing, listed.ID, listed.Mapping
	require.NoError(c.t, c.activity("PlanPeople", activities.PlanPeopleInput{Run: run, Rows: listed.Rows}, &run))
	return run
}

// people is everybody whom the snapshot has.
func (c *company) people() []access.KnownPerson {
	c.t.Helper()
	var all []access.KnownPerson
	for {
		var after access.PersonID
		if len(all) > 0 {
			after = all[len(all)-1].Record.ID
		}
		page, err := c.ledger.Store.KnownPeople(c.t.Context(), hr, after, ledger.MaxPeople)
		require.NoError(c.t, err)
		if all = append(all, page...); len(page) < ledger.MaxPeople {
			return all
		}
	}
}

// ends runs once, and must end well.
func (c *company) ends() access.PeopleRun {
	c.t.Helper()
	run, err := c.run(workflows.PeopleRunParams{})
	require.NoError(c.t, err)
	return run
}

func (c *company) state(i int) access.PersonState {
	c.t.Helper()
	known, err := c.ledger.KnownPerson(c.t.Context(), hr, idOf(i))
	require.NoError(c.t, err)
	return known.State
}

func (c *company) leave(from, to int) {
	for i := from; i < to; i++ {
		c.source.Deactivate(idOf(i))
	}
}

func holdsOf(run access.PeopleRun) []string {
	var names []string
	for _, h := range run.Holds {
		names = append(names, h.Name())
	}
	return names
}

func (c *company) allSettings() map[access.SourceName]activities.PeopleSettings {
	if c.withoutSource {
		return nil
	}
	return map[access.SourceName]activities.PeopleSettings{hr: c.settings}
}
