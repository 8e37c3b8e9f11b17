package activities

import (
	"context"
	"slices"
	"time"

	"usher/internal/access"
)

// SignalHint is the name of the message that a ticket may have changed, in the workflows' spelling.
const SignalHint = "hint"

// notifyIncidents has the incidents read their tickets, of the tickets that no request has. Each change is notified once: what was notified is
// remembered, and an attempt that dies in between notifies again.
func (a *Watch) notifyIncidents(ctx context.Context, c NotifyChangesInput, judged *NotifyChangesResult) error {
	ids := slices.Concat(judged.Unknown, c.Missing)
	if len(ids) == 0 {
		return nil
	}
	tickets, err := a.Ledger.IncidentsByTicket(ctx, c.Desk, ids)
	if err != nil || len(tickets) == 0 {
		return translate(err)
	}
	changed := map[access.TicketID]time.Time{}
	for _, now := range c.Tickets {
		changed[now.Ref.ID] = now.UpdatedAt
	}
	seen := map[access.TicketID]time.Time{}
	for _, t := range tickets {
		judged.Unknown = slices.DeleteFunc(judged.Unknown, func(id access.TicketID) bool { return id == t.Ticket })
		at, read := changed[t.Ticket]
		if read && !at.After(t.SeenAt) {
			continue
		}
		if err := delivered(a.Client.SignalWorkflow(ctx, IncidentPrefix+string(t.Incident), "", SignalHint, struct{}{})); err != nil {
			return err
		}
		judged.Notified++
		if read {
			seen[t.Ticket] = at
		}
	}
	return translate(a.Ledger.SaveIncidentsSeen(ctx, c.Desk, seen))
}
