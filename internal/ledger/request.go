package ledger

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"usher/internal/access"
)

// pairsAtOnce is the most rows that one statement adds to or removes from a relation.
const pairsAtOnce = 100

// upsertRequest keeps a view that is newer than the one that is there, and what is filtered by. Most changes of a request
// leave those it waits for as they are, so only what differs from the recorded view is written. The row is written only
// over the version that was compared; if another writer was faster, there is another one to compare with.
func upsertRequest(ctx context.Context, tx *sql.Tx, v *access.RequestView) error {
	if v == nil {
		return nil
	}
	body, err := encode(opRecord, v)
	if err != nil {
		return err
	}
	for {
		known, err := knownRequest(ctx, tx, v.Request.ID)
		if err != nil || (known != nil && known.Version >= v.Version) {
			return err
		}
		switch {
		case known == nil, !known.State.Ended(), v.State == known.State:
		case !v.State.Ended():
			// A request that was reset goes through its course again.
			return nil
		default:
			return access.Errorf(access.Conflict, opRecord, "the outcome of request %q is recorded as %s and never changes, found %s",
				v.Request.ID, known.State, v.State)
		}
		written, err := writeRequest(ctx, tx, v, known, body)
		if err != nil {
			return err
		}
		if written {
			return keepRelations(ctx, tx, v, known)
		}
	}
}

// knownRequest is the view that is recorded; nil for none.
func knownRequest(ctx context.Context, tx *sql.Tx, id access.RequestID) (*access.RequestView, error) {
	var version int
	var body string
	err := tx.QueryRowContext(ctx, `SELECT version, body FROM requests WHERE id = $1`, string(id)).Scan(&version, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := decode[access.RequestView](body)
	known.Version = version
	return &known, err
}

// writeRequest reports whether the row was still the known one.
func writeRequest(ctx context.Context, tx *sql.Tx, v, known *access.RequestView, body string) (bool, error) {
	args := []any{
		string(v.Request.ID), v.Version, string(v.State), v.State.Ended(), string(v.Request.Requester), string(v.Request.Subject),
		v.Request.SubmittedAt.UnixMicro(), body,
	}
	statement := `INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`
	if known != nil {
		statement = `UPDATE requests SET version = $2, state = $3, ended = $4, requester_id = $5, subject_id = $6,
			submitted_us = $7, body = $8 WHERE id = $1 AND version = $9`
		args = append(args, known.Version)
	}
	rows, err := affected(tx.ExecContext(ctx, statement, args...))
	return rows > 0, err
}

// keepRelations brings the other tables from the known view to v.
func keepRelations(ctx context.Context, tx *sql.Tx, v, known *access.RequestView) error {
	var before access.RequestView
	if known != nil {
		before = *known
	}
	id := string(v.Request.ID)
	for _, people := range []relation{
		{`request_waiting`, awaited(v), awaited(&before)},
		{`request_approvers`, approvers(v), approvers(&before)},
	} {
		if err := people.keep(ctx, tx, id); err != nil {
			return err
		}
	}
	asked := lacking(entitlements(v), entitlements(&before))
	if err := insertPairs(ctx, tx, `request_entitlements (request_id, entitlement_id)`, id, asked); err != nil {
		return err
	}
	if v.State.Ended() == before.State.Ended() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE tickets SET ended = $2 WHERE request_id = $1`, id, v.State.Ended())
	return err
}

// relation is a table of a request's people: those whom the view has, and those whom the known view had.
type relation struct {
	table     string
	now, then []any
}

// keep brings the table from the known view's people to the view's.
func (r relation) keep(ctx context.Context, tx *sql.Tx, id string) error {
	for some := range slices.Chunk(lacking(r.then, r.now), pairsAtOnce) {
		c := &conditions{}
		statement := `DELETE FROM ` + r.table + ` WHERE request_id = ` + c.param(id) + ` AND person_id IN ` + c.row(some...)
		if _, err := tx.ExecContext(ctx, statement, c.args...); err != nil {
			return err
		}
	}
	return insertPairs(ctx, tx, r.table+` (request_id, person_id)`, id, lacking(r.now, r.then))
}

// approvers are those who may have to decide, each once; nobody once the request has ended.
func approvers(v *access.RequestView) []any {
	var persons []any
	if v.State.Ended() {
		return nil
	}
	for _, id := range v.Approvers {
		if id != "" && !slices.Contains(persons, any(string(id))) {
			persons = append(persons, string(id))
		}
	}
	return persons
}

// awaited are the persons a view waits for, each once.
func awaited(v *access.RequestView) []any {
	var persons []any
	for _, w := range v.WaitingOn {
		if person := string(w.Person); person != "" && !slices.Contains(persons, any(person)) {
			persons = append(persons, person)
		}
	}
	return persons
}

// entitlements are what a view's request asks for, each once.
func entitlements(v *access.RequestView) []any {
	var asked []any
	for _, item := range v.Request.Items {
		if entitlement := string(item.Entitlement); !slices.Contains(asked, any(entitlement)) {
			asked = append(asked, entitlement)
		}
	}
	return asked
}

// lacking are those of some that are not among others.
func lacking(some, others []any) []any {
	return slices.DeleteFunc(slices.Clone(some), func(one any) bool { return slices.Contains(others, one) })
}

func insertPairs(ctx context.Context, tx *sql.Tx, into, id string, others []any) error {
	for some := range slices.Chunk(others, pairsAtOnce) {
		c, rows := &conditions{}, make([]string, len(some))
		for i, other := range some {
			rows[i] = c.row(id, other)
		}
		statement := `INSERT INTO ` + into + ` VALUES ` + strings.Join(rows, ", ") + ` ON CONFLICT DO NOTHING`
		if _, err := tx.ExecContext(ctx, statement, c.args...); err != nil {
			return err
		}
	}
	return nil
}
