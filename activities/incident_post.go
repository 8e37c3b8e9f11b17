package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"usher/internal/access"
)

// incidentViews is the ledger, as far as it says how incidents stand.
type incidentViews interface {
	Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error)
	SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error
}

// incidentPost notifies incidents at some time of usher's.
type incidentPost struct {
	client Messenger
	ledger incidentViews
	at     time.Time
}

// tell signals an incident that the ledger has as open, and reports whether it was there to be told. Only the workflow itself records its incident, so
// one that Temporal does not know any more has run, and is over: somebody terminated it. The ledger has to know, or it is open for ever.
func (p incidentPost) tell(ctx context.Context, id access.IncidentID, signal string) (bool, error) {
	err := p.client.SignalWorkflow(ctx, IncidentPrefix+string(id), "", signal, struct{}{})
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, p.end(ctx, id)
	}
	return err == nil, err
}

// end records the end of an incident whose workflow is gone. Where the workflow has recorded an end itself, that one stays.
func (p incidentPost) end(ctx context.Context, id access.IncidentID) error {
	v, err := p.ledger.Incident(ctx, id)
	if err != nil || v.State.Ended() {
		return err
	}
	at := p.at.UTC()
	v.State, v.Since, v.EndedAt, v.Version = access.IncidentCancelled, at, &at, v.Version+1
	v.StatusText = "Somebody terminated the workflow, and it opens no ticket any more."
	if v.Ticket != nil {
		v.StatusText = "Somebody terminated the workflow: usher does not look at " + string(v.Ticket.Key) + " any more."
	}
	return p.ledger.SaveIncident(ctx, v, access.DeskEvent{
		ID: IncidentPrefix + string(id) + "#" + string(access.DeskIncidentEnded) + "/terminated", Desk: v.Desk, Incident: id,
		Type: access.DeskIncidentEnded, At: at, Text: v.StatusText,
	})
}
