package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"usher/internal/access"
)

// PlanSyncRows records rows of a plan, at most MaxPeople. A person whose row is recorded already keeps that one. Safe to repeat.
func (s *Store) PlanSyncRows(ctx context.Context, desk access.DeskName, plan string, rows []access.SyncRow) error {
	const op = "plan users in the ledger"
	values, err := syncRowValues(op, desk, plan, rows)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return insertRows(ctx, tx, "sync_rows (desk, plan, person, operation, state, body)", "ON CONFLICT (desk, plan, person) DO NOTHING", values)
	})
	return s.fail(op, err)
}

func syncRowValues(op string, desk access.DeskName, plan string, rows []access.SyncRow) ([][]any, error) {
	k := keys{}
	k.required("desk", string(desk))
	k.required("plan", plan)
	var values [][]any
	for _, r := range rows {
		k.required("person", string(r.Person))
		body, err := encode(op, r)
		if err != nil {
			return nil, err
		}
		values = append(values, []any{string(desk), plan, string(r.Person), string(r.Operation), string(r.State), body})
	}
	return values, k.problem
}

// SaveSyncRows records where rows of the plan of a run stand, at most MaxPeople. A row that has come to its end stays so. Safe to repeat. Conflict:
// the run has ended, or has another plan, so that an attempt that is late changes nothing.
func (s *Store) SaveSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	const op = "record rows of users in the ledger"
	values, err := syncRowValues(op, run.Desk, run.Plan, rows)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := syncRuns.stillApplies(ctx, tx, op, runRow{owner: string(run.Desk), id: run.ID, plan: run.Plan}); err != nil {
			return err
		}
		return insertRows(ctx, tx, "sync_rows (desk, plan, person, operation, state, body)", `ON CONFLICT (desk, plan, person) DO UPDATE
			SET state = excluded.state, body = excluded.body WHERE sync_rows.state IN ('planned', 'retry', 'manager')`, values)
	})
	return s.fail(op, err)
}

// SyncRows returns a page of the rows of a plan.
func (s *Store) SyncRows(ctx context.Context, desk access.DeskName, plan string, q access.SyncRowsQuery) ([]access.SyncRow, error) {
	const op = "read rows of users from the ledger"
	if err := checkPage(op, string(q.After), q.Limit, MaxPeople); err != nil {
		return nil, err
	}
	c := &conditions{}
	query := `SELECT body FROM sync_rows WHERE desk = ` + c.param(string(desk)) + ` AND plan = ` + c.param(plan) + ` AND person > ` + c.param(string(q.After))
	for _, one := range []struct{ column, value string }{{"operation", string(q.Operation)}, {"state", string(q.State)}, {"person", string(q.Person)}} {
		if !usableKey(one.value) {
			return nil, nil
		}
		if one.value != "" {
			query += ` AND ` + one.column + ` = ` + c.param(one.value)
		}
	}
	if !usableKey(string(desk)) || !usableKey(plan) {
		return nil, nil
	}
	rows, err := bodies[access.SyncRow](ctx, s, query+` ORDER BY person LIMIT `+strconv.Itoa(q.Limit), c.args)
	return rows, s.fail(op, err)
}

// CountSyncRows returns how many rows of a plan stand where.
func (s *Store) CountSyncRows(ctx context.Context, desk access.DeskName, plan string) (map[access.SyncState]int, error) {
	const op = "count rows of users in the ledger"
	found, err := pairsOf(ctx, s.read, `SELECT state, count(*) FROM sync_rows WHERE desk = $1 AND plan = $2 GROUP BY state`, string(desk), plan)
	if err != nil {
		return nil, s.fail(op, err)
	}
	counts := map[access.SyncState]int{}
	for state, n := range found {
		counts[access.SyncState(state)] = n
	}
	return counts, nil
}

// pairsOf returns the counts that a query finds, by what they are of.
func pairsOf(ctx context.Context, pool *sql.DB, query string, args ...any) (counts map[string]int, err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	counts = map[string]int{}
	for rows.Next() {
		var of string
		var n int
		if err := rows.Scan(&of, &n); err != nil {
			return nil, err
		}
		counts[of] = n
	}
	return counts, rows.Err()
}
