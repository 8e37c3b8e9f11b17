package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"usher/internal/access"
)

// LedgerStore is what the workflows need of the ledger; *ledger.Store is one.
type LedgerStore interface {
	Record(ctx context.Context, entries ...access.Entry) error
	View(ctx context.Context, id access.RequestID) (access.RequestView, error)
	Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error)
	TicketsOf(ctx context.Context, id access.RequestID) ([]access.TicketLink, error)
	Ping(ctx context.Context) error
}

// Records are the activities over the ledger, and the messages that may go out only once the ledger has what they rest
// on. They run on the usher queue.
type Records struct {
	Ledger LedgerStore
	Client Messenger
}

// RecordCall is one entry, and what is said when it stands.
type RecordCall struct {
	Entry access.Entry `json:"entry"`
	// Ensures go to the workflows that hold the subjects' leases.
	Ensures []EnsureCall `json:"ensures,omitempty"`
	// Answers go to requests.
	Answers []AnswerCall `json:"answers,omitempty"`
}

// Recorded is what came of the messages.
type Recorded struct {
	// Gone are the leases whose request no longer runs, so that nobody heard the answer.
	Gone []access.LeaseID `json:"gone,omitempty"`
}

// Record writes one entry in one transaction, and only then sends the messages, each of which is declarative. Safe to
// repeat.
func (a *Records) Record(ctx context.Context, c RecordCall) (Recorded, error) {
	var done Recorded
	// What holds no fact does not wait for a ledger that is away.
	if !c.Entry.Empty() {
		if err := a.Ledger.Record(ctx, c.Entry); err != nil {
			return done, translate(err)
		}
	}
	for _, ensure := range c.Ensures {
		if err := ensure.send(ctx, a.Client); err != nil {
			return done, err
		}
	}
	for _, answer := range c.Answers {
		err := a.Client.SignalWorkflow(ctx, answer.WorkflowID, "", answer.Signal, answer.Answer)
		var gone *serviceerror.NotFound
		switch {
		case errors.As(err, &gone):
			done.Gone = append(done.Gone, answer.Answer.Lease)
		case err != nil:
			return done, err
		}
	}
	return done, nil
}

// Remembered is what the ledger knows that decides about a lease; a nil member is not in the ledger.
type Remembered struct {
	Lease   *access.LeaseView   `json:"lease,omitempty"`
	Request access.RequestState `json:"request,omitempty"`
	Item    access.ItemState    `json:"item,omitempty"`
}

// Forbids reports whether what is remembered stands against a grant: the lease has a past, or its request has ended
// without it.
func (r Remembered) Forbids() bool {
	return r.Lease != nil || (r.Request.Ended() && !r.Request.KeepsAccess())
}

// RecallCall names a lease and the item of the request that it belongs to.
type RecallCall struct {
	Lease   access.LeaseID   `json:"lease"`
	Request access.RequestID `json:"request"`
	Item    access.ItemID    `json:"item"`
}

// Recall reads what the ledger knows of a lease and of its request.
func (a *Records) Recall(ctx context.Context, c RecallCall) (Remembered, error) {
	known, err := recall(ctx, a.Ledger, c)
	return known, translate(err)
}

func recall(ctx context.Context, ledger LedgerStore, c RecallCall) (Remembered, error) {
	var known Remembered
	lease, err := ledger.Lease(ctx, c.Lease)
	switch {
	case err == nil:
		known.Lease = &lease
	case !access.IsKind(err, access.NotFound):
		return Remembered{}, err
	}
	view, err := ledger.View(ctx, c.Request)
	switch {
	case err == nil:
		known.Request = view.State
		for _, item := range view.Items {
			if item.Item.ID == c.Item {
				known.Item = item.State
			}
		}
	case !access.IsKind(err, access.NotFound):
		return Remembered{}, err
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
