package ledger

import (
	"context"
	"database/sql"

	"usher/internal/access"
)

// SaveHandOver records how far an attempt has come with what leavers own, along with events, in one transaction; nothing else of the run changes. Safe to
// repeat. Conflict: the run has ended or has another plan, or another attempt has claimed it: an attempt that is late changes nothing.
func (s *Store) SaveHandOver(ctx context.Context, run access.SyncRun, attempt string, h access.HandOver, events ...access.DeskEvent) error {
	const op = "record what leavers own in the ledger"
	k := keys{}
	k.required("desk", string(run.Desk))
	k.required("id", run.ID)
	if k.deskEvents(events); k.problem != nil {
		return k.problem
	}
	rows, err := deskEventRows(op, events)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := syncRuns.stillApplies(ctx, tx, op, runRow{owner: string(run.Desk), id: run.ID, plan: run.Plan}); err != nil {
			return err
		}
		if err := claimed(ctx, tx, op, run, attempt); err != nil {
			return err
		}
		const where = ` WHERE desk = $1 AND id = $2`
		found, err := rowsOf(ctx, tx, bodyOf[access.SyncRun], `SELECT body FROM sync_runs`+where, string(run.Desk), run.ID)
		if err != nil || len(found) == 0 {
			return err
		}
		found[0].HandOver = &h
		body, err := encode(op, found[0])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE sync_runs SET body = $3`+where, string(run.Desk), run.ID, body); err != nil {
			return err
		}
		return appendDeskEvents(ctx, tx, rows)
	})
	return s.fail(op, err)
}

// claimed is the Conflict of a run that another attempt has claimed.
func claimed(ctx context.Context, tx *sql.Tx, op string, run access.SyncRun, attempt string) error {
	var mine int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sync_appliers WHERE desk = $1 AND run = $2 AND attempt = $3`,
		string(run.Desk), run.ID, attempt).Scan(&mine)
	if err == nil && mine == 0 {
		err = access.Errorf(access.Conflict, op, "another attempt applies the run %q over the users of %s", run.ID, run.Desk)
	}
	return err
}
