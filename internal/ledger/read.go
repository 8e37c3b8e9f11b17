package ledger

import (
	"context"
	"database/sql"
	"errors"

	"usher/internal/access"
)

// View returns a request as it was last recorded. NotFound when the ledger does not know it.
func (s *Store) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	view, err := one[access.RequestView](ctx, s, `SELECT body FROM requests WHERE id = $1`, string(id))
	return view, s.missing(err, "read a request from the ledger", "request", string(id))
}

// Lease returns a lease as it was last recorded. NotFound when the ledger does not know it.
func (s *Store) Lease(ctx context.Context, id access.LeaseID) (access.LeaseView, error) {
	lease, err := one[access.LeaseView](ctx, s, `SELECT body FROM leases WHERE id = $1`, string(id))
	return lease, s.missing(err, "read a lease from the ledger", "lease", string(id))
}

// TicketByID returns whose mirror a ticket is, by the desk's immutable id. NotFound when the ledger does not know it: the
// ticket is none of usher's.
func (s *Store) TicketByID(ctx context.Context, desk access.DeskName, id access.TicketID) (access.TicketLink, error) {
	link, err := one[access.TicketLink](ctx, s, `SELECT body FROM tickets WHERE desk = $1 AND id = $2`, string(desk), string(id))
	return link, s.missing(err, "read a ticket from the ledger", "ticket", string(id))
}

// Events returns what happened to a request and to its leases, in the order in which it was recorded. Empty when nothing
// was, as for a request that does not exist.
func (s *Store) Events(ctx context.Context, id access.RequestID) ([]access.Event, error) {
	events, err := all[access.Event](ctx, s, `SELECT body FROM events WHERE request_id = $1 ORDER BY position`, string(id))
	return events, s.fail("read events from the ledger", err)
}

// LeasesOf returns every lease that a person holds, will hold or has held, by lease id. Empty for none.
func (s *Store) LeasesOf(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error) {
	leases, err := all[access.LeaseView](ctx, s, `SELECT body FROM leases WHERE subject_id = $1 ORDER BY id`, string(subject))
	return leases, s.fail("read leases from the ledger", err)
}

// TicketsOf returns the tickets that mirror a request: its own first, then those that ask to take a lease's access away,
// by lease id. Empty for none.
func (s *Store) TicketsOf(ctx context.Context, id access.RequestID) ([]access.TicketLink, error) {
	links, err := all[access.TicketLink](ctx, s,
		`SELECT body FROM tickets WHERE request_id = $1 ORDER BY lease_id, desk, id`, string(id))
	return links, s.fail("read tickets from the ledger", err)
}

// missing is fail, where no row is NotFound.
func (s *Store) missing(err error, op, what, id string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return access.Errorf(access.NotFound, op, "the ledger knows no %s %q", what, id)
	}
	return s.fail(op, err)
}

// one returns the single body that a query finds, or sql.ErrNoRows.
func one[T any](ctx context.Context, s *Store, query string, keys ...string) (T, error) {
	found, err := all[T](ctx, s, query, keys...)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// all returns the bodies that a query finds. A key that cannot be recorded finds nothing; PostgreSQL would refuse it.
func all[T any](ctx context.Context, s *Store, query string, keys ...string) ([]T, error) {
	args := make([]any, len(keys))
	for i, key := range keys {
		if !usableKey(key) {
			return nil, nil
		}
		args[i] = key
	}
	return bodies[T](ctx, s, query, args)
}

func bodies[T any](ctx context.Context, s *Store, query string, args []any) (found []T, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		value, err := decode[T](body)
		if err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	return found, rows.Err()
}
