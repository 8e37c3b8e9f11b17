package ledger

import (
	"context"
	"database/sql"
	"time"

	"usher/internal/access"
)

var syncRuns = runTable[access.SyncRun]{name: "sync_runs", owner: "desk", what: "the users of"}

// keepRows is how long the rows of a plan stay in the ledger, and the changes of one over people.
const keepRows = 90 * 24 * time.Hour

func syncRow(op string, run access.SyncRun) (runRow, error) {
	run.BeganAt, run.EndedAt = run.BeganAt.UTC(), run.EndedAt.UTC()
	body, err := encode(op, run)
	r := runRow{
		owner: string(run.Desk), id: run.ID, plan: run.Plan, began: run.BeganAt, ended: run.Ended(), failed: run.Problem != "", body: body,
	}
	if err == nil {
		err = r.check("desk")
	}
	return r, err
}

// BeginSyncRun records a new run over the users of a desk, with its event as BeginPeopleRun does. Conflict: another one of the desk goes on, or began later, or this one has ended.
// Safe to repeat.
func (s *Store) BeginSyncRun(ctx context.Context, run access.SyncRun) error {
	const op = "begin a run over users in the ledger"
	row, err := syncRow(op, run)
	if err != nil {
		return err
	}
	start := func(ctx context.Context, tx *sql.Tx) (access.DeskEvent, bool, error) {
		held, err := heldSyncRows(ctx, tx, run)
		e, tells := run.StartEvent(held)
		return e, tells, err
	}
	return s.fail(op, s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error { return syncRuns.begin(ctx, tx, op, row, start) }))
}

// heldSyncRows returns how many rows the run that a new run releases held back, by operation, and of how many leavers the hand-over; nil where it releases nothing.
func heldSyncRows(ctx context.Context, tx *sql.Tx, run access.SyncRun) (map[string]int, error) {
	if run.Release == nil {
		return nil, nil
	}
	of, err := rowsOf(ctx, tx, bodyOf[access.SyncRun], `SELECT body FROM sync_runs WHERE desk = $1 AND id = $2`, string(run.Desk), run.Release.Run)
	if err != nil || len(of) == 0 {
		return nil, err
	}
	c := &conditions{}
	held, err := pairsOf(ctx, tx, `SELECT operation, count(*) FROM sync_rows WHERE desk = `+c.param(string(run.Desk))+` AND plan = `+c.param(of[0].Rows)+
		` AND state = `+c.param(string(access.SyncHeld))+c.ofPeople("person", run.Release.People)+` GROUP BY operation`, c.args...)
	// Over another source it frees nobody.
	if err == nil && of[0].Source == run.Source && of[0].FreesHandOver(*run.Release) {
		held[string(access.UserHandOver)] = of[0].Counts.Leavers
	}
	return held, err
}

// SaveSyncRun records a run as it is now. A run that has ended stays as it is, a plan that is recorded keeps its first counts and holds, and a
// plan that was replaced ends no run: an attempt that is late changes nothing. When a run ends, the listings of its desk are forgotten, and
// the rows of old plans, so many at once as with a run over people.
func (s *Store) SaveSyncRun(ctx context.Context, run access.SyncRun) error {
	const op = "record a run over users in the ledger"
	row, err := syncRow(op, run)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		saved, err := syncRuns.save(ctx, tx, row)
		if err != nil || !saved || !row.ended {
			return err
		}
		// A run that was refused because another one goes on ends as well: then the listing is that one's.
		if _, err := tx.ExecContext(ctx, `DELETE FROM desk_users_listed WHERE desk = $1
			AND NOT EXISTS (SELECT 1 FROM sync_runs WHERE desk = $1 AND NOT ended)`, row.owner); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sync_appliers WHERE desk = $1 AND run = $2`, row.owner, row.id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM sync_rows WHERE desk = $1 AND (plan, person) IN (
			SELECT plan, person FROM sync_rows WHERE desk = $1 AND at_us < $2 ORDER BY at_us LIMIT $3)`,
			row.owner, row.began.Add(-keepRows).UnixMicro(), forgetAtOnce)
		return err
	})
	return s.fail(op, err)
}

// SyncRuns returns the runs over a desk that began before a time, the last first, at most limit, 1 to MaxPeople. A zero time is now.
func (s *Store) SyncRuns(ctx context.Context, desk access.DeskName, before time.Time, limit int) ([]access.SyncRun, error) {
	const op = "read runs over users from the ledger"
	if err := checkPage(op, "", limit, MaxPeople); err != nil {
		return nil, err
	}
	runs, err := syncRuns.before(ctx, s, string(desk), before, limit)
	return runs, s.fail(op, err)
}

const opSyncRun = "read a run over users from the ledger"

// SyncRun returns a run over a desk. NotFound: there is none of that id.
func (s *Store) SyncRun(ctx context.Context, desk access.DeskName, id string) (access.SyncRun, error) {
	none := access.Errorf(access.NotFound, opSyncRun, "there is no run %q over the users of %s", id, desk)
	return syncRuns.one(ctx, s, none, `id = $2`, string(desk), id)
}

// OpenSyncRun returns the run over a desk that goes on. NotFound: none does.
func (s *Store) OpenSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
	none := access.Errorf(access.NotFound, opSyncRun, "no run over the users of %s goes on", desk)
	return syncRuns.one(ctx, s, none, `NOT ended`, string(desk))
}

// LastSyncRun returns the last run over a desk that ended without a problem. NotFound: there is none.
func (s *Store) LastSyncRun(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
	none := access.Errorf(access.NotFound, opSyncRun, "no run over the users of %s has ended well", desk)
	return syncRuns.one(ctx, s, none, `ended AND NOT failed ORDER BY began_us DESC, id DESC LIMIT 1`, string(desk))
}
