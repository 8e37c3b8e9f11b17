package lease_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows/durable"
	"usher/workflows/lease"
)

// ledger is a ledger that knows a person's leases, and a target on which they can be revoked: the activities that a lease
// needs to end.
type ledger struct {
	mu     sync.Mutex
	leases []access.LeaseView
	// standing is the person's; nil for none.
	standing *access.SubjectStanding
	ended    map[access.LeaseID]bool
	revokes  int
}

// LiveLeases answers as activities.Records does.
func (l *ledger) LiveLeases(_ context.Context, c activities.LiveLeasesInput) (activities.LiveLeasesResult, error) {
	first := 0
	for first < len(l.leases) && l.leases[first].Lease.ID <= c.After {
		first++
	}
	page := activities.LiveLeasesResult{Leases: l.leases[first:min(first+c.Limit, len(l.leases))]}
	if c.After == "" {
		page.Standing = l.standing
	}
	return page, nil
}

// Record answers as activities.Records does.
func (l *ledger) Record(_ context.Context, c activities.RecordInput) (activities.RecordResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range c.Entries {
		if e.Lease != nil && e.Lease.State == access.LeaseEnded {
			l.ended[e.Lease.Lease.ID] = true
		}
	}
	return activities.RecordResult{}, nil
}

// Revoke answers as activities.Target does.
func (l *ledger) Revoke(context.Context, activities.RevokeInput) (activities.RevokeResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revokes++
	return activities.RevokeResult{Verification: access.Verification{Method: "read-back", Evidence: "no member"}}, nil
}

// endingAtOnce returns a ledger with so many leases of one person, each of a role of its own, that end at the same time.
func endingAtOnce(count int, end time.Time) *ledger {
	l := &ledger{ended: map[access.LeaseID]bool{}}
	granted := end.Add(-time.Hour)
	for i := range count {
		id := access.LeaseID(fmt.Sprintf("r%05d:1", i))
		l.leases = append(l.leases, access.LeaseView{
			Lease: access.Lease{
				ID: id, Request: access.RequestID(id[:6]), Item: "1", Subject: access.Person{ID: "ana", DisplayName: "Ana"},
				Entitlement: access.EntitlementID(fmt.Sprint("wiki/role-", i)), Title: fmt.Sprint("Role ", i), Fulfilment: access.FulfilmentSCIM,
				Binding: &access.Binding{Target: access.TargetName(fmt.Sprint("target ", i%8)), Role: fmt.Sprint("role ", i)},
			},
			Revision: 1, DesiredState: access.Present, State: access.LeaseActive, GrantedAt: &granted, EndsAt: &end,
		})
	}
	return l
}

// TestManyLeases counts the loop's checks, and the evaluations of leases, while so many leases of one person end at once: because their
// time is over, and because the person has left, target by target.
func TestManyLeases(t *testing.T) {
	t.Run("their time is over", func(t *testing.T) { endsMany(t, nil) })
	t.Run("the person has left", func(t *testing.T) {
		left := &access.SubjectStanding{Standing: access.Standing{Person: "ana", Absent: true, Revision: 7}}
		for i := range 8 {
			left.Order = append(left.Order, access.TargetName(fmt.Sprint("target ", 7-i)))
		}
		endsMany(t, left)
	})
}

func endsMany(t *testing.T, standing *access.SubjectStanding) {
	t.Helper()
	sizes := []int{250, 1000, 2000}
	checks, evaluations := make([]int, len(sizes)), make([]int, len(sizes))
	for i, size := range sizes {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		const hangs = time.Minute
		env.SetTestTimeout(hangs)
		l := endingAtOnce(size, env.Now().Add(time.Hour))
		l.standing = standing
		env.RegisterActivity(l)
		var loop *durable.Loop
		var evaluated func() int
		watch := func(l *durable.Loop, evaluations func() int) { loop, evaluated = l, evaluations }
		env.ExecuteWorkflow(lease.Watched(watch), lease.Params{Subject: "ana"})
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, l.ended, size)
		require.Equal(t, size, l.revokes)
		checks[i], evaluations[i] = loop.Checks(), evaluated()
	}
	growsLinearly(t, "condition checks", sizes, checks)
	growsLinearly(t, "evaluations", sizes, evaluations)
}

// growsLinearly prints the counts of three sizes, and fails where one is higher than its size explains.
func growsLinearly(t *testing.T, what string, sizes, counts []int) {
	t.Helper()
	t.Logf("row %s at 250/1000/2000 leases: %d %d %d", what, counts[0], counts[1], counts[2])
	const tolerance = 1.3
	for i, size := range sizes {
		linear := float64(counts[0]) / float64(sizes[0]) * float64(size)
		require.LessOrEqual(t, float64(counts[i]), tolerance*linear, "%s of %d leases", what, size)
	}
}
