package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// standings are rows of people_standing.
type standings struct {
	// left and back change whether somebody is absent; moved only has others told that the manager is another one.
	left, back, moved [][]any
}

// add takes a change that a run applies, as far as requests and leases that go on have to be told of it.
func (t *standings) add(op string, run access.PeopleRun, c access.PersonChange) error {
	person := c.After.Record
	moved := slices.Contains(c.Fields, access.FieldManager) || c.Class == access.ClassReturner
	body, err := encode(op, access.PersonNotice{
		Name: person.Name(), Manager: person.Manager, Moved: moved, Source: run.Source, Run: run.ID,
	})
	if err != nil {
		return err
	}
	began := run.BeganAt.UnixMicro()
	row := func(absent bool, revision int64, reason string) []any {
		return []any{string(run.Source), string(c.Person), absent, revision, reason, began, began, 0, body}
	}
	switch {
	case c.Class == access.ClassLeaver:
		t.left = append(t.left, row(true, began, fmt.Sprintf("%s has left: %s", person.Name(), c.Reason)))
	case c.Class == access.ClassReturner:
		t.back = append(t.back, row(false, began, ""))
	case moved && c.After.State == access.PersonPresent:
		t.moved = append(t.moved, row(false, 0, ""))
	}
	return nil
}

// A change counts if its run began later, or if the same run has changed its mind, as a workflow that was reset may. A change that is
// written again changes nothing, so nobody is told twice.
const (
	newStanding = `ON CONFLICT (source, id) DO UPDATE SET ` + newNotice + `, absent = excluded.absent, reason = excluded.reason, revision = ` + newChange + ifLater
	newMove     = `ON CONFLICT (source, id) DO UPDATE SET ` + newNotice + ifLater
	newNotice   = `began_us = excluded.began_us, change = ` + newChange + `, body = excluded.body`
	newChange   = `CASE WHEN people_standing.change < excluded.change THEN excluded.change ELSE people_standing.change + 1 END`
	ifLater     = ` WHERE people_standing.began_us < excluded.began_us
		OR (people_standing.began_us = excluded.began_us AND (people_standing.body <> excluded.body OR people_standing.absent <> excluded.absent))`
)

// write writes the rows.
func (t *standings) write(ctx context.Context, tx *sql.Tx) error {
	const into = "people_standing (source, id, absent, revision, reason, began_us, change, notified, body)"
	return errors.Join(
		insertRows(ctx, tx, into, newStanding, t.left),
		insertRows(ctx, tx, into, newStanding, t.back),
		insertRows(ctx, tx, into, newMove, t.moved),
	)
}

const noticeColumns = `id, absent, revision, reason, change, body`

// Standings returns the standing of those people of a source of whom the ledger has one, by id. The others have never left.
func (s *Store) Standings(ctx context.Context, source access.SourceName, people ...access.PersonID) ([]access.Standing, error) {
	const op = "read who is absent from the ledger"
	if !usableKey(string(source)) {
		return nil, nil
	}
	var found []access.Standing
	for some := range slices.Chunk(people, inAtOnce) {
		c := &conditions{}
		query := `SELECT ` + noticeColumns + ` FROM people_standing WHERE source = ` + c.param(string(source)) + ` AND id IN `
		ids := usableRow(c, some)
		if ids == "" {
			continue
		}
		notices, err := s.notices(ctx, query+ids+` ORDER BY id`, c.args...)
		if err != nil {
			return nil, s.fail(op, err)
		}
		for _, n := range notices {
			found = append(found, n.Standing)
		}
	}
	return found, nil
}

// PendingNotices returns a page of the people of a source of whom a change was applied that nobody has been notified of, as ListedPeople does of
// a listing.
func (s *Store) PendingNotices(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.PersonNotice, error) {
	const op = "read pending notices from the ledger"
	if err := checkPage(op, string(after), limit, MaxPeople); err != nil {
		return nil, err
	}
	if !usableKey(string(source)) {
		return nil, nil
	}
	notices, err := s.notices(ctx, `SELECT `+noticeColumns+` FROM people_standing WHERE source = $1 AND id > $2 AND notified < change
		ORDER BY id LIMIT `+strconv.Itoa(limit), string(source), string(after))
	return notices, s.fail(op, err)
}

// CountPendingNotices returns of how many people of a source a change was applied that nobody has been notified of.
func (s *Store) CountPendingNotices(ctx context.Context, source access.SourceName) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM people_standing WHERE source = $1 AND notified < change`, string(source)).Scan(&n)
	return n, s.fail("count pending notices in the ledger", err)
}

// NoticeSent notes that everybody has been notified of a change. One that has been applied since is still pending. Safe to repeat.
func (s *Store) NoticeSent(ctx context.Context, n access.PersonNotice) error {
	const op = "note a notice that was sent in the ledger"
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE people_standing SET notified = $1 WHERE source = $2 AND id = $3 AND notified < $1`,
			n.Change, string(n.Source), string(n.Standing.Person))
		return err
	})
	return s.fail(op, err)
}

// notices returns the rows that a query finds.
func (s *Store) notices(ctx context.Context, query string, args ...any) (found []access.PersonNotice, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var standing access.Standing
		var change int
		var body string
		if err := rows.Scan(&standing.Person, &standing.Absent, &standing.Revision, &standing.Reason, &change, &body); err != nil {
			return nil, err
		}
		n, err := decode[access.PersonNotice](body)
		if err != nil {
			return nil, err
		}
		n.Standing, n.Change = standing, change
		found = append(found, n)
	}
	return found, rows.Err()
}

// concerns are the requests that go on and are for a person, or may need the person's decision.
const concerns = `SELECT id FROM (
		SELECT id FROM requests WHERE subject_id = $1 AND NOT ended
		UNION
		SELECT request_id AS id FROM request_approvers WHERE person_id = $1
	) AS concerned WHERE id > $2 ORDER BY id LIMIT `

// RequestsAbout returns a page of the requests that go on and are for a person, or may need the person's decision now or later, by id. The page begins behind after, or
// with the first when that is "", and has at most limit ids, 1 to MaxLimit; fewer mean that it is the last.
func (s *Store) RequestsAbout(ctx context.Context, person access.PersonID, after access.RequestID, limit int) ([]access.RequestID, error) {
	const op = "list the requests about a person from the ledger"
	if err := checkPage(op, string(after), limit, MaxLimit); err != nil {
		return nil, err
	}
	if !usableKey(string(person)) {
		return nil, nil
	}
	ids, err := idsOf[access.RequestID](ctx, s.read, strings.TrimSpace(concerns)+" "+strconv.Itoa(limit), string(person), string(after))
	return ids, s.fail(op, err)
}
