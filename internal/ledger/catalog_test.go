package ledger_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// catalogCases are the promises about the catalog that is published.
func catalogCases() []suiteCase {
	return []suiteCase{
		{"the catalog that was published last is the one that is read", testPublishedCatalog},
		{"a catalog that is published stays while somebody renews it", testRenewCatalog},
		{"of catalogs that race one is published whole", testRacingCatalogs},
		{"a catalog is searched in pages", testCatalogPages},
		{"a catalog that cannot be kept is refused by field", testBadCatalogs},
		{"owners and their applications are found", testCatalogOwners},
	}
}

// published is a catalog of one application for each name, with as many entitlements.
func published(hash string, entitlements int, names ...string) access.PublishedCatalog {
	c := access.PublishedCatalog{Hash: hash}
	for _, name := range names {
		id := strings.ToLower(name)
		c.Applications = append(c.Applications, access.PublishedApplication{ID: id, Name: name, Owners: []access.PersonID{"p-olga", access.PersonID("p-" + id)}})
		for n := range entitlements {
			c.Entitlements = append(c.Entitlements, access.PublishedEntitlement{
				ID: access.EntitlementID(fmt.Sprintf("%s/role-%03d", id, n)), Application: id, ApplicationName: name, Title: fmt.Sprintf("Role %d of Zoë", n),
				Fulfilment: access.FulfilmentSCIM, MaxDuration: access.Duration(time.Hour), Stages: []string{access.StageManager}, Desk: "jira",
			})
		}
	}
	return c
}

func catalogOf(t testing.TB, s *ledger.Store, q access.CatalogQuery) []access.PublishedEntitlement {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = ledger.MaxLimit
	}
	found, err := s.CatalogEntitlements(t.Context(), q)
	require.NoError(t, err)
	return found
}

func testPublishedCatalog(t *testing.T, d databases) {
	s := d.open(t)
	_, err := s.PublishedCatalog(t.Context())
	requireKind(t, access.NotFound, err)
	require.Empty(t, catalogOf(t, s, access.CatalogQuery{}))

	first, second := published("one", 3, "Wiki", "Chat"), published("two", 2, "Wiki")
	require.NoError(t, s.PublishCatalog(t.Context(), first, noon))
	require.NoError(t, s.PublishCatalog(t.Context(), first, noon.Add(time.Minute)), "another worker with the same catalog")
	which, err := s.PublishedCatalog(t.Context())
	require.NoError(t, err)
	require.Equal(t, access.CatalogPublication{Hash: "one", PublishedAt: noon, RenewedAt: noon.Add(time.Minute)}, which)
	require.ElementsMatch(t, first.Entitlements, catalogOf(t, s, access.CatalogQuery{}))

	require.NoError(t, s.PublishCatalog(t.Context(), second, noon), "the later call wins, whatever its clock shows")
	which, err = s.PublishedCatalog(t.Context())
	require.NoError(t, err)
	require.Equal(t, access.CatalogPublication{Hash: "two", PublishedAt: noon, RenewedAt: noon}, which)
	require.Equal(t, second.Entitlements, catalogOf(t, s, access.CatalogQuery{}))
	_, err = s.Application(t.Context(), "chat")
	requireKind(t, access.NotFound, err)
	require.NoError(t, s.PublishCatalog(t.Context(), first, noon), "back again")
	require.Len(t, catalogOf(t, s, access.CatalogQuery{}), 6)
}

func testRenewCatalog(t *testing.T, d databases) {
	s := d.open(t)
	mine, other := published("mine", 1, "Wiki"), published("other", 1, "Chat")
	renew := func(c access.PublishedCatalog, after time.Duration) bool {
		t.Helper()
		is, err := s.RenewCatalog(t.Context(), c, noon.Add(after), 5*time.Minute)
		require.NoError(t, err)
		return is
	}
	require.True(t, renew(mine, 0), "nothing is published yet")
	require.NoError(t, s.PublishCatalog(t.Context(), other, noon))
	require.False(t, renew(mine, 4*time.Minute))
	require.True(t, renew(other, 4*time.Minute))
	require.False(t, renew(mine, 8*time.Minute), "the other has been renewed")
	require.True(t, renew(other, 2*time.Minute), "a clock that is late")
	require.False(t, renew(mine, 9*time.Minute-time.Microsecond))
	require.True(t, renew(mine, 9*time.Minute), "nobody works by the other any more")
	require.False(t, renew(other, 10*time.Minute))
	require.Equal(t, mine.Entitlements, catalogOf(t, s, access.CatalogQuery{}))
	which, err := s.PublishedCatalog(t.Context())
	require.NoError(t, err)
	require.Equal(t, access.CatalogPublication{Hash: "mine", PublishedAt: noon.Add(9 * time.Minute), RenewedAt: noon.Add(9 * time.Minute)}, which)
}

func testRacingCatalogs(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	var all sync.WaitGroup
	wrong := make(chan error, 8)
	for n := range 8 {
		own := openAt(t, url)
		all.Go(func() {
			wrong <- own.PublishCatalog(t.Context(), published(fmt.Sprint(n), 50+n, "Wiki"), noon)
		})
	}
	all.Wait()
	for range 8 {
		require.NoError(t, <-wrong)
	}
	which, err := s.PublishedCatalog(t.Context())
	require.NoError(t, err)
	require.Len(t, which.Hash, 1)
	require.Len(t, catalogOf(t, s, access.CatalogQuery{}), 50+int(which.Hash[0]-'0'))
}

func testCatalogPages(t *testing.T, d databases) {
	s := d.open(t)
	c := published("one", 7, "Wiki", "Chat")
	c.Entitlements[0].Title = "100 % of it, a_b! Ä"
	c.Entitlements[1].Title = "a NUL \x00 in it"
	require.NoError(t, s.PublishCatalog(t.Context(), c, noon))
	for _, limit := range []int{1, 3, 7, 14} {
		listed := pages(t, limit, func(last *access.PublishedEntitlement) ([]access.PublishedEntitlement, error) {
			q := access.CatalogQuery{Limit: limit}
			if last != nil {
				q.After = last.ID
			}
			return s.CatalogEntitlements(t.Context(), q)
		})
		require.Len(t, listed, 14)
		require.Equal(t, access.EntitlementID("chat/role-000"), listed[0].ID)
		require.Equal(t, c.Entitlements[6], listed[13])
	}
	for q, want := range map[access.CatalogQuery]int{
		{Text: "ROLE wiki"}: 7, {Text: " wiki/role-003 "}: 1, {Text: "zoË 5"}: 2, {Application: "chat"}: 7, {Application: "chat", Text: "wiki"}: 0,
		{Text: "100 %"}: 1, {Text: "a_b"}: 1, {Text: "_"}: 1, {Text: "b!"}: 1, {Text: "ä"}: 1, {Text: "nul"}: 1, {Text: "\x00"}: 0, {Application: "\x00"}: 0,
		{Application: "wik"}: 0, {Text: `\`}: 0, {Text: "'"}: 0,
	} {
		require.Len(t, catalogOf(t, s, q), want, "%+v", q)
	}
	for _, bad := range []access.CatalogQuery{{}, {Limit: ledger.MaxLimit + 1}, {Limit: 1, After: "\x00"}} {
		_, err := s.CatalogEntitlements(t.Context(), bad)
		requireKind(t, access.Invalid, err)
	}
}

func testBadCatalogs(t *testing.T, d databases) {
	s := d.open(t)
	for field, spoil := range map[string]func(*access.PublishedCatalog){
		"hash":                     func(c *access.PublishedCatalog) { c.Hash = "" },
		"applications.id":          func(c *access.PublishedCatalog) { c.Applications[0].ID = "" },
		"applications.owners":      func(c *access.PublishedCatalog) { c.Applications[0].Owners[0] = "\x00" },
		"entitlements.id":          func(c *access.PublishedCatalog) { c.Entitlements[0].ID = "\x00" },
		"entitlements.application": func(c *access.PublishedCatalog) { c.Entitlements[0].Application = "" },
	} {
		c := published("one", 1, "Wiki")
		spoil(&c)
		err := s.PublishCatalog(t.Context(), c, noon)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field)
	}
	_, err := s.PublishedCatalog(t.Context())
	requireKind(t, access.NotFound, err)
	_, err = s.RenewCatalog(ended(t), published("one", 1, "Wiki"), noon, time.Minute)
	requireKind(t, access.Transient, err)
}

func testCatalogOwners(t *testing.T, d databases) {
	s := d.open(t)
	c := published("one", 1, "Wiki", "Chat")
	require.NoError(t, s.PublishCatalog(t.Context(), c, noon))
	found, err := s.Application(t.Context(), "wiki")
	require.NoError(t, err)
	require.Equal(t, c.Applications[0], found)
	for _, id := range []string{"", "Wiki", "\x00"} {
		_, err = s.Application(t.Context(), id)
		requireKind(t, access.NotFound, err)
	}
	for owner, want := range map[access.PersonID][]access.PublishedApplication{
		"p-olga": {c.Applications[1], c.Applications[0]}, "p-chat": {c.Applications[1]}, "p-none": nil, "": nil, "\x00": nil,
	} {
		owned, err := s.ApplicationsOf(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, want, owned, owner)
	}
}
