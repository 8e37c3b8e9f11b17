package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	changed := map[access.TicketID]access.SeenChange{}
	for _, now := range c.Tickets {
		changed[now.Ref.ID] = access.SeenChange{At: now.UpdatedAt, As: seenAs(now)}
	}
	seen := map[access.TicketID]access.SeenChange{}
	to := incidentPost{client: a.Client, ledger: a.Ledger, at: c.At}
	for _, t := range tickets {
		judged.Unknown = slices.DeleteFunc(judged.Unknown, func(id access.TicketID) bool { return id == t.Ticket })
		change, read := changed[t.Ticket]
		if read && !newer(change, t.Seen) {
			continue
		}
		heard, err := to.tell(ctx, t.Incident, SignalHint)
		switch {
		case err != nil:
			return translate(err)
		case !heard:
			continue
		}
		judged.Notified++
		if read {
			seen[t.Ticket] = change
		}
	}
	return translate(a.Ledger.SaveIncidentsSeen(ctx, c.Desk, seen))
}

// newer reports whether a change is another one than that which was seen. Times are kept in whole microseconds, and some desks have whole seconds.
func newer(now, seen access.SeenChange) bool {
	at := now.At.Truncate(time.Microsecond)
	return at.After(seen.At) || (at.Equal(seen.At) && now.As != seen.As)
}

// seenAs returns the same text for tickets that look the same to an incident.
func seenAs(t access.TicketSnapshot) string {
	hash := sha256.New()
	for _, what := range []string{t.Status, string(t.Phase), string(t.Assignee), string(t.Ref.Key)} {
		fmt.Fprintf(hash, "%q", what)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
