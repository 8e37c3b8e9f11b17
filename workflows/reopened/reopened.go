// Package reopened is the workflow ReopenedTicket, which answers a person who opens the ticket of an ended request again.
package reopened

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// Params start the workflow.
type Params struct {
	Request access.RequestID `json:"request"`
	Carried *state           `json:"carried,omitempty"`
}

// state is how far the answer has come. A step that fails is tried again later: the watch tells of a change once.
type state struct {
	Archived *activities.ReadRequestResult `json:"archived,omitempty"`
	Settings *access.RequestSettings       `json:"settings,omitempty"`
	Snapshot *access.TicketSnapshot        `json:"snapshot,omitempty"`
	Recorded bool                          `json:"recorded,omitempty"`
	Over     bool                          `json:"over,omitempty"`
	RetryAt  time.Time                     `json:"retry_at,omitzero"`
	Failures int                           `json:"failures,omitempty"`
}

type reopened struct {
	*state
	request access.RequestID
	loop    *durable.Loop
}

// Workflow reads the ticket once, and if a person has opened it again does what today's contract says of that. A ticket that
// is as usher left it is left alone.
func Workflow(ctx workflow.Context, p Params) error {
	r := &reopened{request: p.Request, state: p.Carried}
	if r.state == nil {
		r.state = &state{}
	}
	r.loop = durable.New(ctx, r)
	return r.loop.Run(func() error {
		return workflow.NewContinueAsNewError(r.loop.Context(), workflows.ReopenedTicketType, Params{Request: p.Request, Carried: r.state})
	})
}

// Step takes the next step.
func (r *reopened) Step(now time.Time) {
	if r.loop.Busy() || r.Over || now.Before(r.RetryAt) {
		return
	}
	link := r.link()
	switch {
	case r.Archived == nil:
		var records *activities.Records
		durable.StartLocal(r.loop, workflows.LocalQuestion(), records.ReadRequest, r.request, func(archived activities.ReadRequestResult, err error) {
			if r.done(err) {
				r.Archived = &archived
				r.Over = !archived.View.State.Ended() || r.link() == nil
			}
		})
	case r.Settings == nil:
		var policy *activities.Policy
		durable.StartLocal(r.loop, workflows.LocalQuestion(), policy.CurrentSettings, link.Ref.Desk, func(settings access.RequestSettings, err error) {
			if r.done(err) {
				r.Settings = &settings
			}
		})
	case r.Snapshot == nil:
		var desk *activities.Desk
		options := workflows.Ticket(link.Ref.Desk, "read "+string(link.Ref.Key))
		durable.Start(r.loop, options, desk.ReadTicket, activities.ReadTicketInput{Ticket: link.Ref.ID}, r.read)
	case !r.Recorded:
		r.record()
	default:
		var desk *activities.Desk
		options := workflows.Ticket(link.Ref.Desk, "close "+string(link.Ref.Key)+" again")
		durable.Start(r.loop, options, desk.UpdateTicket, r.update(*link), func(_ activities.UpdateTicketResult, err error) {
			r.Over = r.done(err) || r.Over
		})
	}
}

// record writes what the person did to the ledger. A fact that it refuses for good is left out.
func (r *reopened) record() {
	var records *activities.Records
	entry := access.Entry{Events: []access.Event{r.event()}}
	durable.Start(r.loop, workflows.RecordLater(), records.Record, activities.RecordInput{Entries: []access.Entry{entry}},
		func(_ activities.RecordResult, err error) {
			if kind := workflows.KindOf(err); kind == access.Invalid || kind == access.Conflict {
				workflow.GetLogger(r.loop.Context()).Error("the ledger refuses a fact for good", "request_id", r.request, "error", err)
				err = nil
			}
			if r.done(err) {
				r.Recorded = true
				r.Over = r.Settings.TicketActions.Action(access.EventReopened) != access.ActionRevert
			}
		})
}

// done reports whether a step has succeeded; else it is due again later. A ticket that is gone, or that no transition
// closes, needs no answer any more.
func (r *reopened) done(err error) bool {
	switch kind := workflows.KindOf(err); {
	case err == nil:
		r.Failures = 0
		return true
	case r.loop.Leaving():
	case kind == access.NotFound, kind == access.Conflict, kind == access.Invalid:
		r.Over = true
	default:
		r.Failures++
		r.RetryAt = r.loop.Now().Add(workflows.RetryConnector.After(r.Failures))
	}
	return false
}

// link is the request's ticket; nil for none.
func (r *reopened) link() *access.TicketLink {
	if r.Archived == nil {
		return nil
	}
	for i := len(r.Archived.Tickets) - 1; i >= 0; i-- {
		if link := r.Archived.Tickets[i]; link.Lease == "" && !link.Unlinked {
			return &link
		}
	}
	return nil
}

func (r *reopened) read(look activities.ReadTicketResult, err error) {
	if !r.done(err) {
		return
	}
	now := look.Snapshot
	r.Snapshot = &now
	r.Over = look.Missing || now.Phase.Closed() || now.StatusChangedByUsher || now.StatusChangedBy == ""
}

func (r *reopened) event() access.Event {
	now := *r.Snapshot
	e := access.Event{
		Request: r.request, Type: access.EventTicketChanged, At: now.StatusChangedAt.UTC(), Channel: access.ChannelTicket,
		Evidence: "desk account " + string(now.StatusChangedBy) + " on " + string(now.Ref.Key),
		Text: ticket.EventText(access.EventReopened, now) + " This means: " +
			string(r.Settings.TicketActions.Action(access.EventReopened)) + ".",
	}
	e.ID = workflows.EventID(workflows.ReopenedWorkflowID(r.request), now.StatusChangedAt.UTC().Format(time.RFC3339Nano), e)
	return e
}

func (r *reopened) update(link access.TicketLink) activities.UpdateTicketInput {
	to := access.TicketWontDo
	if r.Archived.View.State.KeepsAccess() {
		to = access.TicketDone
	}
	return activities.UpdateTicketInput{
		Ticket: link.Ref.ID, TransitionTo: to,
		Comments: []access.Comment{{
			// One answer for each time that somebody opens it again.
			Marker: access.Marker(string(link.Marker) + "-reopened-" + r.Snapshot.StatusChangedAt.UTC().Format("20060102T150405.000")),
			Text:   ticket.ReopenedText(r.Archived.View),
		}},
	}
}

// Due returns when a step that has failed is due again.
func (r *reopened) Due() (time.Time, string) {
	if r.loop.Busy() || r.Over {
		return time.Time{}, ""
	}
	return r.RetryAt, "try again"
}

// Done reports whether the ticket has its answer, or needs none.
func (r *reopened) Done() bool { return r.Over }

// Cancelled ends the attempt.
func (r *reopened) Cancelled() { r.Over = true }

// Undecodable is for signals; the workflow takes none.
func (r *reopened) Undecodable(string, error) {}
