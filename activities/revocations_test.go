package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// revocationOf takes something back from ana, some time after her request of monday.
func revocationOf(scope access.RevocationScope, after time.Duration) access.Revocation {
	return access.Revocation{
		ID: "rev-1", Subject: "ana", Scope: scope, By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: monday.Add(after),
	}
}

const stolen = "it was revoked by the help desk (hal): stolen laptop"

func (s *store) revoke(t *testing.T, r access.Revocation) {
	t.Helper()
	_, err := s.Store.SaveRevocation(t.Context(), r, nil)
	require.NoError(t, err)
}

// What was taken back since the request was submitted counts more than whatever the request's record says.
func TestEvidence_revocations(t *testing.T) {
	rows := map[string]struct {
		scope   access.RevocationScope
		after   time.Duration
		subject access.PersonID
		want    bool
	}{
		"everything":                      {after: time.Hour, want: true},
		"everything, before the request":  {after: -time.Hour},
		"everything of somebody else":     {after: time.Hour, subject: "ben"},
		"the application":                 {scope: access.RevocationScope{Application: "wiki"}, after: time.Hour, want: true},
		"another application":             {scope: access.RevocationScope{Application: "crm"}, after: time.Hour},
		"the entitlement":                 {scope: access.RevocationScope{Entitlement: "wiki/editor"}, after: time.Hour, want: true},
		"another entitlement":             {scope: access.RevocationScope{Entitlement: "wiki/admin"}, after: time.Hour},
		"the lease":                       {scope: access.RevocationScope{Lease: "r1:1"}, after: time.Hour, want: true},
		"another lease":                   {scope: access.RevocationScope{Lease: "r1:2"}, after: time.Hour},
		"the lease, by a clock behind":    {scope: access.RevocationScope{Lease: "r1:1"}, after: -time.Hour, want: true},
		"the entitlement, a moment later": {scope: access.RevocationScope{Entitlement: "wiki/editor"}, after: time.Microsecond, want: true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			target, port, s := newTarget(t)
			require.NoError(t, s.Record(t.Context(), approved()))
			r := revocationOf(row.scope, row.after)
			if row.subject != "" {
				r.Subject = row.subject
			}
			s.revoke(t, r)
			records := &activities.Records{Ledger: s}
			known, err := records.ReadLeaseRecord(t.Context(), leaseQuestion())
			require.NoError(t, err)
			want := activities.LeaseRecord{Evidence: activities.EvidenceApproved}
			if row.want {
				want = activities.LeaseRecord{Evidence: activities.EvidenceAgainst, Detail: stolen, Revoked: &access.RevokedLease{
					Lease: "r1:1", Revocation: "rev-1", Reason: stolen, Single: row.scope.Lease != "",
				}}
			}
			require.Equal(t, want, known)

			// The same question stands right before the grant.
			result, err := target.Grant(t.Context(), grantCall())
			require.NoError(t, err)
			require.Equal(t, row.want, result.Record != nil)
			require.Equal(t, !row.want, len(port.Members("editors")) == 1)
		})
	}
	t.Run("a request that is not known yet is waited for", func(t *testing.T) {
		r := newRoom(t)
		r.store.revoke(t, revocationOf(access.RevocationScope{}, time.Hour))
		known, err := r.ReadLeaseRecord(t.Context(), leaseQuestion())
		require.NoError(t, err)
		require.Equal(t, activities.EvidenceMissing, known.Evidence)
		require.Nil(t, known.Revoked)
	})
	t.Run("an attempt of before that is made again grants nothing", func(t *testing.T) {
		target, port, s := newTarget(t)
		require.NoError(t, s.Record(t.Context(), approved()))
		_, err := target.Grant(t.Context(), grantCall())
		require.NoError(t, err)
		port.Take("editors", "ana")
		s.revoke(t, revocationOf(access.RevocationScope{}, time.Hour))
		result, err := target.Grant(t.Context(), grantCall())
		require.NoError(t, err)
		require.NotNil(t, result.Record.Revoked)
		require.NotNil(t, result.Record.Lease, "it may have been granted before")
		require.Empty(t, port.Members("editors"))
	})
	t.Run("a ledger that does not say what was revoked is an error", func(t *testing.T) {
		target, port, s := newTarget(t)
		require.NoError(t, s.Record(t.Context(), approved()))
		s.unrevoked = true
		_, err := target.Grant(t.Context(), grantCall())
		requireKind(t, access.Transient, err)
		require.Zero(t, port.Calls(memory.OpGrant))
		records := &activities.Records{Ledger: s}
		_, err = records.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", Limit: 2})
		requireKind(t, access.Transient, err)
		_, err = records.ReadRevoked(t.Context(), activities.ReadRevokedInput{Subject: "ana", Leases: []activities.HeldLease{{Lease: "r1:1"}}})
		requireKind(t, access.Transient, err)
	})
}

// holds records leases of ana that were granted on monday, one for each request.
func (r room) holds(t *testing.T, states map[access.RequestID]access.LeaseState) {
	t.Helper()
	for id, state := range states {
		entry := approved()
		entry.View.Request.ID, entry.Events = id, nil
		at := monday
		entry.Lease = &access.LeaseView{
			Lease: access.Lease{
				ID: access.LeaseIDOf(id, "1"), Request: id, Item: "1", Subject: access.Person{ID: "ana"}, Entitlement: "wiki/editor", Title: "Wiki editor", Binding: &editors,
			},
			State: state, DesiredState: access.Present, GrantedAt: &at, Version: 1,
		}
		require.NoError(t, r.store.Store.Record(t.Context(), entry))
	}
}

func revokeInput(r access.Revocation) activities.RevokeAccessInput {
	return activities.RevokeAccessInput{Revocation: r, WorkflowID: "access/ana", WorkflowType: "SubjectAccess", TaskQueue: "usher", Signal: "revoke"}
}

func TestRevokeAccess(t *testing.T) {
	t.Run("is recorded with an event for each lease, and then notified", func(t *testing.T) {
		r := newRoom(t)
		r.holds(t, map[access.RequestID]access.LeaseState{"r1": access.LeaseActive, "r2": access.LeaseGranting, "r3": access.LeaseEnded})
		asked := revocationOf(access.RevocationScope{}, time.Hour)
		want := asked
		want.Leases = []access.LeaseID{"r1:1", "r2:1"}
		for range 2 {
			done, err := r.RevokeAccess(t.Context(), revokeInput(asked))
			require.NoError(t, err)
			require.Equal(t, activities.RevokeAccessResult{Revocation: want}, done)
			asked.At = asked.At.Add(time.Hour)
		}
		for id, lines := range map[access.RequestID]int{"r1": 1, "r2": 1, "r3": 0} {
			events, err := r.store.Events(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, events, lines, id)
		}
		require.Equal(t, []string{"revocation", "access/ana", "revocation", "access/ana"}, r.read(), "the record first")
		notice := r.post.ensures[0]
		require.Equal(t, "access/ana revoke SubjectAccess usher", notice.id+" "+notice.name+" "+notice.workflow.(string)+" "+notice.options.TaskQueue)
		require.Equal(t, access.RevocationNotice{Revocation: "rev-1"}, notice.arg)
		require.JSONEq(t, `{"subject":"ana"}`, asJSON(t, notice.params))
	})
	t.Run("of somebody who holds nothing is recorded and notified", func(t *testing.T) {
		r := newRoom(t)
		done, err := r.RevokeAccess(t.Context(), revokeInput(revocationOf(access.RevocationScope{}, time.Hour)))
		require.NoError(t, err)
		require.Empty(t, done.Revocation.Leases)
		require.Len(t, r.post.ensures, 1)
	})
	t.Run("under the id of another one is refused, and nobody is notified", func(t *testing.T) {
		r := newRoom(t)
		r.store.revoke(t, revocationOf(access.RevocationScope{Application: "crm"}, time.Hour))
		done, err := r.RevokeAccess(t.Context(), revokeInput(revocationOf(access.RevocationScope{}, time.Hour)))
		require.NoError(t, err)
		require.Equal(t, access.Conflict, done.Kind)
		require.Empty(t, r.post.ensures)
	})
	t.Run("that cannot be kept is refused", func(t *testing.T) {
		r := newRoom(t)
		bad := revocationOf(access.RevocationScope{}, time.Hour)
		bad.Reason = " "
		done, err := r.RevokeAccess(t.Context(), revokeInput(bad))
		require.NoError(t, err)
		require.Equal(t, access.Invalid, done.Kind)
		require.Contains(t, done.Problem, "reason: is empty")
	})
	t.Run("is tried again while the ledger or Temporal does not answer", func(t *testing.T) {
		r := newRoom(t)
		r.store.away = true
		_, err := r.RevokeAccess(t.Context(), revokeInput(revocationOf(access.RevocationScope{}, time.Hour)))
		requireKind(t, access.Transient, err)
		require.Empty(t, r.post.ensures)
		r.store.away, r.post.deaf["access/ana"] = false, true
		_, err = r.RevokeAccess(t.Context(), revokeInput(revocationOf(access.RevocationScope{}, time.Hour)))
		require.Error(t, err)
		_, err = r.store.Revocation(t.Context(), "rev-1")
		require.NoError(t, err, "the record stands")
		r.post.deaf["access/ana"] = false
		_, err = r.RevokeAccess(t.Context(), revokeInput(revocationOf(access.RevocationScope{}, time.Hour)))
		require.NoError(t, err)
		require.Len(t, r.post.ensures, 1)
	})
}

func TestReadRevoked(t *testing.T) {
	r := newRoom(t)
	r.LeaveOrder = []access.TargetName{"vpn"}
	r.holds(t, map[access.RequestID]access.LeaseState{"r1": access.LeaseActive, "r2": access.LeaseActive})
	at := monday
	question := activities.ReadRevokedInput{Subject: "ana", Leases: []activities.HeldLease{
		{Lease: "r1:1", Request: "r1", Entitlement: "wiki/editor"},
		{Lease: "r2:1", Request: "r2", Entitlement: "wiki/editor"},
		{Lease: "unknown:1", Request: "unknown", Entitlement: "wiki/editor"},
		{Lease: "lost:1", Request: "lost", Entitlement: "wiki/editor", GrantedAt: &at},
	}}
	read := func() activities.ReadRevokedResult {
		found, err := r.ReadRevoked(t.Context(), question)
		require.NoError(t, err)
		return found
	}
	require.Zero(t, read())
	r.store.revoke(t, revocationOf(access.RevocationScope{Lease: "r2:1"}, time.Hour))
	single := access.RevokedLease{Lease: "r2:1", Revocation: "rev-1", Reason: stolen, Single: true}
	require.Equal(t, activities.ReadRevokedResult{Leases: []access.RevokedLease{single}, Order: []access.TargetName{"vpn"}}, read())
	page, err := r.LiveLeases(t.Context(), activities.LiveLeasesInput{Subject: "ana", Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []access.RevokedLease{single}, page.Revoked)
	require.Equal(t, r.LeaveOrder, page.Order)
	all := revocationOf(access.RevocationScope{}, time.Hour)
	all.ID = "rev-2"
	r.store.revoke(t, all)
	var found []access.LeaseID
	for _, one := range read().Leases {
		require.Equal(t, access.RevocationID("rev-2"), one.Revocation)
		found = append(found, one.Lease)
	}
	require.Equal(t, []access.LeaseID{"r1:1", "r2:1", "lost:1"}, found, "what nobody has granted, by a request that nobody knows, is not covered")
}

func TestStartSubjects_revocations(t *testing.T) {
	call := subjectsCall("", 200)
	call.RevokeSignal = "revoke"
	t.Run("a workflow that has not heard of a revocation is notified", func(t *testing.T) {
		r := newRoom(t)
		r.holds(t, map[access.RequestID]access.LeaseState{"r1": access.LeaseActive})
		r.leases(t, "ben", access.LeaseActive)
		r.store.revoke(t, revocationOf(access.RevocationScope{}, time.Hour))
		done, err := r.StartSubjects(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, activities.StartSubjectsResult{Started: 1, Notified: 1}, done)
		require.Equal(t, access.RevocationNotice{Revocation: "rev-1"}, r.post.ensures[0].arg)
		require.Equal(t, "access/ana", r.post.ensures[0].id)
		require.Equal(t, "access/ben", r.post.started[0].id)
	})
	for name, change := range map[string]func(*access.LeaseView){
		"what ends already":           func(v *access.LeaseView) { v.State = access.LeaseRevoking },
		"what is not wanted any more": func(v *access.LeaseView) { v.DesiredState = access.Absent },
		"what is not covered":         func(v *access.LeaseView) { v.Lease.Entitlement = "crm/user" },
	} {
		t.Run(name+" needs no notice", func(t *testing.T) {
			r := newRoom(t)
			r.holds(t, map[access.RequestID]access.LeaseState{"r1": access.LeaseActive})
			v, err := r.store.Store.Lease(t.Context(), "r1:1")
			require.NoError(t, err)
			v.Version = 2
			change(&v)
			require.NoError(t, r.store.Store.Record(t.Context(), access.Entry{Lease: &v}))
			r.store.revoke(t, revocationOf(access.RevocationScope{Application: "wiki"}, time.Hour))
			done, err := r.StartSubjects(t.Context(), call)
			require.NoError(t, err)
			require.Equal(t, activities.StartSubjectsResult{Started: 1}, done)
		})
	}
	t.Run("one that Temporal will never notify does not stop the others", func(t *testing.T) {
		r := newRoom(t)
		r.holds(t, map[access.RequestID]access.LeaseState{"r1": access.LeaseActive})
		r.leases(t, "ben", access.LeaseActive)
		r.store.revoke(t, revocationOf(access.RevocationScope{}, time.Hour))
		r.post.impossible["access/ana"] = true
		done, err := r.StartSubjects(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, activities.StartSubjectsResult{Started: 1, Refused: []access.PersonID{"ana"}}, done)
		r.post.impossible["access/ana"], r.post.deaf["access/ana"] = false, true
		_, err = r.StartSubjects(t.Context(), call)
		require.Error(t, err, "it is tried again")
	})
}
