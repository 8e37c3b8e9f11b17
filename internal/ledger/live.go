package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"usher/internal/access"
)

// MaxLeases is the most leases, or subjects of leases, of one page.
const MaxLeases = 1000

// Both statements read the index leases_live, whose condition is this one, word for word.
const (
	notEnded   = `state <> '` + string(access.LeaseEnded) + `'`
	liveLeases = `SELECT body FROM leases WHERE subject_id = $1 AND id > $2 AND ` + notEnded + ` ORDER BY id LIMIT `
	// A subject of many leases is read once for each: subjects are asked for seldom.
	liveSubjects = `SELECT DISTINCT subject_id FROM leases WHERE subject_id > $1 AND ` + notEnded + ` ORDER BY subject_id LIMIT `
)

// LiveLeases returns a page of the leases of a subject that have not ended, by lease id in the order of its bytes. The
// page begins behind after, or at the first lease when that is "", and holds at most limit leases, 1 to MaxLeases; fewer
// than limit means that it is the last. Empty for none. Invalid, naming it, when after or limit cannot be used.
func (s *Store) LiveLeases(ctx context.Context, subject access.PersonID, after access.LeaseID, limit int) ([]access.LeaseView, error) {
	const op = "list live leases from the ledger"
	if err := checkPage(op, string(after), limit, MaxLeases); err != nil {
		return nil, err
	}
	leases, err := all[access.LeaseView](ctx, s, liveLeases+strconv.Itoa(limit), string(subject), string(after))
	return leases, s.fail(op, err)
}

// LiveSubjects returns a page of the persons who have a lease that has not ended, each once, by id in the order of its
// bytes. The page begins behind after, or at the first person when that is "", and holds at most limit persons, 1 to
// MaxLeases; fewer than limit means that it is the last. Empty for none. Invalid, naming it, when after or limit cannot be
// used.
func (s *Store) LiveSubjects(ctx context.Context, after access.PersonID, limit int) ([]access.PersonID, error) {
	const op = "list subjects of live leases from the ledger"
	if err := checkPage(op, string(after), limit, MaxLeases); err != nil {
		return nil, err
	}
	ids, err := idsOf[access.PersonID](ctx, s.read, liveSubjects+strconv.Itoa(limit), string(after))
	return ids, s.fail(op, err)
}

// Holders returns the leases of a subject on one binding that have not ended, in the order of their ids, at most MaxLeases.
// Empty for none.
func (s *Store) Holders(ctx context.Context, subject access.PersonID, b access.Binding) ([]access.LeaseView, error) {
	const op = "list the leases that hold a role from the ledger"
	if !usableKey(string(subject)) || !usableKey(string(b.Target)) || !usableKey(b.Role) {
		return nil, nil
	}
	leases, err := all[access.LeaseView](ctx, s, `SELECT body FROM leases
		WHERE subject_id = $1 AND target = $2 AND role = $3 AND state <> 'ended' ORDER BY id LIMIT `+strconv.Itoa(MaxLeases),
		string(subject), string(b.Target), b.Role)
	return leases, s.fail(op, err)
}

// OpenRequests returns the requests by a requester for a subject that have not ended, the oldest submission first, at most MaxLimit.
// Empty for none.
func (s *Store) OpenRequests(ctx context.Context, requester, subject access.PersonID) ([]access.RequestView, error) {
	const op = "list a person's open requests from the ledger"
	if !usableKey(string(requester)) || !usableKey(string(subject)) {
		return nil, nil
	}
	views, err := all[access.RequestView](ctx, s, `SELECT body FROM requests
		WHERE requester_id = $1 AND subject_id = $2 AND NOT ended ORDER BY submitted_us, id LIMIT `+strconv.Itoa(MaxLimit),
		string(requester), string(subject))
	return views, s.fail(op, err)
}

// checkPage is Invalid when a page cannot begin behind after, or cannot hold at most limit.
func checkPage(op, after string, limit, most int) error {
	if limit < 1 || limit > most {
		return access.Errorf(access.Invalid, op, "limit: expected 1 to %d, found %d", most, limit)
	}
	if problem := access.Limits().ID.Problem(after); problem != "" {
		return access.Errorf(access.Invalid, op, "after: %s", problem)
	}
	return nil
}

// idsOf returns the ids that a query finds.
func idsOf[ID ~string](ctx context.Context, pool *sql.DB, query string, args ...any) (ids []ID, err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, ID(id))
	}
	return ids, rows.Err()
}
