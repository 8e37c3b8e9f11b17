package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"usher/internal/access"
)

// stillApplies locks a run until the end of the transaction. Conflict: it has ended, or has another plan.
func stillApplies(ctx context.Context, tx *sql.Tx, op string, run access.PeopleRun) error {
	goesOn, err := affected(tx.ExecContext(ctx, `UPDATE people_runs SET plan = plan WHERE source = $1 AND id = $2 AND plan = $3 AND NOT ended`,
		string(run.Source), run.ID, run.Plan))
	if err == nil && goesOn == 0 {
		return access.Errorf(access.Conflict, op, "the run %q over the people of %s has ended, or has another plan", run.ID, run.Source)
	}
	return err
}

// BeginPeopleRun records a new run. Conflict: another one of the source goes on, this one has ended, or it began before another recorded one, which
// may have written what this run would undo. Safe to repeat.
func (s *Store) BeginPeopleRun(ctx context.Context, run access.PeopleRun) error {
	const op = "begin a run over people in the ledger"
	if err := checkRun(run); err != nil {
		return err
	}
	body, err := encode(op, run)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The index people_runs_open takes one run of a source that has not ended.
		added, err := affected(tx.ExecContext(ctx, `INSERT INTO people_runs (source, id, began_us, ended, failed, plan, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, string(run.Source), run.ID, run.BeganAt.UnixMicro(), false, false, "", body))
		switch {
		case err != nil:
			return err
		case added == 0:
			return goesOn(ctx, tx, op, run)
		}
		return beganLast(ctx, tx, op, run)
	})
	return s.fail(op, err)
}

// beganLast is nil for a run before which all others of its source began.
func beganLast(ctx context.Context, tx *sql.Tx, op string, run access.PeopleRun) error {
	var later int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people_runs WHERE source = $1 AND began_us > $2`, string(run.Source), run.BeganAt.UnixMicro()).Scan(&later)
	if err == nil && later > 0 {
		return access.Errorf(access.Conflict, op, "the run %q over the people of %s began before another one that was recorded first; expected a new run",
			run.ID, run.Source)
	}
	return err
}

// goesOn is nil for a run that was recorded before and has not ended.
func goesOn(ctx context.Context, tx *sql.Tx, op string, run access.PeopleRun) error {
	var all, open int
	if err := tx.QueryRowContext(ctx, `SELECT count(*), count(CASE WHEN NOT ended THEN 1 END) FROM people_runs WHERE source = $1 AND id = $2`,
		string(run.Source), run.ID).Scan(&all, &open); err != nil {
		return err
	}
	switch {
	case all == 0:
		return access.Errorf(access.Conflict, op, "another run over the people of %s goes on", run.Source)
	case open == 0:
		return access.Errorf(access.Conflict, op, "the run %q over the people of %s has ended; expected a new one", run.ID, run.Source)
	}
	return nil
}

func checkRun(run access.PeopleRun) error {
	k := keys{}
	k.required("source", string(run.Source))
	k.required("id", run.ID)
	k.optional("plan", run.Plan)
	return k.problem
}

// SavePeopleRun records a run as it is now. A run that has ended stays as it is, a plan that is recorded keeps its first counts and holds, and
// a plan that was replaced ends no run: an attempt that is late changes nothing. When the last run that goes on ends, the listings of its
// source are forgotten, and the problems of those that no run is made of.
func (s *Store) SavePeopleRun(ctx context.Context, run access.PeopleRun) error {
	const op = "record a run over people in the ledger"
	if err := checkRun(run); err != nil {
		return err
	}
	run.BeganAt, run.EndedAt = run.BeganAt.UTC(), run.EndedAt.UTC()
	body, err := encode(op, run)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		saved, err := affected(tx.ExecContext(ctx, `INSERT INTO people_runs (source, id, began_us, ended, failed, plan, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source, id) DO UPDATE
			SET ended = excluded.ended, failed = excluded.failed, plan = excluded.plan, body = excluded.body
			WHERE NOT people_runs.ended AND CASE WHEN excluded.ended THEN excluded.failed OR people_runs.plan = excluded.plan
				ELSE people_runs.plan <> excluded.plan END`,
			string(run.Source), run.ID, run.BeganAt.UnixMicro(), run.Ended(), run.Problem != "", run.Plan, body))
		if err != nil || saved == 0 || !run.Ended() {
			return err
		}
		return forgetListings(ctx, tx, run.Source)
	})
	return s.fail(op, err)
}

const noneGoesOn = `NOT EXISTS (SELECT 1 FROM people_runs WHERE source = $1 AND NOT ended)`

// forgetListings removes the listings of a source, and the problems of those that no run is made of. While another run goes on it removes
// nothing: a run that was refused because of that one ends as well.
func forgetListings(ctx context.Context, tx *sql.Tx, source access.SourceName) error {
	for _, statement := range []string{
		`DELETE FROM people_listed WHERE source = $1 AND ` + noneGoesOn,
		`DELETE FROM people_problems WHERE source = $1 AND listing NOT IN (SELECT plan FROM people_runs WHERE source = $1) AND ` + noneGoesOn,
	} {
		if _, err := tx.ExecContext(ctx, statement, string(source)); err != nil {
			return err
		}
	}
	return nil
}

// PeopleRuns returns the runs over a source that began before a time, the last first, at most limit, 1 to MaxPeople. A zero time is now.
func (s *Store) PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error) {
	const op = "read runs over people from the ledger"
	if err := checkPage(op, "", limit, MaxPeople); err != nil {
		return nil, err
	}
	until := int64(1<<63 - 1)
	if !before.IsZero() {
		until = before.UnixMicro()
	}
	if !usableKey(string(source)) {
		return nil, nil
	}
	runs, err := bodies[access.PeopleRun](ctx, s, `SELECT body FROM people_runs WHERE source = $1 AND began_us < $2
		ORDER BY began_us DESC, id DESC LIMIT `+strconv.Itoa(limit), []any{string(source), until})
	return runs, s.fail(op, err)
}

// PeopleRun returns a run over a source. NotFound: there is none of that id.
func (s *Store) PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	return s.onePeopleRun(ctx, access.Errorf(access.NotFound, opPeopleRun, "there is no run %q over the people of %s", id, source), `id = $2`, source, id)
}

// OpenPeopleRun returns the run over a source that goes on. NotFound: none does.
func (s *Store) OpenPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	return s.onePeopleRun(ctx, access.Errorf(access.NotFound, opPeopleRun, "no run over the people of %s goes on", source), `NOT ended`, source)
}

// LastPeopleRun returns the last run over a source that ended without a problem. NotFound: there is none.
func (s *Store) LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	return s.onePeopleRun(ctx, access.Errorf(access.NotFound, opPeopleRun, "no run over the people of %s has ended well", source),
		`ended AND NOT failed ORDER BY began_us DESC, id DESC LIMIT 1`, source)
}

const opPeopleRun = "read a run over people from the ledger"

func (s *Store) onePeopleRun(
	ctx context.Context, none error, condition string, source access.SourceName, more ...string,
) (access.PeopleRun, error) {
	keys := append([]string{string(source)}, more...)
	for _, key := range keys {
		if !usableKey(key) {
			return access.PeopleRun{}, none
		}
	}
	runs, err := all[access.PeopleRun](ctx, s, `SELECT body FROM people_runs WHERE source = $1 AND `+condition, keys...)
	switch {
	case err != nil:
		return access.PeopleRun{}, s.fail(opPeopleRun, err)
	case len(runs) == 0:
		return access.PeopleRun{}, none
	}
	return runs[0], nil
}
