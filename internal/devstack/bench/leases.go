package bench

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/registry"
)

// leaseSizes are how many leases of one person end at once, the smallest first.
var leaseSizes = []int{250, 1000, 2000}

// leaseRounds is how often each size is measured.
const leaseRounds = 3

// leaseTasks measures the workflow tasks of a person whose leases all end at once.
func (r *run) leaseTasks(ctx context.Context) error {
	took := make([][]float64, len(leaseSizes))
	for range leaseRounds {
		for i, size := range leaseSizes {
			if err := ctx.Err(); err != nil {
				return err
			}
			one, err := endLeases(size)
			if err != nil {
				return fmt.Errorf("end %d leases: %w", size, err)
			}
			took[i] = append(took[i], float64(one)/float64(time.Millisecond))
		}
	}
	for i, size := range leaseSizes {
		r.figures.set(fmt.Sprintf("lease_task_ms_%d", size), median(took[i]))
		r.tell("%d leases of one person end at once, ms: %s", size, spread(took[i]))
	}
	first, last := 0, len(leaseSizes)-1
	var growth []float64
	for round := range leaseRounds {
		growth = append(growth, took[last][round]/float64(leaseSizes[last])/(took[first][round]/float64(leaseSizes[first])))
	}
	r.figures.set("lease_task_growth", median(growth))
	r.tell("the same per lease, %d beside %d, of each round: %s", leaseSizes[last], leaseSizes[first], spread(growth))
	return nil
}

// endLeases runs usher's own SubjectAccess in the SDK's test environment, where time skips and there is no server, and
// returns the wall time from the moment at which all the leases end to the end of the run. That is the workflow's code, and
// the SDK's for each command and result; activities answer at once. Reading the leases from the ledger comes before it.
func endLeases(count int) (time.Duration, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	const hangs = 5 * time.Minute
	env.SetTestTimeout(hangs)
	registry.Register(env)
	end := env.Now().Add(time.Hour)
	leases := leasesUntil(count, end)
	revoked := 0
	env.RegisterActivityWithOptions(func(_ context.Context, c activities.LiveLeasesInput) (activities.LiveLeasesResult, error) {
		return activities.LiveLeasesResult{Leases: pageAfter(leases, c)}, nil
	}, activity.RegisterOptions{Name: "LiveLeases"})
	env.RegisterActivityWithOptions(func(context.Context, activities.RecordInput) (activities.RecordResult, error) {
		return activities.RecordResult{}, nil
	}, activity.RegisterOptions{Name: "Record"})
	env.RegisterActivityWithOptions(func(context.Context, activities.RevokeInput) (activities.RevokeResult, error) {
		return activities.RevokeResult{Verification: access.Verification{Method: "read-back", Evidence: "no member"}}, nil
	}, activity.RegisterOptions{Name: "Revoke"})
	env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, err error) {
		if info.ActivityType.Name == "Revoke" && err == nil {
			revoked++
		}
	})
	var began time.Time
	env.RegisterDelayedCallback(func() { began = time.Now() }, time.Hour-time.Second)
	env.ExecuteWorkflow(workflows.SubjectAccessType, workflows.SubjectAccessParams{Subject: benchSubject})
	took := time.Since(began)
	switch err := env.GetWorkflowError(); {
	case err != nil:
		return 0, err
	case revoked != count || began.IsZero():
		return 0, fmt.Errorf("found %d revokes, expected %d", revoked, count)
	}
	return took, nil
}

// benchSubject is who has the leases.
const benchSubject = "ana"

// leasesUntil returns so many leases of one person, each of a role of its own, that end at the same time.
func leasesUntil(count int, end time.Time) []access.LeaseView {
	granted := end.Add(-time.Hour)
	leases := make([]access.LeaseView, count)
	const targets = 8
	for i := range leases {
		request := access.RequestID(fmt.Sprintf("r%05d", i))
		leases[i] = access.LeaseView{
			Lease: access.Lease{
				ID: access.LeaseIDOf(request, "1"), Request: request, Item: "1", Subject: access.Person{ID: benchSubject, DisplayName: "Ana"},
				Entitlement: access.EntitlementID(fmt.Sprint("wiki/role-", i)), Title: fmt.Sprint("Role ", i), Fulfilment: access.FulfilmentSCIM,
				Binding: &access.Binding{Target: access.TargetName(fmt.Sprint("target ", i%targets)), Role: fmt.Sprint("role ", i)},
			},
			Revision: 1, DesiredState: access.Present, State: access.LeaseActive, GrantedAt: &granted, EndsAt: &end,
		}
	}
	return leases
}

// pageAfter returns the page of leases that a call asks for.
func pageAfter(leases []access.LeaseView, c activities.LiveLeasesInput) []access.LeaseView {
	first := 0
	for first < len(leases) && leases[first].Lease.ID <= c.After {
		first++
	}
	return leases[first:min(first+c.Limit, len(leases))]
}
