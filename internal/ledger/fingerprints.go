package ledger

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"usher/internal/access"
)

// MaxTickets is the most tickets of one call. A statement then has 2001 parameters; SQLite takes 32766, PostgreSQL
// 65535.
const MaxTickets = 1000

// openTickets is cheap however many requests have ended: the index of open tickets gives them in order, and each asks
// for its own request only. That is asked per ticket, by a subquery that no planner can turn into a join, because the
// column ended may lag behind: a ticket and the end of its request can be recorded at the same time. A ticket without a
// request row is open.
const openTickets = `SELECT id FROM tickets WHERE desk = $1 AND id > $2 AND NOT ended AND NOT unlinked AND lease_id = ''
	AND NOT coalesce((SELECT requests.ended FROM requests WHERE requests.id = tickets.request_id), FALSE)
	ORDER BY id LIMIT `

// OpenTickets returns a page of the tickets of a desk that mirror a request which has not ended, by ticket id in the order
// of its bytes. Tickets that ask to take a lease's access away are not among them; a ticket whose request was never
// recorded is. The page begins behind after, or at the first ticket when that is "", and holds at most limit tickets, 1
// to MaxTickets; fewer than limit means that it is the last. Empty for none. Invalid, naming it, when after or limit
// cannot be used.
func (s *Store) OpenTickets(ctx context.Context, desk access.DeskName, after access.TicketID, limit int) ([]access.TicketID, error) {
	const op = "list open tickets from the ledger"
	if err := checkPage(op, string(after), limit, MaxTickets); err != nil {
		return nil, err
	}
	if !usableKey(string(desk)) {
		return nil, nil
	}
	ids, err := idsOf[access.TicketID](ctx, s.read, openTickets+strconv.Itoa(limit), string(desk), string(after))
	return ids, s.fail(op, err)
}

// WatchedTickets returns what the ledger knows of these tickets of a desk, at most MaxTickets, each once and in no
// promised order. A ticket that the ledger does not know is left out; one whose mark was never saved has the zero mark.
// Invalid when there are too many ids.
func (s *Store) WatchedTickets(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.WatchedTicket, error) {
	const op = "read watched tickets from the ledger"
	if len(ids) > MaxTickets {
		return nil, access.Errorf(access.Invalid, op, "ids: expected at most %d, found %d", MaxTickets, len(ids))
	}
	c := &conditions{}
	query := `SELECT body, coalesce((SELECT body FROM ticket_fingerprints AS m WHERE m.desk = tickets.desk AND m.id = tickets.id), '{}')
		FROM tickets WHERE desk = ` + c.param(string(desk)) + ` AND id IN `
	var known []any
	for _, id := range ids {
		if usableKey(string(id)) {
			known = append(known, string(id))
		}
	}
	if len(known) == 0 || !usableKey(string(desk)) {
		return nil, nil
	}
	tickets, err := s.watched(ctx, query+c.row(known...), c.args)
	return tickets, s.fail(op, err)
}

func (s *Store) watched(ctx context.Context, query string, args []any) (found []access.WatchedTicket, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body, mark string
		if err := rows.Scan(&body, &mark); err != nil {
			return nil, err
		}
		var t access.WatchedTicket
		if t.Link, err = decode[access.TicketLink](body); err != nil {
			return nil, err
		}
		if t.Fingerprint, err = decode[access.TicketFingerprint](mark); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, rows.Err()
}

// SaveFingerprints keeps the marks of tickets of a desk, at most MaxTickets, all of them or none; their times are kept in UTC.
// A ticket that the ledger does not know is left alone. The last mark that was saved counts: a desk has one watch, and
// whoever compares with a mark saves the next one. Safe to repeat. Invalid when there are too many, or when a mark
// cannot be written as JSON.
func (s *Store) SaveFingerprints(ctx context.Context, desk access.DeskName, marks map[access.TicketID]access.TicketFingerprint) error {
	const op = "keep marks of tickets in the ledger"
	if len(marks) > MaxTickets {
		return access.Errorf(access.Invalid, op, "marks: expected at most %d, found %d", MaxTickets, len(marks))
	}
	c := &conditions{}
	own := c.param(string(desk))
	var given []string
	for id, mark := range marks {
		if !usableKey(string(id)) {
			continue
		}
		mark.StatusChangedAt, mark.SeenAt = mark.StatusChangedAt.UTC(), mark.SeenAt.UTC()
		body, err := encode(op, mark)
		if err != nil {
			return err
		}
		given = append(given, c.row(string(id), body))
	}
	if len(given) == 0 || !usableKey(string(desk)) {
		return nil
	}
	_, err := s.write.ExecContext(ctx, saveFingerprints(own, given), c.args...)
	return s.fail(op, err)
}

// saveFingerprints asks for each ticket by its own subquery, because no planner turns that into a join: SQLite would read all
// tickets of the desk so as not to sort, and so would PostgreSQL while it has no statistics. The rows are written in one
// order, so that two who save at once cannot lock each other out. A mark that is the same already is not written. Both
// databases call the columns of VALUES column1 and column2.
func saveFingerprints(desk string, given []string) string {
	return `INSERT INTO ticket_fingerprints (desk, id, body)
		SELECT ` + desk + `, given.column1, given.column2 FROM (VALUES ` + strings.Join(given, ", ") + `) AS given
		WHERE (SELECT TRUE FROM tickets WHERE tickets.desk = ` + desk + ` AND tickets.id = given.column1) ORDER BY given.column1
		ON CONFLICT (desk, id) DO UPDATE SET body = excluded.body WHERE ticket_fingerprints.body <> excluded.body`
}
