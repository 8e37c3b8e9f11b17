package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// ReopenedTicket answers a hint about the ticket of a request that has ended: it looks once, and if a human has opened
// the ticket again it does what today's contract says of a reopened ticket. A ticket that is as usher left it is left
// alone.
func ReopenedTicket(ctx workflow.Context, p ReopenedTicketParams) error {
	var records *activities.Records
	var archived activities.Archived
	if err := workflow.ExecuteLocalActivity(onThisWorker(ctx), records.ReadRequest, p.Request).Get(ctx, &archived); err != nil {
		return err
	}
	if !archived.View.State.Ended() {
		return nil
	}
	var policy *activities.Policy
	var terms access.Terms
	if err := workflow.ExecuteLocalActivity(onThisWorker(ctx), policy.CurrentTerms).Get(ctx, &terms); err != nil {
		return err
	}
	meaning := terms.Contract.Meaning(access.EventReopened)
	for i := range archived.Tickets {
		if link := archived.Tickets[i]; link.Lease == "" {
			if err := answerReopened(ctx, archived.View, link, meaning); err != nil {
				return err
			}
		}
	}
	return nil
}

func answerReopened(ctx workflow.Context, view access.RequestView, link access.TicketLink, meaning access.Meaning) error {
	var desk *activities.Desk
	var look activities.Look
	opts := ticket(ctx, link.Ref.Desk, "look at "+string(link.Ref.Key))
	if err := workflow.ExecuteActivity(opts, desk.LookAtTicket, activities.LookCall{Ticket: link.Ref.ID}).Get(ctx, &look); err != nil {
		return err
	}
	if look.Missing || look.Snapshot.Phase.Closed() || look.Snapshot.Own || look.Snapshot.MovedBy == "" {
		return nil
	}
	event := access.Event{
		ID:      fmt.Sprintf("%s#%s", ReopenedWorkflowID(view.Request.ID), look.Snapshot.MovedAt.UTC().Format(time.RFC3339Nano)),
		Request: view.Request.ID, Type: access.EventTicketSeen, At: look.Snapshot.MovedAt.UTC(), Channel: access.ChannelTicket,
		Proof: "desk account " + string(look.Snapshot.MovedBy) + " on " + string(look.Snapshot.Ref.Key),
		Text:  eventText(access.EventReopened, look.Snapshot) + " This means: " + string(meaning) + ".",
	}
	var records *activities.Records
	entry := activities.RecordCall{Entry: access.Entry{Events: []access.Event{event}}}
	if err := workflow.ExecuteActivity(ledgerAway(ctx), records.Record, entry).Get(ctx, nil); err != nil {
		return err
	}
	if meaning != access.MeansRevert {
		return nil
	}
	to := access.TicketWontDo
	if view.State.KeepsAccess() {
		to = access.TicketDone
	}
	update := activities.TicketUpdate{
		Ticket: link.Ref.ID,
		Comments: []access.Comment{{
			// One answer for each time that somebody opens it again.
			Marker: access.Marker(string(link.Marker) + "-reopened-" + look.Snapshot.MovedAt.UTC().Format("20060102T150405.000")),
			Text:   reopenedText(view),
		}},
		MoveTo: to,
	}
	return workflow.ExecuteActivity(ticket(ctx, link.Ref.Desk, "close "+string(link.Ref.Key)+" again"), desk.UpdateTicket, update).Get(ctx, nil)
}
