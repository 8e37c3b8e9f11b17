package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// Two leases of one role that end in one moment take the access with them: neither is kept by the other, though the ledger
// still has both as held.
func TestLeasesThatEndTogether(t *testing.T) {
	rows := map[string]func(*holderRuns){
		"the ledger takes no facts meanwhile": func(r *holderRuns) {
			r.at(50*time.Minute, func() { r.ledger.setAway(true) })
			r.at(9*time.Hour, func() { r.ledger.setAway(false) })
		},
		"the ledger is slow": func(r *holderRuns) {
			r.at(50*time.Minute, func() { r.server.slowDown(workflows.TaskQueue, 2*time.Second) })
		},
		"the ledger takes them at once": func(*holderRuns) {},
	}
	for name, trouble := range rows {
		for _, end := range []string{"by the clock", "by their requests"} {
			t.Run(name+", "+end, func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				trouble(r)
				lasts := time.Hour
				if end == "by their requests" {
					lasts = 0
				}
				first, second := lease("r1:1", "wiki-editors", lasts), lease("r2:1", "wiki-editors", lasts)
				r.asks(0, first)
				r.asks(0, second)
				r.members(30*time.Minute, "wiki-editors", "ana")
				if lasts == 0 {
					r.at(time.Hour, func() {
						r.signalWithoutTask(workflows.SignalApplyLease, absent(first))
						r.signal(workflows.SignalApplyLease, absent(second))
					})
				}
				r.members(2*time.Hour, "wiki-editors")
				r.mustEndBy(2 * day)
				r.run()
				require.Empty(t, r.target.Members("wiki-editors"), "both leases have ended")
			})
		}
	}
}

// A lease that was being granted when its run was lost ends on time all the same.
func TestRecovery_granting(t *testing.T) {
	rows := map[string]func(r *holderRuns, e access.LeaseSpec){
		"the request says nothing more": func(*holderRuns, access.LeaseSpec) {},
		"the request repeats its message": func(r *holderRuns, e access.LeaseSpec) {
			r.ensure(4*time.Hour, e)
		},
	}
	for name, after := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			// The grant fails until some time after the run was lost.
			r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 42)...)
			first := lease("r1:1", "wiki-editors", 5*time.Hour)
			r.asks(0, first)
			after(r, first)
			r.mustEndBy(2 * day)
			r.lostAt(time.Hour, first, 2*time.Hour, lease("r3:1", "wiki-admins", time.Hour))
			known := r.known("r1:1")
			require.NotNil(t, known.EndsAt, "the lease has an end")
			require.Empty(t, r.target.Members("wiki-editors"))
		})
	}
}

// A lease that has begun to end ends, whatever is wanted later.
func TestLease_wanted_again_while_it_ends(t *testing.T) {
	t.Parallel()
	r := newHolderRuns(t)
	r.target.AddRole("stuck")
	r.stuck("stuck")
	e := lease("r1:1", "stuck", 0)
	r.asks(0, e)
	r.ensure(time.Hour, absent(e))
	again := e
	again.Revision = 3
	r.ensure(2*time.Hour, again)
	r.at(3*time.Hour, func() { r.freed = true })
	r.members(5*time.Hour, "stuck")
	r.mustEndBy(2 * day)
	r.run()
	require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
	require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
}

// A message about somebody else's lease changes neither that lease nor anything of the person who got it.
func TestApplyLease_of_another_subject(t *testing.T) {
	ben := access.Person{ID: "ben", DisplayName: "Ben"}
	held := func(r *holderRuns) access.LeaseView {
		theirs := lease("r9:1", "wiki-editors", 0)
		theirs.Lease.Subject = ben
		r.holder.approved("r9", theirs)
		r.target.Put("wiki-editors", "ben")
		now := r.env.Now().UTC()
		view := access.LeaseView{
			Lease: theirs.Lease, Revision: 5, DesiredState: access.Present, State: access.LeaseActive, GrantedAt: &now, Version: 7,
			Verification: &access.Verification{Present: true, Method: "memory", At: now},
		}
		require.NoError(t, r.ledger.Store.Record(t.Context(), access.Entry{Lease: &view}))
		return view
	}
	rows := map[string]access.Person{"that names him": ben, "that names her": {ID: "ana", DisplayName: "Ana"}}
	for name, subject := range rows {
		for _, wanted := range []access.DesiredState{access.Present, access.Absent} {
			t.Run(name+", "+string(wanted), func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				// What ana has, she has not from usher.
				r.target.Put("wiki-editors", "ana")
				var before access.LeaseView
				r.at(0, func() { before = held(r) })
				forged := lease("r9:1", "wiki-editors", time.Hour)
				forged.Lease.Subject, forged.Revision, forged.DesiredState = subject, 6, wanted
				r.ensure(0, forged)
				r.mustEndBy(3 * day)
				r.run()
				after := r.known("r9:1")
				require.Equal(t, before.Lease.Subject, after.Lease.Subject, "the ledger's lease is ben's")
				require.Equal(t, before.State, after.State, "the ledger's lease is held")
				require.ElementsMatch(t, []access.PersonID{"ana", "ben"}, r.target.Members("wiki-editors"))
			})
		}
	}
}

// A late message with the id of a lease that has ended leaves the record of that lease as it is, and is refused.
func TestApplyLease_leaves_an_ended_record(t *testing.T) {
	rows := map[string]func(*access.LeaseSpec){
		"about somebody else": func(e *access.LeaseSpec) { e.Lease.Subject = access.Person{ID: "ben"} },
		"without a binding":   func(e *access.LeaseSpec) { e.Lease.Binding = nil },
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.asks(0, lease("r1:1", "wiki-editors", time.Hour))
			r.asks(0, lease("r2:1", "vault", 5*time.Hour))
			var before access.LeaseView
			r.at(2*time.Hour, func() { before = r.known("r1:1") })
			late := lease("r1:1", "wiki-editors", time.Hour)
			late.Revision = 6
			change(&late)
			r.ensure(3*time.Hour, late)
			r.mustEndBy(day)
			r.run()
			require.Equal(t, access.LeaseEnded, before.State)
			require.Equal(t, before, r.known("r1:1"))
			require.NotEmpty(t, r.holder.last("r1:1").Refused, "the sender is told")
		})
	}
}

// Access that existed before stays at the end where the catalog keeps it, though two requests asked for it while the target
// was away.
func TestExistingAccess_of_two_leases(t *testing.T) {
	t.Parallel()
	r := newHolderRuns(t)
	r.target.Put("wiki-editors", "ana")
	r.target.Down(true)
	first, second := lease("r1:1", "wiki-editors", 5*time.Hour), lease("r2:1", "wiki-editors", 9*time.Hour)
	first.Lease.ExistingAccess, second.Lease.ExistingAccess = access.ExistingKeep, access.ExistingKeep
	r.asks(0, first)
	r.at(time.Hour, func() { r.target.Down(false) })
	r.asks(time.Hour, second)
	r.mustEndBy(2 * day)
	r.run()
	require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-editors"), "she had the access before usher came")
}

// A status that finds no request, while the ledger cannot be read, is no reason to ask again and again.
func TestLeaseStatus_undelivered_ledger_unavailable(t *testing.T) {
	t.Parallel()
	r := newHolderRuns(t)
	e := lease("r1:1", "wiki-editors", 10*time.Hour)
	r.asks(0, e)
	count := 0
	r.each(func() {
		blind := &blindLedger{faultyLedger: r.ledger, until: r.begun.Add(5 * time.Hour), from: r.begun.Add(time.Hour), now: r.env.Now}
		r.env.RegisterActivity(&activities.Records{Ledger: blind, Client: r.world})
		r.env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
			if count++; count > 500 {
				require.Fail(t, "activities are started again and again")
			}
		})
	})
	r.at(90*time.Minute, func() { r.holder.noRequest = true })
	r.ensure(2*time.Hour, e)
	r.mustEndBy(2 * day)
	r.run()
	require.Less(t, count, 200)
}

// maxPayload is what the server takes as the input of an activity or of a run: it terminates a workflow that gives more.
const maxPayload = 2 * 1024 * 1024

// blindLedger takes facts, and cannot be read for a while.
type blindLedger struct {
	*faultyLedger
	from, until time.Time
	now         func() time.Time
}

// Lease implements activities.LedgerStore.
func (l *blindLedger) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	if now := l.now(); now.After(l.from) && now.Before(l.until) {
		return access.LeaseView{}, access.Errorf(access.Transient, "read", "the database cannot be read")
	}
	return l.faultyLedger.Lease(ctx, id)
}

// What a person's workflow gives to one activity does not grow with the number of leases that end at once.
func TestSize_many_endings(t *testing.T) {
	t.Parallel()
	// The server takes 2 MB: with this many leases a tenth of that, so that two thousand are no risk.
	const leases, most = 400, maxPayload / 10
	r := newHolderRuns(t)
	largest := r.largestInputs()
	r.at(0, func() {
		now, end := r.begun.UTC(), r.begun.Add(3*time.Hour)
		for n := range leases {
			e := manyLease(n)
			r.target.AddRole(e.Lease.Binding.Role)
			r.target.Put(e.Lease.Binding.Role, "ana")
			require.NoError(t, r.ledger.Store.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
				Lease: e.Lease, Revision: 1, DesiredState: access.Present, State: access.LeaseActive, GrantedAt: &now, EndsAt: &end, Version: 7,
				Verification: &access.Verification{Present: true, Method: "memory", Evidence: "role (" + string(e.Lease.ID) + ") is held", At: now},
			}}))
		}
	})
	r.mustEndBy(2 * day)
	r.run()
	require.Zero(t, r.leasesHeld())
	for name, size := range largest {
		require.Less(t, size, most, "input of %s", name)
	}
}

// largestInputs are the sizes of the largest inputs of activities, by name.
func (r *runs) largestInputs() map[string]int {
	largest := map[string]int{}
	r.each(func() {
		r.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
			var raw converter.RawValue
			if args.Get(&raw) == nil {
				largest[info.ActivityType.Name] = max(largest[info.ActivityType.Name], len(raw.Payload().GetData()))
			}
		})
	})
	return largest
}

// A lease that was being granted when its run was lost is granted by the next run only if its request still allows it.
func TestRecovery_granting_for_a_withdrawn_request(t *testing.T) {
	t.Parallel()
	r := newHolderRuns(t)
	r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 42)...)
	first := lease("r1:1", "wiki-editors", 0)
	r.asks(0, first)
	r.at(59*time.Minute, func() {
		// The request ends, and its message is lost with the run.
		entry := r.holder.approval("r1", first)
		entry.View.State, entry.View.Version = access.OutcomeWithdrawn, 9
		entry.View.Items[0].State, entry.Events = access.ItemWithdrawn, nil
		require.NoError(t, r.ledger.Store.Record(t.Context(), entry))
		r.target.FailNoMore()
	})
	r.members(3*time.Hour, "wiki-editors")
	r.members(5*time.Hour, "wiki-editors")
	r.mustEndBy(2 * day)
	r.lostAt(time.Hour, first, 2*time.Hour, lease("r3:1", "wiki-admins", time.Hour))
	require.Zero(t, has(r.events("r1"), access.EventLeaseGranted))
	require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
}
