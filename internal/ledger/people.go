package ledger

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
)

// MaxPeople is the most people of one page, and of one call.
const MaxPeople = 1000

// peopleAtOnce is how many rows one statement writes: few enough that SQLite takes their parameters.
const peopleAtOnce = 100

// StagePeople keeps a page of the listing of a run, until ForgetListings. first is how many problems earlier pages had. Safe to repeat.
// Invalid, naming it, when an id cannot be kept.
func (s *Store) StagePeople(ctx context.Context, source access.SourceName, run string, page access.PeoplePage, first int) error {
	const op = "stage people in the ledger"
	k := keys{}
	k.required("source", string(source))
	k.required("run", run)
	var rows [][]any
	add := func(id access.PersonID, listed access.ListedPerson) error {
		k.required("people.id", string(id))
		body, err := encode(op, listed)
		rows = append(rows, []any{string(source), run, string(id), body})
		return err
	}
	var wrong error
	for i := range page.People {
		wrong = errors.Join(wrong, add(page.People[i].ID, access.ListedPerson{Record: &page.People[i]}))
	}
	for _, id := range page.Gone {
		wrong = errors.Join(wrong, add(id, access.ListedPerson{Gone: true}))
	}
	var problems [][]any
	for i, problem := range page.Problems {
		if problem.ID != "" {
			wrong = errors.Join(wrong, add(problem.ID, access.ListedPerson{Problem: true}))
		}
		body, err := encode(op, problem)
		wrong = errors.Join(wrong, err)
		problems = append(problems, []any{string(source), run, first + i, body})
	}
	if wrong = errors.Join(wrong, k.problem); wrong != nil {
		return wrong
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := insertRows(ctx, tx, "people_listed (source, run, id, body)", "ON CONFLICT (source, run, id) DO NOTHING", rows); err != nil {
			return err
		}
		return insertRows(ctx, tx, "people_problems (source, run, number, body)", "ON CONFLICT (source, run, number) DO NOTHING", problems)
	})
	return s.fail(op, err)
}

// insertRows writes rows into a table with the names of its columns.
func insertRows(ctx context.Context, tx *sql.Tx, into, conflict string, rows [][]any) error {
	for some := range slices.Chunk(rows, peopleAtOnce) {
		c, texts := &conditions{}, make([]string, len(some))
		for i, row := range some {
			texts[i] = c.row(row...)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+into+" VALUES "+strings.Join(texts, ", ")+" "+conflict, c.args...); err != nil {
			return err
		}
	}
	return nil
}

// ListedPeople returns a page of the listing of a run, by id in the order of its bytes, behind after, at most limit rows, 1 to MaxPeople;
// fewer mean that it is the last. Problems without an id are not among them.
func (s *Store) ListedPeople(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.ListedRow, error) {
	const op = "read listed people from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) || !usableKey(run) {
		return nil, nil
	}
	rows, err := pairs[access.ListedPerson](ctx, s.read, `SELECT id, body FROM people_listed WHERE source = $1 AND run = $2 AND id > $3
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(source), run, string(after))
	var out []access.ListedRow
	for _, r := range rows {
		out = append(out, access.ListedRow{ID: access.PersonID(r.id), Listed: r.body})
	}
	return out, s.fail(op, err)
}

// PeopleProblems returns the problems of the listing of a run in their order, behind the first so many, at most limit, 1 to MaxPeople.
func (s *Store) PeopleProblems(ctx context.Context, source access.SourceName, run string, behind, limit int) ([]access.PersonProblem, error) {
	const op = "read problems of people from the ledger"
	if err := checkPage(op, "", limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) || !usableKey(run) {
		return nil, nil
	}
	problems, err := bodies[access.PersonProblem](ctx, s, `SELECT body FROM people_problems WHERE source = $1 AND run = $2 AND number >= $3
		ORDER BY number LIMIT `+strconv.Itoa(limit), []any{string(source), run, behind})
	return problems, s.fail(op, err)
}

// KnownPeople returns a page of the snapshot of a source, as ListedPeople does of a listing.
func (s *Store) KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error) {
	const op = "read known people from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	known, err := all[access.KnownPerson](ctx, s, `SELECT body FROM people WHERE source = $1 AND id > $2 ORDER BY id LIMIT `+strconv.Itoa(limit),
		string(source), string(after))
	return known, s.fail(op, err)
}

// KnownPerson returns what the snapshot of a source has of a person. NotFound: it does not have the person.
func (s *Store) KnownPerson(ctx context.Context, source access.SourceName, id access.PersonID) (access.KnownPerson, error) {
	const op = "read a known person from the ledger"
	if !usableKey(string(source)) || !usableKey(string(id)) {
		return access.KnownPerson{}, access.Errorf(access.NotFound, op, "the snapshot has no such person")
	}
	known, err := all[access.KnownPerson](ctx, s, `SELECT body FROM people WHERE source = $1 AND id = $2`, string(source), string(id))
	switch {
	case err != nil:
		return access.KnownPerson{}, s.fail(op, err)
	case len(known) == 0:
		return access.KnownPerson{}, access.Errorf(access.NotFound, op, "the snapshot of %s has no person %q", source, id)
	}
	return known[0], nil
}

// PlanPeople records what a run means for people, at most MaxPeople. A person whose change is recorded already keeps that one. Safe to
// repeat.
func (s *Store) PlanPeople(ctx context.Context, source access.SourceName, run string, changes []access.PersonChange) error {
	const op = "plan people in the ledger"
	var rows [][]any
	for _, c := range changes {
		body, err := encode(op, c)
		if err != nil {
			return err
		}
		rows = append(rows, []any{string(source), run, string(c.Person), string(c.Class), c.Held, false, body})
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return insertRows(ctx, tx, "people_changes (source, run, id, class, held, applied, body)", "ON CONFLICT (source, run, id) DO NOTHING", rows)
	})
	return s.fail(op, err)
}

// PeopleChanges returns a page of what a run means for people, as ListedPeople does of a listing.
func (s *Store) PeopleChanges(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.PersonChange, error) {
	const op = "read changes of people from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	changes, err := all[access.PersonChange](ctx, s, `SELECT body FROM people_changes WHERE source = $1 AND run = $2 AND id > $3
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(source), run, string(after))
	return changes, s.fail(op, err)
}

// ApplyPeople writes the changes of a run into the snapshot of its source, at most MaxPeople, and notes that they are applied. What a run
// that began later has written stays. A change that is held is noted as held, and not written. Safe to repeat.
func (s *Store) ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error {
	const op = "apply changes of people in the ledger"
	var people, noted [][]any
	for _, c := range changes {
		body, err := encode(op, c)
		if err != nil {
			return err
		}
		noted = append(noted, []any{string(run.Source), run.ID, string(c.Person), string(c.Class), c.Held, c.Held == "", body})
		if c.Held != "" {
			continue
		}
		after, err := encode(op, c.After)
		if err != nil {
			return err
		}
		people = append(people, []any{string(run.Source), string(c.Person), string(c.After.State), run.BeganAt.UnixMicro(), after})
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := insertRows(ctx, tx, "people (source, id, state, began_us, body)", `ON CONFLICT (source, id) DO UPDATE
			SET state = excluded.state, began_us = excluded.began_us, body = excluded.body WHERE people.began_us <= excluded.began_us`, people); err != nil {
			return err
		}
		return insertRows(ctx, tx, "people_changes (source, run, id, class, held, applied, body)", `ON CONFLICT (source, run, id) DO UPDATE
			SET held = excluded.held, applied = excluded.applied, body = excluded.body`, noted)
	})
	return s.fail(op, err)
}

// BeginPeopleRun records a new run. Conflict: another one of the source goes on that began within the time that a run may take. Safe to
// repeat.
func (s *Store) BeginPeopleRun(ctx context.Context, run access.PeopleRun, within time.Duration) error {
	const op = "begin a run over people in the ledger"
	if err := checkRun(run); err != nil {
		return err
	}
	body, err := encode(op, run)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx, `INSERT INTO people_runs (source, id, began_us, ended, body)
			SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BOOLEAN), $5 WHERE NOT EXISTS
				(SELECT 1 FROM people_runs WHERE source = $1 AND id <> $2 AND NOT ended AND began_us > CAST($6 AS BIGINT))
			ON CONFLICT (source, id) DO NOTHING`,
			string(run.Source), run.ID, run.BeganAt.UnixMicro(), false, body, run.BeganAt.Add(-within).UnixMicro()))
		if err != nil || added > 0 {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people_runs WHERE source = $1 AND id = $2`, string(run.Source), run.ID).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return access.Errorf(access.Conflict, op, "another run over the people of %s goes on", run.Source)
		}
		return nil
	})
	return s.fail(op, err)
}

func checkRun(run access.PeopleRun) error {
	k := keys{}
	k.required("source", string(run.Source))
	k.required("id", run.ID)
	return k.problem
}

// SavePeopleRun records a run as it is now. A run that has ended stays as it is: an attempt that is late does not open it again.
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
		return insertRows(ctx, tx, "people_runs (source, id, began_us, ended, body)",
			"ON CONFLICT (source, id) DO UPDATE SET ended = excluded.ended, body = excluded.body WHERE NOT people_runs.ended",
			[][]any{{string(run.Source), run.ID, run.BeganAt.UnixMicro(), !run.EndedAt.IsZero(), body}})
	})
	return s.fail(op, err)
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
	const op = "read a run over people from the ledger"
	runs, err := all[access.PeopleRun](ctx, s, `SELECT body FROM people_runs WHERE source = $1 AND id = $2`, string(source), id)
	switch {
	case err != nil:
		return access.PeopleRun{}, s.fail(op, err)
	case len(runs) == 0:
		return access.PeopleRun{}, access.Errorf(access.NotFound, op, "there is no run %q over the people of %s", id, source)
	}
	return runs[0], nil
}

// HeldPeople returns a page of the changes that a run held back, as PeopleChanges does.
func (s *Store) HeldPeople(ctx context.Context, source access.SourceName, run string, after access.PersonID, limit int) ([]access.PersonChange, error) {
	const op = "read held changes of people from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	changes, err := all[access.PersonChange](ctx, s, `SELECT body FROM people_changes WHERE source = $1 AND run = $2 AND id > $3 AND held <> ''
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(source), run, string(after))
	return changes, s.fail(op, err)
}

// ForgetListings removes the listings of a source but for that of a run; their problems stay. Safe to repeat.
func (s *Store) ForgetListings(ctx context.Context, source access.SourceName, keep string) error {
	const op = "forget listings in the ledger"
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM people_listed WHERE source = $1 AND run <> $2`, string(source), keep)
		return err
	})
	return s.fail(op, err)
}

// pair is a row of an id and a body.
type pair[T any] struct {
	id   string
	body T
}

// pairs returns the rows of an id and a body that a query finds.
func pairs[T any](ctx context.Context, pool *sql.DB, query string, args ...any) (found []pair[T], err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p pair[T]
		var body string
		if err := rows.Scan(&p.id, &body); err != nil {
			return nil, err
		}
		if p.body, err = decode[T](body); err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, rows.Err()
}
