package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// What a run may carry to the next: a quarter of what the server takes for a request, and half of it for a person.
const (
	requestCarries = 512 * 1024
	personCarries  = 1024 * 1024
)

// longReason is the longest reason that the API takes, in the longest characters.
func longReason(n int) string { return fmt.Sprintf("%04d", n) + strings.Repeat("𝔘", 1996) }

// What a run carries stays far below what the server takes.
func TestDefect11(t *testing.T) {
	t.Run("the worst request", func(t *testing.T) { worstRequest(t, false) })
	t.Run("the worst request, whose desk is down", func(t *testing.T) { worstRequest(t, true) })
	t.Run("a person with two thousand leases at rest", func(t *testing.T) {
		t.Parallel()
		const some, all = 200, 2000
		few := personCarriesWith(t, some)
		t.Logf("row carried state of a person with %d leases: %d bytes", some, few)
		require.Less(t, few, personCarries*some/all)
		many := personCarriesWith(t, all)
		t.Logf("row carried state of a person with %d leases: %d bytes", all, many)
		require.Less(t, many, personCarries)
	})
}

// worstRequest decides 20 items twice each, with the longest reasons, while the ledger is away.
func worstRequest(t *testing.T, deskDown bool) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	request, people := crowd{items: 20, owners: 1, id: uuidOf, manager: true, first: true}.asks(r.world)
	request.Reason = longReason(0)
	r.ledger.setAway(true)
	r.at(30*time.Minute, func() { r.desk.Down(deskDown) })
	said := 0
	say := func(by access.PersonID, item access.ItemID) {
		said++
		id := fmt.Sprint("d", said)
		a := r.update(workflows.UpdateDecide, id, access.Decision{
			ID: id, By: by, Verdict: access.Approve, Items: []access.ItemID{item}, Reason: longReason(said), Evidence: "test",
		})
		r.at(r.passed()+20*time.Second, func() {
			require.NoError(t, a.rejected)
			require.True(t, a.done, "decision %s is answered", id)
		})
	}
	for i, item := range request.Items {
		r.at(time.Hour+time.Duration(i)*time.Minute, func() { say("mia", item.ID) })
		r.at(2*time.Hour+time.Duration(i)*time.Minute, func() { say(people[i], item.ID) })
	}
	r.at(3*time.Hour, func() {
		r.env.SetContinueAsNewSuggested(true)
		r.hint()
	})
	r.mustEndBy(day)
	require.NotNil(t, continuesAsNew(r.oneRun([]any{workflows.AccessRequestParams{Request: request}})), "the run continues as new")
	require.Equal(t, 40, said)
	carried := r.carried[0]
	t.Logf("row carried state of the worst request: %d bytes, desk down %t", carried, deskDown)
	require.Less(t, carried, requestCarries)
}

// personCarriesWith is what the run of a person who holds so many leases, each with an end and a verification, carries.
func personCarriesWith(t *testing.T, leases int) int {
	t.Helper()
	r := newHolderRuns(t)
	for batch := range leases / leasesAtOnce {
		r.at(time.Duration(batch)*time.Minute, func() {
			for n := range leasesAtOnce {
				e := manyLease(batch*leasesAtOnce + n)
				r.target.AddRole(e.Lease.Binding.Role)
				r.holder.approved(e.Lease.Request, e)
				r.env.SignalWorkflow(workflows.SignalApplyLease, e)
			}
		})
	}
	r.at(day, func() {
		require.Equal(t, leases, r.leasesHeld(), "leases that are held")
		r.env.SetContinueAsNewSuggested(true)
		r.signal(workflows.SignalApplyLease, manyLease(0))
	})
	err := r.oneRun([]any{workflows.SubjectAccessParams{Subject: "ana"}})
	require.NotNil(t, continuesAsNew(err), "the run continues as new: %v", err)
	return r.carried[0]
}

// leasesAtOnce is how many ensures come together.
const leasesAtOnce = 50

// manyLease is an ensure like the others of one person.
func manyLease(n int) access.LeaseSpec {
	e := lease("00:0", string(uuidOf(n)), 300*day)
	e.Lease.Request, e.Lease.Item = access.RequestID(uuidOf(n)), "1"
	e.Lease.ID = access.LeaseIDOf(e.Lease.Request, e.Lease.Item)
	e.Lease.Title = fmt.Sprintf("Editor of the handbook of department %d", n)
	e.Lease.Subject.Email, e.Lease.Subject.UserName = "ana@example.test", "ana"
	return e
}

// leasesHeld counts the leases that the ledger has as held.
func (r *holderRuns) leasesHeld() int {
	r.t.Helper()
	leases, err := r.ledger.LeasesOf(r.t.Context(), "ana")
	require.NoError(r.t, err)
	held := 0
	for _, l := range leases {
		if l.State == access.LeaseActive {
			held++
		}
	}
	return held
}
