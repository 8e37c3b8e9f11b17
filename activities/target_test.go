package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// grantCall asks for ana's role, and the ledger first.
func grantCall() activities.GrantInput {
	q := leaseQuestion()
	return activities.GrantInput{
		Assignment: access.Assignment{Role: "editors", Subject: access.Person{ID: "ana"}}, Record: &q, Before: true,
		First: access.LeaseView{
			Lease: access.Lease{ID: "r1:1", Request: "r1", Item: "1", Subject: access.Person{ID: "ana"}, Binding: &editors},
			State: access.LeaseGranting, DesiredState: access.Present, Version: 1,
		},
	}
}

func revokeCall() activities.RevokeInput {
	return activities.RevokeInput{Assignment: grantCall().Assignment, Lease: "r1:1", Target: "directory"}
}

func newTarget(t *testing.T) (*activities.Target, *memory.Target, *store) {
	t.Helper()
	s, port := newStore(t, &journal{}), memory.NewTarget("editors")
	port.AddAccounts("ana")
	return &activities.Target{Port: port, Ledger: s}, port, s
}

func TestGrant(t *testing.T) {
	t.Run("with evidence is made, proved, and safe to repeat", func(t *testing.T) {
		target, port, s := newTarget(t)
		require.NoError(t, s.Record(t.Context(), approved()))
		for range 2 {
			result, err := target.Grant(t.Context(), grantCall())
			require.NoError(t, err)
			require.True(t, result.Verification.Present)
			require.Nil(t, result.Record)
			require.False(t, result.Existing, "the second call finds usher's own access")
		}
		require.Equal(t, []access.PersonID{"ana"}, port.Members("editors"))
		row, err := s.Lease(t.Context(), "r1:1")
		require.NoError(t, err)
		require.Equal(t, access.LeaseGranting, row.State, "the ledger knows the lease before the target does")
	})
	t.Run("of access that existed before says so, and so does its repetition", func(t *testing.T) {
		target, port, s := newTarget(t)
		port.Put("editors", "ana")
		require.NoError(t, s.Record(t.Context(), approved()))
		for range 2 {
			result, err := target.Grant(t.Context(), grantCall())
			require.NoError(t, err)
			require.True(t, result.Existing)
		}
	})
	t.Run("without evidence is not made", func(t *testing.T) {
		target, port, _ := newTarget(t)
		result, err := target.Grant(t.Context(), grantCall())
		require.NoError(t, err)
		require.NotNil(t, result.Record, "nothing was granted")
		require.Equal(t, activities.EvidenceMissing, result.Record.Evidence)
		require.Zero(t, result.Verification)
		require.Zero(t, port.Calls(memory.OpGrant))
	})
	t.Run("of a lease that has ended is not made", func(t *testing.T) {
		target, port, s := newTarget(t)
		ended := grantCall().First
		ended.State = access.LeaseEnded
		require.NoError(t, s.Record(t.Context(), approved(), access.Entry{Lease: &ended}))
		result, err := target.Grant(t.Context(), grantCall())
		require.NoError(t, err)
		require.NotNil(t, result.Record, "nothing was granted")
		require.Equal(t, access.LeaseEnded, result.Record.Lease.State)
		require.Zero(t, port.Calls(memory.OpGrant))
	})
	t.Run("waits for a ledger that is unavailable", func(t *testing.T) {
		target, port, s := newTarget(t)
		s.away = true
		_, err := target.Grant(t.Context(), grantCall())
		requireKind(t, access.Transient, err)
		require.Zero(t, port.Calls(memory.OpGrant))
	})
	t.Run("at the edge is left to the workflow's question", func(t *testing.T) {
		target, port, _ := newTarget(t)
		target.Ledger = nil
		call := grantCall()
		result, err := target.Grant(t.Context(), call)
		require.NoError(t, err)
		require.True(t, result.Unread)
		require.Zero(t, port.Calls(memory.OpGrant))

		call.Record, call.Before = nil, false
		result, err = target.Grant(t.Context(), call)
		require.NoError(t, err)
		require.True(t, result.Verification.Present)
		require.False(t, result.Unread)
	})
}

func TestRevoke(t *testing.T) {
	t.Run("takes the access away and returns the verification", func(t *testing.T) {
		target, port, _ := newTarget(t)
		port.Put("editors", "ana")
		result, err := target.Revoke(t.Context(), revokeCall())
		require.NoError(t, err)
		require.False(t, result.Verification.Present)
		require.Empty(t, port.Members("editors"))
	})
	for name, change := range map[string]struct {
		lease func(*access.LeaseView)
		keeps bool
	}{
		"leaves access that another lease holds":           {func(*access.LeaseView) {}, true},
		"takes access of a lease that is to end":           {func(v *access.LeaseView) { v.DesiredState = access.Absent }, false},
		"takes access of a lease that has ended":           {func(v *access.LeaseView) { v.State = access.LeaseEnded }, false},
		"takes access though another role is held":         {func(v *access.LeaseView) { v.Lease.Binding = &access.Binding{Target: "directory", Role: "admins"} }, false},
		"takes access though the role of another is held":  {func(v *access.LeaseView) { v.Lease.Subject.ID = "ben" }, false},
		"takes access though its own lease is held so far": {func(v *access.LeaseView) { v.Lease.ID = "r1:1" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			target, port, s := newTarget(t)
			port.Put("editors", "ana")
			other := grantCall().First
			other.Lease.ID, other.Lease.Request, other.State, other.Version = "r2:1", "r2", access.LeaseActive, 2
			change.lease(&other)
			require.NoError(t, s.Record(t.Context(), access.Entry{Lease: &other}))
			result, err := target.Revoke(t.Context(), revokeCall())
			require.NoError(t, err)
			require.Equal(t, change.keeps, result.KeptBy != "")
			require.Equal(t, change.keeps, len(port.Members("editors")) == 1)
		})
	}
	t.Run("goes on while the ledger is unavailable", func(t *testing.T) {
		target, port, s := newTarget(t)
		port.Put("editors", "ana")
		s.away = true
		_, err := target.Revoke(t.Context(), revokeCall())
		require.NoError(t, err)
		require.Empty(t, port.Members("editors"))
	})
	t.Run("of a target that is down is Transient, as is a verification", func(t *testing.T) {
		target, port, _ := newTarget(t)
		port.Down(true)
		_, err := target.Revoke(t.Context(), revokeCall())
		requireKind(t, access.Transient, err)
		_, err = target.Verify(t.Context(), revokeCall().Assignment)
		requireKind(t, access.Transient, err)
	})
}

// TestLateAttempts plays a worker that was frozen: an attempt that the server gave up long ago changes nothing any more.
func TestLateAttempts(t *testing.T) {
	target, port, s := newTarget(t)
	require.NoError(t, s.Record(t.Context(), approved()))
	// What is to be revoked lives on a target of its own, for what is so already needs no call.
	held := memory.NewTarget("editors")
	held.AddAccounts("ana")
	held.Put("editors", "ana")
	desk := memory.NewDesk("jira")
	ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "x"})
	require.NoError(t, err)
	late := func() time.Time { return time.Now().Add(time.Hour) }
	port.SetWriteClock(late)
	held.SetWriteClock(late)
	desk.SetWriteClock(late)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(target)
	desks := &activities.Desk{Port: desk}
	env.RegisterActivity(desks)
	before := len(desk.Tickets())
	for name, call := range map[string]func() error{
		"grant": func() error { _, err := env.ExecuteActivity(target.Grant, grantCall()); return err },
		"revoke": func() error {
			other := suite.NewTestActivityEnvironment()
			holder := &activities.Target{Port: held}
			other.RegisterActivity(holder)
			_, err := other.ExecuteActivity(holder.Revoke, revokeCall())
			return err
		},
		"open": func() error {
			_, err := env.ExecuteActivity(desks.OpenTicket, activities.OpenTicketInput{Ticket: access.NewTicket{Marker: "n", Summary: "y"}})
			return err
		},
		"comment": func() error {
			_, err := env.ExecuteActivity(desks.UpdateTicket, activities.UpdateTicketInput{
				Ticket: ref.ID, Comments: []access.Comment{{Marker: "c", Text: "late"}},
			})
			return err
		},
		"move": func() error {
			_, err := env.ExecuteActivity(desks.UpdateTicket, activities.UpdateTicketInput{Ticket: ref.ID, TransitionTo: access.TicketDone})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { requireKind(t, access.Transient, call()) })
	}
	require.Empty(t, port.Members("editors"))
	require.Equal(t, []access.PersonID{"ana"}, held.Members("editors"))
	require.Len(t, desk.Tickets(), before)
	require.Empty(t, desk.Comments(ref.ID))
	require.Equal(t, access.TicketWaiting, desk.Tickets()[0].Phase)
}
