package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
)

// SaveRevocation appends a revocation and the events that tell of it, in one transaction, and returns the revocation that is recorded under its id.
// One that is recorded already stays as it was first, with its events: nothing is added. Conflict: the id is another revocation's. Invalid, naming
// the field: it cannot be kept. Safe to repeat.
func (s *Store) SaveRevocation(ctx context.Context, r access.Revocation, events []access.Event) (access.Revocation, error) {
	const op = "record a revocation in the ledger"
	if problem := r.Problem(); problem != "" {
		return access.Revocation{}, access.Errorf(access.Invalid, op, "%s", problem)
	}
	k := keys{}
	if k.check(access.Entry{Events: events}); k.problem != nil {
		return access.Revocation{}, k.problem
	}
	r.At = r.At.UTC()
	body, err := encode(op, r)
	if err != nil {
		return access.Revocation{}, err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx, `INSERT INTO revocations (id, subject_id, at_us, body) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO NOTHING`, string(r.ID), string(r.Subject), r.At.UnixMicro(), body))
		if err != nil {
			return err
		}
		if added > 0 {
			return appendEvents(ctx, tx, events)
		}
		kept, err := recordedRevocation(ctx, tx, r.ID)
		if err == nil && !kept.Same(r) {
			return access.Errorf(access.Conflict, op, "the id %q is another revocation's", r.ID)
		}
		r = kept
		return err
	})
	if err != nil {
		return access.Revocation{}, s.fail(op, err)
	}
	return r, nil
}

func recordedRevocation(ctx context.Context, tx *sql.Tx, id access.RevocationID) (access.Revocation, error) {
	var body string
	if err := tx.QueryRowContext(ctx, `SELECT body FROM revocations WHERE id = $1`, string(id)).Scan(&body); err != nil {
		return access.Revocation{}, err
	}
	return decode[access.Revocation](body)
}

// Revocation returns a revocation by its id. NotFound when it was not recorded.
func (s *Store) Revocation(ctx context.Context, id access.RevocationID) (access.Revocation, error) {
	r, err := one[access.Revocation](ctx, s, `SELECT body FROM revocations WHERE id = $1`, string(id))
	return r, s.missing(err, "read a revocation from the ledger", "revocation", string(id))
}

// RevocationsOf returns what was taken back from a person, all of it, in the order in which it was recorded. Empty for nothing.
func (s *Store) RevocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error) {
	found, err := all[access.Revocation](ctx, s, `SELECT body FROM revocations WHERE subject_id = $1 ORDER BY position`, string(subject))
	return found, s.fail("read revocations from the ledger", err)
}

// Revocations returns a page of what was taken back from a person, the last recorded first: those recorded before one of them, or all when before is "".
// Fewer than the limit, 1 to MaxLimit, mean that it is the last page. Empty for none, and behind a revocation that is not recorded.
func (s *Store) Revocations(ctx context.Context, subject access.PersonID, before access.RevocationID, limit int) ([]access.Revocation, error) {
	const op = "list revocations from the ledger"
	if err := checkPage(op, string(before), limit, MaxLimit); err != nil {
		return nil, err
	}
	if !usableKey(string(subject)) {
		return nil, nil
	}
	c := &conditions{}
	query := `SELECT body FROM revocations WHERE subject_id = ` + c.param(string(subject))
	if before != "" {
		query += ` AND position < (SELECT position FROM revocations WHERE id = ` + c.param(string(before)) + `)`
	}
	found, err := bodies[access.Revocation](ctx, s, query+` ORDER BY position DESC LIMIT `+strconv.Itoa(limit), c.args)
	return found, s.fail(op, err)
}

// RevokedSubjects returns those of some people from whom something was taken back at any time, by id.
func (s *Store) RevokedSubjects(ctx context.Context, people ...access.PersonID) ([]access.PersonID, error) {
	var found []access.PersonID
	for some := range slices.Chunk(people, inAtOnce) {
		c := &conditions{}
		if row := usableRow(c, some); row != "" {
			ids, err := idsOf[access.PersonID](ctx, s.read, `SELECT DISTINCT subject_id FROM revocations WHERE subject_id IN `+row+` ORDER BY subject_id`, c.args...)
			if err != nil {
				return nil, s.fail("list people with revocations from the ledger", err)
			}
			found = append(found, ids...)
		}
	}
	return found, nil
}

// usableRow adds those ids that can be kept, as a row of parameters; "" for none.
func usableRow[ID ~string](c *conditions, some []ID) string {
	var ids []any
	for _, id := range some {
		if usableKey(string(id)) {
			ids = append(ids, string(id))
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return c.row(ids...)
}

// SubmittedAt returns when some requests were submitted, to the microsecond. A request that the ledger does not know is left out.
func (s *Store) SubmittedAt(ctx context.Context, requests ...access.RequestID) (map[access.RequestID]time.Time, error) {
	found := make(map[access.RequestID]time.Time, len(requests))
	for some := range slices.Chunk(requests, inAtOnce) {
		c := &conditions{}
		ids := usableRow(c, some)
		if ids == "" {
			continue
		}
		_, err := rowsOf(ctx, s.read, func(rows *sql.Rows) (id access.RequestID, err error) {
			var submitted int64
			err = rows.Scan(&id, &submitted)
			found[id] = time.UnixMicro(submitted).UTC()
			return id, err
		}, `SELECT id, submitted_us FROM requests WHERE id IN `+ids, c.args...)
		if err != nil {
			return nil, s.fail("read when requests were submitted from the ledger", err)
		}
	}
	return found, nil
}
