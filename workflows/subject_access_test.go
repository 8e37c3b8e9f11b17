package workflows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock" //nolint:depguard // the test environment matches signals to other workflows with it
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// holder is the world of one subject's workflow: it hears what the workflow answers.
type holder struct {
	*world
	answers []access.LeaseStatus
	// noRequest makes every answer fail: the request no longer runs.
	noRequest bool
}

func newHolder(t testing.TB) *holder {
	h := &holder{world: newWorld(t)}
	h.hear()
	return h
}

// hear takes the answers, which come along with what is recorded, or directly while the ledger is away.
func (h *holder) hear() {
	h.heard = func(_, signal string, arg any) error {
		require.Equal(h.t, workflows.SignalLeaseStatus, signal)
		if h.noRequest {
			return serviceerror.NewNotFound("no such workflow")
		}
		answer, ok := arg.(access.LeaseStatus)
		require.True(h.t, ok)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.answers = append(h.answers, answer)
		return nil
	}
	h.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.SignalLeaseStatus, mock.Anything).Return(
		func(_, id, _, signal string, arg any) error { return h.heard(id, signal, arg) })
}

// lease is an ensure for a role on the target.
func lease(id access.LeaseID, role string, lasts time.Duration) access.LeaseSpec {
	return access.LeaseSpec{
		Lease: access.Lease{
			ID: id, Request: access.RequestID(id[:2]), Item: access.ItemID(id[3:]), Subject: access.Person{ID: "ana", DisplayName: "Ana"},
			Entitlement: access.EntitlementID("wiki/" + role), Title: role, Fulfilment: access.FulfilmentSCIM,
			Binding: &access.Binding{Target: "directory", Role: role}, Desk: "jira",
		},
		Revision: 1, DesiredState: access.Present, Window: access.Window{Duration: access.Duration(lasts)},
	}
}

func absent(e access.LeaseSpec) access.LeaseSpec {
	e.Revision++
	e.DesiredState = access.Absent
	return e
}

func (h *holder) ensureAt(after time.Duration, e access.LeaseSpec) {
	h.at(after, func() {
		h.evidence(e.Lease)
		h.signal(workflows.SignalApplyLease, e)
	})
}

// evidence puts the request that a lease comes from into the ledger, as far as a grant needs it: with the lease's item as
// approved. A request that the ledger knows stays as it is.
func (h *holder) evidence(l access.Lease) {
	if _, err := h.ledger.View(h.t.Context(), l.Request); err == nil {
		return
	}
	require.NoError(h.t, h.ledger.Store.Record(h.t.Context(), access.Entry{View: &access.RequestView{
		Request: access.Request{
			ID: l.Request, Requester: "ana", Subject: l.Subject.ID, SubmittedAt: h.env.Now(),
			Items: []access.Item{{ID: l.Item, Entitlement: l.Entitlement}},
		},
		State: access.StateFulfilling, Version: 1,
		Items: []access.ItemView{{
			Item: access.Item{ID: l.Item, Entitlement: l.Entitlement}, State: access.ItemFulfilling, Binding: l.Binding,
		}},
	}}))
}

// hold runs the workflow to its end.
func (h *holder) hold() {
	h.t.Helper()
	h.env.ExecuteWorkflow(workflows.SubjectAccessType, workflows.SubjectAccessParams{Subject: "ana"})
	require.True(h.t, h.env.IsWorkflowCompleted())
	require.NoError(h.t, h.env.GetWorkflowError())
}

func (h *holder) membersAt(after time.Duration, role string, want ...access.PersonID) {
	h.at(after, func() {
		require.ElementsMatch(h.t, want, h.target.Members(role), "members of %s after %s", role, after)
	})
}

func (h *holder) last(id access.LeaseID) access.LeaseStatus {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.answers) - 1; i >= 0; i-- {
		if h.answers[i].Lease == id {
			return h.answers[i]
		}
	}
	h.t.Fatalf("no answer about lease %s", id)
	return access.LeaseStatus{}
}

func TestLease_granted_and_ended_on_time(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.membersAt(time.Hour, "wiki-editors", "ana")
	h.membersAt(3*time.Hour, "wiki-editors")

	h.hold()

	require.Len(t, h.answers, 1, "an end by the clock is nobody's answer")
	require.Equal(t, access.LeaseActive, h.answers[0].State)
	require.True(t, h.answers[0].Verification.Present)
	require.Equal(t, 2*time.Hour, h.answers[0].EndsAt.Sub(*h.answers[0].GrantedAt))
	known, err := h.ledger.Lease(t.Context(), "r1:1")
	require.NoError(t, err)
	require.Equal(t, access.LeaseEnded, known.State)
	require.False(t, known.Verification.Present)
	events := h.events("r1")
	require.Equal(t, 1, has(events, access.EventLeaseGranted))
	require.Equal(t, 1, has(events, access.EventLeaseEnded))
}

func TestLease_others_lose_the_role(t *testing.T) {
	h := newHolder(t)
	h.target.Put("wiki-editors", "ben")
	h.target.Put("wiki-editors", "cleo")
	h.target.LoseOthers()
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.at(time.Hour, func() { h.target.Put("wiki-editors", "dan") })

	h.hold()

	require.Equal(t, access.LeaseActive, h.answers[0].State, "the access that was asked for is there")
	require.Equal(t, []string{
		"Others lost wiki-editors (2) while usher changed it for Ana alone: compare who holds it with who has to.",
		"Others lost wiki-editors (1) while usher changed it for Ana alone: compare who holds it with who has to.",
	}, texts(h.events("r1"), access.EventOthersLost))
	require.Equal(t, 1, has(h.events("r1"), access.EventLeaseEnded))
}

func TestLease_time_counts_from_the_verified_grant(t *testing.T) {
	h := newHolder(t)
	h.target.Down(true)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.at(5*time.Hour, func() {
		require.NotEmpty(t, h.last("r1:1").Problem, "the request is told that the target is away")
		h.target.Down(false)
	})
	h.membersAt(6*time.Hour, "wiki-editors", "ana")
	h.hold()
	require.Equal(t, 2*time.Hour, h.last("r1:1").EndsAt.Sub(*h.last("r1:1").GrantedAt))
	require.Empty(t, h.target.Members("wiki-editors"))
}

func TestOverlap_never_removes_access(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.ensureAt(time.Hour, lease("r2:1", "wiki-editors", 3*time.Hour))
	h.membersAt(150*time.Minute, "wiki-editors", "ana")
	h.membersAt(5*time.Hour, "wiki-editors")
	h.hold()
	require.Equal(t, []memory.TargetChange{
		{Op: memory.OpGrant, Role: "wiki-editors", Person: "ana"},
		{Op: memory.OpRevoke, Role: "wiki-editors", Person: "ana"},
	}, h.target.History())
	events := h.events("r1")
	require.Contains(t, events[len(events)-1].Text, "lease r2:1 keeps the access")
}

func TestRevokeFailed_opens_a_removal_ticket(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.at(30*time.Minute, func() {
		for range 40 {
			h.target.FailNext(memory.OpRevoke, access.Errorf(access.Forbidden, "revoke", "the token may not remove members"))
		}
	})
	other := lease("r2:1", "wiki-admins", 2*time.Hour)
	h.ensureAt(90*time.Minute, other)
	h.membersAt(100*time.Minute, "wiki-admins", "ana")
	h.at(3*time.Hour, func() {
		tickets := h.desk.Tickets()
		require.Len(t, tickets, 1)
		require.Equal(t, access.RemovalMarkerOf("r1:1"), tickets[0].New.Marker)
		require.Contains(t, tickets[0].New.Body, "the token may not remove members")
	})
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	require.Equal(t, 1, has(h.events("r1"), access.EventRevocationFailing))
	require.Equal(t, 1, has(h.events("r1"), access.EventLeaseEnded))
	require.Equal(t, access.TicketDone, h.desk.Tickets()[0].Phase)
	require.Greater(t, h.target.Calls(memory.OpRevoke), 40)
}

func TestApplyLease_late_for_an_ended_lease(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.hold()
	require.Len(t, h.target.History(), 2)

	h.newRun()
	h.hear()
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.hold()

	require.Len(t, h.target.History(), 2, "no grant")
	require.Equal(t, access.LeaseEnded, h.last("r1:1").State)
	require.Equal(t, "the lease has ended", h.last("r1:1").Refused)
}

func TestApplyLease_late_for_a_withdrawn_request(t *testing.T) {
	h := newHolder(t)
	h.remember("r1", access.OutcomeWithdrawn, access.ItemWithdrawn)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.hold()
	require.Empty(t, h.target.History())
	require.Contains(t, h.last("r1:1").Refused, "withdrawn")
}

// remember puts a request that has ended into the ledger.
func (h *holder) remember(id access.RequestID, outcome access.RequestState, item access.ItemState) {
	h.t.Helper()
	require.NoError(h.t, h.ledger.Store.Record(h.t.Context(), access.Entry{View: &access.RequestView{
		Request: access.Request{
			ID: id, Requester: "ana", Subject: "ana", SubmittedAt: time.Now(),
			Items: []access.Item{{ID: "1", Entitlement: "wiki/wiki-editors"}},
		},
		State: outcome, Version: 1, Items: []access.ItemView{{
			Item: access.Item{ID: "1", Entitlement: "wiki/wiki-editors"}, State: item,
			Binding: &access.Binding{Target: "directory", Role: "wiki-editors"},
		}},
	}}))
}

func TestLeaseStatus_request_no_longer_runs(t *testing.T) {
	rows := []struct {
		name    string
		outcome access.RequestState
		item    access.ItemState
		keeps   bool
	}{
		{"keeps the access that its outcome granted", access.OutcomeGranted, access.ItemGranted, true},
		{"takes away the access of an item that was denied", access.OutcomePartlyGranted, access.ItemDenied, false},
		{"takes away the access of a request that was killed", access.StateFulfilling, access.ItemFulfilling, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := newHolder(t)
			h.noRequest = true
			h.remember("r1", row.outcome, row.item)
			h.ensureAt(0, lease("r1:1", "wiki-editors", 10*time.Hour))
			if row.keeps {
				h.membersAt(time.Hour, "wiki-editors", "ana")
			} else {
				h.membersAt(time.Hour, "wiki-editors")
			}
			h.hold()
			require.Empty(t, h.target.Members("wiki-editors"))
		})
	}
}

func TestApplyLease_absent_revokes(t *testing.T) {
	h := newHolder(t)
	e := lease("r1:1", "wiki-editors", 0)
	h.ensureAt(0, e)
	h.ensureAt(time.Hour, absent(e))
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	require.Equal(t, 2, h.last("r1:1").Revision)
	require.Equal(t, access.LeaseEnded, h.last("r1:1").State)
}

// TestApplyLease_reason: the audit trail says why access ends, where the message does.
func TestApplyLease_reason(t *testing.T) {
	for reason, want := range map[string]string{
		"":                         "ends: it is no longer wanted.",
		"Ana gave it back":         "ends: Ana gave it back.",
		strings.Repeat("x", 5_000): "ends: it is no longer wanted.",
		"what no ledger takes\x00": "ends: it is no longer wanted.",
	} {
		h := newHolder(t)
		e := lease("r1:1", "wiki-editors", 0)
		h.ensureAt(0, e)
		over := absent(e)
		over.Reason = reason
		h.ensureAt(time.Hour, over)
		h.hold()
		events := h.events("r1")
		require.Contains(t, events[index(events, access.EventLeaseEnding)].Text, want)
	}
}

func TestApplyLease_lower_revision(t *testing.T) {
	h := newHolder(t)
	e := lease("r1:1", "wiki-editors", 0)
	second := absent(e)
	h.ensureAt(0, second)
	h.ensureAt(0, e)
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	require.Empty(t, h.target.History())
}

func TestLedgerUnavailable_holds_back_grant_and_end(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.at(30*time.Minute, func() { h.ledger.setAway(true) })
	h.at(9*time.Hour, func() {
		require.Empty(t, h.target.Members("wiki-editors"), "the revoke does not wait for the database")
		require.False(t, h.env.IsWorkflowCompleted(), "the workflow does not forget what is not recorded")
		h.ledger.setAway(false)
	})
	h.hold()
	require.Equal(t, 1, has(h.events("r1"), access.EventLeaseEnded))
}

func TestSignal_with_the_end(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	// The last event of the first lease is being recorded when the next message comes: after every wait has seen that
	// nothing is left, and before the workflow returns.
	sent := false
	h.ledger.recorded = func(e access.Entry) {
		if !sent && e.Lease != nil && e.Lease.State == access.LeaseEnded {
			sent = true
			h.evidence(lease("r2:1", "wiki-admins", time.Hour).Lease)
			h.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalApplyLease, lease("r2:1", "wiki-admins", time.Hour))
		}
	}
	h.hold()
	require.True(t, sent)
	require.Equal(t, access.LeaseActive, h.last("r2:1").State, "no message is lost at the end")
}

func TestSubjectAccess_continues_as_new(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 10*time.Hour))
	h.ensureAt(0, lease("r2:1", "wiki-admins", 0))
	h.at(time.Hour, func() {
		h.evidence(lease("r3:1", "vault", 0).Lease)
		// Two messages come while the run is asleep, before it learns that it has grown long.
		h.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalApplyLease, lease("r3:1", "vault", 20*time.Hour))
		h.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalApplyLease, absent(lease("r2:1", "wiki-admins", 0)))
	})
	h.at(time.Hour+time.Second, func() {
		h.env.SetContinueAsNewSuggested(true)
		h.env.SignalWorkflow(workflows.SignalApplyLease, lease("r1:1", "wiki-editors", 10*time.Hour))
	})
	h.env.ExecuteWorkflow(workflows.SubjectAccessType, workflows.SubjectAccessParams{Subject: "ana"})
	carried := continued[converter.RawValue](t, h.world)

	h.newRun()
	h.hear()
	h.membersAt(time.Hour, "vault", "ana")
	h.membersAt(time.Hour, "wiki-admins")
	h.membersAt(time.Hour, "wiki-editors", "ana")
	h.env.ExecuteWorkflow(workflows.SubjectAccessType, carried)
	require.NoError(t, h.env.GetWorkflowError())
	require.Empty(t, h.target.Members("vault"))
	require.Empty(t, h.target.Members("wiki-editors"))
}

func TestRemoval_by_hand(t *testing.T) {
	h := newHolder(t)
	e := lease("r1:1", "vault", 0)
	e.Lease.Fulfilment = access.FulfilmentManual
	until := h.env.Now().Add(time.Hour)
	e.Window = access.Window{Until: &until}
	e.Granted = &access.Verification{Present: true, Method: "a human's word", At: h.env.Now()}
	h.target.Put("vault", "ana")
	h.ensureAt(0, e)
	h.at(2*time.Hour, func() {
		ticket := h.ticket()
		require.Equal(t, access.RemovalMarkerOf("r1:1"), ticket.New.Marker)
		h.move("ben", access.TicketDone)
	})
	h.at(4*time.Hour, func() {
		require.Equal(t, access.TicketWaiting, h.ticket().Phase, "the target still shows the access")
		h.move("ben", access.TicketWontDo)
	})
	h.at(6*time.Hour, func() {
		require.Equal(t, access.TicketWaiting, h.ticket().Phase, "access that must end ends")
		h.target.Take("vault", "ana")
		h.move("ben", access.TicketDone)
	})
	h.hold()
	known, err := h.ledger.Lease(t.Context(), "r1:1")
	require.NoError(t, err)
	require.Equal(t, access.LeaseEnded, known.State)
	link, err := h.ledger.TicketByID(t.Context(), "jira", h.ticket().Ref.ID)
	require.NoError(t, err)
	require.Equal(t, access.LeaseID("r1:1"), link.Lease)
}

func TestTakeGrant_time_is_over(t *testing.T) {
	h := newHolder(t)
	e := lease("r1:1", "vault", 0)
	e.Lease.Fulfilment, e.Lease.Binding = access.FulfilmentManual, nil
	until := h.env.Now().Add(-time.Hour)
	e.Window = access.Window{Until: &until}
	e.Granted = &access.Verification{Present: true, Method: "a human's word", At: until.Add(-time.Hour)}
	h.ensureAt(0, e)
	h.at(time.Hour, func() { h.move("ben", access.TicketDone) })
	h.hold()
	require.True(t, h.last("r1:1").GrantedAt.Equal(e.Granted.At))
	require.Equal(t, 1, has(h.events("r1"), access.EventLeaseGranted))
	require.Equal(t, 1, has(h.events("r1"), access.EventLeaseEnded))
}

// A lease that another one kept, and that could not be verified for hours, is told to a person as soon as its revoke fails.
func TestRevokeFailed_after_failed_verifications(t *testing.T) {
	h := newHolder(t)
	first, keeper := lease("r1:1", "wiki-editors", time.Hour), lease("r2:1", "wiki-editors", 3*time.Hour)
	h.ensureAt(0, first)
	h.ensureAt(time.Minute, keeper)
	h.at(59*time.Minute, func() {
		away, refused := access.Errorf(access.Transient, "verify", "away"), access.Errorf(access.Forbidden, "revoke", "no right")
		h.target.FailNext(memory.OpVerify, slices.Repeat([]error{away}, 1000)...)
		h.target.FailNext(memory.OpRevoke, slices.Repeat([]error{refused}, 40)...)
	})
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	for _, request := range []access.RequestID{"r1", "r2"} {
		require.Equal(t, 1, has(h.events(request), access.EventRevocationFailing), "lease of %s", request)
		require.Equal(t, 1, has(h.events(request), access.EventLeaseEnded), "lease of %s", request)
	}
}
