package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
)

// monday is usher's time in these tests.
var monday = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

// journal is what ledger and post were asked for, in the order in which it happened.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) write(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) read() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// store is a real ledger that keeps a journal and can be away.
type store struct {
	*ledger.Store
	*journal
	away bool
	// hangs takes what is to be recorded and does not answer.
	hangs bool
	// blind cannot read who has left, and unrevoked what was revoked.
	blind, unrevoked bool
}

var (
	_ activities.LedgerStore = (*store)(nil)
	_ activities.WatchStore  = (*store)(nil)
)

func newStore(t *testing.T, j *journal) *store {
	t.Helper()
	s := ledgertest.SQLite(t)
	return &store{Store: s, journal: j}
}

// asked writes a line and gives the error of a ledger that is away.
func (s *store) asked(line string) error {
	s.write("%s", line)
	if s.away {
		return access.Errorf(access.Transient, line, "the database is away")
	}
	return nil
}

func (s *store) Record(ctx context.Context, entries ...access.Entry) error {
	if s.hangs {
		<-ctx.Done()
		return access.Errorf(access.Transient, "record", "%w", ctx.Err())
	}
	if err := s.asked("record"); err != nil {
		return err
	}
	return s.Store.Record(ctx, entries...)
}

func (s *store) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	if err := s.asked("lease"); err != nil {
		return access.LeaseView{}, err
	}
	return s.Store.Lease(ctx, id)
}

func (s *store) Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error) {
	if s.blind {
		return nil, access.Errorf(access.Transient, "standings", "the database is away")
	}
	return s.Store.Standings(ctx, source, people...)
}

func (s *store) RevocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error) {
	if s.unrevoked {
		return nil, access.Errorf(access.Transient, "revocations", "the database is away")
	}
	return s.Store.RevocationsOf(ctx, subject)
}

func (s *store) SaveRevocation(ctx context.Context, r access.Revocation, events []access.Event) (access.Revocation, error) {
	if err := s.asked("revocation"); err != nil {
		return access.Revocation{}, err
	}
	return s.Store.SaveRevocation(ctx, r, events)
}

func (s *store) Watch(ctx context.Context, desk access.DeskName) (access.WatchPosition, error) {
	if err := s.asked("watch"); err != nil {
		return access.WatchPosition{}, err
	}
	return s.Store.Watch(ctx, desk)
}

func (s *store) WatchedTickets(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.WatchedTicket, error) {
	if err := s.asked("tickets"); err != nil {
		return nil, err
	}
	return s.Store.WatchedTickets(ctx, desk, ids)
}

func (s *store) SaveFingerprints(ctx context.Context, desk access.DeskName, marks map[access.TicketID]access.TicketFingerprint) error {
	if err := s.asked("fingerprints"); err != nil {
		return err
	}
	return s.Store.SaveFingerprints(ctx, desk, marks)
}

func (s *store) SaveWatch(ctx context.Context, view access.WatchPosition) error {
	if err := s.asked("position"); err != nil {
		return err
	}
	return s.Store.SaveWatch(ctx, view)
}

// signal is what was said to a workflow; with options where it would have been started.
type signal struct {
	id, name string
	arg      any
	options  client.StartWorkflowOptions
	workflow any
	params   any
}

// post is a Temporal client that keeps what was said.
type post struct {
	*journal
	signals, ensures, started []signal
	// ended are workflows that no longer run, deaf are those that no message reaches, running those that run already, and
	// impossible those that Temporal will never take a message for.
	ended, deaf, running, impossible map[string]bool
}

var _ activities.Messenger = (*post)(nil)

func newPost(j *journal) *post {
	return &post{journal: j, ended: map[string]bool{}, deaf: map[string]bool{}, running: map[string]bool{}, impossible: map[string]bool{}}
}

func (p *post) reach(id string) error {
	p.write("%s", id)
	switch {
	case p.deaf[id]:
		return serviceerror.NewUnavailable("Temporal is away")
	case p.impossible[id]:
		return serviceerror.NewInvalidArgument("the id is too long")
	case p.ended[id]:
		return serviceerror.NewNotFound("no such workflow")
	}
	return nil
}

func (p *post) SignalWorkflow(_ context.Context, id, _, name string, arg any) error {
	if err := p.reach(id); err != nil {
		return err
	}
	p.signals = append(p.signals, signal{id: id, name: name, arg: arg})
	return nil
}

func (p *post) SignalWithStartWorkflow(_ context.Context, id, name string, arg any, o client.StartWorkflowOptions, workflow any, params ...any,
) (client.WorkflowRun, error) {
	if err := p.reach(id); err != nil {
		return nil, err
	}
	p.ensures = append(p.ensures, signal{id: id, name: name, arg: arg, options: o, workflow: workflow, params: params[0]})
	return nil, nil
}

// ExecuteWorkflow starts a workflow as a client does: where it runs already, the options say whether that is an error.
func (p *post) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, workflow any, params ...any) (client.WorkflowRun, error) {
	if err := p.reach(o.ID); err != nil {
		return nil, err
	}
	if p.running[o.ID] {
		if o.WorkflowIDConflictPolicy == enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL && o.WorkflowExecutionErrorWhenAlreadyStarted {
			return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("it runs", "", "")
		}
		return startedRun{}, nil
	}
	started := signal{id: o.ID, options: o, workflow: workflow}
	if len(params) > 0 {
		started.params = params[0]
	}
	p.started = append(p.started, started)
	return startedRun{}, nil
}

// startedRun is a run that was started, or was there.
type startedRun struct{ client.WorkflowRun }

// requireKind is that an activity has failed with a kind.
func requireKind(t *testing.T, kind access.Kind, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, string(kind), app.Type(), app.Message())
}

// submitted is an entry for a request with one event.
func submitted(id access.RequestID) access.Entry {
	return access.Entry{
		Events: []access.Event{{ID: "request/" + string(id) + "#1", Request: id, Type: access.EventSubmitted, At: monday, Channel: access.ChannelAPI}},
		View: &access.RequestView{
			Request: access.Request{ID: id, Requester: "ana", Subject: "ana", SubmittedAt: monday}, State: access.StateAwaitingApproval, Version: 1,
		},
	}
}

// asJSON is what a parameter looks like to the workflow that gets it.
func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
