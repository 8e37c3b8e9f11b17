package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// publisherOf returns a worker whose catalog has a hash, over a ledger, and its log.
func publisherOf(store catalogStore, hash string) (*publisher, *bytes.Buffer) {
	log := &bytes.Buffer{}
	c := access.PublishedCatalog{Hash: hash, Applications: []access.PublishedApplication{{ID: hash, Name: hash}}}
	return &publisher{store: store, catalog: c, log: slog.New(slog.NewTextHandler(log, nil))}, log
}

func openCatalogLedger(t *testing.T) *ledger.Store {
	t.Helper()
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// later is a ledger that is asked a time later.
type later struct {
	*ledger.Store
	by time.Duration
}

func (l later) RenewCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time, lost time.Duration) (bool, error) {
	return l.Store.RenewCatalog(ctx, c, at.Add(l.by), lost)
}

// Two workers of different catalogs run at the same time, as in every rollout: the one that began last has the say for as long as any worker has its
// catalog, and the other does not take it back.
func TestPublisher_no_flapping(t *testing.T) {
	store := openCatalogLedger(t)
	which := func() string {
		p, err := store.PublishedCatalog(t.Context())
		require.NoError(t, err)
		return p.Hash
	}
	before, log := publisherOf(store, "before")
	after, _ := publisherOf(store, "after")
	require.NoError(t, before.start(t.Context()))
	require.NoError(t, after.start(t.Context()))
	require.Equal(t, "after", which())
	for range 3 {
		before.renew(t.Context())
		after.renew(t.Context())
		require.Equal(t, "after", which())
	}
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("another worker has published another catalog")))
	before.store = later{store, catalogLost + time.Minute}
	before.renew(t.Context())
	require.Equal(t, "before", which(), "no worker has the other any more")
	require.Contains(t, log.String(), "the published one again")
}

// unanswered is a ledger that does not answer, until it does.
type unanswered struct {
	*ledger.Store
	left atomic.Int32
}

func (a *unanswered) RenewCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time, lost time.Duration) (bool, error) {
	if a.left.Add(-1) >= 0 {
		return false, errors.New("away")
	}
	return a.Store.RenewCatalog(ctx, c, at, lost)
}

func TestPublisher_keeps_on(t *testing.T) {
	unavailable := &unanswered{Store: openCatalogLedger(t)}
	unavailable.left.Store(2)
	p, log := publisherOf(unavailable, "own")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.keep(ctx, time.Millisecond)
	}()
	require.Eventually(t, func() bool {
		_, err := unavailable.PublishedCatalog(t.Context())
		return err == nil
	}, soon, time.Millisecond, "a ledger that was away is asked again")
	cancel()
	<-done
	require.Contains(t, log.String(), "the catalog is not renewed in the ledger")
}

// requirePublished holds that a worker that polls has published its catalog.
func requirePublished(t *testing.T, c workerConfig) {
	t.Helper()
	store, err := ledger.Open(t.Context(), c.Ledger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	catalog, err := readCatalog(&c)
	require.NoError(t, err)
	which, err := store.PublishedCatalog(t.Context())
	require.NoError(t, err)
	require.Equal(t, catalog.Published(c.Desk).Hash, which.Hash)
}
