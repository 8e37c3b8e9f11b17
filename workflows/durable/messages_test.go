package durable_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/workflows/durable"
)

// reply is what an update brought.
type reply struct {
	rejected, failed error
	result           any
	done             bool
}

// update sends an update.
func (m *toy) update(id string, arg any) *reply {
	r := &reply{}
	m.env.UpdateWorkflow("change", id, &testsuite.TestUpdateCallback{
		OnAccept:   func() {},
		OnReject:   func(err error) { r.rejected, r.done = err, true },
		OnComplete: func(result any, err error) { r.result, r.failed, r.done = result, err, true },
	}, arg)
	return r
}

// changes serves the update: it is refused when its text is "no", and answerable when the test says so.
func (m *toy) changes(answerable *bool) func(*durable.Loop) error {
	return func(l *durable.Loop) error {
		return durable.OnUpdate(l, durable.Update[note, string]{
			Name: "change", Description: "a change of the toy",
			Judge: func(n note) error {
				if n.A == "no" {
					return errors.New("it is refused")
				}
				return nil
			},
			Apply: func(n note) func() bool {
				m.say("apply %s", n.A)
				if answerable == nil {
					return nil
				}
				return func() bool { return *answerable }
			},
			Answer: func(n note) (string, error) { return "answer to " + n.A, nil },
		})
	}
}

func TestUpdates(t *testing.T) {
	t.Run("one that is refused leaves no trace", func(t *testing.T) {
		m, _ := newToy(t)
		var refused *reply
		steps := 0
		m.at(time.Minute, func() { refused = m.update("u1", note{A: "no"}) })
		m.at(time.Hour, func() {
			require.True(t, refused.done)
			require.Equal(t, 1, steps, "the machine has taken no step for it")
			m.update("u2", note{A: "yes"})
		})
		m.step = func(time.Time) {
			steps++
			m.over = m.has("apply yes")
		}
		require.NoError(t, m.run(t, m.changes(nil)))
		require.ErrorContains(t, refused.rejected, "it is refused")
		require.Equal(t, []string{"apply yes"}, m.log)
	})
	t.Run("one is answered at once where nothing is to be waited for", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		m.step = func(time.Time) { m.over = len(m.log) > 0 }
		require.NoError(t, m.run(t, m.changes(nil)))
		require.Equal(t, &reply{result: "answer to a", done: true}, answer)
	})
	t.Run("one is applied at once, and answered when it is answerable", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		answerable := false
		end := m.env.Now().Add(time.Hour)
		m.due = func() time.Time { return end }
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		m.at(2*time.Minute, func() {
			require.Equal(t, []string{"apply a"}, m.log)
			require.False(t, answer.done)
		})
		m.step = func(now time.Time) {
			answerable = !now.Before(end)
			m.over = answerable
		}
		require.NoError(t, m.run(t, m.changes(&answerable)))
		require.Equal(t, "answer to a", answer.result)
	})
	t.Run("a run does not end before every update is answered", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		answerable := false
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		m.step = func(time.Time) {
			if m.over = m.has("apply a"); m.over && !answerable {
				durable.Start(m.loop, queue("a"), "Echo", "x", func(string, error) { answerable = true })
			}
		}
		require.NoError(t, m.run(t, m.changes(&answerable)))
		require.Equal(t, "answer to a", answer.result)
	})
	t.Run("one is answered when the run leaves", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		never := false
		m.env.SetContinueAsNewSuggested(true)
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		m.at(time.Hour, func() { m.env.SignalWorkflow("first", note{A: "go"}) })
		err := m.run(t, func(l *durable.Loop) error {
			durable.OnSignal(l, "first", func(note) {})
			return m.changes(&never)(l)
		})
		require.ErrorContains(t, err, errCarried.Error())
		require.Equal(t, []string{"apply a", "carried"}, m.log)
		require.Equal(t, &reply{result: "answer to a", done: true}, answer)
	})
	t.Run("one that was applied is progress", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		m.env.SetContinueAsNewSuggested(true)
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		require.ErrorContains(t, m.run(t, m.changes(nil)), errCarried.Error())
		require.Equal(t, []string{"apply a", "carried"}, m.log)
		require.Equal(t, "answer to a", answer.result)
	})
	t.Run("one that is refused is no progress", func(t *testing.T) {
		m, _ := newToy(t)
		m.env.SetContinueAsNewSuggested(true)
		m.at(time.Minute, func() { m.update("u1", note{A: "no"}) })
		m.at(2*time.Minute, func() {
			require.False(t, m.env.IsWorkflowCompleted())
			m.update("u2", note{A: "a"})
		})
		require.ErrorContains(t, m.run(t, m.changes(nil)), errCarried.Error())
		require.Equal(t, []string{"apply a", "carried"}, m.log)
	})
	t.Run("a cancellation leaves no caller without an answer", func(t *testing.T) {
		m, _ := newToy(t)
		var answer *reply
		answerable := false
		end := m.env.Now().Add(time.Hour)
		m.due = func() time.Time { return end }
		m.at(time.Minute, func() { answer = m.update("u1", note{A: "a"}) })
		m.at(2*time.Minute, m.env.CancelWorkflow)
		m.at(3*time.Minute, func() { require.False(t, answer.done) })
		m.step = func(now time.Time) {
			answerable = !now.Before(end)
			m.over = answerable
		}
		require.NoError(t, m.run(t, m.changes(&answerable)))
		require.Equal(t, "answer to a", answer.result)
		require.Equal(t, []string{"apply a", "cancelled"}, m.log)
	})
}
