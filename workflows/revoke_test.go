package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

const whyRevoked = "it was revoked by the help desk (hal): stolen laptop"

// takesBack records that something was taken back from ana some time after now.
func (w *world) takesBack(scope access.RevocationScope, later time.Duration) access.RevocationNotice {
	w.t.Helper()
	r, err := w.ledger.Store.SaveRevocation(w.t.Context(), access.Revocation{
		ID: access.RevocationID(fmt.Sprintf("rev-%d-%d-%d", w.env.Now().UnixMicro(), len(scope.Lease), len(scope.Entitlement))), Subject: "ana", Scope: scope,
		By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: w.env.Now().Add(later).UTC(),
	}, nil)
	require.NoError(w.t, err)
	return access.RevocationNotice{Revocation: r.ID}
}

// revokes records that something was taken back from ana, and notifies her workflow.
func (r *holderRuns) revokes(after time.Duration, scope access.RevocationScope) {
	r.at(after, func() { r.signal(workflows.SignalRevoke, r.takesBack(scope, 0)) })
}

// revokedCase is a state of a lease, a message of its request, and how a revocation comes along with it.
type revokedCase struct {
	state   leaverState
	message string
	// single is true where the lease alone is revoked, first where the message comes first, long where the run continues as new in between.
	single, first, long bool
}

// TestRevoked is the sweep over where a lease stands, what its request says, and in which order it says so, as TestLeaver is: what was taken back
// ends, its request is told, and nothing of it is granted any more.
func TestRevoked(t *testing.T) {
	for _, state := range leaverStates() {
		for message := range leaverMessages() {
			for mask := range 8 {
				c := revokedCase{state: state, message: message, single: mask&1 != 0, first: mask&2 != 0, long: mask&4 != 0}
				if state.name == "nothing" && message == "granted by hand" || c.long && raceDetector {
					// A lease by hand is its own kind: see TestRevoked_granted_by_hand.
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/single %t, first %t, long %t", state.name, message, c.single, c.first, c.long), func(t *testing.T) {
					t.Parallel()
					c.play(t)
				})
			}
		}
	}
}

func (c revokedCase) play(t *testing.T) {
	r := newHolderRuns(t)
	held := c.state.begin(r)
	scope := access.RevocationScope{Entitlement: held.Lease.Entitlement}
	if c.single {
		scope = access.RevocationScope{Lease: held.Lease.ID}
	}
	// A person takes this one away much later: it keeps the run alive, and nothing of it was revoked.
	anchor := r.byHand("r9:1", "lab", 30*day)
	anchor.Lease.Binding = nil
	r.asks(0, anchor)
	says := func() {
		if c.state.name != "granting, without an approval" {
			r.holder.evidence(held.Lease)
		}
		r.signal(workflows.SignalApplyLease, leaverMessages()[c.message](r, held))
	}
	words := []func(){func() { r.signal(workflows.SignalRevoke, r.takesBack(scope, time.Hour)) }, says}
	if c.first {
		slices.Reverse(words)
	}
	r.at(time.Hour, func() {
		words[0]()
		if c.long {
			r.growsLong()
		}
	})
	r.at(time.Hour+time.Second, words[1])
	judged := r.judgedAfter(says, func() { c.judge(r) })
	r.mustEndBy(40 * day)
	r.at(7*time.Hour, func() { r.signal(workflows.SignalApplyLease, absent(anchor)) })
	r.at(8*time.Hour, func() {
		for _, ticket := range r.desk.Tickets() {
			require.NoError(t, r.desk.MoveAs(r.accounts["ben"], ticket.Ref.ID, access.TicketDone))
		}
	})
	r.run()
	require.True(t, *judged)
	require.NotContains(t, r.details(), "refuses")
}

func (c revokedCase) judge(r *holderRuns) {
	t := r.t
	require.Equal(t, access.LeaseActive, r.known("r9:1").State, "of this one nothing was taken back")
	rows, err := r.ledger.LeasesOf(t.Context(), "ana")
	require.NoError(t, err)
	about := slices.IndexFunc(rows, func(row access.LeaseView) bool { return row.Lease.ID == "r1:1" })
	if about < 0 {
		// Without an approval it waits for one, and there is nothing to take back.
		require.Equal(t, "granting, without an approval", c.state.name)
		require.Empty(t, r.target.Members("wiki-editors"))
		return
	}
	row := rows[about]
	require.True(t, row.State == access.LeaseEnded || isByHand(row) && row.State == access.LeaseRevoking, "it is gone at once: %s %s", row.State, row.Problem)
	endedFirst := c.state.kept || c.first && (c.message == "absent" || c.message == "its time is over")
	kept := c.state.before && ((c.single && row.Existing) || endedFirst || row.GrantedAt == nil)
	require.Equal(t, kept, slices.Contains(r.target.Members("wiki-editors"), "ana"), "what usher has granted is gone")
	last := r.holder.last("r1:1")
	require.True(t, last.Refused != "" || last.GrantedAt != nil || last.State == access.LeaseEnded, "the request is told: %+v", last)
	if c.state.name == "nothing" && c.message != "absent" && !c.first {
		require.Equal(t, whyRevoked, last.Refused)
		require.Equal(t, []string{"wiki-editors of Ana is refused: " + whyRevoked + "."}, texts(r.events("r1"), access.EventLeaseRefused))
	}
	if c.state.name == "held" && !c.first {
		require.Equal(t, []string{"wiki-editors of Ana ends: " + whyRevoked + "."}, texts(r.events("r1"), access.EventLeaseEnding))
	}
}

// What a person has granted by hand after it was taken back is taken in, and then taken away.
func TestRevoked_granted_by_hand(t *testing.T) {
	r := newHolderRuns(t)
	r.target.Put("vault", "ana")
	e := r.byHand("r1:1", "vault", 30*day)
	r.at(0, func() { r.holder.approved("r1", e) })
	r.asks(0, lease("r9:1", "wiki-admins", 3*time.Hour))
	r.revokes(time.Minute, access.RevocationScope{Entitlement: "wiki/vault"})
	r.at(time.Hour, func() { r.signal(workflows.SignalApplyLease, e) })
	asked := false
	r.at(2*time.Hour, func() {
		asked = true
		require.Equal(t, access.LeaseRevoking, r.known("r1:1").State)
		require.Contains(t, r.ticket().New.Body, "It was revoked.")
		r.target.Take("vault", "ana")
		r.move("ben", access.TicketDone)
	})
	r.mustEndBy(day)
	r.run()
	require.True(t, asked)
	require.Equal(t, []string{"vault of Ana ends: " + whyRevoked + "."}, texts(r.events("r1"), access.EventLeaseEnding))
}

// The hint about somebody who holds nothing starts a run that ends at once.
func TestRevoked_of_somebody_without_leases(t *testing.T) {
	r := newHolderRuns(t)
	r.revokes(0, access.RevocationScope{})
	r.mustEndBy(time.Minute)
	r.run()
	require.Empty(t, r.target.History())
}

// A run that knows nothing reads from the ledger what was taken back, though nobody has told it; what was asked for since stays.
func TestRevoked_recovery(t *testing.T) {
	r := newHolderRuns(t)
	r.at(0, func() {
		for i, id := range []access.LeaseID{"r1:1", "r2:1"} {
			e := lease(id, []string{"wiki-editors", "wiki-admins"}[i], 0)
			e.Lease.ExistingAccess = access.ExistingKeep
			r.holder.approved(e.Lease.Request, e)
			r.target.Put(e.Lease.Binding.Role, "ana")
			require.NoError(t, r.ledger.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
				Lease: e.Lease, Revision: 1, DesiredState: access.Present, State: access.LeaseActive, Version: 1, GrantedAt: &[]time.Time{r.env.Now()}[0], Existing: true,
			}}))
		}
		r.takesBack(access.RevocationScope{Entitlement: "wiki/wiki-editors"}, 0)
	})
	looked := false
	r.at(time.Hour, func() {
		looked = true
		require.Empty(t, r.target.Members("wiki-editors"))
		require.Equal(t, []string{"wiki-editors of Ana ends: " + whyRevoked + "."}, texts(r.events("r1"), access.EventLeaseEnding))
		require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-admins"))
		r.signal(workflows.SignalRevoke, r.takesBack(access.RevocationScope{}, 0))
	})
	r.mustEndBy(2 * time.Hour)
	r.run()
	require.True(t, looked)
	require.Empty(t, r.target.Members("wiki-admins"))
}

// What the ledger knows stops a grant, though nobody has told the workflow.
func TestRevoked_evidence(t *testing.T) {
	r := newHolderRuns(t)
	r.asks(0, lease("r9:1", "wiki-admins", 3*time.Hour))
	e := lease("r1:1", "wiki-editors", 0)
	r.at(time.Hour, func() {
		r.holder.approved("r1", e)
		r.takesBack(access.RevocationScope{Entitlement: e.Lease.Entitlement}, 0)
	})
	r.at(time.Hour+time.Minute, func() { r.signal(workflows.SignalApplyLease, e) })
	r.at(2*time.Hour, func() {
		require.Equal(t, whyRevoked, r.holder.last("r1:1").Refused)
		require.NotContains(t, r.target.History(), memory.TargetChange{Op: memory.OpGrant, Role: "wiki-editors", Person: "ana"})
	})
	r.asks(2*time.Hour+time.Minute, lease("r2:1", "wiki-editors", time.Hour))
	r.mustEndBy(day)
	r.run()
	require.Equal(t, access.LeaseActive, r.holder.last("r2:1").State, "what is asked for later is granted")
}

// Something is taken back while its grant is on its way, which has asked for its evidence before: what it granted goes.
func TestRevoked_while_granting(t *testing.T) {
	for _, edge := range []bool{false, true} {
		r := newHolderRuns(t)
		r.edge = edge
		r.newRun()
		r.each(func() {
			target := &activities.Target{Port: r.target}
			if !edge {
				target.Ledger = r.ledger
			}
			r.replace("Grant", func(ctx context.Context, c activities.GrantInput) (activities.GrantResult, error) {
				result, err := target.Grant(ctx, c)
				if err == nil && result.Verification.Present {
					r.signal(workflows.SignalRevoke, r.takesBack(access.RevocationScope{}, 0))
				}
				return result, err
			})
		})
		r.asks(0, lease("r1:1", "wiki-editors", 0))
		r.mustEndBy(time.Hour)
		r.run()
		require.Empty(t, r.target.Members("wiki-editors"))
		require.NotNil(t, r.known("r1:1").GrantedAt)
		require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
	}
}

// While the ledger does not say what was taken back, nothing ends for it; it is asked again.
func TestRevoked_ledger_away(t *testing.T) {
	r := newHolderRuns(t)
	r.asks(0, lease("r1:1", "wiki-editors", 0))
	r.at(time.Hour, func() {
		r.ledger.setUnrevoked(true)
		r.signal(workflows.SignalRevoke, r.takesBack(access.RevocationScope{}, 0))
	})
	r.members(2*time.Hour, "wiki-editors", "ana")
	r.at(2*time.Hour+time.Minute, func() { r.ledger.setUnrevoked(false) })
	r.members(2*time.Hour+20*time.Minute, "wiki-editors")
	r.mustEndBy(3 * time.Hour)
	r.run()
}

// The targets go one after another, as when somebody leaves; a person is told of one that fails.
func TestRevoked_order(t *testing.T) {
	c := &calls{holderRuns: newHolderRuns(t), down: "vpn-1"}
	c.leaveOrder = []access.TargetName{"vpn", "mail"}
	c.newRun()
	c.watch()
	for i, role := range []string{"other-1", "mail-1", "vpn-1", "vpn-2"} {
		c.target.AddRole(role)
		e := lease(access.LeaseID(fmt.Sprintf("r%d:1", i+1)), role, 0)
		e.Lease.Binding.Target = access.TargetName(role[:len(role)-2])
		c.asks(0, e)
	}
	c.revokes(time.Hour, access.RevocationScope{})
	told := false
	c.at(4*time.Hour, func() {
		told = true
		require.Equal(t, []access.PersonID{"ana"}, c.target.Members("vpn-1"))
		require.Equal(t, 1, has(c.events("r3"), access.EventRevocationFailing))
		require.Contains(t, c.ticket().New.Body, "usher cannot take it away, and goes on trying")
		c.down = ""
	})
	c.mustEndBy(day)
	c.run()
	require.True(t, told)
	place := func(line string) int { return slices.Index(c.lines, line) }
	for _, pair := range [][2]string{{"end vpn-1", "begin mail-1"}, {"end vpn-2", "begin mail-1"}, {"end mail-1", "begin other-1"}} {
		require.Less(t, place(pair[0]), place(pair[1]), "%v: %v", pair, c.lines)
	}
	require.Empty(t, c.target.Members("vpn-1"))
}

// TestLeaseRevocation: what somebody takes back is recorded, and then the person's workflow is notified, until both are done.
func TestLeaseRevocation(t *testing.T) {
	r := access.Revocation{
		ID: "rev-1", Subject: "ana", By: "hal", Role: access.RevokedByHelpDesk, Evidence: "test", Reason: "stolen laptop", At: chainStart,
	}
	play := func(t *testing.T, change func(w *world)) (*world, []string, workflows.RevocationResult) {
		w := newWorld(t)
		var heard []string
		w.heard = func(id, signal string, arg any) error {
			heard = append(heard, fmt.Sprint(id, " ", signal, " ", arg))
			return nil
		}
		if change != nil {
			change(w)
		}
		w.env.ExecuteWorkflow(workflows.LeaseRevocationType, r)
		require.NoError(t, w.env.GetWorkflowError())
		var done workflows.RevocationResult
		require.NoError(t, w.env.GetWorkflowResult(&done))
		return w, heard, done
	}
	t.Run("of somebody who holds nothing", func(t *testing.T) {
		w, heard, done := play(t, nil)
		require.Equal(t, workflows.RevocationResult{Revocation: r}, done)
		require.Equal(t, []string{"access/ana revoke {rev-1}"}, heard)
		kept, err := w.ledger.Revocation(t.Context(), "rev-1")
		require.NoError(t, err)
		require.Equal(t, r, kept)
	})
	t.Run("with the id of another one is refused", func(t *testing.T) {
		_, heard, done := play(t, func(w *world) {
			other := r
			other.Reason = "another"
			_, err := w.ledger.SaveRevocation(t.Context(), other, nil)
			require.NoError(t, err)
		})
		require.Equal(t, access.Conflict, done.Kind)
		require.Empty(t, heard)
	})
	t.Run("while the ledger is away, and an operator cancels it", func(t *testing.T) {
		_, heard, done := play(t, func(w *world) {
			w.ledger.setUnrevoked(true)
			w.at(5*time.Second, w.env.CancelWorkflow)
			w.at(20*time.Second, func() { w.ledger.setUnrevoked(false) })
		})
		require.Equal(t, r, done.Revocation)
		require.Len(t, heard, 1)
	})
}
