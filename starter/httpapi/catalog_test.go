package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// published publishes a catalog of three entitlements; olga owns the wiki.
func (w *world) published() access.PublishedCatalog {
	w.t.Helper()
	c := access.PublishedCatalog{
		Hash: "h1",
		Applications: []access.PublishedApplication{
			{ID: "crm", Name: "Customers"}, {ID: "wiki", Name: "Wiki", Owners: []access.PersonID{"olga"}},
		},
		Entitlements: []access.PublishedEntitlement{
			{ID: "crm/user", Application: "crm", ApplicationName: "Customers", Title: "User", Fulfilment: access.FulfilmentManual, Stages: []string{access.StageManager}, Desk: "jira"},
			{
				ID: "wiki/editor", Application: "wiki", ApplicationName: "Wiki", Title: "Editor", Fulfilment: access.FulfilmentSCIM,
				MaxDuration: access.Duration(30 * 24 * time.Hour), Stages: []string{access.StageManager, access.StageOwner}, Owners: []access.PersonID{"olga"}, Desk: "jira",
			},
			{ID: "wiki/reader", Application: "wiki", ApplicationName: "Wiki", Title: "Reader", Fulfilment: access.FulfilmentSCIM, Stages: []string{access.StageManager}, Desk: "jira"},
		},
	}
	require.NoError(w.t, w.store.PublishCatalog(w.t.Context(), c, time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)))
	return c
}

func TestCatalog(t *testing.T) {
	w := newWorld(t)
	none := w.call("eve", "GET", "/v1/catalog", "")
	require.Equal(t, http.StatusServiceUnavailable, none.status, "nobody must take it for a catalog without anything")
	require.Equal(t, "10", none.header.Get("Retry-After"))

	c := w.published()
	got := decode[httpapi.CatalogPage](t, w.call("eve", "GET", "/v1/catalog", ""))
	require.Equal(t, c.Entitlements, got.Entitlements)
	require.Equal(t, "h1", got.Hash)
	require.Equal(t, time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), got.PublishedAt)
	require.Empty(t, got.Next)
	for query, want := range map[string]int{
		"?text=WIKI+editor": 1, "?application=wiki": 2, "?application=wiki&text=user": 0, "?text=customers": 1, "?application=none": 0, "?text=": 3,
	} {
		page := w.call("eve", "GET", "/v1/catalog"+query, "")
		require.Len(t, decode[httpapi.CatalogPage](t, page).Entitlements, want, query)
		require.Contains(t, page.body, `"entitlements":[`, query)
	}
	require.Equal(t, http.StatusUnauthorized, w.call("", "GET", "/v1/catalog", "").status)
}

func TestCatalog_pages(t *testing.T) {
	w := newWorld(t)
	w.published()
	first := decode[httpapi.CatalogPage](t, w.call("eve", "GET", "/v1/catalog?limit=2", ""))
	require.Len(t, first.Entitlements, 2)
	require.Equal(t, "wiki/editor", first.Next)
	second := decode[httpapi.CatalogPage](t, w.call("eve", "GET", "/v1/catalog?limit=2&cursor="+first.Next, ""))
	require.Len(t, second.Entitlements, 1)
	require.Empty(t, second.Next)
}
