package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// mismatch is an ensure that does not say what the ledger's request says.
type mismatch struct {
	name   string
	change func(*access.LeaseSpec)
}

func mismatches() []mismatch {
	return []mismatch{
		{"another subject", func(e *access.LeaseSpec) { e.Lease.Subject = access.Person{ID: "ben", DisplayName: "Ben"} }},
		{"another group", func(e *access.LeaseSpec) { e.Lease.Binding = &access.Binding{Target: "directory", Role: "wiki-admins"} }},
		{"another target", func(e *access.LeaseSpec) {
			e.Lease.Binding = &access.Binding{Target: "elsewhere", Role: "wiki-editors"}
		}},
		{"another entitlement", func(e *access.LeaseSpec) { e.Lease.Entitlement = "wiki/wiki-admins" }},
		{"an item that the request does not have", func(e *access.LeaseSpec) { e.Lease.ID, e.Lease.Item = "r1:9", "9" }},
	}
}

// A grant demands that the ledger's request holds the item as approved, for the same subject, entitlement and access.
func TestDefect18(t *testing.T) {
	t.Run("a request that the ledger does not know yet waits", func(t *testing.T) { unknownRequest(t, false) })
	t.Run("a request that the ledger does not know yet waits, in the next run", func(t *testing.T) { unknownRequest(t, true) })
	for _, m := range mismatches() {
		for _, first := range []bool{true, false} {
			name := "an ensure for " + m.name + " is refused" + map[bool]string{true: "", false: ", beside one that is granted"}[first]
			t.Run(name, func(t *testing.T) { mismatched(t, m, first) })
		}
	}
	for _, state := range []access.ItemState{
		access.ItemPending, access.ItemDenied, access.ItemWithdrawn, access.ItemExpired, access.ItemCancelled, access.ItemRefused,
	} {
		t.Run("an item that is "+string(state)+" is not granted", func(t *testing.T) { notApproved(t, state) })
	}
	t.Run("an item that is approved is granted", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		e := lease("r1:1", "wiki-editors", 3*time.Hour)
		r.at(0, func() {
			entry := r.holder.approval("r1", e)
			entry.View.Items[0].State = access.ItemApproved
			require.NoError(t, r.ledger.Record(t.Context(), entry))
		})
		r.ensure(0, e)
		r.members(time.Hour, "wiki-editors", "ana")
		r.mustEndBy(2 * day)
		r.run()
	})
}

func unknownRequest(t *testing.T, long bool) {
	t.Parallel()
	r := newHolderRuns(t)
	e := lease("r1:1", "wiki-editors", 6*time.Hour)
	r.ensure(0, e)
	r.asks(0, lease("r2:1", "vault", 9*time.Hour))
	r.members(90*time.Minute, "vault", "ana")
	r.members(90*time.Minute, "wiki-editors")
	if long {
		r.at(time.Hour, r.growsLong)
	}
	r.at(90*time.Minute, func() {
		require.Contains(t, r.details(), "r1", "operators see what is waited for")
		require.Regexp(t, "(?i)request", r.details(), "operators see what is waited for")
		for _, answer := range r.holder.answers {
			require.False(t, answer.Lease == "r1:1" && answer.Refused != "", "a request that is not known yet is not refused")
		}
	})
	r.at(2*time.Hour, func() { r.holder.approved("r1", e) })
	r.members(5*time.Hour, "wiki-editors", "ana")
	r.mustEndBy(2 * day)
	r.run()
	require.Equal(t, 1, has(r.events("r1"), access.EventLeaseGranted))
	require.Equal(t, access.LeaseActive, r.holder.last("r1:1").State)
}

// mismatched sends an ensure that does not match; if it is not the first of its request, another that matches is before.
func mismatched(t *testing.T, m mismatch, first bool) {
	t.Parallel()
	r := newHolderRuns(t)
	good, bad := lease("r1:1", "wiki-editors", 3*time.Hour), lease("r1:1", "wiki-editors", 3*time.Hour)
	other := lease("r1:2", "vault", 3*time.Hour)
	m.change(&bad)
	r.at(0, func() { r.holder.approved("r1", good, other) })
	if !first {
		r.ensure(0, other)
		r.members(time.Hour, "vault", "ana")
	}
	r.ensure(0, bad)
	r.members(time.Hour, "wiki-editors")
	r.members(time.Hour, "wiki-admins")
	r.mustEndBy(2 * day)
	r.run()
	for _, change := range r.target.History() {
		require.Equal(t, "vault", change.Role, "nothing else is ever granted")
	}
	answer := r.holder.last(bad.Lease.ID)
	require.Equal(t, access.LeaseEnded, answer.State)
	require.NotEmpty(t, answer.Refused)
	known := r.known(bad.Lease.ID)
	require.Equal(t, access.LeaseEnded, known.State, "what was refused is recorded")
	require.Equal(t, 1, has(r.events("r1"), access.EventLeaseRefused))
	require.Zero(t, has(r.events("r1"), access.EventLeaseGranted)-map[bool]int{true: 0, false: 1}[first])
}

func notApproved(t *testing.T, state access.ItemState) {
	t.Parallel()
	r := newHolderRuns(t)
	e := lease("r1:1", "wiki-editors", 3*time.Hour)
	r.at(0, func() {
		entry := r.holder.approval("r1", e)
		entry.View.Items[0].State = state
		if state == access.ItemPending {
			entry.View.State, entry.View.Decisions, entry.View.Items[0].Lease = access.StateAwaitingApproval, nil, nil
		}
		require.NoError(t, r.ledger.Record(t.Context(), entry))
	})
	r.ensure(0, e)
	r.members(time.Hour, "wiki-editors")
	// Whatever still waits is taken back.
	r.ensure(2*time.Hour, absent(e))
	r.mustEndBy(2 * day)
	r.run()
	require.Empty(t, r.target.History(), "nothing is ever granted")
	require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
}
