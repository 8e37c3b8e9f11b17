package main

import (
	"context"
	"log/slog"
	"time"

	"usher/internal/access"
)

// How often this worker says that it works by its catalog, and how long another catalog stays the published one although no worker says so.
const (
	renewCatalog = time.Minute
	catalogLost  = 5 * time.Minute
)

// catalogStore is what publishing needs of the ledger.
type catalogStore interface {
	PublishCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time) error
	RenewCatalog(ctx context.Context, c access.PublishedCatalog, at time.Time, lost time.Duration) (bool, error)
}

// publisher publishes this worker's catalog for the API. The catalog is read once, so it changes with a restart.
type publisher struct {
	store   catalogStore
	catalog access.PublishedCatalog
	log     *slog.Logger
	// published is whether it was the published one when this worker last looked.
	published bool
}

// start makes this worker's catalog the published one: of workers with different ones the one that begins last wins.
func (p *publisher) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := p.store.PublishCatalog(ctx, p.catalog, time.Now())
	p.published = err == nil
	return err
}

// keep renews until the context ends. That the ledger is away is no reason to stop: what is published stays.
func (p *publisher) keep(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.renew(ctx)
		}
	}
}

func (p *publisher) renew(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	published, err := p.store.RenewCatalog(asking, p.catalog, time.Now(), catalogLost)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		p.log.Warn("the catalog is not renewed in the ledger", "error", err)
		return
	case p.published && !published:
		p.log.Warn("another worker has published another catalog; the API shows that one", "hash", p.catalog.Hash)
	case !p.published && published:
		p.log.Info("this worker's catalog is the published one again", "hash", p.catalog.Hash)
	}
	p.published = published
}
