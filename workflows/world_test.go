package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/registry"
)

const catalogYAML = `
applications:
  - id: wiki
    name: Wiki
    owners: [omar, olga]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, max_duration: 30d, stages: [manager]}
      - {role: admin, title: Wiki admin, fulfilment: scim, target: directory, target_role: wiki-admins, max_duration: 1d, stages: [manager, owner]}
  - id: badge
    name: Badge
    owners: [omar]
    entitlements:
      - {role: lab, title: Lab badge, fulfilment: manual, max_duration: 10d, stages: [owner]}
      - {role: vault, title: Vault badge, fulfilment: manual, target: directory, target_role: vault, max_duration: 10d, stages: [owner]}
`

// world is everything that workflows meet, in memory, with time that skips.
type world struct {
	t        testing.TB
	env      *testsuite.TestWorkflowEnvironment
	desk     *memory.Desk
	target   *memory.Target
	source   *memory.Source
	ledger   *faultyLedger
	catalog  *policy.Catalog
	settings access.RequestSettings
	mu       sync.Mutex
	ensures  []access.LeaseSpec
	// heard takes signals to other workflows; nil when none of them runs. started are the workflows that were started.
	heard   func(workflowID, signal string, arg any) error
	started []string
	// entity answers ensures as the subject's workflow would; nil leaves them unanswered.
	entity func(access.LeaseSpec)
	// undeliverable, if set, returns why Temporal does not take an ensure; nil when it does.
	undeliverable func(access.LeaseSpec) error
	// starts takes the workflows that are started, in place of started; nil for nothing.
	starts func(client.StartWorkflowOptions, []any) error
	// edge is true when desk, target and source are served by workers that do not know the ledger.
	edge bool
	// people are those whom the source has had from the beginning, and peopleRuns counts the runs over them.
	people     map[access.PersonID]access.Person
	peopleRuns int
	// accounts are the desk accounts of people.
	accounts map[access.PersonID]access.AccountID
	// leaveOrder are the targets on which the leases of somebody who is absent end first.
	leaveOrder []access.TargetName
	// users are the users of the desk, and incidents how its incidents are kept.
	users     *memory.Users
	incidents activities.IncidentSettings
	// chain, if set, takes what happens over to the next run when a run continues as new.
	chain *chain
	// logger is where a run's log goes; nil for the environment's own.
	logger log.Logger
}

// faultyLedger is the real ledger, which can be away.
type faultyLedger struct {
	*ledger.Store
	mu   sync.Mutex
	away bool
	// unread is true while it does not answer who has left, and unrevoked while it neither answers nor takes what was taken back.
	unread, unrevoked bool
	// unpausable is true while it takes no pause.
	unpausable bool
	// recorded, if set, hears of every entry that has been written.
	recorded func(access.Entry)
}

func (l *faultyLedger) Record(ctx context.Context, entries ...access.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return access.Errorf(access.Transient, "record", "the database is away")
	}
	err := l.Store.Record(ctx, entries...)
	if l.recorded != nil {
		for _, e := range entries {
			l.recorded(e)
		}
	}
	return err
}

func (l *faultyLedger) Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unread {
		return nil, access.Errorf(access.Transient, "standings", "the database is away")
	}
	return l.Store.Standings(ctx, source, people...)
}

func (l *faultyLedger) RevocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unrevoked {
		return nil, access.Errorf(access.Transient, "revocations", "the database is away")
	}
	return l.Store.RevocationsOf(ctx, subject)
}

func (l *faultyLedger) SaveRevocation(ctx context.Context, r access.Revocation, events []access.Event) (access.Revocation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unrevoked {
		return access.Revocation{}, access.Errorf(access.Transient, "record a revocation", "the database is away")
	}
	return l.Store.SaveRevocation(ctx, r, events)
}

func (l *faultyLedger) SavePause(ctx context.Context, p access.Pause) (access.Pause, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unpausable {
		return access.Pause{}, access.Errorf(access.Transient, "record a pause", "the database is away")
	}
	return l.Store.SavePause(ctx, p)
}

// setUnpausable has the ledger take no pause, or take them again.
func (l *faultyLedger) setUnpausable(unpausable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unpausable = unpausable
}

// setUnrevoked has the ledger not answer what was taken back, or answer again.
func (l *faultyLedger) setUnrevoked(unrevoked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unrevoked = unrevoked
}

// setUnread has the ledger not answer who has left, or answer again.
func (l *faultyLedger) setUnread(unread bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread = unread
}

func (w *world) SignalWithStartWorkflow(_ context.Context, workflowID, signal string, arg any, _ client.StartWorkflowOptions, _ any, _ ...any,
) (client.WorkflowRun, error) {
	if signal == workflows.SignalAskedChanged || signal == workflows.SignalRevoke {
		return nil, w.heard(workflowID, signal, arg)
	}
	e, ok := arg.(access.LeaseSpec)
	require.True(w.t, ok)
	if w.undeliverable != nil {
		if err := w.undeliverable(e); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.ensures = append(w.ensures, e)
	w.mu.Unlock()
	if w.entity != nil {
		w.entity(e)
	}
	return nil, nil
}

func (w *world) SignalWorkflow(_ context.Context, workflowID, _, signal string, arg any) error {
	if w.heard == nil {
		return serviceerror.NewNotFound("no such workflow")
	}
	return w.heard(workflowID, signal, arg)
}

func (w *world) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if w.starts != nil {
		return nil, w.starts(o, args)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = append(w.started, o.ID)
	return nil, nil
}

// ledgerFile is the ledger's file in a world's folder.
const ledgerFile = "ledger.db"

func newWorld(t testing.TB) *world { return newWorldWith(t, nil) }

// newWorldWith is a world with other settings.
func newWorldWith(t testing.TB, change func(*access.RequestSettings)) *world {
	t.Helper()
	catalog, err := policy.Parse([]byte(catalogYAML))
	require.NoError(t, err)
	store := ledgertest.SQLite(t)
	people := []access.Person{
		{ID: "ana", DisplayName: "Ana", Email: "ana@example.test", Manager: "mia", Active: true},
		{ID: "mia", DisplayName: "Mia", Email: "mia@example.test", Active: true},
		{ID: "omar", DisplayName: "Omar", Email: "omar@example.test", Manager: "mia", Active: true},
		{ID: "olga", DisplayName: "Olga", Email: "olga@example.test", Manager: "mia", Active: true},
		{ID: "ben", DisplayName: "Ben", Email: "ben@example.test", Manager: "mia", Active: true},
	}
	w := &world{
		t:        t,
		desk:     memory.NewDesk("jira"),
		target:   memory.NewTarget("wiki-editors", "wiki-admins", "vault"),
		source:   memory.NewSource(people...),
		ledger:   &faultyLedger{Store: store},
		accounts: map[access.PersonID]access.AccountID{},
		people:   map[access.PersonID]access.Person{},
		users:    memory.NewUsers(),
		settings: access.RequestSettings{
			Desk: "jira", ApprovalTimeout: access.Duration(7 * 24 * time.Hour), ReminderInterval: access.Duration(24 * time.Hour),
			PollInitialInterval: access.Duration(time.Minute), PollMaxInterval: access.Duration(15 * time.Minute),
			SearchIndexDelay: access.Duration(2 * time.Minute), RequestURL: "https://usher.example.test/r/{id}",
		},
	}
	for _, p := range people {
		w.people[p.ID] = p
		w.target.AddAccounts(p.ID)
		w.accounts[p.ID] = w.desk.AddAccount(p)
	}
	w.desk.SetFulfillers(w.accounts["ben"])
	w.entity = w.grantAtOnce
	if change != nil {
		change(&w.settings)
	}
	w.catalog = catalog
	w.newRun()
	return w
}

// newRun sets a fresh environment: the next run of a workflow, over the same desk, target and ledger.
func (w *world) newRun() {
	var suite testsuite.WorkflowTestSuite
	before := w.env
	if w.logger != nil {
		suite.SetLogger(w.logger)
	}
	if w.chain != nil {
		suite.SetLogger(w.chain.logger)
	}
	w.env = suite.NewTestWorkflowEnvironment()
	if before != nil && w.chain == nil {
		// Time goes on from where the run before ended.
		w.env.SetStartTime(before.Now())
	}
	w.env.SetTestTimeout(time.Minute)
	if w.chain != nil {
		defer w.chain.prepare(w.env)
	}
	w.target.SetClock(w.env.Now)
	registry.Register(w.env)
	w.env.RegisterActivity(&activities.Records{
		Ledger: w.ledger, Client: w, RequestOptions: workflows.RequestOptions, Source: "directory", LeaveOrder: w.leaveOrder,
		Targets: []access.TargetName{"directory"},
	})
	desk, target := &activities.Desk{Port: w.desk, Now: w.env.Now}, &activities.Target{Port: w.target, Source: "directory"}
	watch := &activities.Watch{Ledger: w.ledger, Client: w}
	if !w.edge {
		desk.Ledger, desk.Watch, target.Ledger = w.ledger, watch, w.ledger
	}
	w.env.RegisterActivity(desk)
	w.env.RegisterActivity(target)
	w.env.RegisterActivity(watch)
	w.env.RegisterActivity(&activities.Source{Port: w.source})
	w.env.RegisterActivity(&activities.Incidents{
		Ledger: w.ledger, Desk: w.settings.Desk, Settings: map[access.DeskName]activities.IncidentSettings{w.settings.Desk: w.incidents},
	})
	w.env.RegisterActivity(&activities.IntegrationUsers{
		Port: w.users, Ledger: w.ledger, Client: w, Integration: "memory", Tenant: "https://desk.example.test", KeepAssignee: w.incidents.KeepAssignee,
	})
	var people access.PeopleSource
	if !w.edge {
		people = w.source
	}
	w.env.RegisterActivity(&activities.Policy{
		Catalog: w.catalog, Desk: w.settings.Desk, Settings: map[access.DeskName]access.RequestSettings{w.settings.Desk: w.settings},
		Source: "directory", People: people, Ledger: w.ledger, Follows: "directory",
		Connectors: activities.Connectors{
			Desks: []access.DeskName{"jira"}, Targets: []access.TargetName{"directory"},
			Sources: []access.SourceName{"directory"}, Watched: w.watched(),
		},
	})
}

// watched are the desks with a watch.
func (w *world) watched() map[access.DeskName]access.Duration {
	if w.settings.ChangeDetection != access.DetectByWatch {
		return nil
	}
	return map[access.DeskName]access.Duration{w.settings.Desk: w.settings.Watch.StaleAfter}
}

// continued is what a run that continued as new hands to the next.
func continued[P any](t *testing.T, w *world) P {
	t.Helper()
	require.True(t, w.env.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &next)
	var params P
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &params))
	return params
}

// grantAtOnce is a subject's workflow that grants and revokes on the target at once.
func (w *world) grantAtOnce(e access.LeaseSpec) {
	answer := access.LeaseStatus{Lease: e.Lease.ID, Revision: e.Revision}
	now := w.env.Now().UTC()
	switch {
	case e.DesiredState == access.Absent:
		answer.State = access.LeaseEnded
		if e.Lease.Binding != nil {
			verification, err := w.target.Revoke(w.t.Context(), access.Assignment{Role: e.Lease.Binding.Role, Subject: e.Lease.Subject})
			require.NoError(w.t, err)
			answer.Verification = &verification
		}
	case e.Granted != nil:
		answer.State, answer.GrantedAt, answer.Verification = access.LeaseActive, &now, e.Granted
	default:
		verification, err := w.target.Grant(w.t.Context(), access.Assignment{Role: e.Lease.Binding.Role, Subject: e.Lease.Subject})
		require.NoError(w.t, err)
		answer.State, answer.GrantedAt, answer.Verification = access.LeaseActive, &now, &verification
	}
	w.signal(workflows.SignalLeaseStatus, answer)
}

func (w *world) at(after time.Duration, do func()) {
	if w.chain != nil {
		w.chain.at(after, do)
		return
	}
	w.env.RegisterDelayedCallback(do, after)
}

func (w *world) signal(name string, arg any) {
	if w.chain != nil {
		w.chain.signal(name, arg)
		return
	}
	w.env.SignalWorkflow(name, arg)
}

// request is what ana asks.
func (w *world) request(entitlements ...access.EntitlementID) access.Request {
	r := access.Request{ID: "r1", Requester: "ana", Subject: "ana", Reason: "to write the handbook", SubmittedAt: w.env.Now(), Evidence: "test"}
	for i, e := range entitlements {
		r.Items = append(r.Items, access.Item{ID: access.ItemID(rune('1' + i)), Entitlement: e})
	}
	return r
}

// run runs a request to its end, and gives its result.
func (w *world) run(r access.Request) workflows.RequestResult {
	w.t.Helper()
	return w.finish(workflows.AccessRequestParams{Request: r})
}

// finish runs a run to its end, and gives its result.
func (w *world) finish(p any) workflows.RequestResult {
	w.t.Helper()
	w.env.ExecuteWorkflow(workflows.AccessRequestType, p)
	require.True(w.t, w.env.IsWorkflowCompleted(), "the request must end")
	require.NoError(w.t, w.env.GetWorkflowError())
	var result workflows.RequestResult
	require.NoError(w.t, w.env.GetWorkflowResult(&result))
	return result
}

// answer is what an update answered.
type answer struct {
	accepted, rejected error
	view               access.RequestView
	done               bool
}

func (w *world) update(name, id string, arg any) *answer {
	a := &answer{}
	if w.chain != nil {
		w.chain.updates = append(w.chain.updates, &sentUpdate{name: name, id: id, arg: arg, answer: a})
	}
	w.send(a, name, id, arg)
	return a
}

func (w *world) send(a *answer, name, id string, arg any) {
	w.env.UpdateWorkflow(name, id, &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { a.rejected, a.done = err, true },
		OnComplete: func(result any, err error) {
			a.accepted, a.done = err, true
			if view, ok := result.(access.RequestView); ok {
				a.view = view
			}
		},
	}, arg)
}

// decide is a person's decision over the API.
func (w *world) decide(by access.PersonID, v access.Verdict, items ...access.ItemID) *answer {
	id := "d-" + string(by) + "-" + string(v)
	return w.update(workflows.UpdateDecide, id, access.Decision{ID: id, By: by, Verdict: v, Items: items, Reason: "because", Evidence: "test"})
}

func (w *world) view() access.RequestView {
	w.t.Helper()
	value, err := w.env.QueryWorkflow(workflows.QueryView)
	require.NoError(w.t, err)
	var v access.RequestView
	require.NoError(w.t, value.Get(&v))
	return v
}

// ticket is the request's one ticket.
func (w *world) ticket() memory.DeskTicket {
	w.t.Helper()
	tickets := w.desk.Tickets()
	require.Len(w.t, tickets, 1, "tickets of the request")
	return tickets[0]
}

// ticketsOf counts the tickets of a request.
func (w *world) ticketsOf(id access.RequestID) int {
	count := 0
	for _, t := range w.desk.Tickets() {
		if t.New.Marker.IsOf(id) {
			count++
		}
	}
	return count
}

// move is a human's change of the ticket's status.
func (w *world) move(by access.PersonID, to access.TicketPhase) {
	w.t.Helper()
	require.NoError(w.t, w.desk.MoveAs(w.accounts[by], w.ticket().Ref.ID, to))
}

func (w *world) events(id access.RequestID) []access.Event {
	w.t.Helper()
	events, err := w.ledger.Events(w.t.Context(), id)
	require.NoError(w.t, err)
	return events
}

// has counts the events of a type.
func has(events []access.Event, t access.EventType) int {
	n := 0
	for _, e := range events {
		if e.Type == t {
			n++
		}
	}
	return n
}

// setAway takes the ledger away, or brings it back.
func (l *faultyLedger) setAway(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

// requestedAt is when the request's first event was recorded.
func (w *world) requestedAt() time.Time {
	events := w.events("r1")
	return events[index(events, access.EventSubmitted)].At
}
