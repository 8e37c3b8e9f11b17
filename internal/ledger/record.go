package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
)

const opRecord = "record in the ledger"

// eventsAtOnce is the most events that one statement appends: few enough that a statement stays small, and that
// PostgreSQL's driver keeps the statements of all numbers prepared.
const eventsAtOnce = 16

// Record writes entries in one transaction, in their order: all of them or nothing.
//
//   - Events are appended in the order of the entries. One whose id is there already is left alone, with its first time,
//     when all but the time is the same: a workflow that was reset records its facts again, later. Another content is
//     Conflict.
//   - A view, of a request or a lease, is kept only when its version is higher than the one that is there. A late,
//     older view changes nothing, and the events that came with it are still appended. A lease of another subject than
//     before is Conflict. So is another outcome of a request that has ended. The record of a request or a lease that has ended stays as it
//     is while a workflow that was reset to a point before goes through its course again.
//   - A ticket link is kept by desk and ticket id, the last one recorded wins (a moved ticket has a new key), and the
//     ticket's mark stays. Linking a ticket to another request or lease than before is Conflict.
//
// Safe to repeat: after Transient nobody knows whether the entries were written, and recording them again is right
// either way. Invalid, naming the field, when an id is empty, longer than 512 bytes, not UTF-8, or holds a NUL. No entry,
// or none that holds anything, is nothing to do.
func (s *Store) Record(ctx context.Context, entries ...access.Entry) error {
	if !slices.ContainsFunc(entries, func(e access.Entry) bool { return !e.Empty() }) {
		return nil
	}
	if err := checkEntries(entries); err != nil {
		return err
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, e := range entries {
			if err := write(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail(opRecord, err)
}

func write(ctx context.Context, tx *sql.Tx, e access.Entry) error {
	if err := appendEvents(ctx, tx, e.Events); err != nil {
		return err
	}
	if err := upsertRequest(ctx, tx, e.View); err != nil {
		return err
	}
	if err := upsertLease(ctx, tx, e.Lease); err != nil {
		return err
	}
	return keepTicket(ctx, tx, e.Ticket)
}

func appendEvents(ctx context.Context, tx *sql.Tx, events []access.Event) error {
	for some := range slices.Chunk(events, eventsAtOnce) {
		c, rows, bodies := &conditions{}, make([]string, len(some)), make([]string, len(some))
		for i, e := range some {
			e.At = e.At.UTC()
			body, err := encode(opRecord, e)
			if err != nil {
				return err
			}
			bodies[i] = body
			rows[i] = c.row(e.ID, string(e.Request), string(e.Lease), string(e.Type), e.At.UnixMicro(), string(e.Actor),
				string(e.Channel), body)
		}
		added, err := affected(tx.ExecContext(ctx, `
			INSERT INTO events (id, request_id, lease_id, type, at_us, actor_id, channel, body)
			VALUES `+strings.Join(rows, ", ")+` ON CONFLICT (id) DO NOTHING`, c.args...))
		if err != nil {
			return err
		}
		for i := 0; added < int64(len(some)) && i < len(some); i++ {
			if err := recordedAlready(ctx, tx, some[i].ID, bodies[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordedAlready is nil when the event that is recorded under an id has this content, whatever its time.
func recordedAlready(ctx context.Context, tx *sql.Tx, id, body string) error {
	var kept string
	if err := tx.QueryRowContext(ctx, `SELECT body FROM events WHERE id = $1`, id).Scan(&kept); err != nil {
		return err
	}
	same, err := sameEvent(kept, body)
	if err == nil && !same {
		return access.Errorf(access.Conflict, opRecord, "event %q is recorded already, with another content", id)
	}
	return err
}

// sameEvent compares what both texts mean to this build, but for the time: a text of another build, with its fields in
// another order, is no other event.
func sameEvent(kept, given string) (bool, error) {
	canonical := func(body string) (string, error) {
		event, err := decode[access.Event](body)
		if err != nil {
			return "", err
		}
		event.At = time.Time{}
		return encode(opRecord, event)
	}
	one, err := canonical(kept)
	if err != nil {
		return false, err
	}
	other, err := canonical(given)
	return one == other, err
}

// upsertLease keeps a lease that is newer than the one that is there. A lease at rest does not carry its last verification, so one
// that is given without a verification keeps that of the recorded lease.
func upsertLease(ctx context.Context, tx *sql.Tx, v *access.LeaseView) error {
	if v == nil {
		return nil
	}
	if v.Verification == nil && v.State != access.LeaseGranting {
		kept, err := recordedVerification(ctx, tx, v.Lease.ID)
		if err != nil {
			return err
		}
		with := *v
		with.Verification, v = kept, &with
	}
	body, err := encode(opRecord, v)
	if err != nil {
		return err
	}
	var binding access.Binding
	if v.Lease.Binding != nil {
		binding = *v.Lease.Binding
	}
	kept, err := affected(tx.ExecContext(ctx, `
		INSERT INTO leases (id, version, state, request_id, subject_id, entitlement_id, target, role, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
			request_id = excluded.request_id, entitlement_id = excluded.entitlement_id,
			target = excluded.target, role = excluded.role, body = excluded.body
		WHERE leases.version < excluded.version AND leases.subject_id = excluded.subject_id
			AND (leases.state <> 'ended' OR excluded.state = 'ended')`,
		string(v.Lease.ID), v.Version, string(v.State), string(v.Lease.Request), string(v.Lease.Subject.ID),
		string(v.Lease.Entitlement), string(binding.Target), binding.Role, body))
	if err != nil || kept > 0 {
		return err
	}
	return sameSubject(ctx, tx, v)
}

// sameSubject is nil when the lease that is recorded is of the same subject: a lease never passes to another.
func sameSubject(ctx context.Context, tx *sql.Tx, v *access.LeaseView) error {
	var subject string
	if err := tx.QueryRowContext(ctx, `SELECT subject_id FROM leases WHERE id = $1`, string(v.Lease.ID)).Scan(&subject); err != nil {
		return err
	}
	if subject != string(v.Lease.Subject.ID) {
		return access.Errorf(access.Conflict, opRecord, "lease %q is another subject's", v.Lease.ID)
	}
	return nil
}

// recordedVerification returns the verification of the lease that is recorded; nil for none.
func recordedVerification(ctx context.Context, tx *sql.Tx, id access.LeaseID) (*access.Verification, error) {
	var body string
	err := tx.QueryRowContext(ctx, `SELECT body FROM leases WHERE id = $1`, string(id)).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := decode[access.LeaseView](body)
	return known.Verification, err
}

func keepTicket(ctx context.Context, tx *sql.Tx, l *access.TicketLink) error {
	if l == nil {
		return nil
	}
	body, err := encode(opRecord, l)
	if err != nil {
		return err
	}
	kept, err := affected(tx.ExecContext(ctx, `
		INSERT INTO tickets (desk, id, request_id, lease_id, ended, unlinked, body)
		VALUES ($1, $2, $3, $4, coalesce((SELECT ended FROM requests WHERE id = $3), FALSE), $5, $6)
		ON CONFLICT (desk, id) DO UPDATE SET unlinked = excluded.unlinked, body = excluded.body
		WHERE tickets.request_id = excluded.request_id AND tickets.lease_id = excluded.lease_id`,
		string(l.Ref.Desk), string(l.Ref.ID), string(l.Request), string(l.Lease), l.Unlinked, body))
	if err == nil && kept == 0 {
		return access.Errorf(access.Conflict, opRecord, "ticket %q of desk %q is the mirror of another request or lease",
			l.Ref.ID, l.Ref.Desk)
	}
	return err
}

// affected is how many rows a statement wrote.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func encode(op string, value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", access.Errorf(access.Invalid, op, "%w", err)
	}
	return string(body), nil
}

func decode[T any](body string) (T, error) {
	var value T
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		return value, fmt.Errorf("read the body of a row: %w", err)
	}
	return value, nil
}
