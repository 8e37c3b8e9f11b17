package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

func TestFollow_manager_leaves(t *testing.T) {
	t.Run("the fallback of the catalog approves", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("ben")
		var refused *answer
		var before, after access.RequestView
		w.at(time.Hour, func() { before = w.view(); w.leaves("mia") })
		w.at(2*time.Hour, func() { after = w.view(); refused = w.decide("mia", access.Approve) })
		w.at(3*time.Hour, func() { w.decide("ben", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, []access.PersonID{"mia"}, waitsFor(before))
		require.Equal(t, []access.PersonID{"ben"}, waitsFor(after))
		require.ErrorContains(t, refused.rejected, "you are not an approver")
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, access.PersonID("ben"), result.View.Decisions[0].By)
		require.Equal(t, "manager", result.View.Decisions[0].Stages[0])
		require.Equal(t, []access.PersonID{"ben"}, result.View.Approvers)
		texts := textsOf(w.events("r1"), access.EventReassigned)
		require.Equal(t, []string{
			"Others approve now: Mia has left: is inactive in the source.\nWiki editor, manager: nobody yet instead of Mia.",
			"Others approve now: whoever approved before has left.\nWiki editor, manager: Ben instead of Mia.",
		}, texts)
		require.Contains(t, w.desk.Comments(w.ticket().Ref.ID), texts[1])
		require.NotContains(t, w.desk.Comments(w.ticket().Ref.ID), texts[0], "one word is enough")
		require.Equal(t, w.accounts["ben"], w.ticket().Assignee)
	})
	t.Run("nobody can until the source has another manager", func(t *testing.T) {
		w := newWorld(t)
		var vacant access.RequestView
		w.at(time.Hour, func() { w.leaves("mia") })
		w.at(2*time.Hour, func() {
			vacant = w.view()
			person, err := w.source.Lookup(t.Context(), "ana")
			require.NoError(t, err)
			person.Manager = "ben"
			w.source.Put(person)
		})
		w.at(24*time.Hour, func() { w.decide("ben", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Empty(t, vacant.WaitingOn)
		require.Equal(t, "Waiting for nobody yet (manager) to decide, until "+workflows.Clock(*vacant.ApprovalDeadline)+
			". The manager of Ana, Mia, is not active, so nobody can approve as manager.", vacant.StatusText)
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, access.PersonID("ben"), result.View.Decisions[0].By)
		require.Len(t, textsOf(w.events("r1"), access.EventReassigned), 3, "left, nobody, found")
	})
	t.Run("what they have approved counts", func(t *testing.T) {
		w := newWorld(t)
		w.at(time.Hour, func() { w.decide("mia", access.Approve) })
		w.at(2*time.Hour, func() { w.leaves("mia") })
		w.at(3*time.Hour, func() { w.decide("omar", access.Approve) })
		result := w.run(w.request("wiki/admin"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Empty(t, textsOf(w.events("r1"), access.EventReassigned))
	})
	t.Run("nobody decides in time", func(t *testing.T) {
		w := newWorld(t)
		w.at(time.Hour, func() { w.leaves("mia") })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeExpired, result.Outcome)
		require.Empty(t, w.ensures)
	})
}

func TestFollow_owners_leave(t *testing.T) {
	t.Run("the other owner approves", func(t *testing.T) {
		w := newWorld(t)
		var after access.RequestView
		w.at(time.Hour, func() { w.leaves("omar") })
		w.at(2*time.Hour, func() { after = w.view(); w.decide("mia", access.Approve) })
		w.at(3*time.Hour, func() { w.decide("omar", access.Approve) })
		w.at(4*time.Hour, func() { w.decide("olga", access.Approve) })
		result := w.run(w.request("wiki/admin"))
		require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, access.PersonID("olga"), result.View.Decisions[1].By)
	})
	t.Run("both leave, and one of them is back", func(t *testing.T) {
		w := newWorld(t)
		w.at(time.Hour, func() { w.decide("mia", access.Approve) })
		w.at(2*time.Hour, func() { w.leaves("omar"); w.leaves("olga") })
		var vacant access.RequestView
		w.at(3*time.Hour, func() { vacant = w.view(); w.comesBack("olga") })
		w.at(24*time.Hour, func() { w.decide("omar", access.Approve) })
		w.at(25*time.Hour, func() { w.decide("olga", access.Approve) })
		result := w.run(w.request("wiki/admin"))
		require.Empty(t, vacant.WaitingOn)
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, access.PersonID("olga"), result.View.Decisions[1].By)
	})
	t.Run("who has approved as manager is asked once more as owner", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("mia")
		w.at(time.Hour, func() { w.decide("mia", access.Approve) })
		w.at(2*time.Hour, func() { w.leaves("omar"); w.leaves("olga") })
		var asked access.RequestView
		w.at(3*time.Hour, func() { asked = w.view() })
		w.at(4*time.Hour, func() {
			w.update(workflows.UpdateDecide, "again", access.Decision{ID: "again", By: "mia", Verdict: access.Approve})
		})
		result := w.run(w.request("wiki/admin"))
		require.Equal(t, access.StateAwaitingApproval, asked.State, "an approval does not carry over to a stage that changed hands since")
		require.Equal(t, []access.PersonID{"mia"}, waitsFor(asked))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Len(t, result.View.Decisions, 2)
	})
}

func TestFollow_subject_leaves(t *testing.T) {
	for name, row := range map[string]struct {
		ask   []access.EntitlementID
		left  func(*world)
		state access.RequestState
	}{
		"while decisions are awaited": {[]access.EntitlementID{"wiki/admin"}, func(w *world) {
			w.at(time.Hour, func() { w.decide("mia", access.Approve) })
			w.at(2*time.Hour, func() { w.leaves("ana") })
		}, access.StateAwaitingApproval},
		"while somebody grants by hand": {[]access.EntitlementID{"badge/lab"}, func(w *world) {
			w.at(time.Hour, func() { w.decide("omar", access.Approve) })
			w.at(2*time.Hour, func() { w.leaves("ana") })
		}, access.StateFulfilling},
		"while one item is granted and another by hand": {[]access.EntitlementID{"wiki/editor", "badge/lab"}, func(w *world) {
			w.at(time.Hour, func() { w.decide("mia", access.Approve); w.decide("omar", access.Approve) })
			w.at(2*time.Hour, func() { w.leaves("ana") })
		}, access.StateFulfilling},
		"while policy cannot be asked": {[]access.EntitlementID{"wiki/editor"}, func(w *world) {
			w.source.Down(true)
			w.at(2*time.Hour, func() { w.source.Down(false); w.leaves("ana"); w.source.Down(true) })
		}, access.StateEvaluating},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var before access.RequestView
			w.at(time.Hour+time.Minute, func() { before = w.view() })
			row.left(w)
			result := w.run(w.request(row.ask...))
			require.Equal(t, row.state, before.State)
			require.Equal(t, access.OutcomeCancelled, result.Outcome)
			require.Contains(t, result.View.Items[0].Detail, "cancelled by usher: Ana has left: is inactive in the source")
			require.Empty(t, w.target.Members("wiki-editors"))
			events := w.events("r1")
			ended := events[index(events, access.EventEnded)]
			require.Equal(t, access.ChannelSystem, ended.Channel)
			require.Contains(t, ended.Evidence, "absent in the people of the source since ")
		})
	}
}

func TestFollow_subject_moves(t *testing.T) {
	t.Run("the new manager approves", func(t *testing.T) {
		w := newWorld(t)
		var refused *answer
		w.at(time.Hour, func() { w.managedBy("ana", "ben") })
		w.at(2*time.Hour, func() { refused = w.decide("mia", access.Approve) })
		w.at(3*time.Hour, func() { w.decide("ben", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Error(t, refused.rejected)
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, []string{"Others approve now: Ana has another manager.\nWiki editor, manager: Ben instead of Mia."}, textsOf(w.events("r1"), access.EventReassigned))
		require.Equal(t, "run over people run-1", w.events("r1")[index(w.events("r1"), access.EventReassigned)].Evidence)
	})
	t.Run("what the old one has approved counts", func(t *testing.T) {
		w := newWorld(t)
		w.at(time.Hour, func() { w.decide("mia", access.Approve) })
		w.at(2*time.Hour, func() { w.managedBy("ana", "ben") })
		w.at(3*time.Hour, func() { w.decide("omar", access.Approve) })
		result := w.run(w.request("wiki/admin"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Empty(t, textsOf(w.events("r1"), access.EventReassigned))
	})
	t.Run("who cannot approve does not take the place of who can", func(t *testing.T) {
		w := newWorld(t)
		var after access.RequestView
		w.at(time.Hour, func() { w.managedBy("ana", "ana") })
		w.at(2*time.Hour, func() { after = w.view(); w.decide("mia", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
	})
	t.Run("somebody else's move changes nothing", func(t *testing.T) {
		w := newWorld(t)
		var after access.RequestView
		w.at(time.Hour, func() { w.managedBy("mia", "ben") })
		w.at(2*time.Hour, func() { after = w.view(); w.decide("mia", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
	})
	t.Run("who was named by hand stays", func(t *testing.T) {
		w := newWorld(t)
		w.at(time.Hour, func() { w.reassign("n1", "olga") })
		w.at(2*time.Hour, func() { w.managedBy("ana", "ben") })
		w.at(3*time.Hour, func() { w.decide("olga", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
	})
}

// A message proves nothing: whoever may write to the namespace can send one, and one may come late.
func TestFollow_message_is_only_a_hint(t *testing.T) {
	for _, person := range []access.PersonID{"ana", "mia", "nobody"} {
		w := newWorld(t)
		w.at(time.Hour, func() {
			w.signal(workflows.SignalPersonChanged, access.PersonNotice{
				Standing: access.Standing{Person: person, Absent: true, Revision: 9e15, Reason: "forged"}, Moved: true, Run: "a\x00b",
			})
		})
		w.at(2*time.Hour, func() { w.decide("mia", access.Approve) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome, person)
		require.Empty(t, textsOf(w.events("r1"), access.EventReassigned))
	}
}

// A run over people may look for requests just before a request is recorded: what records the request tells it then.
func TestFollow_recorded_after_the_run(t *testing.T) {
	w := newWorld(t)
	w.withFallback("ben")
	// The source still says that mia is active: the employment has ended by another field.
	w.applied(access.ClassLeaver, "mia")
	require.NoError(t, w.ledger.NoticeSent(t.Context(), access.PersonNotice{Standing: access.Standing{Person: "mia"}, Source: "directory", Change: 9e15}))
	var after access.RequestView
	w.heard = func(id, signal string, arg any) error {
		require.Equal(t, "request/r1", id)
		w.at(0, func() { w.signal(signal, arg) })
		return nil
	}
	w.at(time.Hour, func() { after = w.view(); w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, []access.PersonID{"ben"}, waitsFor(after))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// What the ledger cannot be asked now is asked later, though nobody sends another message.
func TestFollow_ledger_away(t *testing.T) {
	w := newWorld(t)
	w.withFallback("ben")
	w.at(time.Hour, func() { w.leaves("mia"); w.ledger.setUnread(true) })
	w.at(3*time.Hour, func() { w.ledger.setUnread(false) })
	var before, after access.RequestView
	w.at(2*time.Hour, func() { before = w.view() })
	w.at(5*time.Hour, func() { after = w.view(); w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, []access.PersonID{"mia"}, waitsFor(before))
	require.Equal(t, []access.PersonID{"ben"}, waitsFor(after))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// Somebody is found for one stage. Another one, that somebody can decide, stays as it is, though by now others could as well.
func TestFollow_who_can_decide_stays(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.leaves("mia"); w.leaves("omar") })
	w.at(2*time.Hour, func() { w.comesBack("omar"); w.managedBy("ana", "ben") })
	var after access.RequestView
	w.at(24*time.Hour, func() { w.decide("ben", access.Approve) })
	w.at(25*time.Hour, func() { after = w.view(); w.decide("olga", access.Approve) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, []access.PersonID{"olga"}, waitsFor(after))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}
