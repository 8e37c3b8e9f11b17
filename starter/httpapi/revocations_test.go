package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

const (
	leasePath  = "/v1/leases/r1:1/revocation"
	peoplePath = "/v1/people/sub/revocations"
	stolen     = `{"reason":"stolen laptop"}`
)

// holds records the lease of sub that came of the request r1, which boss has approved and owner could have.
func (w *world) holds(state access.LeaseState) access.LeaseView {
	w.t.Helper()
	w.recorded("r1", ended, func(v *access.RequestView) { v.Approvers = []access.PersonID{"boss", "owner"} })
	held := access.LeaseView{
		Lease: access.Lease{ID: "r1:1", Request: "r1", Item: "1", Subject: access.Person{ID: "sub"}, Entitlement: "wiki/editor", Title: "Wiki editor"},
		State: state, DesiredState: access.Present, Revision: 1, Version: 3,
	}
	require.NoError(w.t, w.store.Record(w.t.Context(), access.Entry{Lease: &held}))
	return held
}

// TestRevoke_roles is the table of who may take back what: "" is nobody, and a status of 0 is 201.
func TestRevoke_roles(t *testing.T) {
	for person, row := range map[string]struct {
		lease, people, list int
		leaseRole, role     access.RevocationRole
	}{
		"sub":   {0, 0, 200, access.RevokedBySubject, access.RevokedBySubject},
		"boss":  {0, 403, 403, access.RevokedByApprover, ""},
		"owner": {0, 403, 403, access.RevokedByApprover, ""},
		"hal":   {0, 0, 200, access.RevokedByHelpDesk, access.RevokedByHelpDesk},
		"adam":  {0, 0, 200, access.RevokedByAdministrator, access.RevokedByAdministrator},
		"audra": {403, 403, 200, "", ""},
		"ana":   {403, 403, 403, "", ""},
		"eve":   {404, 403, 403, "", ""},
		"":      {401, 401, 401, "", ""},
	} {
		t.Run("as "+person, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.receipt.Created = true
			w.holds(access.LeaseActive)
			for _, one := range []struct {
				path   string
				status int
				role   access.RevocationRole
			}{{leasePath, row.lease, row.leaseRole}, {peoplePath, row.people, row.role}} {
				w.gateway.revoked = nil
				got := w.call(person, "POST", one.path, stolen)
				if one.status != 0 {
					require.Equal(t, one.status, got.status, one.path)
					require.Empty(t, w.gateway.revoked)
					continue
				}
				require.Equal(t, http.StatusCreated, got.status, got.body)
				require.Len(t, w.gateway.revoked, 1)
				r := w.gateway.revoked[0]
				require.Equal(t, access.PersonID("sub"), r.Subject)
				require.Equal(t, access.PersonID(person), r.By)
				require.Equal(t, one.role, r.Role)
				require.Equal(t, "development header", r.Evidence)
				require.Empty(t, r.Problem(), "the ledger takes it")
			}
			require.Equal(t, row.list, w.call(person, "GET", peoplePath, "").status)
			leases := w.call(person, "GET", "/v1/subjects/sub/leases", "").status
			require.Equal(t, row.list, leases, "who may take back, or audit, sees what there is")
		})
	}
}

// A lease that is not the caller's to see does not exist for the caller.
func TestRevoke_unknown_lease(t *testing.T) {
	w := newWorld(t)
	w.holds(access.LeaseActive)
	hidden, unknown := w.call("eve", "POST", leasePath, stolen), w.call("eve", "POST", "/v1/leases/r9:1/revocation", stolen)
	require.Equal(t, http.StatusNotFound, hidden.status)
	require.Equal(t, strings.ReplaceAll(hidden.problem.Detail, "r1:1", "r9:1"), unknown.problem.Detail)
	hidden.problem.Detail, unknown.problem.Detail, hidden.problem.HTTPRequestID, unknown.problem.HTTPRequestID = "", "", "", ""
	hidden.problem.Instance, unknown.problem.Instance = "", ""
	require.Equal(t, hidden.problem, unknown.problem)
	require.Equal(t, http.StatusNotFound, w.call("hal", "POST", "/v1/leases/r9:1/revocation", stolen).status)
	require.Equal(t, http.StatusNotFound, w.call("hal", "POST", "/v1/leases/%00/revocation", stolen).status)

	open := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.OpenReads = true })
	open.holds(access.LeaseActive)
	require.Equal(t, http.StatusForbidden, open.call("eve", "POST", leasePath, stolen).status, "who may see it is told why not")
}

func TestRevoke_scope(t *testing.T) {
	for body, want := range map[string]access.RevocationScope{
		stolen: {},
		`{"reason":"stolen laptop","application":"wiki"}`:        {Application: "wiki"},
		`{"reason":"stolen laptop","entitlement":"wiki/editor"}`: {Entitlement: "wiki/editor"},
	} {
		w := newWorld(t)
		w.gateway.receipt.Created = true
		got := w.call("hal", "POST", peoplePath, body)
		require.Equal(t, http.StatusCreated, got.status, got.body)
		require.Equal(t, want, w.gateway.revoked[0].Scope)
		require.Equal(t, "stolen laptop", w.gateway.revoked[0].Reason)
		require.Equal(t, "/v1/people/sub/revocations", got.header.Get("Location"))
	}
	w := newWorld(t)
	w.holds(access.LeaseActive)
	w.call("hal", "POST", leasePath, stolen)
	require.Equal(t, access.RevocationScope{Lease: "r1:1"}, w.gateway.revoked[0].Scope)
}

func TestRevoke_refused(t *testing.T) {
	for name, row := range map[string]struct {
		path, body string
		err        error
		status     int
		text       string
	}{
		"without a reason":              {peoplePath, `{"reason":""}`, nil, 422, "body.reason"},
		"no reason at all":              {peoplePath, `{}`, nil, 422, "body"},
		"blanks for a reason":           {leasePath, `{"reason":" \n "}`, nil, 422, "not blanks alone"},
		"a reason in another order":     {leasePath, `{"reason":"a\u202eb"}`, nil, 400, "order of reading"},
		"a reason that is too long":     {peoplePath, `{"reason":"` + strings.Repeat("x", 2001) + `"}`, nil, 422, "body.reason"},
		"application and entitlement":   {peoplePath, `{"reason":"x","application":"wiki","entitlement":"wiki/editor"}`, nil, 422, "not both"},
		"an entitlement without role":   {peoplePath, `{"reason":"x","entitlement":"wiki"}`, nil, 422, "application>/<role"},
		"an application with a role":    {peoplePath, `{"reason":"x","application":"wiki/editor"}`, nil, 422, "body.application"},
		"a field that nobody knows":     {peoplePath, `{"reason":"x","lease":"r1:1"}`, nil, 400, "/lease"},
		"another one under the id":      {peoplePath, stolen, &gateway.RefusedError{Op: "revoke", Kind: access.Invalid, Message: "was used"}, 422, "was used"},
		"Temporal is away":              {peoplePath, stolen, access.Errorf(access.Transient, "revoke", "away"), 503, "unavailable"},
		"it was stopped by an operator": {leasePath, stolen, access.Errorf(access.Conflict, "revoke", "the change was stopped"), 409, "was stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.holds(access.LeaseActive)
			w.gateway.err = row.err
			got := w.call("hal", "POST", row.path, row.body)
			require.Equal(t, row.status, got.status, got.body)
			require.Contains(t, got.body, row.text)
			require.Equal(t, row.err == nil, len(w.gateway.revoked) == 0)
		})
	}
}

// A caller's id, or key, is the same call; nobody else's is, and no key is another's id.
func TestRevoke_ids(t *testing.T) {
	w := newWorld(t)
	ids := map[access.RevocationID]string{}
	for name, call := range map[string]func(){
		"an id":              func() { w.call("hal", "POST", peoplePath, `{"id":"n1","reason":"x"}`) },
		"a key":              func() { w.call("hal", "POST", peoplePath, `{"reason":"x"}`, "Idempotency-Key", "n1") },
		"somebody else's id": func() { w.call("adam", "POST", peoplePath, `{"id":"n1","reason":"x"}`) },
		"neither":            func() { w.call("hal", "POST", peoplePath, `{"reason":"x"}`) },
		"neither, again":     func() { w.call("hal", "POST", peoplePath, `{"reason":"x"}`) },
	} {
		w.gateway.revoked = nil
		call()
		require.Len(t, w.gateway.revoked, 1, name)
		require.Empty(t, ids[w.gateway.revoked[0].ID], name)
		ids[w.gateway.revoked[0].ID] = name
	}
	w.gateway.revoked = nil
	w.call("hal", "POST", peoplePath, `{"id":"n1","reason":"x"}`)
	require.Equal(t, "an id", ids[w.gateway.revoked[0].ID])
	require.Equal(t, http.StatusUnprocessableEntity, w.call("hal", "POST", peoplePath, `{"id":"n1","reason":"x"}`, "Idempotency-Key", "n1").status)
}

func TestRevoke_answers(t *testing.T) {
	covered := func(r access.Revocation) access.Revocation {
		r.Leases = []access.LeaseID{"r1:1"}
		return r
	}
	base := access.Revocation{
		ID: "rev-1", Subject: "sub", By: "hal", Role: access.RevokedByHelpDesk, Reason: "stolen laptop", At: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC),
	}
	for name, row := range map[string]struct {
		receipt  gateway.RevocationReceipt
		state    access.LeaseState
		saved    bool
		status   int
		recorded bool
		text     string
	}{
		"of nothing":                {gateway.RevocationReceipt{Revocation: base, Created: true}, "", true, 201, true, "Nothing is held of it."},
		"of a lease that is held":   {gateway.RevocationReceipt{Revocation: covered(base), Created: true}, access.LeaseRevoking, true, 201, true, "Of 1 leases that it covered, 0 have ended."},
		"of a lease that has ended": {gateway.RevocationReceipt{Revocation: covered(base)}, access.LeaseEnded, true, 200, true, "All leases that it covered have ended: 1."},
		"pending, and not recorded": {gateway.RevocationReceipt{Revocation: base, Pending: true}, "", false, 202, false, "not recorded yet"},
		"pending, and recorded":     {gateway.RevocationReceipt{Revocation: base, Pending: true}, access.LeaseActive, true, 202, true, "It is recorded, and nothing of it is granted any more."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if row.state != "" {
				w.holds(row.state)
			}
			w.gateway.receipt = row.receipt
			if row.saved {
				w.gateway.asRecorded = func(r access.Revocation) {
					r.Leases = row.receipt.Revocation.Leases
					_, err := w.store.SaveRevocation(t.Context(), r, nil)
					require.NoError(t, err)
				}
			}
			got := w.call("hal", "POST", peoplePath, stolen)
			require.Equal(t, row.status, got.status, got.body)
			detail := decode[httpapi.RevocationDetail](t, got)
			require.Equal(t, row.recorded, detail.Recorded)
			require.Contains(t, detail.StatusText, row.text)
			require.NotContains(t, got.body, "development header")
			if len(row.receipt.Revocation.Leases) > 0 {
				require.Equal(t, []httpapi.RevokedLease{{ID: "r1:1", Title: "Wiki editor", Entitlement: "wiki/editor", State: row.state}}, detail.Leases)
			}
		})
	}
}

func TestRevocations_listed(t *testing.T) {
	w := newWorld(t)
	w.holds(access.LeaseRevoking)
	for n := range 3 {
		r := access.Revocation{
			ID: access.RevocationID(fmt.Sprint("rev-", n)), Subject: "sub", By: "hal", Role: access.RevokedByHelpDesk, Evidence: "a token", Reason: "stolen laptop",
			At: time.Date(2026, 6, 1, 9, n, 0, 0, time.UTC), Leases: []access.LeaseID{"r1:1"},
		}
		_, err := w.store.SaveRevocation(t.Context(), r, nil)
		require.NoError(t, err)
	}
	type page struct {
		Subject     access.PersonID
		Revocations []httpapi.RevocationDetail
		Next        access.RevocationID
	}
	got := w.call("sub", "GET", peoplePath+"?limit=2", "")
	first := decode[page](t, got)
	require.Equal(t, access.RevocationID("rev-2"), first.Revocations[0].ID)
	require.Equal(t, access.LeaseRevoking, first.Revocations[0].Leases[0].State)
	require.Equal(t, access.RevocationID("rev-1"), first.Next)
	require.NotContains(t, got.body, "a token")
	second := decode[page](t, w.call("hal", "GET", peoplePath+"?limit=2&before=rev-1", ""))
	require.Len(t, second.Revocations, 1)
	require.Empty(t, second.Next)
	require.Contains(t, w.call("audra", "GET", "/v1/people/ana/revocations", "").body, `"revocations":[]`)
	require.Equal(t, http.StatusUnprocessableEntity, w.call("hal", "GET", peoplePath+"?limit=0", "").status)
	away := newWorld(t, ledgerAway)
	require.Equal(t, http.StatusServiceUnavailable, away.call("hal", "GET", peoplePath, "").status)
	require.Equal(t, http.StatusServiceUnavailable, away.call("hal", "POST", leasePath, stolen).status)
	require.Equal(t, http.StatusOK, away.call("hal", "POST", peoplePath, stolen).status, "the ledger's record is the worker's")
}
