package activities

import (
	"context"

	"usher/internal/access"
)

// LedgerStore is what the workflows need of the ledger; *ledger.Store is one.
type LedgerStore interface {
	Record(ctx context.Context, e access.Entry) error
	View(ctx context.Context, id access.RequestID) (access.RequestView, error)
	Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error)
	TicketsOf(ctx context.Context, id access.RequestID) ([]access.TicketLink, error)
	Ping(ctx context.Context) error
}

// Records are the activities over the ledger. They run on the usher queue.
type Records struct{ Ledger LedgerStore }

// Record writes one entry in one transaction. Safe to repeat.
func (a *Records) Record(ctx context.Context, e access.Entry) error {
	return translate(a.Ledger.Record(ctx, e))
}

// Remembered is what the ledger knows that decides about a lease; a nil member is not in the ledger.
type Remembered struct {
	Lease   *access.LeaseView   `json:"lease,omitempty"`
	Request access.RequestState `json:"request,omitempty"`
	Item    access.ItemState    `json:"item,omitempty"`
}

// RecallCall names a lease and the item of the request that it belongs to.
type RecallCall struct {
	Lease   access.LeaseID   `json:"lease"`
	Request access.RequestID `json:"request"`
	Item    access.ItemID    `json:"item"`
}

// Recall reads what the ledger knows of a lease and of its request.
func (a *Records) Recall(ctx context.Context, c RecallCall) (Remembered, error) {
	var known Remembered
	lease, err := a.Ledger.Lease(ctx, c.Lease)
	switch {
	case err == nil:
		known.Lease = &lease
	case !access.IsKind(err, access.NotFound):
		return Remembered{}, translate(err)
	}
	view, err := a.Ledger.View(ctx, c.Request)
	switch {
	case err == nil:
		known.Request = view.State
		for _, item := range view.Items {
			if item.Item.ID == c.Item {
				known.Item = item.State
			}
		}
	case !access.IsKind(err, access.NotFound):
		return Remembered{}, translate(err)
	}
	return known, nil
}

// Archived is a request as the ledger keeps it, with its tickets.
type Archived struct {
	View    access.RequestView  `json:"view"`
	Tickets []access.TicketLink `json:"tickets,omitempty"`
}

// ReadRequest reads a request from the ledger. NotFound when it knows none.
func (a *Records) ReadRequest(ctx context.Context, id access.RequestID) (Archived, error) {
	view, err := a.Ledger.View(ctx, id)
	if err != nil {
		return Archived{}, translate(err)
	}
	tickets, err := a.Ledger.TicketsOf(ctx, id)
	if err != nil {
		return Archived{}, translate(err)
	}
	return Archived{View: view, Tickets: tickets}, nil
}

// CheckLedger reports whether the ledger answers and has the schema that this build expects.
func (a *Records) CheckLedger(ctx context.Context) (CheckResult, error) {
	return CheckResult{Problem: problem(a.Ledger.Ping(ctx))}, nil
}
