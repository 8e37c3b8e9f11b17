package main

import (
	"context"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/telemetry"
)

// observedLedger is the ledger whose calls by activities are counted. Its methods are those of the activities' ports; one
// that is not here is the store's own and stays uncounted.
type observedLedger struct {
	*ledger.Store
	metrics *telemetry.Metrics
}

var (
	_ activities.LedgerStore = observedLedger{}
	_ activities.WatchStore  = observedLedger{}
)

// ledgerCall counts one call that gives a value.
func ledgerCall[T any](l observedLedger, operation string, call func() (T, error)) (T, error) {
	began := time.Now()
	value, err := call()
	l.metrics.LedgerCalled(operation, time.Since(began), err)
	return value, err
}

// ledgerDo counts one call that gives no value.
func ledgerDo(l observedLedger, operation string, call func() error) error {
	_, err := ledgerCall(l, operation, func() (nothing, error) { return nothing{}, call() })
	return err
}

func (l observedLedger) Record(ctx context.Context, entries ...access.Entry) error {
	return ledgerDo(l, "record", func() error { return l.Store.Record(ctx, entries...) })
}

func (l observedLedger) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	return ledgerCall(l, "view", func() (access.RequestView, error) { return l.Store.View(ctx, id) })
}

func (l observedLedger) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	return ledgerCall(l, "lease", func() (access.LeaseView, error) { return l.Store.Lease(ctx, id) })
}

func (l observedLedger) TicketsOf(ctx context.Context, id access.RequestID) ([]access.TicketLink, error) {
	return ledgerCall(l, "tickets_of", func() ([]access.TicketLink, error) { return l.Store.TicketsOf(ctx, id) })
}

func (l observedLedger) Ping(ctx context.Context) error {
	return ledgerDo(l, "ping", func() error { return l.Store.Ping(ctx) })
}

func (l observedLedger) Watch(ctx context.Context, desk access.DeskName) (access.WatchPosition, error) {
	return ledgerCall(l, "watch", func() (access.WatchPosition, error) { return l.Store.Watch(ctx, desk) })
}

func (l observedLedger) SaveWatch(ctx context.Context, view access.WatchPosition) error {
	return ledgerDo(l, "save_watch", func() error { return l.Store.SaveWatch(ctx, view) })
}

func (l observedLedger) WatchedTickets(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.WatchedTicket, error) {
	return ledgerCall(l, "watched_tickets", func() ([]access.WatchedTicket, error) { return l.Store.WatchedTickets(ctx, desk, ids) })
}

func (l observedLedger) SaveFingerprints(ctx context.Context, desk access.DeskName, marks map[access.TicketID]access.TicketFingerprint) error {
	return ledgerDo(l, "save_fingerprints", func() error { return l.Store.SaveFingerprints(ctx, desk, marks) })
}

func (l observedLedger) OpenTickets(ctx context.Context, desk access.DeskName, after access.TicketID, limit int) ([]access.TicketID, error) {
	return ledgerCall(l, "open_tickets", func() ([]access.TicketID, error) { return l.Store.OpenTickets(ctx, desk, after, limit) })
}

func (l observedLedger) LeasesOf(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error) {
	return ledgerCall(l, "leases_of", func() ([]access.LeaseView, error) { return l.Store.LeasesOf(ctx, subject) })
}

func (l observedLedger) LiveLeases(ctx context.Context, subject access.PersonID, after access.LeaseID, limit int) ([]access.LeaseView, error) {
	return ledgerCall(l, "live_leases", func() ([]access.LeaseView, error) { return l.Store.LiveLeases(ctx, subject, after, limit) })
}

func (l observedLedger) Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error) {
	return ledgerCall(l, "standings", func() ([]access.Standing, error) { return l.Store.Standings(ctx, source, people...) })
}

func (l observedLedger) OpenRequests(ctx context.Context, requester, subject access.PersonID) ([]access.RequestView, error) {
	return ledgerCall(l, "open_requests", func() ([]access.RequestView, error) { return l.Store.OpenRequests(ctx, requester, subject) })
}

func (l observedLedger) Holders(ctx context.Context, subject access.PersonID, b access.Binding) ([]access.LeaseView, error) {
	return ledgerCall(l, "holders", func() ([]access.LeaseView, error) { return l.Store.Holders(ctx, subject, b) })
}

func (l observedLedger) LiveSubjects(ctx context.Context, after access.PersonID, limit int) ([]access.PersonID, error) {
	return ledgerCall(l, "live_subjects", func() ([]access.PersonID, error) { return l.Store.LiveSubjects(ctx, after, limit) })
}

func (l observedLedger) SaveRevocation(ctx context.Context, r access.Revocation, events []access.Event) (access.Revocation, error) {
	return ledgerCall(l, "save_revocation", func() (access.Revocation, error) { return l.Store.SaveRevocation(ctx, r, events) })
}

func (l observedLedger) RevocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error) {
	return ledgerCall(l, "revocations_of", func() ([]access.Revocation, error) { return l.Store.RevocationsOf(ctx, subject) })
}

func (l observedLedger) RevokedSubjects(ctx context.Context, people ...access.PersonID) ([]access.PersonID, error) {
	return ledgerCall(l, "revoked_subjects", func() ([]access.PersonID, error) { return l.Store.RevokedSubjects(ctx, people...) })
}

func (l observedLedger) SubmittedAt(ctx context.Context, requests ...access.RequestID) (map[access.RequestID]time.Time, error) {
	return ledgerCall(l, "submitted_at", func() (map[access.RequestID]time.Time, error) { return l.Store.SubmittedAt(ctx, requests...) })
}

func (l observedLedger) SavePause(ctx context.Context, p access.Pause) (access.Pause, error) {
	return ledgerCall(l, "save_pause", func() (access.Pause, error) { return l.Store.SavePause(ctx, p) })
}

func (l observedLedger) Pauses(ctx context.Context) ([]access.Pause, error) {
	return ledgerCall(l, "pauses", func() ([]access.Pause, error) { return l.Store.Pauses(ctx) })
}

func (l observedLedger) Paused(ctx context.Context, what access.PausedWork, target access.TargetName) (*access.Pause, error) {
	return ledgerCall(l, "paused", func() (*access.Pause, error) { return l.Store.Paused(ctx, what, target) })
}
