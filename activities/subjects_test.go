package activities_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
)

// leases records leases of a person, one for each state.
func (r room) leases(t *testing.T, subject access.PersonID, states ...access.LeaseState) {
	t.Helper()
	for i, state := range states {
		id := access.LeaseID(fmt.Sprintf("%s-%02d:1", subject, i+1))
		require.NoError(t, r.store.Store.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
			Lease: access.Lease{ID: id, Request: access.RequestID(strings.TrimSuffix(string(id), ":1")), Item: "1", Subject: access.Person{ID: subject}},
			State: state, Version: 1,
		}}))
	}
}

// subjectsCall asks for a page of the people whose workflows must run.
func subjectsCall(after access.PersonID, limit int) activities.StartSubjectsInput {
	return activities.StartSubjectsInput{After: after, Limit: limit, IDPrefix: "access/", WorkflowType: "SubjectAccess", TaskQueue: "usher"}
}

func TestStartSubjects(t *testing.T) {
	t.Run("whoever holds access gets a workflow, page by page", func(t *testing.T) {
		r := newRoom(t)
		r.leases(t, "ana", access.LeaseActive, access.LeaseActive)
		r.leases(t, "ben", access.LeaseRevoking)
		r.leases(t, "cleo", access.LeaseEnded)
		r.leases(t, "dora", access.LeaseGranting)
		var started []string
		next := access.PersonID("")
		for pages := 1; ; pages++ {
			require.LessOrEqual(t, pages, 3)
			done, err := r.StartSubjects(t.Context(), subjectsCall(next, 2))
			require.NoError(t, err)
			if next = done.Next; next == "" {
				break
			}
		}
		for _, s := range r.post.started {
			started = append(started, s.id)
		}
		require.Equal(t, []string{"access/ana", "access/ben", "access/dora"}, started)
		first := r.post.started[0]
		require.Equal(t, "SubjectAccess", first.workflow)
		require.Equal(t, "usher", first.options.TaskQueue)
		require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, first.options.WorkflowIDReusePolicy)
		require.JSONEq(t, `{"subject":"ana"}`, asJSON(t, first.params))
		subject, found := first.options.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(activities.AttributeSubject))
		require.True(t, found)
		require.Equal(t, "ana", subject)
	})
	t.Run("a workflow that runs is not counted as started", func(t *testing.T) {
		r := newRoom(t)
		r.leases(t, "ana", access.LeaseActive)
		r.leases(t, "ben", access.LeaseActive)
		r.post.running["access/ana"] = true
		done, err := r.StartSubjects(t.Context(), subjectsCall("", 200))
		require.NoError(t, err)
		require.Equal(t, activities.StartSubjectsResult{Started: 1}, done)
	})
	t.Run("one that Temporal will never start does not stop the others", func(t *testing.T) {
		r := newRoom(t)
		for _, id := range []access.PersonID{"ana", "ben", "cleo"} {
			r.leases(t, id, access.LeaseActive)
		}
		r.post.impossible["access/ben"] = true
		done, err := r.StartSubjects(t.Context(), subjectsCall("", 200))
		require.NoError(t, err)
		require.Equal(t, activities.StartSubjectsResult{Started: 2, Refused: []access.PersonID{"ben"}}, done)
	})
	t.Run("when Temporal or the ledger does not answer, the page is asked for again", func(t *testing.T) {
		r := newRoom(t)
		r.leases(t, "ana", access.LeaseActive)
		r.post.deaf["access/ana"] = true
		_, err := r.StartSubjects(t.Context(), subjectsCall("", 200))
		require.Error(t, err)
		require.NotErrorAs(t, err, new(*temporal.ApplicationError), "so Temporal repeats it")
		require.NoError(t, r.store.Close())
		_, err = r.StartSubjects(t.Context(), subjectsCall("", 200))
		requireKind(t, access.Transient, err)
	})
	t.Run("somebody whose id no index holds has no search attribute", func(t *testing.T) {
		r := newRoom(t)
		long := access.PersonID(strings.Repeat("x", 256))
		r.leases(t, long, access.LeaseActive)
		_, err := r.StartSubjects(t.Context(), subjectsCall("", 200))
		require.NoError(t, err)
		require.Len(t, r.post.started, 1)
		require.Zero(t, r.post.started[0].options.TypedSearchAttributes.Size())
	})
}

func TestEnsureScan(t *testing.T) {
	r := newRoom(t)
	call := activities.EnsureScanInput{WorkflowID: "leasescan", WorkflowType: "LeaseScan", TaskQueue: "usher"}
	require.NoError(t, r.EnsureScan(t.Context(), call))
	require.Len(t, r.post.started, 1)
	started := r.post.started[0]
	require.Equal(t, "leasescan", started.id)
	require.Equal(t, "LeaseScan", started.workflow)
	require.Equal(t, "usher", started.options.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, started.options.WorkflowIDReusePolicy)

	r.post.running["leasescan"] = true
	require.NoError(t, r.EnsureScan(t.Context(), call), "where it runs already, that is no error")
	require.Len(t, r.post.started, 1)
	r.post.deaf["leasescan"] = true
	require.Error(t, r.EnsureScan(t.Context(), call))
}

func TestLiveLeases(t *testing.T) {
	r := newRoom(t)
	r.leases(t, "ana", access.LeaseActive, access.LeaseEnded, access.LeaseGranting, access.LeaseRevoking)
	r.leases(t, "ben", access.LeaseActive)
	var all []access.LeaseID
	after := access.LeaseID("")
	for {
		page, err := r.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", After: after, Limit: 2})
		require.NoError(t, err)
		for _, l := range page.Leases {
			all = append(all, l.Lease.ID)
			after = l.Lease.ID
		}
		if len(page.Leases) < 2 {
			break
		}
	}
	require.Equal(t, []access.LeaseID{"ana-01:1", "ana-03:1", "ana-04:1"}, all)

	_, err := r.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana"})
	requireKind(t, access.Invalid, err)
	require.NoError(t, r.store.Close())
	_, err = r.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", Limit: 2})
	requireKind(t, access.Transient, err)
}
