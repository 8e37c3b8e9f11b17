package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// approved records what the ledger knows of a request that was approved: the request is being fulfilled, and so is each of
// the items that the leases are about, for their subject, with the access that the requirement names. It is recorded as it
// would be by the request: with the event that it was submitted, and that it was decided.
func (h *holder) approved(id access.RequestID, leases ...access.LeaseSpec) {
	h.t.Helper()
	require.NoError(h.t, h.ledger.Store.Record(h.t.Context(), h.approval(id, leases...)))
}

func (h *holder) approval(id access.RequestID, leases ...access.LeaseSpec) access.Entry {
	now := h.env.Now().UTC()
	view := access.RequestView{
		Request: access.Request{ID: id, Requester: "mia", SubmittedAt: now, Reason: "for a test", Evidence: "test"},
		State:   access.StateFulfilling, Since: now, StatusText: "The access is being granted.", Version: 2,
	}
	entry := access.Entry{View: &view}
	for _, e := range leases {
		item := access.Item{ID: e.Lease.Item, Entitlement: e.Lease.Entitlement, Duration: e.Window.Duration}
		view.Request.Subject, view.SubjectName = e.Lease.Subject.ID, e.Lease.Subject.Name()
		view.Request.Items = append(view.Request.Items, item)
		view.Items = append(view.Items, access.ItemView{
			Item: item, Title: e.Lease.Title, State: access.ItemFulfilling, Fulfilment: e.Lease.Fulfilment, Binding: e.Lease.Binding,
			Lease: &access.LeaseView{Lease: e.Lease, Revision: e.Revision, DesiredState: access.Present, State: access.LeaseGranting},
		})
		view.Decisions = append(view.Decisions, access.Decision{
			ID: "d-" + string(item.ID), By: "omar", Name: "Omar", Verdict: access.Approve, Items: []access.ItemID{item.ID},
			Stages: []string{access.StageOwner}, Channel: access.ChannelAPI, Evidence: "test", At: now,
		})
	}
	for n, t := range []access.EventType{access.EventSubmitted, access.EventDecided} {
		entry.Events = append(entry.Events, access.Event{
			ID: "approved/" + string(id) + "#" + string(rune('1'+n)), Request: id, Type: t, At: now,
			Channel: access.ChannelAPI, Text: "for a test",
		})
	}
	return entry
}

// holderRuns are the runs of one person's workflow.
type holderRuns struct {
	*runs
	holder *holder
	// approved are the requests that the ledger has as approved.
	approved map[access.RequestID]bool
	// freed lets a role be taken away that was stuck.
	freed bool
}

func newHolderRuns(t *testing.T) *holderRuns {
	t.Helper()
	h := newHolder(t)
	r := &holderRuns{runs: newRuns(h.world, workflows.SubjectAccessType), holder: h, approved: map[access.RequestID]bool{}}
	r.each(h.hear)
	return r
}

// ensure sends what a request sends.
func (r *holderRuns) ensure(after time.Duration, e access.LeaseSpec) {
	r.at(after, func() { r.signal(workflows.SignalApplyLease, e) })
}

// asks sends what one request sends for its items. The ledger has the request as approved.
func (r *holderRuns) asks(after time.Duration, leases ...access.LeaseSpec) {
	r.at(after, func() {
		if id := leases[0].Lease.Request; !r.approved[id] {
			r.approved[id] = true
			r.holder.approved(id, leases...)
		}
		for _, e := range leases {
			r.signal(workflows.SignalApplyLease, e)
		}
	})
}

// members are who holds a role at a time.
func (r *holderRuns) members(after time.Duration, role string, want ...access.PersonID) {
	r.at(after, func() {
		require.ElementsMatch(r.t, want, r.target.Members(role), "members of %s after %s", role, after)
	})
}

// run runs the workflow of ana to the end of its last run, which must be no failure.
func (r *holderRuns) run() {
	r.t.Helper()
	require.NoError(r.t, r.toEnd(workflows.SubjectAccessParams{Subject: "ana"}))
}

// byHand is an ensure for access that a human has granted by now, and that ends after a while.
func (r *holderRuns) byHand(id access.LeaseID, role string, ends time.Duration) access.LeaseSpec {
	e := lease(id, role, 0)
	e.Lease.Fulfilment = access.FulfilmentManual
	until := r.env.Now().Add(ends)
	e.Window = access.Window{Until: &until}
	e.Granted = &access.Verification{Present: true, Method: "a human's word", At: r.env.Now()}
	return e
}

// known is a lease as the ledger has it.
func (r *holderRuns) known(id access.LeaseID) access.LeaseView {
	r.t.Helper()
	known, err := r.ledger.Lease(r.t.Context(), id)
	require.NoError(r.t, err)
	return known
}

// judgedAfter plays what follows a message that came along with something else: the target is back, the request says it again if it has to, judge looks, and people
// do what tickets ask for. It returns whether judge has looked, once the runs have ended.
func (r *holderRuns) judgedAfter(says, judge func()) *bool {
	judged := new(bool)
	r.at(3*time.Hour, func() { r.target.Down(false) })
	r.at(4*time.Hour, func() {
		// A request that has heard of trouble only asks again after some hours.
		if last := r.holder.last("r1:1"); last.State == access.LeaseGranting && last.Problem != "" {
			says()
		}
	})
	r.at(5*time.Hour, func() {
		*judged = true
		judge()
	})
	r.at(6*time.Hour, func() {
		r.target.Take("vault", "ana")
		for _, ticket := range r.desk.Tickets() {
			require.NoError(r.t, r.desk.MoveAs(r.accounts["ben"], ticket.Ref.ID, access.TicketDone))
		}
	})
	return judged
}
