package workflows_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"usher/internal/access"
	"usher/workflows"
)

const (
	// hangs is how long an environment that has nothing to do waits before the workflow counts as hanging.
	hangs = 10 * time.Second
	// runsAtMost is how many runs a workflow may need here.
	runsAtMost = 30
	day        = 24 * time.Hour
)

// runs takes one workflow through all of its runs, as a server does: a run that continues as new hands its encoded input
// to the next, which begins at the same moment. Messages are sent at their time, whichever run is there.
type runs struct {
	*world
	server *server
	typ    string
	begun  time.Time
	plan   []appointment
	setUp  []func()
	// count is how many runs have begun. carried are the encoded inputs of the continuations, in bytes.
	count   int
	carried []int
	// sent are the messages that no run has taken yet: they go to the next. An environment that is beginning takes none.
	sending   sync.Mutex
	sent      []*sentMessage
	beginning bool
	// deadline is when the last run must have ended; 0 for none. resumes is when the next run begins, if that is later than
	// the end of the one before.
	deadline, resumes time.Duration
}

// appointment is something that happens at a time, counted from the beginning of the first run.
type appointment struct {
	after time.Duration
	do    func()
	done  bool
}

// sentMessage is a signal or an update on its way.
type sentMessage struct {
	name, id string
	arg      any
	answer   *answer
	taken    bool
}

func newRuns(w *world, typ string) *runs {
	r := &runs{world: w, server: newServer(w), typ: typ}
	r.server.took = r.took
	w.entity = r.grants
	return r
}

// grants is a subject's workflow that grants and revokes at once, and answers whichever run is there.
func (r *runs) grants(e access.LeaseSpec) {
	now := r.env.Now().UTC()
	answer := access.LeaseStatus{Lease: e.Lease.ID, Revision: e.Revision, State: access.LeaseActive, GrantedAt: &now, Verification: e.Granted}
	change := r.target.Grant
	if e.DesiredState == access.Absent {
		answer.State, answer.GrantedAt = access.LeaseEnded, nil
		change = r.target.Revoke
	}
	if e.Granted == nil && e.Lease.Binding != nil {
		verification, err := change(r.t.Context(), access.Assignment{Role: e.Lease.Binding.Role, Subject: e.Lease.Subject})
		require.NoError(r.t, err)
		answer.Verification = &verification
	}
	r.signal(workflows.SignalLeaseStatus, answer)
}

// requestRuns are the runs of a request in a new world.
func requestRuns(t *testing.T, change func(*access.RequestSettings)) *runs {
	t.Helper()
	return newRuns(newWorldWith(t, change), workflows.AccessRequestType)
}

// quietTerms are settings by which a request wakes up only once a day.
func quietTerms(t *access.RequestSettings) {
	t.PollInitialInterval, t.PollMaxInterval = access.Duration(30*day), access.Duration(30*day)
}

// each does something before every run, the first included.
func (r *runs) each(do func()) { r.setUp = append(r.setUp, do) }

// at plans something. What is planned for a moment happens in the order of the calls.
func (r *runs) at(after time.Duration, do func()) {
	r.plan = append(r.plan, appointment{after: after, do: do})
	if r.count > 0 {
		r.arm(len(r.plan) - 1)
	}
}

// mustEndBy makes the test fail when the workflow has not ended by then.
func (r *runs) mustEndBy(after time.Duration) { r.deadline = after }

// signal sends a signal.
func (r *runs) signal(name string, arg any) { r.send(&sentMessage{name: name, arg: arg}) }

// hint wakes a request.
func (r *runs) hint() { r.signal(workflows.SignalHint, workflows.Hint{}) }

// update sends an update. One that a run has accepted must be answered by that run.
func (r *runs) update(name, id string, arg any) *answer {
	m := &sentMessage{name: name, id: id, arg: arg, answer: &answer{}}
	r.send(m)
	return m.answer
}

// decide is a person's decision over the API.
func (r *runs) decide(by access.PersonID, v access.Verdict, items ...access.ItemID) *answer {
	id := "d-" + string(by) + "-" + string(v)
	return r.update(workflows.UpdateDecide, id, access.Decision{ID: id, By: by, Verdict: v, Items: items, Reason: "because", Evidence: "test"})
}

// send sends a message to the run that is there, or is about to begin.
func (r *runs) send(m *sentMessage) {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.sent = append(r.sent, m)
	if !r.beginning {
		r.deliver(m)
	}
}

func (r *runs) deliver(m *sentMessage) {
	if m.answer == nil {
		r.env.SignalWorkflow(m.name, m.arg)
		return
	}
	r.env.UpdateWorkflow(m.name, m.id, &testsuite.TestUpdateCallback{
		OnAccept: func() { m.taken = true },
		OnReject: func(err error) { m.taken, m.answer.rejected, m.answer.done = true, err, true },
		OnComplete: func(result any, err error) {
			m.answer.accepted, m.answer.done = err, true
			m.answer.view, _ = result.(access.RequestView)
		},
	}, m.arg)
}

// took is told of each signal that a run takes.
func (r *runs) took(name string) {
	r.sending.Lock()
	defer r.sending.Unlock()
	for _, m := range r.sent {
		if m.name == name && m.answer == nil && !m.taken {
			m.taken = true
			return
		}
	}
}

// growsLong lets the server suggest from now on that the run continues as new, without a workflow task.
func (r *runs) growsLong() {
	env := r.env
	env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 0)
}

// withTheNextTimer has messages sent without a workflow task, so that they come in one task with the next timer of the
// workflow. If the run is to be long, it learns so in that task.
func (r *runs) withTheNextTimer(after time.Duration, long bool, send func()) {
	r.at(after, func() {
		send()
		if long {
			r.growsLong()
		}
	})
}

// signalWithoutTask sends a signal without a workflow task.
func (r *runs) signalWithoutTask(signal string, arg any) {
	r.env.SignalWorkflowSkippingWorkflowTask(signal, arg)
}

// cancelWithoutTask cancels the workflow without a workflow task.
func (r *runs) cancelWithoutTask() { r.signalWithoutTask(silentCancel, nil) }

// passed is the time since the beginning of the first run.
func (r *runs) passed() time.Duration { return r.env.Now().Sub(r.begun) }

// toEnd runs the workflow to the end of its last run, and returns the error of that.
func (r *runs) toEnd(params any) error {
	r.t.Helper()
	next := []any{params}
	for {
		err := r.oneRun(next)
		continues := continuesAsNew(err)
		if continues == nil {
			return err
		}
		next = nil
		for _, payload := range continues.Input.GetPayloads() {
			next = append(next, converter.NewRawValue(payload))
		}
	}
}

// begin makes the environment of the next run.
func (r *runs) begin() {
	r.t.Helper()
	r.sending.Lock()
	defer r.sending.Unlock()
	r.beginning = true
	r.sent = slices.DeleteFunc(r.sent, func(m *sentMessage) bool { return m.taken })
	if r.count++; r.count > 1 {
		now := max(r.passed(), r.resumes)
		r.newRun()
		r.env.SetStartTime(r.begun.Add(now))
	} else {
		r.begun = r.env.Now()
	}
	require.LessOrEqual(r.t, r.count, runsAtMost, "the workflow continues as new again and again")
	r.env.SetTestTimeout(hangs)
	r.server.attach()
	for _, do := range r.setUp {
		do()
	}
	r.env.RegisterDelayedCallback(func() {
		r.sending.Lock()
		defer r.sending.Unlock()
		r.beginning = false
		for _, m := range r.sent {
			r.deliver(m)
		}
	}, 0)
	for i := range r.plan {
		r.arm(i)
	}
	if r.deadline > 0 {
		r.env.RegisterDelayedCallback(func() {
			require.Fail(r.t, "the workflow goes on for ever", "it must have ended after %s; current details: %s", r.deadline, r.details())
		}, max(r.deadline-r.passed(), time.Millisecond))
	}
}

// arm plans an appointment in the run that is there.
func (r *runs) arm(i int) {
	if r.plan[i].done {
		return
	}
	env := r.env
	env.RegisterDelayedCallback(func() {
		if r.plan[i].done || r.env != env {
			return
		}
		r.plan[i].done = true
		r.plan[i].do()
	}, max(r.plan[i].after-r.passed(), 0))
}

// oneRun executes one run, and returns its error.
func (r *runs) oneRun(args []any) error {
	r.t.Helper()
	r.begin()
	execute(r.world, r.typ, args...)
	require.True(r.t, r.env.IsWorkflowCompleted())
	err := r.env.GetWorkflowError()
	if continues := continuesAsNew(err); continues != nil {
		r.carried = append(r.carried, proto.Size(continues.Input))
	}
	return err
}

// execute runs a workflow. One that hangs makes the test fail, where the environment would panic.
func execute(w *world, typ string, args ...any) {
	w.t.Helper()
	defer func() {
		if stuck := recover(); stuck != nil {
			require.Fail(w.t, "the workflow hangs, or the test panics", "%.300s", fmt.Sprint(stuck))
		}
	}()
	w.env.SetTestTimeout(hangs)
	w.env.ExecuteWorkflow(typ, args...)
}

func continuesAsNew(err error) *workflow.ContinueAsNewError {
	var next *workflow.ContinueAsNewError
	if errors.As(err, &next) {
		return next
	}
	return nil
}

// outcomeOf takes a request through all of its runs, and returns its result.
func (r *runs) outcomeOf(q access.Request) workflows.RequestResult {
	r.t.Helper()
	require.NoError(r.t, r.toEnd(workflows.AccessRequestParams{Request: q}))
	var result workflows.RequestResult
	require.NoError(r.t, r.env.GetWorkflowResult(&result))
	return result
}

// details are what operators see on the run's page.
func (w *world) details() string {
	w.t.Helper()
	value, err := w.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(w.t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(w.t, value.Get(&metadata))
	return metadata.GetCurrentDetails()
}

// index is the place of the first event of a type; -1 for none.
func index(events []access.Event, t access.EventType) int {
	return slices.IndexFunc(events, func(e access.Event) bool { return e.Type == t })
}

// commented counts the comments on the request's ticket that contain a text.
func (w *world) commented(text string) int {
	w.t.Helper()
	count := 0
	for _, comment := range w.desk.Comments(w.ticket().Ref.ID) {
		if strings.Contains(comment, text) {
			count++
		}
	}
	return count
}

// silent is a subject's workflow that answers no ensure that the access shall be there.
func (w *world) silent() {
	answers := w.entity
	w.entity = func(e access.LeaseSpec) {
		if e.DesiredState == access.Absent {
			answers(e)
		}
	}
}

// mute is a subject's workflow that answers nothing.
func (w *world) mute() { w.entity = func(access.LeaseSpec) {} }

// approves is a person's approval at a time.
func (r *runs) approves(after time.Duration, by access.PersonID) {
	r.at(after, func() { r.decide(by, access.Approve) })
}

// withdraws is the requester's withdrawal at a time.
func (r *runs) withdraws(after time.Duration) {
	r.at(after, func() { r.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"}) })
}

// nothing is what happens where nothing happens.
func nothing(*runs) {}
