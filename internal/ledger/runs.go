package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"usher/internal/access"
)

// runTable is a table of runs, of type T, of which one for each owner goes on at a time. It has the columns id, began_us, ended, failed, plan and body.
type runTable[T any] struct {
	// name is the table's, and owner the column of whom a run is over.
	name, owner string
	// what is a run over, in errors: "the users of".
	what string
}

// runRow is one run in its table.
type runRow struct {
	owner, id, plan string
	began           time.Time
	ended, failed   bool
	body            string
}

// check names the key that cannot be kept; owner is how that of the owner is named.
func (r runRow) check(owner string) error {
	k := keys{}
	k.required(owner, r.owner)
	k.required("id", r.id)
	k.optional("plan", r.plan)
	return k.problem
}

// begin adds a run, and the event that start returns where it does. Conflict: another one of the owner goes on, or began later, or this one has ended.
func (t runTable[T]) begin(ctx context.Context, tx *sql.Tx, op string, r runRow, start startEvent) error {
	// A unique index takes one run of an owner that has not ended.
	added, err := affected(tx.ExecContext(ctx, `INSERT INTO `+t.name+` (`+t.owner+`, id, began_us, ended, failed, plan, body)
		SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM `+t.name+` WHERE `+t.owner+` = $1 AND began_us > $3)
		ON CONFLICT DO NOTHING`, r.owner, r.id, r.began.UnixMicro(), false, false, "", r.body))
	if err != nil {
		return err
	}
	if added > 0 {
		return start.append(ctx, tx, op)
	}
	var all, open, later int
	if err := tx.QueryRowContext(ctx, `SELECT count(CASE WHEN id = $2 THEN 1 END), count(CASE WHEN id = $2 AND NOT ended THEN 1 END),
		count(CASE WHEN began_us > $3 THEN 1 END) FROM `+t.name+` WHERE `+t.owner+` = $1`, r.owner, r.id, r.began.UnixMicro()).Scan(&all, &open, &later); err != nil {
		return err
	}
	switch {
	case open > 0:
		return nil
	case all > 0:
		return access.Errorf(access.Conflict, op, "the run %q over %s %s has ended; expected a new one", r.id, t.what, r.owner)
	case later > 0:
		return access.Errorf(access.Conflict, op, "the run %q over %s %s began before another one that was recorded first; expected a new run", r.id, t.what, r.owner)
	}
	return access.Errorf(access.Conflict, op, "another run over %s %s goes on", t.what, r.owner)
}

// startEvent returns the event that tells of the start of a run; false for none.
type startEvent func(ctx context.Context, tx *sql.Tx) (access.DeskEvent, bool, error)

// append appends the event.
func (s startEvent) append(ctx context.Context, tx *sql.Tx, op string) error {
	e, tells, err := s(ctx, tx)
	if err != nil || !tells {
		return err
	}
	k := keys{}
	if k.deskEvents([]access.DeskEvent{e}); k.problem != nil {
		return k.problem
	}
	rows, err := deskEventRows(op, []access.DeskEvent{e})
	if err != nil {
		return err
	}
	return appendDeskEvents(ctx, tx, rows)
}

// ofPeople returns the end of a condition that a column is one of some people, with its parameters; "" for everybody.
func (c *conditions) ofPeople(column string, people []access.PersonID) string {
	if len(people) == 0 {
		return ""
	}
	var ids []any
	for _, p := range people {
		if usableKey(string(p)) {
			ids = append(ids, string(p))
		}
	}
	if len(ids) == 0 {
		return ` AND FALSE`
	}
	return ` AND ` + column + ` IN ` + c.row(ids...)
}

// save writes a run as it is now, and reports whether it did: a run that has ended stays as it is, a plan that is recorded keeps its first
// counts, and a plan that was replaced ends no run.
func (t runTable[T]) save(ctx context.Context, tx *sql.Tx, r runRow) (bool, error) {
	saved, err := affected(tx.ExecContext(ctx, `INSERT INTO `+t.name+` (`+t.owner+`, id, began_us, ended, failed, plan, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (`+t.owner+`, id) DO UPDATE
		SET ended = excluded.ended, failed = excluded.failed, plan = excluded.plan, body = excluded.body
		WHERE NOT `+t.name+`.ended AND CASE WHEN excluded.ended THEN excluded.failed OR `+t.name+`.plan = excluded.plan
			ELSE `+t.name+`.plan <> excluded.plan END`,
		r.owner, r.id, r.began.UnixMicro(), r.ended, r.failed, r.plan, r.body))
	return saved > 0, err
}

// stillApplies locks a run until the end of the transaction. Conflict: it has ended, or has another plan.
func (t runTable[T]) stillApplies(ctx context.Context, tx *sql.Tx, op string, r runRow) error {
	goesOn, err := affected(tx.ExecContext(ctx, `UPDATE `+t.name+` SET plan = plan WHERE `+t.owner+` = $1 AND id = $2 AND plan = $3 AND NOT ended`,
		r.owner, r.id, r.plan))
	if err == nil && goesOn == 0 {
		return access.Errorf(access.Conflict, op, "the run %q over %s %s has ended, or has another plan", r.id, t.what, r.owner)
	}
	return err
}

// before returns the runs of an owner that began before a time, the last first. A zero time is now.
func (t runTable[T]) before(ctx context.Context, s *Store, owner string, until time.Time, limit int) ([]T, error) {
	last := int64(1<<63 - 1)
	if !until.IsZero() {
		last = until.UnixMicro()
	}
	if !usableKey(owner) {
		return nil, nil
	}
	return bodies[T](ctx, s, `SELECT body FROM `+t.name+` WHERE `+t.owner+` = $1 AND began_us < $2
		ORDER BY began_us DESC, id DESC LIMIT `+strconv.Itoa(limit), []any{owner, last})
}

// one returns the only run that meets a condition, or none's error.
func (t runTable[T]) one(ctx context.Context, s *Store, none error, condition string, args ...string) (T, error) {
	var zero T
	for _, key := range args {
		if !usableKey(key) {
			return zero, none
		}
	}
	runs, err := all[T](ctx, s, `SELECT body FROM `+t.name+` WHERE `+t.owner+` = $1 AND `+condition, args...)
	switch {
	case err != nil:
		return zero, s.fail("read a run from the ledger", err)
	case len(runs) == 0:
		return zero, none
	}
	return runs[0], nil
}
