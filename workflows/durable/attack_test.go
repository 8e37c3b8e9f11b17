package durable_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/workflows/durable"
)

// list is a machine that is done while it holds no word.
type list struct{ words []string }

// Step implements durable.Machine.
func (l *list) Step(time.Time) {}

// Due implements durable.Machine.
func (l *list) Due() (time.Time, string) { return time.Time{}, "" }

// Done implements durable.Machine.
func (l *list) Done() bool { return len(l.words) == 0 }

// Cancelled implements durable.Machine.
func (l *list) Cancelled() {}

// Undecodable implements durable.Machine.
func (l *list) Undecodable(string, error) {}

// lingers is how long an update takes: the run cannot end meanwhile, as it cannot while an activity runs.
const lingers = time.Minute

func listWorkflow(ctx workflow.Context) error {
	l := &list{}
	loop := durable.New(ctx, l)
	durable.OnSignal(loop, "hint", func(string) {})
	durable.OnSignal(loop, "word", func(word string) { l.words = append(l.words, word) })
	err := workflow.SetUpdateHandler(ctx, "linger", func(ctx workflow.Context) error { return workflow.Sleep(ctx, lingers) })
	if err != nil {
		return err
	}
	return loop.Run(func() error { return workflow.NewContinueAsNewError(ctx, "list", l.words) })
}

// A message that comes while a run leaves is carried, though there was nothing more to do when it began to leave.
func TestLeavingWhileDone(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(5 * time.Second)
	env.RegisterWorkflow(listWorkflow)
	env.RegisterDelayedCallback(func() { env.UpdateWorkflowNoRejection("linger", "u1", t) }, 0)
	env.RegisterDelayedCallback(func() {
		env.SetContinueAsNewSuggested(true)
		env.SignalWorkflow("hint", "the run has taken a message, so it may leave")
	}, lingers/4)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("word", "work") }, lingers/2)
	env.ExecuteWorkflow(listWorkflow)
	require.True(t, env.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next, "the word is carried")
}
