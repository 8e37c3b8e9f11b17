package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// gone has a run find that somebody has left, long before anything else, and everybody who was there then was told. The source still says
// that the person is active: the employment has ended by another field.
func (w *world) gone(id access.PersonID) {
	w.t.Helper()
	w.applied(access.ClassLeaver, id)
	require.NoError(w.t, w.ledger.NoticeSent(w.t.Context(), access.PersonNotice{Standing: access.Standing{Person: id}, Source: "directory", Change: 9e15}))
}

// hears has the request that runs hear what its own records send it.
func (w *world) hears() {
	w.heard = func(_, signal string, arg any) error {
		w.at(0, func() { w.signal(signal, arg) })
		return nil
	}
}

// Omar is the owner of the badge, and moves the ticket for it. A moment later Mia leaves, and the fallback, Omar, is to decide on the wiki
// as well. usher reads the ticket after that: Omar's move, from when the wiki was not his to decide, gives the wiki too, and nobody was
// ever asked for it.
func TestAttackLeavers_move_from_before_gives_another_item(t *testing.T) {
	w := newWorldWith(t, func(s *access.RequestSettings) {
		s.PollInitialInterval, s.PollMaxInterval = access.Duration(time.Hour), access.Duration(time.Hour)
	})
	w.withFallback("omar")
	w.desk.SetClock(w.env.Now)
	w.at(90*time.Minute, func() { w.move("omar", access.TicketApproved) })
	w.at(91*time.Minute, func() { w.leaves("mia") })
	var after access.RequestView
	w.at(4*time.Hour, func() {
		after = w.view()
		w.update(workflows.UpdateWithdraw, "enough", workflows.WithdrawInput{ID: "enough", By: "ana"})
	})
	w.run(w.request("badge/lab", "wiki/editor"))
	require.NotContains(t, []access.ItemState{access.ItemApproved, access.ItemFulfilling, access.ItemGranted}, after.Items[1].State, "nobody was asked for it")
}

// Omar has left before the request begins, and is an approver of its second stage only. Once that stage is open, and recorded, the request is
// told that he has left: he decides nothing.
func TestAttackLeavers_leaver_of_a_later_stage(t *testing.T) {
	w := newWorld(t)
	w.hears()
	w.gone("omar")
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	var after access.RequestView
	w.at(2*time.Hour, func() { after = w.view() })
	w.at(3*time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(4*time.Hour, func() { w.decide("olga", access.Deny) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, []access.PersonID{"olga"}, waitsFor(after))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}

// Omar has left before the request begins, and is an approver of its second stage. Policy names him, for it is not told who has left, and the
// request is told only when that stage has been recorded as open. The ledger is away when Mia decides: until it is back Omar, who has left,
// approves, and Ana gets what nobody approved who may.
func TestAttackLeavers_leaver_of_a_later_stage_decides_before_it_is_recorded(t *testing.T) {
	w := newWorld(t)
	w.hears()
	w.gone("omar")
	w.at(time.Hour, func() { w.ledger.setAway(true); w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(3*time.Hour, func() { w.ledger.setAway(false) })
	w.at(9*time.Hour, func() { w.decide("olga", access.Deny) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}

// Mia has left by the ledger. Her decision comes before policy has answered, and is held. Policy names her, for it is not told who has left,
// and her decision gives access within the same moment, before anybody can say that she has left.
func TestAttackLeavers_leaver_decides_early(t *testing.T) {
	w := newWorld(t)
	w.hears()
	w.gone("mia")
	w.source.Down(true)
	w.at(time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(10*time.Minute, func() { w.source.Down(false) })
	result := w.run(w.request("wiki/editor"))
	require.NotEqual(t, access.OutcomeGranted, result.Outcome, "who has left approves nothing")
}

// Mia approves as manager, and in the same moment an administrator names her for the owner's stage: her approval, given before the stage was
// hers, passes it as well.
func TestAttackLeavers_carries_over_within_one_moment(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.decide("mia", access.Approve)
		w.update(workflows.UpdateReassign, "n1", workflows.ReassignInput{
			ID: "n1", By: "adm", Evidence: "test", To: []access.PersonID{"mia"}, Stage: "owner", Reason: "on leave",
		})
	})
	var after access.RequestView
	w.at(2*time.Hour, func() { after = w.view() })
	w.run(w.request("wiki/admin"))
	require.Equal(t, access.StateAwaitingApproval, after.State, "she has not been asked as owner")
}

// The source is served elsewhere. While people are looked up for a vacant stage, or for a first move, the subject gets yet another manager.
// The answer is from before that, and the move is forgotten with it: the manager of before goes on being asked, and approves.
func TestAttackLeavers_move_while_people_are_looked_up_is_lost(t *testing.T) {
	w := newWorld(t)
	w.edge = true
	w.newRun()
	lookups := 0
	w.env.SetOnActivityCompletedListener(onLookup(func() {
		// The first is for policy's first answer, the second for the first move.
		if lookups++; lookups == 2 {
			w.managedBy("ana", "olga")
		}
	}))
	w.at(time.Hour, func() { w.managedBy("ana", "ben") })
	var after access.RequestView
	w.at(30*time.Hour, func() { after = w.view(); w.decide("olga", access.Deny); w.decide("ben", access.Deny) })
	w.run(w.request("wiki/editor"))
	require.GreaterOrEqual(t, lookups, 2)
	require.Equal(t, []access.PersonID{"olga"}, waitsFor(after))
}

// The subject gets another manager while policy is asked what the request demands. The request is told, and forgets it at once: the manager
// of before is asked, and approves.
func TestAttackLeavers_move_while_policy_is_asked_is_lost(t *testing.T) {
	w := newWorld(t)
	w.edge = true
	w.newRun()
	source := &activities.Source{Port: w.source}
	lookups, asked := 0, make(chan struct{})
	w.replace("LookupPeople", func(ctx context.Context, c activities.LookupPeopleInput) ([]access.Person, error) {
		people, err := source.LookupPeople(ctx, c)
		if lookups++; lookups == 1 {
			// The request hears of it, and asks who has left, while it waits for the people of before.
			w.managedBy("ana", "olga")
			w.signal(workflows.SignalPersonChanged, access.PersonNotice{Standing: access.Standing{Person: "ana"}, Moved: true, Manager: "olga", Change: 1, Run: "run-1"})
			<-asked
		}
		return people, err
	})
	var once sync.Once
	w.env.SetOnLocalActivityCompletedListener(func(_ *activity.Info, result converter.EncodedValue, _ error) {
		var standings []access.Standing
		if result.Get(&standings) == nil {
			once.Do(func() { close(asked) })
		}
	})
	var after access.RequestView
	w.at(30*time.Hour, func() { after = w.view(); w.decide("olga", access.Deny); w.decide("mia", access.Deny) })
	w.run(w.request("wiki/editor"))
	require.Equal(t, []access.PersonID{"olga"}, waitsFor(after))
}

// Mia has left, or is replaced, and decides nothing any more. But she closes the ticket, and that ends the request: Ana, whose request waits
// for others by now, loses it to somebody who has no say.
func TestAttackLeavers_leaver_closes_the_ticket(t *testing.T) {
	for name, replaced := range map[string]func(*world){
		"who has left":     func(w *world) { w.leaves("mia") },
		"who was replaced": func(w *world) { w.reassign("n1", "ben") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.withFallback("ben")
			w.desk.SetClock(w.env.Now)
			w.at(time.Hour, func() { replaced(w) })
			w.at(2*time.Hour, func() { w.move("mia", access.TicketWontDo) })
			w.at(5*time.Hour, func() { w.decide("ben", access.Approve) })
			result := w.run(w.request("wiki/editor"))
			require.Equal(t, access.OutcomeGranted, result.Outcome)
		})
	}
}

// Mia is present and was asked. Ana gets a manager who cannot approve. Nobody takes the place of somebody who still can, but a new manager: yet
// the fallback does, and Mia, who was legitimately awaited, is refused.
func TestAttackLeavers_fallback_takes_the_place_of_who_still_can(t *testing.T) {
	w := newWorld(t)
	w.withFallback("ben")
	w.at(time.Hour, func() { w.managedBy("ana", "ana") })
	var after access.RequestView
	w.at(2*time.Hour, func() { after = w.view(); w.decide("mia", access.Approve); w.decide("ben", access.Approve) })
	w.run(w.request("wiki/editor"))
	require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
}

// An administrator who asks for access for themselves names who approves it.
func TestAttackLeavers_requester_names_who_approves(t *testing.T) {
	w := newWorld(t)
	var got *answer
	w.at(time.Hour, func() {
		got = w.update(workflows.UpdateReassign, "n1", workflows.ReassignInput{ID: "n1", By: "ana", Evidence: "test", To: []access.PersonID{"ben"}, Reason: "my friend"})
	})
	w.at(2*time.Hour, func() { w.decide("ben", access.Approve) })
	w.at(3*time.Hour, func() { w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/editor"))
	require.Error(t, got.rejected, "who asks for access, or gets it, does not choose who approves it")
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}

// Mia was asked by an approval of the desk, leaves, and answers it then. Later she is back, and an administrator names her again: her answer from
// when she had left counts for nothing.
func TestAttackLeavers_leaver_answers_and_is_back(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.withFallback("ben")
	w.desk.SetClock(w.env.Now)
	w.at(time.Hour, func() { w.leaves("mia"); w.desk.Down(true) })
	w.at(2*time.Hour, func() { w.desk.Down(false); w.answers("mia", "mia", 1, yes); w.desk.Down(true) })
	w.at(3*time.Hour, func() { w.comesBack("mia"); w.reassign("n1", "mia") })
	w.at(4*time.Hour, func() { w.desk.Down(false) })
	var after access.RequestView
	w.at(20*time.Hour, func() { after = w.view(); w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}

// Somebody who was asked about one item is asked about another one as well when its approver leaves, after the question was answered, and before
// usher has read the answer: it counts for what was asked.
func TestAttackLeavers_answer_from_before(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.withFallback("omar")
	w.desk.SetClock(w.env.Now)
	w.at(time.Hour, func() { w.answers("omar", "omar", 1, yes); w.leaves("mia") })
	var after access.RequestView
	w.at(9*time.Hour, func() {
		after = w.view()
		w.update(workflows.UpdateWithdraw, "enough", workflows.WithdrawInput{ID: "enough", By: "ana"})
	})
	w.run(w.request("badge/lab", "wiki/editor"))
	require.Equal(t, access.ItemApproved, after.Items[0].State)
	require.Equal(t, access.ItemPending, after.Items[1].State)
}

// Ana asks, leaves and is back before her request is told of either. It goes on as if nothing had been, and she is granted what she asked for
// before she left: nothing shall be granted to somebody who is back that was asked for before.
func TestAttackLeavers_asked_before_leaving_granted_after_coming_back(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.applied(access.ClassLeaver, "ana")
		w.applied(access.ClassReturner, "ana")
		w.tell()
	})
	w.at(2*time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeCancelled, result.Outcome)
}

// Whoever may write to the namespace names approvers by an update, as somebody whose id the ledger cannot keep. Others approve from then on, and the
// audit trail has no word of it, for the ledger refuses the event.
func TestAttackLeavers_named_by_somebody_who_cannot_be_recorded(t *testing.T) {
	for name, by := range map[string]access.PersonID{"a long id": access.PersonID(strings.Repeat("a", 600)), "a NUL": "a\x00b", "nobody": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var got *answer
			w.at(time.Hour, func() {
				got = w.update(workflows.UpdateReassign, "n1", workflows.ReassignInput{ID: "n1", By: by, Evidence: "test", To: []access.PersonID{"ben"}, Reason: "on leave"})
			})
			w.at(2*time.Hour, func() { w.decide("ben", access.Approve) })
			w.at(3*time.Hour, func() { w.decide("mia", access.Approve) })
			w.run(w.request("wiki/editor"))
			if got.rejected != nil {
				return
			}
			events := w.events("r1")
			require.Equal(t, 1, has(events, access.EventReassigned), "ben approved, and nothing says why he may")
			require.NotEqual(t, access.ChannelSystem, events[index(events, access.EventReassigned)].Channel, "usher itself has not said so")
		})
	}
}

// Many people with long names are named for many items: the ticket may not take the text, the request goes on.
func TestAttackLeavers_many_long_names(t *testing.T) {
	w := newWorld(t)
	var to []access.PersonID
	for i := range 10 {
		id := access.PersonID(fmt.Sprint("long", i))
		person := access.Person{ID: id, DisplayName: strings.Repeat("n", 2000), Email: string(id) + "@example.test", Active: true}
		w.source.Put(person)
		w.accounts[id] = w.desk.AddAccount(person)
		to = append(to, id)
	}
	w.desk.SetClock(w.env.Now)
	var got *answer
	w.at(time.Hour, func() { got = w.reassign("n1", to...) })
	w.at(2*time.Hour, func() { w.move("long3", access.TicketDenied) })
	result := w.run(w.request("wiki/editor", "wiki/admin", "badge/lab", "badge/vault"))
	require.NoError(t, got.accepted)
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Equal(t, 1, has(w.events("r1"), access.EventReassigned))
}

// An operator resets a request in which an administrator named Ben, and Ben approved. Temporal says both again at once, while policy is asked anew.
// A decision that comes early is held, an administrator's word is not: it is refused, Ben's decision with it, and nobody tells the administrator.
// Mia, whom Ben replaced, is the approver again.
func TestAttackLeavers_named_before_policy_has_answered(t *testing.T) {
	w := newWorld(t)
	w.source.Down(true)
	w.at(time.Minute, func() { w.reassign("n1", "ben"); w.decide("ben", access.Approve) })
	w.at(10*time.Minute, func() { w.source.Down(false) })
	var after access.RequestView
	w.at(5*time.Hour, func() { after = w.view(); w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/editor"))
	require.Empty(t, waitsFor(after))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// The same, reset to where the request waited for Mia: Ben's decision is said again in the moment in which he is named, before he has been looked
// up. It is refused, for he is no approver yet, and lost: the request that was decided waits until it expires.
func TestAttackLeavers_named_and_decided_again_at_once(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.reassign("n1", "ben"); w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// The same with what policy finds: Mia left, Ben was found and approved. After a reset Ben's decision comes with the message that Mia has left, before
// usher has looked: it is refused, and lost.
func TestAttackLeavers_left_and_decided_again_at_once(t *testing.T) {
	w := newWorld(t)
	w.withFallback("ben")
	w.at(time.Hour, func() { w.leaves("mia"); w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// Omar approves the badge on the ticket, and Ana puts the ticket back before usher reads it. Meanwhile Mia has left, and Ben is asked for the wiki
// instead. That is nothing to the badge, whose approver is Omar as before: but his approval is dropped without a word, as one from before he was
// asked.
func TestAttackLeavers_approval_of_another_item_is_dropped(t *testing.T) {
	for name, leaves := range map[string]bool{"nobody leaves": false, "the approver of another item leaves": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, func(s *access.RequestSettings) {
				s.PollInitialInterval, s.PollMaxInterval = access.Duration(time.Hour), access.Duration(time.Hour)
			})
			w.withFallback("ben")
			w.desk.SetClock(w.env.Now)
			w.at(90*time.Minute, func() { w.move("omar", access.TicketApproved) })
			w.at(91*time.Minute, func() {
				if leaves {
					w.leaves("mia")
				}
			})
			w.at(91*time.Minute+time.Second, func() { w.move("ana", access.TicketWaiting) })
			var after access.RequestView
			w.at(4*time.Hour, func() {
				after = w.view()
				w.update(workflows.UpdateWithdraw, "enough", workflows.WithdrawInput{ID: "enough", By: "ana"})
			})
			w.run(w.request("badge/lab", "wiki/editor"))
			require.Equal(t, access.ItemApproved, after.Items[0].State)
		})
	}
}

// One caller's ids are the same for whatever they call, see messageID in starter/httpapi: an administrator who is an approver as well uses one for
// a call that is refused, and for one of another kind. The second counts, and is answered with the refusal of the first.
func TestAttackLeavers_one_id_for_two_calls(t *testing.T) {
	decides := func(w *world) *answer {
		return w.update(workflows.UpdateDecide, "decide/k", access.Decision{ID: "k", By: "mia", Verdict: access.Approve})
	}
	t.Run("naming is refused, the decision counts", func(t *testing.T) {
		w := newWorld(t)
		var named, decided *answer
		w.at(time.Hour, func() {
			named = w.update(workflows.UpdateReassign, "reassign/k", workflows.ReassignInput{ID: "k", By: "mia", To: []access.PersonID{"ghost"}, Reason: "on leave"})
		})
		w.at(2*time.Hour, func() { decided = decides(w) })
		result := w.run(w.request("wiki/editor"))
		require.Error(t, named.accepted)
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.NoError(t, decided.accepted, "it has given access, and who gave it reads that it was refused")
	})
	t.Run("an early decision is refused, naming counts", func(t *testing.T) {
		w := newWorld(t)
		w.source.Down(true)
		var named *answer
		w.at(time.Minute, func() {
			w.update(workflows.UpdateDecide, "decide/k", access.Decision{ID: "k", By: "olga", Verdict: access.Approve})
		})
		w.at(10*time.Minute, func() { w.source.Down(false) })
		w.at(5*time.Hour, func() {
			named = w.update(workflows.UpdateReassign, "reassign/k", workflows.ReassignInput{ID: "k", By: "olga", To: []access.PersonID{"ben"}, Reason: "on leave"})
		})
		w.at(6*time.Hour, func() { w.decide("ben", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.NoError(t, named.accepted, "ben approves since then, and who named him reads that it was refused")
	})
}

// Ana has left by the ledger when her request begins. Omar's approval comes before policy has answered, so that the request is recorded as one that
// policy is asked of, and then as one that is fulfilled: neither tells it that its subject has left. A person is asked to hand a leaver a badge.
func TestAttackLeavers_leaver_asks_and_is_approved_early(t *testing.T) {
	w := newWorld(t)
	w.hears()
	w.gone("ana")
	w.source.Down(true)
	w.at(10*time.Minute, func() { w.decide("omar", access.Approve) })
	w.at(30*time.Minute, func() { w.source.Down(false) })
	w.at(10*time.Hour, func() { w.move("ben", access.TicketDone) })
	result := w.run(w.request("badge/lab"))
	require.Equal(t, access.OutcomeCancelled, result.Outcome)
}
