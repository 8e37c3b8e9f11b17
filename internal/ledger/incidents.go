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
const keepIncident = `INSERT INTO incidents (id, version, state, ended, caller, reference, desk, ticket_id, user_id, submitted_us, seen_us, body)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
	ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state, ended = excluded.ended,
		caller = excluded.caller, reference = excluded.reference,
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
		query := `SELECT id, ticket_id, seen_us FROM incidents WHERE desk = ` + c.param(string(desk)) + ` AND NOT ended AND ticket_id IN `
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
	err = rows.Scan(&t.Incident, &t.Ticket, &seen)
	t.SeenAt = fromMicros(seen)
	return t, err
}

// SaveIncidentsSeen keeps the desk's time of the last change of which the incidents of tickets were notified, all of them or none, rounded down to
// the microsecond. An earlier time than the one that is there changes nothing, and so does a ticket that is of no incident that goes on. Safe to repeat.
func (s *Store) SaveIncidentsSeen(ctx context.Context, desk access.DeskName, seen map[access.TicketID]time.Time) error {
	const op = "keep what incidents have seen in the ledger"
	// In one order, so that two who save at once cannot lock each other out.
	tickets := usableTickets(maps.Keys(seen))
	if len(tickets) == 0 || !usableKey(string(desk)) {
		return nil
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range tickets {
			if _, err := tx.ExecContext(ctx, `UPDATE incidents SET seen_us = $3 WHERE desk = $1 AND ticket_id = $2 AND NOT ended AND seen_us < $3`,
				string(desk), string(id), seen[id].UnixMicro()); err != nil {
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
	err := s.read.QueryRowContext(ctx, `SELECT count(*), COALESCE(SUM(CASE WHEN user_id = '' THEN 1 ELSE 0 END), 0) FROM incidents
		WHERE desk = $1 AND NOT ended`, string(desk)).Scan(&n.Open, &n.Unassigned)
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
			}
		}
		last = len(page) < q.Limit
	}
	return n, nil
}
