package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// ownersWorld has what rolesWorld has, and besides a request of ana's for something of two applications, with a lease of each.
func ownersWorld(t *testing.T) *world {
	t.Helper()
	w, _ := rolesWorld(t)
	items := []access.Item{{ID: "1", Entitlement: "wiki/editor"}, {ID: "2", Entitlement: "crm/user"}}
	w.recorded("r2", func(v *access.RequestView) { v.Request.Items, v.Ticket.ID = items, "10002" })
	for _, item := range items {
		require.NoError(t, w.store.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
			Lease: access.Lease{ID: access.LeaseIDOf("r2", item.ID), Request: "r2", Item: item.ID, Subject: access.Person{ID: "sub"}, Entitlement: item.Entitlement},
			State: access.LeaseActive, DesiredState: access.Present, Version: 1,
		}}))
	}
	return w
}

// TestOwners: who owns an application sees what of it is asked for and held, and takes back leases of it, and of no other.
func TestOwners(t *testing.T) {
	w := ownersWorld(t)
	type leases struct{ Leases []access.LeaseView }
	for person, held := range map[string][]access.LeaseID{"olga": {"r1:1", "r2:1"}, "otto": {"r2:2"}, "sub": {"r1:1", "r2:1", "r2:2"}} {
		var ids []access.LeaseID
		for _, v := range decode[leases](t, w.call(person, "GET", "/v1/subjects/sub/leases", "")).Leases {
			ids = append(ids, v.Lease.ID)
		}
		require.ElementsMatch(t, held, ids, person)
	}
	for call, status := range map[[2]string]int{
		{"olga", "r1:1"}: 201, {"olga", "r2:1"}: 201, {"olga", "r2:2"}: 404, {"otto", "r2:2"}: 201, {"otto", "r2:1"}: 404, {"otto", "r1:1"}: 404, {"eve", "r2:1"}: 404,
	} {
		w.gateway.revoked, w.gateway.receipt.Created = nil, true
		got := w.call(call[0], "POST", "/v1/leases/"+call[1]+"/revocation", stolen)
		require.Equal(t, status, got.status, "%v: %s", call, got.body)
		if status != http.StatusCreated {
			require.Empty(t, w.gateway.revoked)
			continue
		}
		require.Equal(t, access.RevokedByOwner, w.gateway.revoked[0].Role)
		require.Empty(t, w.gateway.revoked[0].Problem(), "the ledger takes it")
	}
	for person, rows := range map[string]int{"olga": 2, "otto": 0} {
		got := w.call(person, "GET", "/v1/requests?entitlement=wiki/editor", "")
		require.Equal(t, map[bool]int{true: 200, false: 403}[rows > 0], got.status)
		require.Len(t, decode[page](t, got).Requests, rows)
	}
	require.Equal(t, http.StatusOK, w.call("otto", "GET", "/v1/requests/r2", "").status)
	require.Equal(t, http.StatusForbidden, w.call("olga", "GET", "/v1/requests?requester=ana", "").status)
	require.Equal(t, http.StatusForbidden, w.call("olga", "GET", "/v1/requests", "").status)
}

// TestOwners_ledger_unavailable: while the ledger cannot say who owns what, nobody is an owner.
func TestOwners_ledger_unavailable(t *testing.T) {
	w := newWorld(t, ledgerAway)
	w.gateway.view, w.gateway.viewErr = access.RequestView{Request: access.Request{ID: "r1", Requester: "ana", Items: []access.Item{{Entitlement: "wiki/editor"}}}}, nil
	require.Equal(t, http.StatusOK, w.call("ana", "GET", "/v1/requests/r1", "").status)
	require.Equal(t, http.StatusServiceUnavailable, w.call("olga", "GET", "/v1/requests/r1", "").status)
	for _, path := range []string{"/v1/subjects/sub/leases", "/v1/requests?entitlement=wiki/editor"} {
		require.Equal(t, http.StatusServiceUnavailable, w.call("olga", "GET", path, "").status, path)
	}
	open := newWorld(t, ledgerAway, func(c *httpapi.Config, _ *httpapi.Deps) { c.OpenReads = true })
	require.Equal(t, http.StatusServiceUnavailable, open.call("olga", "GET", "/v1/subjects/sub/leases", "").status)
}
