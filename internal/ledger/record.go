package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"usher/internal/access"
)

const opRecord = "record in the ledger"

// Record writes an entry in one transaction: all of it or nothing.
//
//   - Events are appended in the order of the entry. One whose id is there already is left alone when its content is
//     the same; another content is Conflict.
//   - A view, of a request or a lease, is kept only when its version is higher than the one that is there. A late,
//     older view changes nothing, and the events that came with it are still appended.
//   - A ticket link is kept by desk and ticket id, the last one recorded wins (a moved ticket has a new key). Linking a
//     ticket to another request or lease than before is Conflict.
//
// Safe to repeat: after Transient nobody knows whether the entry was written, and recording it again is right either
// way. Invalid, naming the field, when an id is empty, longer than 512 bytes, not UTF-8, or holds a NUL. An empty entry
// is nothing to do.
func (s *Store) Record(ctx context.Context, e access.Entry) error {
	if err := checkEntry(e); err != nil {
		return err
	}
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, event := range e.Events {
			if err := appendEvent(ctx, tx, event); err != nil {
				return err
			}
		}
		if err := keepRequest(ctx, tx, e.View); err != nil {
			return err
		}
		if err := keepLease(ctx, tx, e.Lease); err != nil {
			return err
		}
		return keepTicket(ctx, tx, e.Ticket)
	})
	return s.fail(opRecord, err)
}

func appendEvent(ctx context.Context, tx *sql.Tx, e access.Event) error {
	e.At = e.At.UTC()
	body, err := encode(e)
	if err != nil {
		return err
	}
	added, err := changed(tx.ExecContext(ctx, `
		INSERT INTO events (id, request_id, lease_id, type, at_us, actor_id, channel, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
		e.ID, string(e.Request), string(e.Lease), string(e.Type), e.At.UnixMicro(), string(e.Actor), string(e.Channel), body))
	if err != nil || added {
		return err
	}
	var kept string
	if err := tx.QueryRowContext(ctx, `SELECT body FROM events WHERE id = $1`, e.ID).Scan(&kept); err != nil {
		return err
	}
	same, err := sameEvent(kept, body)
	if err == nil && !same {
		return access.Errorf(access.Conflict, opRecord, "event %q is recorded already, with another content", e.ID)
	}
	return err
}

// sameEvent compares what both texts mean to this build, so that a text of another build, with its fields in another
// order, is no other event.
func sameEvent(kept, given string) (bool, error) {
	canonical := func(body string) (string, error) {
		event, err := decode[access.Event](body)
		if err != nil {
			return "", err
		}
		return encode(event)
	}
	one, err := canonical(kept)
	if err != nil {
		return false, err
	}
	other, err := canonical(given)
	return one == other, err
}

func keepRequest(ctx context.Context, tx *sql.Tx, v *access.RequestView) error {
	if v == nil {
		return nil
	}
	body, err := encode(v)
	if err != nil {
		return err
	}
	r := v.Request
	newer, err := changed(tx.ExecContext(ctx, `
		INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state, ended = excluded.ended,
			requester_id = excluded.requester_id, subject_id = excluded.subject_id,
			submitted_us = excluded.submitted_us, body = excluded.body
		WHERE requests.version < excluded.version`,
		string(r.ID), v.Version, string(v.State), v.State.Ended(), string(r.Requester), string(r.Subject),
		r.SubmittedAt.UnixMicro(), body))
	if err != nil || !newer {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM request_waiting WHERE request_id = $1`, string(r.ID)); err != nil {
		return err
	}
	for _, w := range v.WaitingOn {
		if w.Person == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_waiting (request_id, person_id) VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, string(r.ID), string(w.Person)); err != nil {
			return err
		}
	}
	for _, item := range r.Items {
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_entitlements (request_id, entitlement_id) VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, string(r.ID), string(item.Entitlement)); err != nil {
			return err
		}
	}
	return nil
}

func keepLease(ctx context.Context, tx *sql.Tx, v *access.LeaseView) error {
	if v == nil {
		return nil
	}
	body, err := encode(v)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO leases (id, version, state, request_id, subject_id, entitlement_id, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
			request_id = excluded.request_id, subject_id = excluded.subject_id,
			entitlement_id = excluded.entitlement_id, body = excluded.body
		WHERE leases.version < excluded.version`,
		string(v.Lease.ID), v.Version, string(v.State), string(v.Lease.Request), string(v.Lease.Subject.ID),
		string(v.Lease.Entitlement), body)
	return err
}

func keepTicket(ctx context.Context, tx *sql.Tx, l *access.TicketLink) error {
	if l == nil {
		return nil
	}
	body, err := encode(l)
	if err != nil {
		return err
	}
	kept, err := changed(tx.ExecContext(ctx, `
		INSERT INTO tickets (desk, id, request_id, lease_id, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (desk, id) DO UPDATE SET body = excluded.body
		WHERE tickets.request_id = excluded.request_id AND tickets.lease_id = excluded.lease_id`,
		string(l.Ref.Desk), string(l.Ref.ID), string(l.Request), string(l.Lease), body))
	if err == nil && !kept {
		return access.Errorf(access.Conflict, opRecord, "ticket %q of desk %q is the mirror of another request or lease",
			l.Ref.ID, l.Ref.Desk)
	}
	return err
}

// changed reports whether a statement wrote a row.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}

func encode(value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", access.Errorf(access.Invalid, opRecord, "%w", err)
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
