package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
)

// keepIncident writes an incident that is newer than the one that is there; $13 is whether its view says to whom it is assigned. Before it does,
// the one whom AssignIncident has picked stays, unless the desk is another. One that has ended goes on no more: a workflow that was reset may
// write so with a higher version.
const keepIncident = `INSERT INTO incidents (id, version, state, ended, caller, reference, desk, ticket_id, user_id, submitted_us, seen_us, body, by_hand)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $14)
	ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state, ended = excluded.ended,
		caller = excluded.caller, reference = excluded.reference, by_hand = excluded.by_hand,
		desk = CASE WHEN excluded.desk = '' THEN incidents.desk ELSE excluded.desk END, ticket_id = excluded.ticket_id,
		user_id = CASE WHEN $13 OR (excluded.desk <> '' AND excluded.desk <> incidents.desk) THEN excluded.user_id ELSE incidents.user_id END,
		submitted_us = excluded.submitted_us, body = excluded.body
	WHERE incidents.version < excluded.version AND (excluded.ended OR NOT incidents.ended)`

// SaveIncident keeps a view when its version is higher than that of the view that is there, unless that one has ended and this one has not. A view
// that is not kept changes nothing; the events are appended in any case, in their order, but for those whose id is there already. A view
// without an assignee leaves the incident assigned to whom AssignIncident has picked. Safe to repeat. Invalid, naming the field, when an id, the
// caller or the reference cannot be kept.
func (s *Store) SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error {
	const op = "record an incident in the ledger"
	var assignee access.IncidentAssignee
	if v.Assignee != nil {
		assignee = *v.Assignee
	}
	var ticket access.TicketRef
	if v.Ticket != nil {
		ticket = *v.Ticket
	}
	desk := cmp.Or(v.Desk, ticket.Desk)
	k := keys{}
	k.required("view.incident.id", string(v.Incident.ID))
	k.required("view.state", string(v.State))
	k.optional("view.incident.caller", string(v.Incident.Caller))
	k.optional("view.incident.reference", v.Incident.Reference)
	k.optional("view.desk", string(desk))
	k.optional("view.ticket.id", string(ticket.ID))
	k.optional("view.assignee.user", string(assignee.User))
	if k.deskEvents(events); k.problem != nil {
		return k.problem
	}
	body, err := encode(op, v)
	if err != nil {
		return err
	}
	rows, err := deskEventRows(op, events)
	if err != nil {
		return err
	}
	args := []any{
		string(v.Incident.ID), v.Version, string(v.State), v.State.Ended(), string(v.Incident.Caller), v.Incident.Reference, string(desk),
		string(ticket.ID), string(assignee.User), v.Incident.SubmittedAt.UnixMicro(), time.Time{}.UnixMicro(), body, v.Assignee != nil,
		assignee.User == "" && assignee.Account != "",
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, keepIncident, args...); err != nil {
			return err
		}
		return appendDeskEvents(ctx, tx, rows)
	})
	return s.fail(op, err)
}

// Incident returns an incident as it was last recorded. NotFound when the ledger does not know it.
func (s *Store) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	view, err := one[access.IncidentView](ctx, s, `SELECT body FROM incidents WHERE id = $1`, string(id))
	return view, s.missing(err, "read an incident from the ledger", "incident", string(id))
}

// Incidents returns a page of incidents that match every field of the query that is set, the last submitted first and by descending id within one
// microsecond. A page begins behind the incident that q.Before and q.BeforeID are of, so incidents that are recorded in between make no gap and
// no repetition. Empty for none. Invalid, naming it, when the id to begin behind or the limit cannot be used.
func (s *Store) Incidents(ctx context.Context, q access.IncidentsQuery) ([]access.IncidentView, error) {
	const op = "list incidents from the ledger"
	if err := checkPage(op, "", q.Limit, access.MaxIncidents); err != nil {
		return nil, err
	}
	if problem := access.Limits().ID.Problem(string(q.BeforeID)); problem != "" {
		return nil, access.Errorf(access.Invalid, op, "before_id: %s", problem)
	}
	c := &conditions{}
	if !c.columns([]column{
		{"caller", string(q.Caller)},
		{"reference", q.Reference},
		{"desk", string(q.Desk)},
		{"user_id", string(q.User)},
		{"state", string(q.State)},
	}) {
		return nil, nil
	}
	if q.Open {
		c.where = append(c.where, `NOT ended`)
	}
	if !q.Before.IsZero() || q.BeforeID != "" {
		c.where = append(c.where, `(submitted_us, id) < `+c.row(q.Before.UnixMicro(), string(q.BeforeID)))
	}
	views, err := bodies[access.IncidentView](ctx, s, `SELECT body FROM incidents`+c.clause()+` ORDER BY submitted_us DESC, id DESC LIMIT `+strconv.Itoa(q.Limit), c.args)
	return views, s.fail(op, err)
}

// IncidentsOf returns a page of the incidents that have not ended and are assigned to a user of a desk, by id in the order of its bytes. The page
// begins behind after, or with the first when that is "", and has at most limit ids, 1 to MaxIncidents; fewer mean that it is the last. Empty
// for none. Invalid, naming it, when after or limit cannot be used.
func (s *Store) IncidentsOf(ctx context.Context, desk access.DeskName, user access.UserID, after access.IncidentID, limit int) ([]access.IncidentID, error) {
	const op = "list the incidents of an integration user from the ledger"
	if err := checkPage(op, string(after), limit, access.MaxIncidents); err != nil {
		return nil, err
	}
	// An incident of nobody has no user.
	if user == "" || !usableKey(string(desk)) || !usableKey(string(user)) {
		return nil, nil
	}
	ids, err := idsOf[access.IncidentID](ctx, s.read, `SELECT id FROM incidents WHERE desk = $1 AND user_id = $2 AND id > $3 AND NOT ended
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(desk), string(user), string(after))
	return ids, s.fail(op, err)
}

// Which incidents of the desk $1 are with nobody, and which are with somebody who is not in its register.
const (
	withNobody   = ` WHERE desk = $1 AND NOT ended AND user_id = '' AND NOT by_hand`
	withStranger = ` WHERE desk = $1 AND NOT ended AND user_id <> '' AND user_id NOT IN (SELECT u.id FROM integration_users AS u WHERE u.desk = $1)`
)

// UnassignedIncidents returns a page, as IncidentsOf does, of the incidents of a desk that have not ended and are with nobody: with no user of the
// register, and with no account to which people have assigned the ticket.
func (s *Store) UnassignedIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error) {
	return s.incidentIDs(ctx, "list the incidents of nobody from the ledger", withNobody, desk, incidentsAfter{after, limit})
}

// StrayIncidents returns a page, as IncidentsOf does, of the incidents of a desk that have not ended and are assigned to users who are not in its
// register any more.
func (s *Store) StrayIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error) {
	return s.incidentIDs(ctx, "list the incidents of users who were removed from the ledger", withStranger, desk, incidentsAfter{after, limit})
}

// incidentsAfter is where a page of incidents begins, and how many it has at most.
type incidentsAfter struct {
	id    access.IncidentID
	limit int
}

// incidentIDs returns a page of the incidents of a desk which a condition is true of, by id in the order of its bytes.
func (s *Store) incidentIDs(ctx context.Context, op, where string, desk access.DeskName, page incidentsAfter) ([]access.IncidentID, error) {
	if err := checkPage(op, string(page.id), page.limit, access.MaxIncidents); err != nil {
		return nil, err
	}
	if !usableKey(string(desk)) {
		return nil, nil
	}
	ids, err := idsOf[access.IncidentID](ctx, s.read, `SELECT id FROM incidents`+where+` AND id > $2 ORDER BY id LIMIT `+strconv.Itoa(page.limit), string(desk), string(page.id))
	return ids, s.fail(op, err)
}

// IncidentsByTicket returns the incidents that have not ended and whose tickets on a desk are among these, by the tickets' ids in the order of their
// bytes. A ticket that is no incident's is left out. Empty for none.
func (s *Store) IncidentsByTicket(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.IncidentTicket, error) {
	const op = "read the incidents of tickets from the ledger"
	if !usableKey(string(desk)) {
		return nil, nil
	}
	var found []access.IncidentTicket
	for some := range slices.Chunk(usableTickets(slices.Values(ids)), inAtOnce) {
		c := &conditions{}
		query := `SELECT id, ticket_id, seen_us, seen_as FROM incidents WHERE desk = ` + c.param(string(desk)) + ` AND NOT ended AND ticket_id IN `
		tickets := make([]any, len(some))
		for i, id := range some {
			tickets[i] = string(id)
		}
		page, err := rowsOf(ctx, s.read, incidentTicket, query+c.row(tickets...)+` ORDER BY ticket_id, id`, c.args...)
		if err != nil {
			return nil, s.fail(op, err)
		}
		found = append(found, page...)
	}
	return found, nil
}

func incidentTicket(rows *sql.Rows) (t access.IncidentTicket, err error) {
	var seen int64
	err = rows.Scan(&t.Incident, &t.Ticket, &seen, &t.Seen.As)
	t.Seen.At = fromMicros(seen)
	return t, err
}

// SaveIncidentsSeen keeps of which change the incidents of tickets were notified last, all of them or none, with the times rounded down to the
// microsecond. An earlier time than the one that is there changes nothing, and so does a ticket that is of no incident that goes on. Safe to repeat.
// Invalid, naming the ticket, when what it looked like cannot be kept.
func (s *Store) SaveIncidentsSeen(ctx context.Context, desk access.DeskName, seen map[access.TicketID]access.SeenChange) error {
	const op = "keep what incidents have seen in the ledger"
	// In one order, so that two who save at once cannot lock each other out.
	tickets := usableTickets(maps.Keys(seen))
	if len(tickets) == 0 || !usableKey(string(desk)) {
		return nil
	}
	k := keys{}
	for _, id := range tickets {
		k.optional("seen["+string(id)+"]", seen[id].As)
	}
	if k.problem != nil {
		return k.problem
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range tickets {
			if _, err := tx.ExecContext(ctx, `UPDATE incidents SET seen_us = $3, seen_as = $4
				WHERE desk = $1 AND ticket_id = $2 AND NOT ended AND (seen_us < $3 OR (seen_us = $3 AND seen_as <> $4))`,
				string(desk), string(id), seen[id].At.UnixMicro(), seen[id].As); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail(op, err)
}

// usableTickets returns the ids that a ticket can have, each once, in the order of their bytes.
func usableTickets(ids iter.Seq[access.TicketID]) []access.TicketID {
	sorted := slices.Compact(slices.Sorted(ids))
	return slices.DeleteFunc(sorted, func(id access.TicketID) bool { return id == "" || !usableKey(string(id)) })
}

// CountIncidents returns how the incidents and the integration users of a desk stand. Zero for a desk that has none.
func (s *Store) CountIncidents(ctx context.Context, desk access.DeskName) (access.IncidentCounts, error) {
	const op = "count incidents in the ledger"
	var n access.IncidentCounts
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM incidents WHERE desk = $1 AND NOT ended),
		(SELECT count(*) FROM incidents`+withNobody+`) + (SELECT count(*) FROM incidents`+withStranger+`)`, string(desk)).Scan(&n.Open, &n.Unassigned)
	if err != nil {
		return n, s.fail(op, err)
	}
	q := access.IntegrationUsersQuery{Desk: desk, AfterDesk: desk, Limit: access.MaxIntegrationUsers}
	for last := false; !last; {
		page, err := s.IntegrationUsers(ctx, q)
		if err != nil {
			return n, s.fail(op, err)
		}
		for _, u := range page {
			if q.After = u.ID; !u.Available() {
				n.Flagged++
				n.Unassigned += u.Open
			}
		}
		last = len(page) < q.Limit
	}
	return n, nil
}
