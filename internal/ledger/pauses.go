package ledger

import (
	"context"
	"database/sql"

	"usher/internal/access"
)

// SavePause appends a pause or a resume, and returns the one that is recorded under its id. One that is recorded already stays as it was first.
// Conflict: the id is another one's. Invalid, naming the field: it cannot be kept. Safe to repeat.
func (s *Store) SavePause(ctx context.Context, p access.Pause) (access.Pause, error) {
	const op = "record a pause in the ledger"
	if problem := p.Problem(); problem != "" {
		return access.Pause{}, access.Errorf(access.Invalid, op, "%s", problem)
	}
	p.At = p.At.UTC()
	body, err := encode(op, p)
	if err != nil {
		return access.Pause{}, err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx, `INSERT INTO pauses (id, what, target, paused, at_us, body) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO NOTHING`, string(p.ID), string(p.What), string(p.Target), p.Paused, p.At.UnixMicro(), body))
		if err != nil || added > 0 {
			return err
		}
		var text string
		if err := tx.QueryRowContext(ctx, `SELECT body FROM pauses WHERE id = $1`, string(p.ID)).Scan(&text); err != nil {
			return err
		}
		kept, err := decode[access.Pause](text)
		if err == nil && !kept.Same(p) {
			return access.Errorf(access.Conflict, op, "the id %q is another pause's", p.ID)
		}
		p = kept
		return err
	})
	if err != nil {
		return access.Pause{}, s.fail(op, err)
	}
	return p, nil
}

// lasting is what is paused now: of each work on each target the last row, where it is a pause. The time counts first, for what waited for the
// ledger may be recorded in any order.
const lasting = `SELECT p.body FROM pauses AS p WHERE p.paused AND NOT EXISTS (
	SELECT 1 FROM pauses AS later WHERE later.what = p.what AND later.target = p.target
		AND (later.at_us > p.at_us OR (later.at_us = p.at_us AND later.position > p.position)))`

// Pauses returns what is paused now, by work and target; that of all targets comes first. Empty for nothing.
func (s *Store) Pauses(ctx context.Context) ([]access.Pause, error) {
	found, err := all[access.Pause](ctx, s, lasting+` ORDER BY p.what, p.target`)
	return found, s.fail("list pauses from the ledger", err)
}

// Paused returns the pause that holds this work on a target: that of the target, or else that of all targets. nil for none.
func (s *Store) Paused(ctx context.Context, what access.PausedWork, target access.TargetName) (*access.Pause, error) {
	c := &conditions{}
	query := lasting + ` AND p.what = ` + c.param(string(what))
	if usableKey(string(target)) {
		query += ` AND p.target IN ('', ` + c.param(string(target)) + `)`
	} else {
		query += ` AND p.target = ''`
	}
	found, err := bodies[access.Pause](ctx, s, query+` ORDER BY p.target DESC LIMIT 1`, c.args)
	if err != nil || len(found) == 0 {
		return nil, s.fail("read a pause from the ledger", err)
	}
	return &found[0], nil
}
