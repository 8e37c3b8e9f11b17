package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"usher/internal/access"
)

// deskEvents names what is wrong with the ids of some events.
func (k *keys) deskEvents(events []access.DeskEvent) {
	for i, e := range events {
		at := fmt.Sprintf("events[%d].", i)
		k.required(at+"id", e.ID)
		k.required(at+"type", string(e.Type))
		k.optional(at+"desk", string(e.Desk))
		k.optional(at+"source", string(e.Source))
		k.optional(at+"incident", string(e.Incident))
		k.optional(at+"user", string(e.User))
		k.optional(at+"actor", string(e.Actor))
	}
}

// deskEventRows are the rows of events, with their times in UTC.
func deskEventRows(op string, events []access.DeskEvent) ([][]any, error) {
	rows := make([][]any, len(events))
	for i, e := range events {
		e.At = e.At.UTC()
		body, err := encode(op, e)
		if err != nil {
			return nil, err
		}
		rows[i] = []any{
			e.ID, string(e.Desk), string(e.Source), string(e.Incident), string(e.User), string(e.Type), e.At.UnixMicro(), string(e.Actor), body,
		}
	}
	return rows, nil
}

// appendDeskEvents appends rows in their order. An event whose id is there already is left alone.
func appendDeskEvents(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	return insertRows(ctx, tx, "desk_events (id, desk, source, incident_id, user_id, type, at_us, actor_id, body)", "ON CONFLICT (id) DO NOTHING", rows)
}

// DeskEvent returns an event by its id. NotFound when it was not recorded.
func (s *Store) DeskEvent(ctx context.Context, id string) (access.DeskEvent, error) {
	event, err := one[access.DeskEvent](ctx, s, `SELECT body FROM desk_events WHERE id = $1`, id)
	return event, s.missing(err, "read a desk event from the ledger", "desk event", id)
}

// DeskEvents returns a page of what happened at desks and sources, the last recorded first; fewer than q.Limit mean that it is the
// last. Empty for none. Invalid, naming it, when the limit cannot be used.
func (s *Store) DeskEvents(ctx context.Context, q access.DeskEventsQuery) ([]access.PlacedDeskEvent, error) {
	const op = "read desk events from the ledger"
	if err := checkPage(op, "", q.Limit, access.MaxIncidents); err != nil {
		return nil, err
	}
	c := &conditions{}
	if !c.columns([]column{{"desk", string(q.Desk)}, {"source", string(q.Source)}, {"incident_id", string(q.Incident)}}) {
		return nil, nil
	}
	if q.Before != 0 {
		c.where = append(c.where, `position < `+c.param(q.Before))
	}
	events, err := rowsOf(ctx, s.read, placedDeskEvent, `SELECT position, body FROM desk_events`+c.clause()+` ORDER BY position DESC LIMIT `+strconv.Itoa(q.Limit), c.args...)
	return events, s.fail(op, err)
}

func placedDeskEvent(rows *sql.Rows) (placed access.PlacedDeskEvent, err error) {
	var body string
	if err := rows.Scan(&placed.Place, &body); err != nil {
		return placed, err
	}
	placed.DeskEvent, err = decode[access.DeskEvent](body)
	return placed, err
}

// column is a value that a column of ids must have; "" for any.
type column struct{ name, value string }

// columns adds what columns must have, and reports whether a row may have that.
func (c *conditions) columns(wanted []column) bool {
	for _, one := range wanted {
		if !usableKey(one.value) {
			return false
		}
		if one.value != "" {
			c.where = append(c.where, one.name+` = `+c.param(one.value))
		}
	}
	return true
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rowsOf returns what scan makes of the rows that a query finds.
func rowsOf[T any](ctx context.Context, from querier, scan func(*sql.Rows) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}
