package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"usher/internal/access"
)

const syncColumns = "sync_rows (desk, plan, person, operation, state, at_us, body)"

// PlanSyncRows records rows of the plan that is made for a run, at most MaxPeople. Safe to repeat. Conflict: the run has ended, or has a plan of
// this listing already, so that an attempt that is late adds nothing to it.
func (s *Store) PlanSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	const op = "plan users in the ledger"
	values, err := syncRowValues(op, run, rows)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		open, err := affected(tx.ExecContext(ctx, `UPDATE sync_runs SET plan = plan WHERE desk = $1 AND id = $2 AND plan <> $3 AND NOT ended`,
			string(run.Desk), run.ID, run.Plan))
		if err == nil && open == 0 {
			err = access.Errorf(access.Conflict, op, "the run %q over the users of %s has ended, or has its plan already", run.ID, run.Desk)
		}
		if err != nil {
			return err
		}
		return insertRows(ctx, tx, syncColumns, "ON CONFLICT (desk, plan, person) DO NOTHING", values)
	})
	return s.fail(op, err)
}

func syncRowValues(op string, run access.SyncRun, rows []access.SyncRow) ([][]any, error) {
	k := keys{}
	k.required("desk", string(run.Desk))
	k.required("rows", run.Rows)
	var values [][]any
	for _, r := range rows {
		k.required("person", string(r.Person))
		body, err := encode(op, r)
		if err != nil {
			return nil, err
		}
		values = append(values, []any{
			string(run.Desk), run.Rows, string(r.Person), string(r.Operation), string(r.State), run.BeganAt.UnixMicro(), body,
		})
	}
	return values, k.problem
}

// HoldSyncRows records which rows of the plan of a run are to be applied, and why the others are not, at most MaxPeople. A row of which that is
// recorded stays. Safe to repeat. Conflict: the run has ended, or has another plan.
func (s *Store) HoldSyncRows(ctx context.Context, run access.SyncRun, rows []access.SyncRow) error {
	return s.saveSyncRows(ctx, run, rows, `'planned'`, nil)
}

// ClaimSyncRun makes an attempt the one that applies the rows of a run; one before it can record nothing any more. Conflict: the run has ended, or
// has another plan.
func (s *Store) ClaimSyncRun(ctx context.Context, run access.SyncRun, attempt string) error {
	const op = "claim a run over users in the ledger"
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := syncRuns.stillApplies(ctx, tx, op, runRow{owner: string(run.Desk), id: run.ID, plan: run.Plan}); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sync_appliers (desk, run, attempt) VALUES ($1, $2, $3)
			ON CONFLICT (desk, run) DO UPDATE SET attempt = excluded.attempt`, string(run.Desk), run.ID, attempt)
		return err
	})
	return s.fail(op, err)
}

// SaveSyncRows records where rows of the plan of a run stand that an attempt applies, at most MaxPeople. A row that has come to its end stays so. Safe
// to repeat. Conflict: the run has ended or has another plan, or another attempt has claimed it: an attempt that is late changes nothing.
func (s *Store) SaveSyncRows(ctx context.Context, run access.SyncRun, attempt string, rows []access.SyncRow) error {
	return s.saveSyncRows(ctx, run, rows, `'ready', 'retry', 'manager'`, func(ctx context.Context, tx *sql.Tx) error {
		return claimed(ctx, tx, opSaveRows, run, attempt)
	})
}

const opSaveRows = "record rows of users in the ledger"

// saveSyncRows writes rows that stand in some states, if check is nil or finds nothing wrong.
func (s *Store) saveSyncRows(
	ctx context.Context, run access.SyncRun, rows []access.SyncRow, from string, check func(context.Context, *sql.Tx) error,
) error {
	values, err := syncRowValues(opSaveRows, run, rows)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := syncRuns.stillApplies(ctx, tx, opSaveRows, runRow{owner: string(run.Desk), id: run.ID, plan: run.Plan}); err != nil {
			return err
		}
		if check != nil {
			if err := check(ctx, tx); err != nil {
				return err
			}
		}
		return insertRows(ctx, tx, syncColumns, `ON CONFLICT (desk, plan, person) DO UPDATE
			SET state = excluded.state, body = excluded.body WHERE sync_rows.state IN (`+from+`)`, values)
	})
	return s.fail(opSaveRows, err)
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
func pairsOf(ctx context.Context, from querier, query string, args ...any) (counts map[string]int, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
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
