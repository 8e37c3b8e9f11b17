package durable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/workflows/durable"
)

// note is a message of these tests.
type note struct {
	A string `json:"a,omitempty"`
	B string `json:"b,omitempty"`
}

// hears declares two signals, "first" before "second", and writes what comes into the log.
func (m *toy) hears(l *durable.Loop) error {
	for _, name := range []string{"first", "second"} {
		durable.OnSignal(l, name, func(n note) { m.say("%s %s%s", name, n.A, n.B) })
	}
	return nil
}

func TestSignals(t *testing.T) {
	t.Run("those of the name that was declared first come first, each name in its order", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() {
			m.env.SignalWorkflowSkippingWorkflowTask("second", note{A: "1"})
			m.env.SignalWorkflowSkippingWorkflowTask("first", note{A: "2"})
			m.env.SignalWorkflowSkippingWorkflowTask("second", note{A: "3"})
			m.env.SignalWorkflow("first", note{A: "4"})
		})
		m.step = func(time.Time) {
			m.say("step")
			m.over = len(m.log) > 2
		}
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"step", "first 2", "first 4", "second 1", "second 3", "step"}, m.log)
	})
	t.Run("a message leaks nothing into the next", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() {
			m.env.SignalWorkflowSkippingWorkflowTask("first", note{A: "a", B: "b"})
			m.env.SignalWorkflow("first", note{A: "c"})
		})
		m.step = func(time.Time) { m.over = len(m.log) == 2 }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first ab", "first c"}, m.log)
	})
	t.Run("one that cannot be decoded is told, and the rest is taken", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() {
			m.env.SignalWorkflowSkippingWorkflowTask("first", note{A: "1"})
			m.env.SignalWorkflowSkippingWorkflowTask("first", "no object")
			m.env.SignalWorkflowSkippingWorkflowTask("first", []int{1})
			m.env.SignalWorkflow("first", note{A: "2"})
		})
		m.step = func(time.Time) { m.over = m.has("first 2") }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first 1", "undecodable first: true", "undecodable first: true", "first 2"}, m.log)
	})
	t.Run("one without a payload is the zero message", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() { m.env.SignalWorkflow("first", nil) })
		m.step = func(time.Time) { m.over = len(m.log) > 0 }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first "}, m.log)
	})
	t.Run("what came before the end is taken before the end", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() {
			m.env.SignalWorkflowSkippingWorkflowTask("second", note{A: "late"})
			m.env.SignalWorkflow("first", note{A: "end"})
		})
		m.step = func(time.Time) { m.over = m.has("first end") }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first end", "second late"}, m.log)
	})
}

func TestCancellation(t *testing.T) {
	t.Run("is seen in the same pass as a message, and once", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, func() {
			m.env.SignalWorkflowSkippingWorkflowTask("first", note{A: "1"})
			m.env.CancelWorkflow()
		})
		m.at(time.Hour, func() { m.env.SignalWorkflow("first", note{A: "2"}) })
		m.step = func(time.Time) {
			m.say("step")
			m.over = m.has("first 2")
		}
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"step", "first 1", "cancelled", "step", "first 2", "step"}, m.log)
	})
	t.Run("does not reach what the workflow does", func(t *testing.T) {
		m, _ := newToy(t)
		m.at(time.Minute, m.env.CancelWorkflow)
		begun := false
		m.step = func(time.Time) {
			if begun || !m.has("cancelled") {
				return
			}
			begun = true
			durable.Start(m.loop, queue("a"), "Echo", "tidied up", func(text string, err error) {
				m.say("%s %v", text, err)
				m.over = true
			})
		}
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{"cancelled", "tidied up <nil>"}, m.log)
		require.NoError(t, m.loop.Context().Err())
	})
}

// timers counts what became of the timers of a run.
func (m *toy) timers() (scheduled *[]time.Duration, cancelled *int) {
	scheduled, cancelled = &[]time.Duration{}, new(int)
	m.env.SetOnTimerScheduledListener(func(_ string, wait time.Duration) { *scheduled = append(*scheduled, wait) })
	m.env.SetOnTimerCanceledListener(func(string) { *cancelled++ })
	return scheduled, cancelled
}

func TestTimer(t *testing.T) {
	t.Run("one is kept as long as it fires in time", func(t *testing.T) {
		m, _ := newToy(t)
		scheduled, cancelled := m.timers()
		begin := m.env.Now()
		at := begin.Add(time.Hour)
		m.due = func() time.Time { return at }
		for i := range 5 {
			m.at(time.Duration(i+1)*time.Minute, func() {
				at = at.Add(time.Hour)
				m.env.SignalWorkflow("first", note{})
			})
		}
		m.step = func(now time.Time) { m.over = !now.Before(at) }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []time.Duration{time.Hour, 5 * time.Hour}, *scheduled)
		require.Zero(t, *cancelled)
		require.Equal(t, 6*time.Hour, m.env.Now().Sub(begin))
	})
	t.Run("one is replaced when something is due sooner", func(t *testing.T) {
		m, _ := newToy(t)
		scheduled, cancelled := m.timers()
		begin := m.env.Now()
		at := begin.Add(time.Hour)
		m.due = func() time.Time { return at }
		m.at(time.Minute, func() {
			at = begin.Add(10 * time.Minute)
			m.env.SignalWorkflow("first", note{})
		})
		m.step = func(now time.Time) { m.over = !now.Before(at) }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []time.Duration{time.Hour, 9 * time.Minute}, *scheduled)
		require.Equal(t, 1, *cancelled)
		require.Equal(t, 10*time.Minute, m.env.Now().Sub(begin))
	})
	t.Run("a machine that is always due does not spin", func(t *testing.T) {
		m, _ := newToy(t)
		begin := m.env.Now()
		m.due = func() time.Time { return begin }
		steps := 0
		m.step = func(time.Time) {
			steps++
			m.over = steps == 10
		}
		require.NoError(t, m.run(t, nil))
		require.Equal(t, 9*time.Second, m.env.Now().Sub(begin))
	})
	t.Run("a machine that is never due has none", func(t *testing.T) {
		m, _ := newToy(t)
		scheduled, _ := m.timers()
		m.at(time.Hour, func() { m.env.SignalWorkflow("first", note{}) })
		m.step = func(time.Time) { m.over = len(m.log) > 0 }
		require.NoError(t, m.run(t, m.hears))
		require.Empty(t, *scheduled)
	})
}

func TestLeaving(t *testing.T) {
	t.Run("a run leaves only after a message or a result", func(t *testing.T) {
		m, _ := newToy(t)
		begin := m.env.Now()
		at := begin
		m.env.SetContinueAsNewSuggested(true)
		m.due = func() time.Time { return at }
		m.step = func(now time.Time) { at = now.Add(time.Hour) }
		m.at(100*time.Hour, func() { m.env.SignalWorkflow("first", note{A: "1"}) })
		require.ErrorContains(t, m.run(t, m.hears), errCarried.Error())
		require.Equal(t, []string{"first 1", "carried"}, m.log)
		require.Equal(t, 100*time.Hour, m.env.Now().Sub(begin), "a timer is no progress")
	})
	t.Run("a cancellation is progress, and is taken before", func(t *testing.T) {
		m, _ := newToy(t)
		m.env.SetContinueAsNewSuggested(true)
		m.at(time.Hour, m.env.CancelWorkflow)
		require.ErrorContains(t, m.run(t, nil), errCarried.Error())
		require.Equal(t, []string{"cancelled", "carried"}, m.log)
	})
	t.Run("messages that come while it leaves are taken, and the machine takes no step", func(t *testing.T) {
		m, _ := newToy(t)
		m.once(func() {
			durable.Start(m.loop, queue("a"), "Hang", "x", func(string, error) { m.say("result") })
			m.env.SetContinueAsNewSuggested(true)
			m.env.SignalWorkflow("first", note{A: "go"})
		})
		begin := m.step
		m.step = func(now time.Time) {
			begin(now)
			m.say("step")
		}
		err := m.run(t, func(l *durable.Loop) error {
			durable.OnSignal(l, "first", func(note) {
				m.say("first")
				// It comes in the task in which the cancelled activity does.
				m.env.SignalWorkflowSkippingWorkflowTask("second", note{A: "behind"})
			})
			durable.OnSignal(l, "second", func(n note) { m.say("second %s", n.A) })
			return nil
		})
		require.ErrorContains(t, err, errCarried.Error())
		require.Equal(t, []string{"step", "first", "step", "result", "second behind", "carried"}, m.log)
	})
	t.Run("what is in flight is cancelled, and every result is taken, in the order of start", func(t *testing.T) {
		m, _ := newToy(t)
		const all, perQueue = 25, 10
		m.once(func() {
			for i := range all {
				durable.Start(m.loop, queue("a"), "Hang", fmt.Sprint(i), func(text string, err error) {
					m.say("%d %q %t", i, text, temporal.IsCanceledError(err))
				})
			}
			m.env.SetContinueAsNewSuggested(true)
			m.env.SignalWorkflow("first", note{A: "go"})
		})
		require.ErrorContains(t, m.run(t, m.hears), errCarried.Error())
		// What has not started ends at once, so it comes first.
		want := []string{"first go"}
		for i := range all {
			want = append(want, fmt.Sprintf(`%d "" true`, (i+perQueue)%all))
		}
		require.Equal(t, append(want, "carried"), m.log)
		require.True(t, m.loop.Leaving())
	})
	t.Run("what a result starts while the run leaves is not started", func(t *testing.T) {
		m, _ := newToy(t)
		started := 0
		m.see(func(string) { started++ })
		m.once(func() {
			durable.Start(m.loop, queue("a"), "Hang", "x", func(string, error) {
				durable.Start(m.loop, queue("a"), "Echo", "y", func(text string, err error) {
					m.say("%q %t", text, temporal.IsCanceledError(err))
				})
			})
			m.env.SetContinueAsNewSuggested(true)
			m.env.SignalWorkflow("first", note{A: "go"})
		})
		require.ErrorContains(t, m.run(t, m.hears), errCarried.Error())
		require.Equal(t, []string{"first go", `"" true`, "carried"}, m.log)
		require.Equal(t, 1, started)
	})
	t.Run("a run that is done while it leaves ends", func(t *testing.T) {
		m, _ := newToy(t)
		m.once(func() {
			durable.Start(m.loop, queue("a"), "Hang", "x", func(string, error) { m.over = true })
			m.env.SetContinueAsNewSuggested(true)
			m.env.SignalWorkflow("first", note{A: "go"})
		})
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first go"}, m.log)
	})
	t.Run("a run that is done ends, however long it has grown", func(t *testing.T) {
		m, _ := newToy(t)
		m.env.SetContinueAsNewSuggested(true)
		m.at(time.Hour, func() { m.env.SignalWorkflow("first", note{A: "end"}) })
		m.step = func(time.Time) { m.over = m.has("first end") }
		require.NoError(t, m.run(t, m.hears))
		require.Equal(t, []string{"first end"}, m.log)
	})
}
