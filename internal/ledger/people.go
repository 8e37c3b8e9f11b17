package ledger

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// MaxPeople is the most people of one page, and of one call.
const MaxPeople = 1000

// peopleAtOnce is how many rows one statement writes: few enough that SQLite takes their parameters.
const peopleAtOnce = 100

// StagePeople keeps a page of a listing, until a run over the source ends. first is how many problems earlier pages had. Safe to repeat.
// Invalid, naming it, when an id cannot be kept.
func (s *Store) StagePeople(ctx context.Context, source access.SourceName, listing string, page access.PeoplePage, first int) error {
	const op = "stage people in the ledger"
	k := keys{}
	k.required("source", string(source))
	k.required("listing", listing)
	var rows [][]any
	add := func(id access.PersonID, listed access.ListedPerson) error {
		k.required("people.id", string(id))
		body, err := encode(op, listed)
		rows = append(rows, []any{string(source), listing, string(id), body})
		return err
	}
	var wrong error
	for i := range page.People {
		wrong = errors.Join(wrong, add(page.People[i].ID, access.ListedPerson{Record: &page.People[i]}))
	}
	for _, id := range page.Gone {
		wrong = errors.Join(wrong, add(id, access.ListedPerson{Gone: true}))
	}
	for _, id := range page.OutOfScope {
		wrong = errors.Join(wrong, add(id, access.ListedPerson{OutOfScope: true}))
	}
	var problems [][]any
	for i, problem := range page.Problems {
		if problem.ID != "" {
			wrong = errors.Join(wrong, add(problem.ID, access.ListedPerson{Problem: true}))
		}
		body, err := encode(op, problem)
		wrong = errors.Join(wrong, err)
		problems = append(problems, []any{string(source), listing, first + i, body})
	}
	if wrong = errors.Join(wrong, k.problem); wrong != nil {
		return wrong
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := insertRows(ctx, tx, "people_listed (source, listing, id, body)", "ON CONFLICT (source, listing, id) DO NOTHING", rows); err != nil {
			return err
		}
		return insertRows(ctx, tx, "people_problems (source, listing, number, body)", "ON CONFLICT (source, listing, number) DO NOTHING", problems)
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

// ListedPeople returns a page of a listing, by id in the order of its bytes, behind after, at most limit rows, 1 to MaxPeople;
// fewer mean that it is the last. Problems without an id are not among them.
func (s *Store) ListedPeople(ctx context.Context, source access.SourceName, listing string, after access.PersonID, limit int) ([]access.ListedRow, error) {
	const op = "read listed people from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) || !usableKey(listing) {
		return nil, nil
	}
	rows, err := pairs[access.ListedPerson](ctx, s.read, `SELECT id, body FROM people_listed WHERE source = $1 AND listing = $2 AND id > $3
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(source), listing, string(after))
	var out []access.ListedRow
	for _, r := range rows {
		out = append(out, access.ListedRow{ID: access.PersonID(r.id), Listed: r.body})
	}
	return out, s.fail(op, err)
}

// PeopleProblems returns the problems of a listing in their order, behind the first so many, at most limit, 1 to MaxPeople.
func (s *Store) PeopleProblems(ctx context.Context, source access.SourceName, listing string, behind, limit int) ([]access.PersonProblem, error) {
	const op = "read problems of people from the ledger"
	if err := checkPage(op, "", limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) || !usableKey(listing) {
		return nil, nil
	}
	problems, err := bodies[access.PersonProblem](ctx, s, `SELECT body FROM people_problems WHERE source = $1 AND listing = $2 AND number >= $3
		ORDER BY number LIMIT `+strconv.Itoa(limit), []any{string(source), listing, behind})
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

// PlanPeople records what a plan means for people, at most MaxPeople. A person whose change is recorded already keeps that one. Safe to
// repeat.
func (s *Store) PlanPeople(ctx context.Context, source access.SourceName, plan string, changes []access.PersonChange) error {
	const op = "plan people in the ledger"
	rows, err := changeRows(op, source, plan, changes)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return insertRows(ctx, tx, "people_changes (source, plan, id, class, held, applied, body)", "ON CONFLICT (source, plan, id) DO NOTHING", rows)
	})
	return s.fail(op, err)
}

// changeRows are the rows of changes that are not applied yet.
func changeRows(op string, source access.SourceName, plan string, changes []access.PersonChange) ([][]any, error) {
	var rows [][]any
	for _, c := range changes {
		body, err := encode(op, c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []any{string(source), plan, string(c.Person), string(c.Class), c.Held, false, body})
	}
	return rows, nil
}

// PeopleChanges returns a page of the changes of a plan.
func (s *Store) PeopleChanges(ctx context.Context, source access.SourceName, plan string, q access.PeopleChangesQuery) ([]access.PersonChange, error) {
	const op = "read changes of people from the ledger"
	if err := checkPage(op, string(q.After), q.Limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) || !usableKey(plan) || !usableKey(string(q.Class)) || !usableKey(string(q.Person)) {
		return nil, nil
	}
	c := &conditions{}
	query := `SELECT body FROM people_changes WHERE source = ` + c.param(string(source)) + ` AND plan = ` + c.param(plan) + ` AND id > ` + c.param(string(q.After))
	if q.Class != "" {
		query += ` AND class = ` + c.param(string(q.Class))
	}
	if q.Person != "" {
		query += ` AND id = ` + c.param(string(q.Person))
	}
	if q.Held {
		query += ` AND held <> ''`
	}
	changes, err := bodies[access.PersonChange](ctx, s, query+` ORDER BY id LIMIT `+strconv.Itoa(q.Limit), c.args)
	return changes, s.fail(op, err)
}

// ApplyPeople writes the changes of the plan of a run into the snapshot of its source, at most MaxPeople, and notes that they are applied.
// Whoever leaves is absent from then on, and whoever is back is not any more; that requests and leases have to be told so, or of another
// manager, is noted. What a run that began later has written stays. A change that is held is noted as held, and of it nothing is written but that somebody who is
// listed is not missing any more. One that an attempt before applied stays noted as applied. Safe to repeat. Conflict: the run has ended, or has
// another plan, so that an attempt that is late changes nothing.
func (s *Store) ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error {
	const op = "apply changes of people in the ledger"
	noted, err := changeRows(op, run.Source, run.Plan, changes)
	if err != nil {
		return err
	}
	var people [][]any
	var listed []access.PersonChange
	var standing standings
	for i, c := range changes {
		if c.Held != "" {
			if c.Listed && c.Before != nil && c.Before.Misses > 0 {
				listed = append(listed, c)
			}
			continue
		}
		const applied = 5
		noted[i][applied] = true
		after, err := encode(op, c.After)
		if err != nil {
			return err
		}
		people = append(people, []any{string(run.Source), string(c.Person), string(c.After.State), run.BeganAt.UnixMicro(), after})
		if err := standing.add(op, run, c); err != nil {
			return err
		}
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := peopleRuns.stillApplies(ctx, tx, op, runRow{owner: string(run.Source), id: run.ID, plan: run.Plan}); err != nil {
			return err
		}
		if err := insertRows(ctx, tx, "people (source, id, state, began_us, body)", `ON CONFLICT (source, id) DO UPDATE
			SET state = excluded.state, began_us = excluded.began_us, body = excluded.body WHERE people.began_us <= excluded.began_us`, people); err != nil {
			return err
		}
		if err := insertRows(ctx, tx, "people_changes (source, plan, id, class, held, applied, body)", `ON CONFLICT (source, plan, id) DO UPDATE
			SET held = excluded.held, applied = excluded.applied, body = excluded.body WHERE NOT people_changes.applied`, noted); err != nil {
			return err
		}
		if err := standing.write(ctx, tx); err != nil {
			return err
		}
		for _, c := range listed {
			if err := forgetMisses(ctx, tx, op, run, c); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail(op, err)
}

// forgetMisses writes that somebody whose change is held was listed, and leaves everything else as it was. A change that is noted as applied has
// written that already.
func forgetMisses(ctx context.Context, tx *sql.Tx, op string, run access.PeopleRun, c access.PersonChange) error {
	body, err := encode(op, c.Before.WithoutMisses())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE people SET began_us = $1, body = $2 WHERE source = $3 AND id = $4 AND began_us <= $1
		AND EXISTS (SELECT 1 FROM people_changes WHERE source = $3 AND plan = $5 AND id = $4 AND NOT applied)`,
		run.BeganAt.UnixMicro(), body, string(run.Source), string(c.Person), run.Plan)
	return err
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
