package httpapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/ledger"
)

// ledgerWithin is how long one HTTP call waits for the ledger altogether, however often it asks: a ledger that hangs is
// as good as one that is away, and Temporal may have the answer.
const ledgerWithin = 3 * time.Second

// ledgerDeadline is what is left of ledgerWithin; it begins to run out with the first question. The zero patience is whole.
type ledgerDeadline struct {
	begun sync.Once
	until time.Time
}

func (p *ledgerDeadline) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	p.begun.Do(func() { p.until = time.Now().Add(ledgerWithin) })
	return context.WithDeadline(ctx, p.until)
}

// timeoutLedger is a ledger that answers while there is patience.
type timeoutLedger struct{ ledger Ledger }

var _ Ledger = timeoutLedger{}

func inTime[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := traceOf(ctx).ledger.bound(ctx)
	defer cancel()
	found, err := ask(ctx)
	return found, ofLedger(err)
}

// ofLedger returns an error of the ledger as callers may hear of it. What a database says about itself is no answer to a caller: it stays in the
// chain, for the log. A database that is missing or refuses usher is a failure of ours, and no missing or forbidden request.
func ofLedger(err error) error {
	known, ok := errors.AsType[*access.Error](err)
	if !ok {
		return err
	}
	kind, text := access.Unknown, "the ledger failed"
	switch {
	case known.Kind == access.Transient:
		kind, text = access.Transient, "the ledger is unavailable; try again"
	case (known.Kind == access.NotFound || known.Kind == access.Invalid) && !ofDatabase(err):
		return err
	}
	return &access.Error{Kind: kind, Op: known.Op, RetryAfter: known.RetryAfter, Err: &hidden{text: text, err: known.Err}}
}

// ofDatabase reports whether a database's own error is in the chain: PostgreSQL's has a state, SQLite's a code.
func ofDatabase(err error) bool {
	var state interface{ SQLState() string }
	var code interface{ Code() int }
	return errors.As(err, &state) || errors.As(err, &code)
}

// View implements Ledger.
func (p timeoutLedger) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	return inTime(ctx, func(ctx context.Context) (access.RequestView, error) { return p.ledger.View(ctx, id) })
}

// Views implements Ledger.
func (p timeoutLedger) Views(ctx context.Context, f ledger.Filter) (ledger.Page, error) {
	return inTime(ctx, func(ctx context.Context) (ledger.Page, error) { return p.ledger.Views(ctx, f) })
}

// Events implements Ledger.
func (p timeoutLedger) Events(ctx context.Context, id access.RequestID) ([]access.Event, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.Event, error) { return p.ledger.Events(ctx, id) })
}

// Lease implements Ledger.
func (p timeoutLedger) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	return inTime(ctx, func(ctx context.Context) (access.LeaseView, error) { return p.ledger.Lease(ctx, id) })
}

// LeasesOf implements Ledger.
func (p timeoutLedger) LeasesOf(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.LeaseView, error) { return p.ledger.LeasesOf(ctx, subject) })
}

// PublishedCatalog implements Ledger.
func (p timeoutLedger) PublishedCatalog(ctx context.Context) (access.CatalogPublication, error) {
	return inTime(ctx, func(ctx context.Context) (access.CatalogPublication, error) { return p.ledger.PublishedCatalog(ctx) })
}

// CatalogEntitlements implements Ledger.
func (p timeoutLedger) CatalogEntitlements(ctx context.Context, q access.CatalogQuery) ([]access.PublishedEntitlement, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PublishedEntitlement, error) {
		return p.ledger.CatalogEntitlements(ctx, q)
	})
}

// ApplicationsOf implements Ledger.
func (p timeoutLedger) ApplicationsOf(ctx context.Context, owner access.PersonID) ([]access.PublishedApplication, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PublishedApplication, error) {
		return p.ledger.ApplicationsOf(ctx, owner)
	})
}

// TicketByID implements Ledger.
func (p timeoutLedger) TicketByID(ctx context.Context, desk access.DeskName, id access.TicketID) (access.TicketLink, error) {
	return inTime(ctx, func(ctx context.Context) (access.TicketLink, error) { return p.ledger.TicketByID(ctx, desk, id) })
}

// PeopleRuns implements Ledger.
func (p timeoutLedger) PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PeopleRun, error) {
		return p.ledger.PeopleRuns(ctx, source, before, limit)
	})
}

// PeopleRun implements Ledger.
func (p timeoutLedger) PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	return inTime(ctx, func(ctx context.Context) (access.PeopleRun, error) { return p.ledger.PeopleRun(ctx, source, id) })
}

// PeopleChanges implements Ledger.
func (p timeoutLedger) PeopleChanges(
	ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery,
) ([]access.PersonChange, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PersonChange, error) {
		return p.ledger.PeopleChanges(ctx, source, plan, q)
	})
}

// PeopleProblems implements Ledger.
func (p timeoutLedger) PeopleProblems(
	ctx context.Context, source access.SourceName, listing string, behind, limit int,
) ([]access.PersonProblem, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PersonProblem, error) {
		return p.ledger.PeopleProblems(ctx, source, listing, behind, limit)
	})
}

// SyncRuns implements Ledger.
func (p timeoutLedger) SyncRuns(ctx context.Context, desk access.DeskName, before time.Time, limit int) ([]access.SyncRun, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.SyncRun, error) {
		return p.ledger.SyncRuns(ctx, desk, before, limit)
	})
}

// SyncRun implements Ledger.
func (p timeoutLedger) SyncRun(ctx context.Context, desk access.DeskName, id string) (access.SyncRun, error) {
	return inTime(ctx, func(ctx context.Context) (access.SyncRun, error) { return p.ledger.SyncRun(ctx, desk, id) })
}

// SyncRows implements Ledger.
func (p timeoutLedger) SyncRows(ctx context.Context, desk access.DeskName, plan string, q access.SyncRowsQuery) ([]access.SyncRow, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.SyncRow, error) { return p.ledger.SyncRows(ctx, desk, plan, q) })
}

// CountSyncRows implements Ledger.
func (p timeoutLedger) CountSyncRows(ctx context.Context, desk access.DeskName, plan string) (map[access.SyncState]int, error) {
	return inTime(ctx, func(ctx context.Context) (map[access.SyncState]int, error) {
		return p.ledger.CountSyncRows(ctx, desk, plan)
	})
}

// IntegrationUsers implements Ledger.
func (p timeoutLedger) IntegrationUsers(ctx context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.IntegrationUser, error) { return p.ledger.IntegrationUsers(ctx, q) })
}

// Incident implements Ledger.
func (p timeoutLedger) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	return inTime(ctx, func(ctx context.Context) (access.IncidentView, error) { return p.ledger.Incident(ctx, id) })
}

// Incidents implements Ledger.
func (p timeoutLedger) Incidents(ctx context.Context, q access.IncidentsQuery) ([]access.IncidentView, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.IncidentView, error) { return p.ledger.Incidents(ctx, q) })
}

// DeskEvents implements Ledger.
func (p timeoutLedger) DeskEvents(ctx context.Context, q access.DeskEventsQuery) ([]access.PlacedDeskEvent, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.PlacedDeskEvent, error) { return p.ledger.DeskEvents(ctx, q) })
}

// Revocation implements Ledger.
func (p timeoutLedger) Revocation(ctx context.Context, id access.RevocationID) (access.Revocation, error) {
	return inTime(ctx, func(ctx context.Context) (access.Revocation, error) { return p.ledger.Revocation(ctx, id) })
}

// Revocations implements Ledger.
func (p timeoutLedger) Revocations(
	ctx context.Context, subject access.PersonID, before access.RevocationID, limit int,
) ([]access.Revocation, error) {
	return inTime(ctx, func(ctx context.Context) ([]access.Revocation, error) {
		return p.ledger.Revocations(ctx, subject, before, limit)
	})
}

// Pauses implements Ledger.
func (p timeoutLedger) Pauses(ctx context.Context) ([]access.Pause, error) {
	return inTime(ctx, p.ledger.Pauses)
}

// Ping implements Ledger.
func (p timeoutLedger) Ping(ctx context.Context) error {
	_, err := inTime(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.ledger.Ping(ctx) })
	return err
}
