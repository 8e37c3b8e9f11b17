package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows/outbox"
)

func TestOrder(t *testing.T) {
	t.Run("facts are written in order, each once", func(t *testing.T) {
		n := newNotebook(t)
		n.at(time.Minute, func() {
			require.Equal(t, 1, n.Add(fact("1")))
			require.Equal(t, 2, n.Add(fact("2")))
		})
		n.at(time.Hour, func() {
			require.True(t, n.Written(2))
			require.Equal(t, 3, n.Add(fact("3")))
		})
		n.ends(2 * time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []string{"1 2", "3"}, n.ledger.batches())
		require.Equal(t, "completed", n.ledger.calls[0].Entries[0].Events[0].Text)
	})
	t.Run("one batch is in flight, and what comes meanwhile goes out together", func(t *testing.T) {
		n := newNotebook(t)
		added := make(chan struct{})
		n.at(time.Minute, func() { n.Add(fact("1")) })
		n.plan = append(n.plan, func() {
			n.Add(fact("2"))
			n.Add(fact("3"))
			n.over = true
			close(added)
		})
		n.ledger.answer = func(call int, _ activities.RecordInput) (activities.RecordResult, error) {
			if call == 0 {
				n.env.SignalWorkflow("do", len(n.plan)-1)
				<-added
			}
			return activities.RecordResult{}, nil
		}
		require.NoError(t, n.run(t))
		require.Equal(t, []string{"1", "2 3"}, n.ledger.batches())
	})
	t.Run("messages go out with the facts that they rest on", func(t *testing.T) {
		n := newNotebook(t)
		n.at(time.Minute, func() {
			n.Add(fact("1", "r1:1"))
			n.Add(outbox.Fact{Status: []activities.LeaseStatusMessage{status("r1:2")}})
			require.True(t, n.Holds("r1:1"))
			require.False(t, n.Holds("r1:2"), "a status is no message about what shall be")
		})
		n.at(time.Hour, func() { require.False(t, n.Holds("r1:1")) })
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Len(t, n.ledger.calls, 1)
		require.Equal(t, []access.LeaseID{"r1:1"}, n.ledger.applied)
		require.Equal(t, []access.LeaseID{"r1:1", "r1:2"}, n.ledger.told)
	})
	t.Run("the leases of a status that found nobody are told", func(t *testing.T) {
		n := newNotebook(t)
		n.at(time.Minute, func() { n.Add(fact("1", "r1:1")) })
		n.ends(time.Hour)
		n.ledger.answer = func(int, activities.RecordInput) (activities.RecordResult, error) {
			return activities.RecordResult{Undelivered: []access.LeaseID{"r1:1"}}, nil
		}
		require.NoError(t, n.run(t))
		require.Equal(t, []access.LeaseID{"r1:1"}, n.undelivered)
	})
}

func TestUnavailable(t *testing.T) {
	// The ledger is unavailable for a day.
	unavailable := func(n *notebook) func(int, activities.RecordInput) (activities.RecordResult, error) {
		back := n.env.Now().Add(24 * time.Hour)
		return func(_ int, c activities.RecordInput) (activities.RecordResult, error) {
			if len(c.Entries) > 0 && n.env.Now().Before(back) {
				return activities.RecordResult{}, refuses(access.Transient)
			}
			return activities.RecordResult{}, nil
		}
	}
	t.Run("nobody waits, and everything is written when it is back", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = unavailable(n)
		number := 0
		n.at(time.Minute, func() {
			number = n.Add(fact("1", "r1:1"))
			require.False(t, n.Recorded(number))
		})
		n.at(2*time.Minute, func() {
			require.True(t, n.Unavailable)
			require.True(t, n.Recorded(number))
			require.False(t, n.Written(number))
			require.True(t, n.Holds("r1:1"))
			require.Empty(t, n.ledger.applied, "what rests on a fact waits for it")
			n.Add(fact("2"))
		})
		n.ends(48 * time.Hour)
		require.NoError(t, n.run(t))
		require.False(t, n.Unavailable)
		require.Equal(t, []string{"1", "2"}, n.ledger.written)
		require.Equal(t, []access.LeaseID{"r1:1"}, n.ledger.applied)
	})
	t.Run("a status is sent ahead once, and again with its fact", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = unavailable(n)
		n.at(time.Minute, func() { n.Add(fact("1", "r1:1")) })
		n.at(time.Hour, func() {
			require.Equal(t, []access.LeaseID{"r1:1"}, n.ledger.told)
		})
		n.ends(48 * time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []access.LeaseID{"r1:1", "r1:1"}, n.ledger.told)
	})
}

func TestRefused(t *testing.T) {
	for _, kind := range []access.Kind{access.Invalid, access.Conflict} {
		t.Run("one fact among many, "+string(kind), func(t *testing.T) {
			n := newNotebook(t)
			n.ledger.answer = refusing("3", kind)
			n.at(time.Minute, func() {
				for i := range 5 {
					n.Add(fact(fmt.Sprint(i+1), access.LeaseID(fmt.Sprint("r1:", i+1))))
				}
			})
			n.at(time.Hour, func() { n.Add(fact("6")); n.Add(fact("7")) })
			n.ends(2 * time.Hour)
			require.NoError(t, n.run(t))
			require.Equal(t, []string{"1", "2", "4", "5", "6", "7"}, n.ledger.written)
			require.Equal(t, []string{"1 2 3 4 5", "1", "2", "3", "4", "5", "6 7"}, n.ledger.batches(), "one by one until the batch is done")
			require.Equal(t, []string{"3: the ledger says " + string(kind)}, n.refused)
			require.Equal(t, []access.LeaseID{"r1:1", "r1:2", "r1:4", "r1:5"}, n.ledger.applied, "what rests on it is never sent")
			require.Equal(t, []access.LeaseID{"r1:1", "r1:2", "r1:4", "r1:5"}, n.ledger.told)
			require.Equal(t, []outbox.Refusal{{What: "3", Reason: "the ledger says " + string(kind)}}, n.state.Refused)
			require.True(t, n.Written(3), "nobody waits for it")
			require.True(t, n.Empty())
		})
	}
	t.Run("a fact that is alone", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = refusing("1", access.Invalid)
		n.at(time.Minute, func() { n.Add(fact("1")) })
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []string{"1"}, n.ledger.batches(), "it is not repeated")
		require.Len(t, n.refused, 1)
	})
	t.Run("what comes while they go one by one waits behind them", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = refusing("1", access.Conflict)
		n.at(time.Minute, func() { n.Add(fact("1")); n.Add(fact("2")) })
		added := false
		n.step = func() {
			if len(n.refused) == 1 && !added {
				added = true
				n.Add(fact("3"))
				n.Add(fact("4"))
			}
		}
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []string{"1 2", "1", "2", "3 4"}, n.ledger.batches())
	})
	t.Run("the page names the first ones, as plain text", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = func(int, activities.RecordInput) (activities.RecordResult, error) {
			return activities.RecordResult{}, temporal.NewNonRetryableApplicationError("no *such* row", string(access.Invalid), nil)
		}
		require.Empty(t, n.state.Details())
		n.at(time.Minute, func() {
			n.Add(outbox.Fact{View: true, Status: []activities.LeaseStatusMessage{status("r1:1")}})
			for i := range 6 {
				n.Add(fact(fmt.Sprint("event_", i+1)))
			}
		})
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Len(t, n.refused, 7)
		text := n.state.Details()
		require.Contains(t, text, "The ledger refuses 7 facts for good.")
		require.Contains(t, text, "- a view: no \\*such\\* row\n- event\\_1: no \\*such\\* row\n")
		require.Contains(t, text, "- and 2 more\n")
		require.Equal(t, 6, strings.Count(text, "\n- "))
	})
}

func TestWithdraw(t *testing.T) {
	both := []access.LeaseID{"r1:1", "r1:2"}
	t.Run("a message that is not on its way is taken back", func(t *testing.T) {
		n := newNotebook(t)
		n.at(time.Minute, func() {
			n.Add(fact("1", both...))
			n.Add(fact("2", both...))
			n.Withdraw("r1:1")
			n.WithdrawStatus("r1:2")
			require.False(t, n.Holds("r1:1"))
			require.True(t, n.Holds("r1:2"))
		})
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []string{"1", "2"}, n.ledger.written)
		require.Equal(t, []access.LeaseID{"r1:2", "r1:2"}, n.ledger.applied)
		require.Equal(t, []access.LeaseID{"r1:1", "r1:1"}, n.ledger.told)
	})
	t.Run("one that is on its way goes on", func(t *testing.T) {
		n := newNotebook(t)
		withdrawn := make(chan struct{})
		n.at(time.Minute, func() { n.Add(fact("1", "r1:1")) })
		n.plan = append(n.plan, func() {
			n.Add(fact("2", both...))
			n.Withdraw("r1:1")
			n.WithdrawStatus("r1:1")
			require.True(t, n.Holds("r1:1"))
			n.over = true
			close(withdrawn)
		})
		n.ledger.answer = func(call int, _ activities.RecordInput) (activities.RecordResult, error) {
			if call == 0 {
				n.env.SignalWorkflow("do", len(n.plan)-1)
				<-withdrawn
			}
			return activities.RecordResult{}, nil
		}
		require.NoError(t, n.run(t))
		require.Equal(t, []access.LeaseID{"r1:1", "r1:2"}, n.ledger.applied)
		require.Equal(t, []access.LeaseID{"r1:1", "r1:2"}, n.ledger.told)
	})
}

func TestSend(t *testing.T) {
	call := activities.RecordInput{Specs: []activities.ApplyLeaseMessage{apply("r1:1")}, Statuses: []activities.LeaseStatusMessage{status("r1:2")}}
	t.Run("messages that rest on no fact do not wait for one", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = func(_ int, c activities.RecordInput) (activities.RecordResult, error) {
			if len(c.Entries) > 0 {
				return activities.RecordResult{}, refuses(access.Transient)
			}
			return activities.RecordResult{}, nil
		}
		n.at(time.Minute, func() {
			n.Add(fact("1"))
			n.Send(call, "send", func() { require.Fail(t, "it has arrived") })
			n.Send(activities.RecordInput{}, "send nothing", func() { require.Fail(t, "nothing was sent") })
		})
		n.at(2*time.Minute, func() {
			require.Equal(t, []access.LeaseID{"r1:1"}, n.ledger.applied)
			n.ledger.answer = nil
		})
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
	})
	t.Run("the sender is told when they do not arrive", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = func(int, activities.RecordInput) (activities.RecordResult, error) {
			return activities.RecordResult{}, refuses(access.Invalid)
		}
		failed := 0
		n.at(time.Minute, func() {
			n.Send(call, "send", func() { failed++ })
			n.Send(call, "send", nil)
		})
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, 1, failed)
	})
	t.Run("the leases of a status that found nobody are told", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = func(int, activities.RecordInput) (activities.RecordResult, error) {
			return activities.RecordResult{Undelivered: []access.LeaseID{"r1:2"}}, nil
		}
		n.at(time.Minute, func() { n.Send(call, "send", nil) })
		n.ends(time.Hour)
		require.NoError(t, n.run(t))
		require.Equal(t, []access.LeaseID{"r1:2"}, n.undelivered)
	})
}

func TestCarried(t *testing.T) {
	t.Run("what is not written goes on in the next run, in its order", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = func(int, activities.RecordInput) (activities.RecordResult, error) {
			return activities.RecordResult{}, refuses(access.Transient)
		}
		n.at(time.Minute, func() { n.Add(fact("1", "r1:1")); n.Add(fact("2")) })
		n.at(time.Hour, func() {
			n.Add(fact("3"))
			n.env.SetContinueAsNewSuggested(true)
		})
		require.ErrorContains(t, n.run(t), errCarried.Error())

		next := newNotebook(t)
		next.state = n.state
		next.at(time.Minute, func() {
			require.True(t, next.Written(3))
			require.Equal(t, 4, next.Add(fact("4")))
		})
		next.ends(time.Hour)
		require.NoError(t, next.run(t))
		require.Equal(t, []string{"1", "2", "3", "4"}, next.ledger.written)
		require.Equal(t, []access.LeaseID{"r1:1"}, next.ledger.applied)
		require.False(t, next.Unavailable)
	})
	t.Run("what was refused together goes on one by one in the next run", func(t *testing.T) {
		n := newNotebook(t)
		n.ledger.answer = refusing("5", access.Conflict)
		n.at(time.Minute, func() {
			for i := range 6 {
				n.Add(fact(fmt.Sprint(i + 1)))
			}
		})
		n.step = func() {
			if n.state.Single > 0 {
				n.env.SetContinueAsNewSuggested(true)
			}
		}
		require.ErrorContains(t, n.run(t), errCarried.Error())
		require.Positive(t, n.state.Single)

		next := newNotebook(t)
		next.state = n.state
		next.ledger.answer = n.ledger.answer
		next.ends(time.Hour)
		require.NoError(t, next.run(t))
		require.Equal(t, []string{"1", "2", "3", "4", "6"}, slices.Compact(append(slices.Clone(n.ledger.written), next.ledger.written...)))
		require.Equal(t, []string{"5: the ledger says conflict"}, next.refused)
		for _, batch := range next.ledger.batches() {
			require.NotContains(t, batch, " ", "one fact at a time")
		}
	})
	t.Run("the facts of a hundred decisions are small", func(t *testing.T) {
		const decisions, maxBytes = 100, 40_000
		var s outbox.State
		for i := range decisions {
			id := fmt.Sprintf("2f6a1c9e-5d0b-4f0e-9a57-%012d", i)
			s.Pending = append(s.Pending, outbox.Fact{View: true, Events: []access.Event{{
				ID: "request/9b2d7f0a#decided/decision/" + id, Request: "9b2d7f0a", Type: access.EventDecided, At: time.Unix(int64(i), 0).UTC(),
				Actor: access.PersonID(id), Channel: access.ChannelAPI, Evidence: "OIDC, https://login.example.test", Items: []access.ItemID{"1"},
			}}})
		}
		bytes := carriedBytes(t, s)
		t.Logf("row carried facts of 100 decisions: %d bytes", bytes)
		require.Less(t, bytes, maxBytes)
		require.False(t, slices.ContainsFunc(s.Pending, func(f outbox.Fact) bool { return f.Events[0].Text != "" }))
	})
}
