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

// LeaverMarks returns where the brake on what leavers own stands with those of some people of whom it knows, in any order.
func (s *Store) LeaverMarks(ctx context.Context, run access.SyncRun, people []access.PersonID) ([]access.LeaverMark, error) {
	found, err := in[access.LeaverMark](ctx, s, "SELECT body FROM hand_over_leavers WHERE desk = $1 AND source = $2 AND person",
		[]any{string(run.Desk), string(run.Source)}, texts(people))
	return found, s.fail("read leavers from the ledger", err)
}

// SaveLeaverMarks records where the brake on what leavers own stands with some of them. Safe to repeat. Conflict: the run has ended.
func (s *Store) SaveLeaverMarks(ctx context.Context, run access.SyncRun, marks []access.LeaverMark) error {
	const op = "record leavers in the ledger"
	k := keys{}
	k.required("desk", string(run.Desk))
	k.required("source", string(run.Source))
	var rows [][]any
	for _, m := range marks {
		k.required("person", string(m.Person))
		body, err := encode(op, m)
		if err != nil {
			return err
		}
		rows = append(rows, []any{string(run.Desk), string(run.Source), string(m.Person), body})
	}
	if k.problem != nil {
		return k.problem
	}
	return s.fail(op, s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// Written to, the run cannot end before this does.
		open, err := affected(tx.ExecContext(ctx, `UPDATE sync_runs SET plan = plan WHERE desk = $1 AND id = $2 AND NOT ended`, string(run.Desk), run.ID))
		if err == nil && open == 0 {
			err = access.Errorf(access.Conflict, op, "the run %q over the users of %s has ended", run.ID, run.Desk)
		}
		if err != nil {
			return err
		}
		return insertRows(ctx, tx, "hand_over_leavers (desk, source, person, body)", "ON CONFLICT (desk, source, person) DO UPDATE SET body = excluded.body", rows)
	}))
}
