package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// toyRun is what the toy's runs carry: what they have got, in order.
type toyRun struct {
	Got   []string  `json:"got"`
	First time.Time `json:"first"`
}

const toyType = "Toy"

// toy takes signals and updates until it has got "end". It leaves when it is told to, and loses what has come with that task.
func toy(ctx workflow.Context, carried toyRun) (toyRun, error) {
	if carried.First.IsZero() {
		carried.First = workflow.Now(ctx)
	}
	ended := false
	err := workflow.SetUpdateHandler(ctx, "update", func(ctx workflow.Context, what string) error {
		carried.Got = append(carried.Got, what)
		return workflow.Sleep(ctx, time.Minute)
	})
	if err != nil {
		return carried, err
	}
	signals := workflow.GetSignalChannel(ctx, "signal")
	for !ended {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return carried, workflow.NewContinueAsNewError(ctx, toyType, carried)
		}
		if err := workflow.Await(ctx, func() bool { return signals.Len() > 0 }); err != nil {
			return carried, temporal.NewCanceledError("cancelled")
		}
		for {
			var what string
			if !signals.ReceiveAsync(&what) {
				break
			}
			ended = ended || what == "end"
			carried.Got = append(carried.Got, fmt.Sprintf("%s after %s", what, workflow.Now(ctx).Sub(carried.First)))
		}
	}
	return carried, nil
}

// toyChain is a chain of toys that is told to leave at its k-th question.
func toyChain(t *testing.T, k int) *chain {
	t.Helper()
	p := newPoint(t, "toy", emptyLedger(t))
	t.Cleanup(func() { require.Empty(t, p.close()) })
	c := newChain(p, func(question int) bool { return question == k })
	w := newWorld(p)
	c.join(w, func() { w.env.RegisterWorkflowWithOptions(toy, workflow.RegisterOptions{Name: toyType}) })
	return c
}

func (c *chain) toyResult() []string {
	var result toyRun
	require.NoError(c.t, c.w.env.GetWorkflowResult(&result))
	return result.Got
}

func TestChain(t *testing.T) {
	t.Run("time and what is to come go on in the next run", func(t *testing.T) {
		for k, runs := range []int{1, 2, 2, 2, 1} {
			c := toyChain(t, k)
			c.at(time.Minute, func() { c.signal("signal", "one") })
			c.at(2*time.Minute, func() { c.signal("signal", "two") })
			c.at(3*time.Minute, func() { c.signal("signal", "end") })
			require.NoError(t, c.execute(toyType, toyRun{}))
			require.Equal(t, []string{"one after 1m0s", "two after 2m0s", "end after 3m0s"}, c.toyResult())
			require.Equal(t, runs, c.runs, "runs with k=%d", k)
		}
	})
	t.Run("a signal that reached no run reaches the next", func(t *testing.T) {
		c := toyChain(t, 2)
		c.at(time.Minute, func() {
			c.signal("signal", "one")
			c.signal("signal", "end")
		})
		require.NoError(t, c.execute(toyType, toyRun{}))
		require.Equal(t, []string{"one after 1m0s", "end after 1m0s"}, c.toyResult())
		require.Equal(t, 2, c.runs)
	})
	t.Run("an update without an answer is sent again", func(t *testing.T) {
		c := toyChain(t, 2)
		var got *answer
		c.at(time.Minute, func() {
			got = c.w.update("update", "u1", "asked")
			c.signal("signal", "one")
		})
		c.at(5*time.Minute, func() { c.signal("signal", "end") })
		require.NoError(t, c.execute(toyType, toyRun{}))
		require.Equal(t, []string{"asked", "one after 1m0s", "asked", "end after 5m0s"}, c.toyResult())
		require.True(t, got.done)
		require.NoError(t, got.accepted)
	})
	t.Run("a cancellation that reached no run reaches the next", func(t *testing.T) {
		c := toyChain(t, 2)
		c.until = chainStart.Add(time.Hour)
		c.at(time.Minute, func() {
			c.signal("signal", "one")
			c.cancelWorkflow()
		})
		var cancelled *temporal.CanceledError
		require.ErrorAs(t, c.execute(toyType, toyRun{}), &cancelled)
		require.Equal(t, 2, c.runs)
	})
}

func TestChainThatBreaks(t *testing.T) {
	t.Run("a chain that does not end is broken", func(t *testing.T) {
		c := toyChain(t, 1)
		c.until = chainStart.Add(time.Hour)
		require.EqualError(t, c.execute(toyType, toyRun{}), "it hangs: it still runs at 2026-03-02 09:00:00")
	})
	t.Run("a chain that only continues is broken", func(t *testing.T) {
		c := toyChain(t, 0)
		c.suggested = func(int) bool { return true }
		require.ErrorContains(t, c.execute(toyType, toyRun{}), "it never ends")
	})
	t.Run("a requirement that fails breaks the chain and is kept", func(t *testing.T) {
		p := newPoint(t, "toy", emptyLedger(t))
		c := newChain(p, func(int) bool { return false })
		w := newWorld(p)
		c.join(w, func() { w.env.RegisterWorkflowWithOptions(toy, workflow.RegisterOptions{Name: toyType}) })
		c.at(time.Minute, func() { require.Equal(p, 1, 2, "one") })
		require.ErrorAs(t, c.execute(toyType, toyRun{}), new(broken))
		require.Equal(t, []string{"Not equal: expected: 1 actual : 2 one"}, p.close())
	})
}

// cancels runs an activity, cancels it after a while, and returns what came of it.
func cancels(ctx workflow.Context, after time.Duration) (string, error) {
	ctx, cancel := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Hour},
	}))
	var result string
	future := workflow.ExecuteActivity(ctx, "Slow")
	if after > 0 {
		_ = workflow.Sleep(ctx, after)
	} else {
		workflow.GetSignalChannel(ctx, "runs").Receive(ctx, nil)
	}
	cancel()
	err := future.Get(ctx, &result)
	return result, err
}

func TestChainWaitsForCancelledActivities(t *testing.T) {
	var attempts atomic.Int32
	run := func(t *testing.T, after time.Duration, slow func(c *chain) (string, error)) (string, error) {
		t.Helper()
		attempts.Store(0)
		c := toyChain(t, 0)
		c.w.env.RegisterWorkflowWithOptions(cancels, workflow.RegisterOptions{Name: "Cancels"})
		c.w.env.RegisterActivityWithOptions(func(context.Context) (string, error) {
			attempts.Add(1)
			return slow(c)
		}, activity.RegisterOptions{Name: "Slow"})
		err := c.execute("Cancels", after)
		var result string
		if err == nil {
			require.NoError(t, c.w.env.GetWorkflowResult(&result))
		}
		return result, err
	}
	cancelled := func(c *chain) {
		c.signal("runs", nil)
		require.Eventually(c.t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, was := range c.running {
				return was
			}
			return false
		}, 10*time.Second, time.Millisecond)
	}
	t.Run("one that runs comes to its result", func(t *testing.T) {
		result, err := run(t, 0, func(c *chain) (string, error) {
			cancelled(c)
			return "done", nil
		})
		require.NoError(t, err)
		require.Equal(t, "done", result)
		require.EqualValues(t, 1, attempts.Load())
	})
	t.Run("one that runs and fails is not tried again", func(t *testing.T) {
		_, err := run(t, 0, func(c *chain) (string, error) {
			cancelled(c)
			return "", access.Errorf(access.Transient, "slow", "away")
		})
		require.ErrorContains(t, err, "away")
		require.EqualValues(t, 1, attempts.Load())
	})
	t.Run("one that waits for its next attempt is cancelled at once", func(t *testing.T) {
		_, err := run(t, time.Minute, func(*chain) (string, error) {
			return "", errors.New("away")
		})
		require.ErrorAs(t, err, new(*temporal.CanceledError))
		require.EqualValues(t, 1, attempts.Load())
	})
}
