package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// LedgerStore is what the workflows need of the ledger; *ledger.Store is one.
type LedgerStore interface {
	Record(ctx context.Context, entries ...access.Entry) error
	View(ctx context.Context, id access.RequestID) (access.RequestView, error)
	Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error)
	LeasesOf(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error)
	LiveLeases(ctx context.Context, subject access.PersonID, after access.LeaseID, limit int) ([]access.LeaseView, error)
	LiveSubjects(ctx context.Context, after access.PersonID, limit int) ([]access.PersonID, error)
	OpenRequests(ctx context.Context, requester, subject access.PersonID) ([]access.RequestView, error)
	Holders(ctx context.Context, subject access.PersonID, binding access.Binding) ([]access.LeaseView, error)
	TicketsOf(ctx context.Context, id access.RequestID) ([]access.TicketLink, error)
	Standings
	Revocations
	Pauses
	Ping(ctx context.Context) error
}

// Records are the activities over the ledger, and the messages that may go out only once the ledger has what they rest
// on. They run on the usher queue.
type Records struct {
	Ledger LedgerStore
	Client Messenger
	// RequestOptions are those with which the workflow of a request is started.
	RequestOptions func(access.Request) client.StartWorkflowOptions
	// Source is where people are looked up; "" for none.
	Source access.SourceName
	// LeaveOrder are the targets on which the leases of somebody who is absent end first, in their order.
	LeaveOrder []access.TargetName
	// Targets are all that there are, those at the edge too.
	Targets []access.TargetName
}

// RecordInput is what is to be recorded, and what is said when it stands.
type RecordInput struct {
	// Entries are written in one transaction.
	Entries []access.Entry `json:"entries,omitempty"`
	// Specs go to the workflows that hold the subjects' leases.
	Specs []ApplyLeaseMessage `json:"specs,omitempty"`
	// Statuses go to requests.
	Statuses []LeaseStatusMessage `json:"statuses,omitempty"`
}

// RecordResult is what came of the messages.
type RecordResult struct {
	// Undelivered are the leases whose request no longer runs, so that nobody heard the answer.
	Undelivered []access.LeaseID `json:"undelivered,omitempty"`
}

// Record writes its entries in one transaction, and only then sends the messages, each of which is declarative. Safe to
// repeat.
func (a *Records) Record(ctx context.Context, c RecordInput) (RecordResult, error) {
	var done RecordResult
	// What holds no fact does not wait for a ledger that is away.
	if len(c.Entries) > 0 {
		if err := a.Ledger.Record(ctx, c.Entries...); err != nil {
			return done, translate(refusal(err))
		}
	}
	if err := a.notifyOfAbsent(ctx, c.Entries); err != nil {
		return done, translate(refusal(err))
	}
	for _, ensure := range c.Specs {
		if err := ensure.send(ctx, a.Client); err != nil {
			return done, undeliverable(err)
		}
	}
	for _, answer := range c.Statuses {
		err := a.Client.SignalWorkflow(ctx, answer.WorkflowID, "", answer.Signal, answer.Status)
		var gone *serviceerror.NotFound
		switch {
		case errors.As(err, &gone):
			done.Undelivered = append(done.Undelivered, answer.Status.Lease)
		case err != nil:
			return done, undeliverable(err)
		}
	}
	return done, nil
}

// refusal returns what the ledger's error means for an entry: only Invalid and Conflict are about the entry itself. Everything
// else is about the ledger, so it counts as unavailable until somebody has mended it.
func refusal(err error) error {
	if access.IsKind(err, access.Invalid) || access.IsKind(err, access.Conflict) {
		return err
	}
	return &access.Error{Kind: access.Transient, Op: "record", RetryAfter: access.RetryAfterOf(err), Err: err}
}

// undeliverable returns what Temporal says of a message. One that it will never take is Invalid: no repetition mends it.
func undeliverable(err error) error {
	if impossible(err) {
		return translate(access.Errorf(access.Invalid, "send a message", "%w", err))
	}
	return err
}

// impossible reports whether Temporal will never take a message.
func impossible(err error) bool {
	_, invalid := errors.AsType[*serviceerror.InvalidArgument](err)
	return invalid
}

// ReadRequestResult is a request as the ledger keeps it, with its tickets.
type ReadRequestResult struct {
	View    access.RequestView  `json:"view"`
	Tickets []access.TicketLink `json:"tickets,omitempty"`
}

// ReadRequest reads a request from the ledger. NotFound when it knows none.
func (a *Records) ReadRequest(ctx context.Context, id access.RequestID) (ReadRequestResult, error) {
	view, err := a.Ledger.View(ctx, id)
	if err != nil {
		return ReadRequestResult{}, translate(err)
	}
	tickets, err := a.Ledger.TicketsOf(ctx, id)
	if err != nil {
		return ReadRequestResult{}, translate(err)
	}
	return ReadRequestResult{View: view, Tickets: tickets}, nil
}

// CheckLedgerResult is CheckResult, and what is paused.
type CheckLedgerResult struct {
	CheckResult
	Paused []access.Pause `json:"paused,omitempty"`
}

// CheckLedger reports whether the ledger answers and has the schema that this build expects, and what is paused by its record.
func (a *Records) CheckLedger(ctx context.Context) (CheckLedgerResult, error) {
	err := a.Ledger.Ping(ctx)
	var paused []access.Pause
	if err == nil {
		paused, err = a.Ledger.Pauses(ctx)
	}
	return CheckLedgerResult{CheckResult: CheckResult{Problem: problem(err)}, Paused: paused}, nil
}
