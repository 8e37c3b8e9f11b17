package durable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/workflows/durable"
)

// result writes a result into the log.
func (m *toy) result(name string) func(string, error) {
	return func(text string, err error) { m.say("%s: %q %t", name, text, err != nil) }
}

func TestCalls(t *testing.T) {
	t.Run("each brings its result to its own function, once", func(t *testing.T) {
		m, _ := newToy(t)
		local := workflow.LocalActivityOptions{StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}}
		m.step = func(time.Time) {
			switch len(m.log) {
			case 0:
				durable.Start(m.loop, queue("a"), "Echo", "one", m.result("activity"))
			case 1:
				durable.StartLocal(m.loop, local, "Echo", "two", m.result("local"))
			case 2:
				durable.Start(m.loop, queue("a"), "Fail", "three", m.result("failure"))
			}
			m.over = len(m.log) == 3
		}
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{
			`activity: "one" false`, `local: "two" false`, `failure: "" true`,
		}, m.log)
	})
	t.Run("a result that is of another type is an error", func(t *testing.T) {
		m, _ := newToy(t)
		m.once(func() {
			durable.Start(m.loop, queue("a"), "Echo", "text", func(n note, err error) {
				m.say("%+v %t", n, err != nil)
				m.over = true
			})
		})
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{"{A: B:} true"}, m.log)
	})
	t.Run("they run beside one another, whichever ends first", func(t *testing.T) {
		m, calls := newToy(t)
		m.once(func() {
			durable.Start(m.loop, queue("a"), "Hang", "slow", func(string, error) {
				m.say("slow")
				m.over = true
			})
			durable.Start(m.loop, queue("a"), "Echo", "quick", func(string, error) {
				m.say("quick")
				calls.open("slow")
			})
		})
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{"quick", "slow"}, m.log)
	})
	t.Run("a run that is done gives up what nobody needs", func(t *testing.T) {
		m, _ := newToy(t)
		m.over = true
		m.once(func() { durable.Start(m.loop, queue("a"), "Echo", "x", m.result("activity")) })
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{`activity: "" true`}, m.log)
	})
}

// limits are the most activities in flight at once, of a run and of one task queue.
const (
	maxInFlight = 50
	maxPerQueue = 10
)

func TestLimits(t *testing.T) {
	t.Run("at most so many are in flight at once, and at most so many on one queue", func(t *testing.T) {
		const queues, each = 8, 40
		m, _ := newToy(t)
		inFlight, perQueue, most, mostPerQueue := 0, map[string]int{}, 0, 0
		m.see(func(queue string) {
			inFlight++
			perQueue[queue]++
			most, mostPerQueue = max(most, inFlight), max(mostPerQueue, perQueue[queue])
		})
		results := 0
		m.once(func() {
			for q := range queues {
				name := fmt.Sprint("queue ", q)
				for range each {
					durable.Start(m.loop, queue(name), "Echo", "x", func(string, error) {
						results++
						inFlight--
						perQueue[name]--
						m.over = results == queues*each
					})
				}
			}
		})
		require.NoError(t, m.run(t, nil))
		require.Equal(t, queues*each, results)
		require.Equal(t, maxInFlight, most)
		require.Equal(t, maxPerQueue, mostPerQueue)
	})
	t.Run("they start in the order in which they were asked for", func(t *testing.T) {
		m, _ := newToy(t)
		const all = 3 * maxPerQueue
		m.once(func() {
			for i := range all {
				durable.Start(m.loop, queue("a"), "Echo", fmt.Sprint(i), func(text string, err error) {
					m.say("%s", text)
					m.over = len(m.log) == all
				})
			}
		})
		var started []int
		m.see(func(string) { started = append(started, len(m.log)) })
		require.NoError(t, m.run(t, nil))
		for i, results := range started {
			require.Equal(t, max(0, i+1-maxPerQueue), results, "call %d starts when the one %d before it is over", i, maxPerQueue)
		}
		require.Len(t, started, all)
	})
	t.Run("a queue that never answers does not stop another", func(t *testing.T) {
		m, calls := newToy(t)
		const dead, alive = 4, 30
		results := 0
		m.once(func() {
			for q := range dead {
				for range 2 * maxPerQueue {
					durable.Start(m.loop, queue(fmt.Sprint("dead ", q)), "Hang", "dead", func(string, error) {
						if results++; results == 2*maxPerQueue*dead {
							m.over = true
						}
					})
				}
			}
			answers := 0
			for range alive {
				durable.Start(m.loop, queue("alive"), "Echo", "x", func(string, error) {
					require.Zero(t, results, "the dead queues have not answered")
					if answers++; answers == alive {
						m.say("alive")
						calls.open("dead")
					}
				})
			}
		})
		require.NoError(t, m.run(t, nil))
		require.Equal(t, []string{"alive"}, m.log)
	})
}

// TestChecks counts how often the loop asks whether there is something to do, while so many items end at once: each starts an
// activity at the same moment.
func TestChecks(t *testing.T) {
	const perItem = 4
	var counts []int
	for _, items := range []int{250, 1000, 2000} {
		m, _ := newToy(t)
		end := m.env.Now().Add(time.Hour)
		m.due = func() time.Time { return end }
		begun, ended := false, 0
		m.step = func(now time.Time) {
			if begun || now.Before(end) {
				return
			}
			begun = true
			for i := range items {
				durable.Start(m.loop, queue(fmt.Sprint(i%4)), "Echo", "x", func(string, error) {
					ended++
					m.over = ended == items
				})
			}
		}
		require.NoError(t, m.run(t, nil))
		require.Equal(t, items, ended)
		require.LessOrEqual(t, m.loop.Checks(), perItem*items, "checks of %d items", items)
		counts = append(counts, m.loop.Checks())
	}
	t.Logf("row loop checks at 250/1000/2000 items: %d %d %d", counts[0], counts[1], counts[2])
}
