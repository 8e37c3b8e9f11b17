package ledger

import (
	"context"
	"database/sql"
	"time"

	"usher/internal/access"
)

var peopleRuns = runTable[access.PeopleRun]{name: "people_runs", owner: "source", what: "the people of"}

func peopleRow(op string, run access.PeopleRun) (runRow, error) {
	run.BeganAt, run.EndedAt = run.BeganAt.UTC(), run.EndedAt.UTC()
	body, err := encode(op, run)
	r := runRow{
		owner: string(run.Source), id: run.ID, plan: run.Plan, began: run.BeganAt, ended: run.Ended(), failed: run.Problem != "", body: body,
	}
	if err == nil {
		err = r.check("source")
	}
	return r, err
}

// BeginPeopleRun records a new run, with the event of its start where somebody starts it by hand or releases something. Conflict: another one of the source goes on, this one has ended, or it began before another recorded one, which
// may have written what this run would undo. Safe to repeat.
func (s *Store) BeginPeopleRun(ctx context.Context, run access.PeopleRun) error {
	const op = "begin a run over people in the ledger"
	row, err := peopleRow(op, run)
	if err != nil {
		return err
	}
	start := func(ctx context.Context, tx *sql.Tx) (access.DeskEvent, bool, error) {
		held, err := heldPeople(ctx, tx, run)
		e, tells := run.StartEvent(held)
		return e, tells, err
	}
	return s.fail(op, s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error { return peopleRuns.begin(ctx, tx, op, row, start) }))
}

// heldPeople returns how many changes the run that a new run releases held back, by class; nil where it releases nothing.
func heldPeople(ctx context.Context, tx *sql.Tx, run access.PeopleRun) (map[string]int, error) {
	if run.Release == nil {
		return nil, nil
	}
	c := &conditions{}
	source := c.param(string(run.Source))
	return pairsOf(ctx, tx, `SELECT class, count(*) FROM people_changes WHERE source = `+source+` AND held <> ''
		AND plan = (SELECT plan FROM people_runs WHERE source = `+source+` AND id = `+c.param(run.Release.Run)+`)`+c.ofPeople("id", run.Release.People)+
		` GROUP BY class`, c.args...)
}

// SavePeopleRun records a run as it is now. A run that has ended stays as it is, a plan that is recorded keeps its first counts and holds, and
// a plan that was replaced ends no run: an attempt that is late changes nothing. When the last run that goes on ends, the listings of its
// source are forgotten, and the problems of those that no run is made of. With the end of each run the changes and the problems of old runs are.
func (s *Store) SavePeopleRun(ctx context.Context, run access.PeopleRun) error {
	const op = "record a run over people in the ledger"
	row, err := peopleRow(op, run)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		saved, err := peopleRuns.save(ctx, tx, row)
		if err != nil || !saved || !row.ended {
			return err
		}
		if err := forgetListings(ctx, tx, run.Source); err != nil {
			return err
		}
		return forgetChanges(ctx, tx, run)
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

// forgetAtOnce is how many changes and problems of people, or rows of users, are removed with the end of one run, at most: the end of a run must not take long. Later ones remove the rest.
const forgetAtOnce = 20_000

// forgetChanges removes the changes and the problems of runs that had ended long before a run began, and the changes of plans that no run has,
// which attempts have left that died. The runs stay, and so does what the audit trail says of them.
func forgetChanges(ctx context.Context, tx *sql.Tx, run access.PeopleRun) error {
	plans, err := oldPlans(ctx, tx, run)
	if err != nil {
		return err
	}
	left := int64(forgetAtOnce)
	for _, plan := range plans {
		for _, statement := range []string{
			`DELETE FROM people_changes WHERE source = $1 AND plan = $2 AND id <= (SELECT max(id) FROM (
				SELECT id FROM people_changes WHERE source = $1 AND plan = $2 ORDER BY id LIMIT $3) AS oldest)`,
			`DELETE FROM people_problems WHERE source = $1 AND listing = $2 AND number <= (SELECT max(number) FROM (
				SELECT number FROM people_problems WHERE source = $1 AND listing = $2 ORDER BY number LIMIT $3) AS oldest)`,
		} {
			removed, err := affected(tx.ExecContext(ctx, statement, string(run.Source), plan, left))
			if err != nil {
				return err
			}
			if left -= removed; left <= 0 {
				return nil
			}
		}
	}
	return nil
}

// oldPlans returns the plans of a source whose changes are kept no longer when a run ends. What goes on, or can be released, is not among them: of a
// run counts when it ended.
func oldPlans(ctx context.Context, tx *sql.Tx, run access.PeopleRun) ([]string, error) {
	before := run.BeganAt.Add(-keepRows)
	runs, err := rowsOf(ctx, tx, bodyOf[access.PeopleRun], `SELECT body FROM people_runs AS r WHERE source = $1 AND ended AND plan <> '' AND began_us < $2
		AND (EXISTS (SELECT 1 FROM people_changes AS c WHERE c.source = r.source AND c.plan = r.plan)
			OR EXISTS (SELECT 1 FROM people_problems AS p WHERE p.source = r.source AND p.listing = r.plan))
		ORDER BY began_us`, string(run.Source), before.UnixMicro())
	if err != nil {
		return nil, err
	}
	var plans []string
	for _, r := range runs {
		if r.EndedAt.Before(before) {
			plans = append(plans, r.Plan)
		}
	}
	// While a run goes on, a plan may be made that it does not have yet.
	unowned, err := rowsOf(ctx, tx, textOf, `SELECT DISTINCT plan FROM people_changes WHERE source = $1
		AND plan NOT IN (SELECT plan FROM people_runs WHERE source = $1) AND `+noneGoesOn, string(run.Source))
	return append(plans, unowned...), err
}

func textOf(rows *sql.Rows) (text string, err error) {
	err = rows.Scan(&text)
	return text, err
}

// bodyOf returns what the body of a row holds.
func bodyOf[T any](rows *sql.Rows) (T, error) {
	text, err := textOf(rows)
	if err != nil {
		var none T
		return none, err
	}
	return decode[T](text)
}

// PeopleRuns returns the runs over a source that began before a time, the last first, at most limit, 1 to MaxPeople. A zero time is now.
func (s *Store) PeopleRuns(ctx context.Context, source access.SourceName, before time.Time, limit int) ([]access.PeopleRun, error) {
	const op = "read runs over people from the ledger"
	if err := checkPage(op, "", limit, MaxPeople); err != nil {
		return nil, err
	}
	runs, err := peopleRuns.before(ctx, s, string(source), before, limit)
	return runs, s.fail(op, err)
}

const opPeopleRun = "read a run over people from the ledger"

// PeopleRun returns a run over a source. NotFound: there is none of that id.
func (s *Store) PeopleRun(ctx context.Context, source access.SourceName, id string) (access.PeopleRun, error) {
	none := access.Errorf(access.NotFound, opPeopleRun, "there is no run %q over the people of %s", id, source)
	return peopleRuns.one(ctx, s, none, `id = $2`, string(source), id)
}

// OpenPeopleRun returns the run over a source that goes on. NotFound: none does.
func (s *Store) OpenPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	none := access.Errorf(access.NotFound, opPeopleRun, "no run over the people of %s goes on", source)
	return peopleRuns.one(ctx, s, none, `NOT ended`, string(source))
}

// LastPeopleRun returns the last run over a source that ended without a problem. NotFound: there is none.
func (s *Store) LastPeopleRun(ctx context.Context, source access.SourceName) (access.PeopleRun, error) {
	none := access.Errorf(access.NotFound, opPeopleRun, "no run over the people of %s has ended well", source)
	return peopleRuns.one(ctx, s, none, `ended AND NOT failed ORDER BY began_us DESC, id DESC LIMIT 1`, string(source))
}
