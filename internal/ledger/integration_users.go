package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"usher/internal/access"
)

// SaveIntegrationUser adds a user to the register, or replaces what is known of one who is registered: who added that one, and when, stay as they
// were first. When a user was added is kept in whole microseconds, Open is not kept at all. The event is recorded along, unless it is there already.
// Safe to repeat, but it adds a user whom somebody has removed meanwhile. Invalid, naming the field, when an id cannot be kept.
func (s *Store) SaveIntegrationUser(ctx context.Context, u access.IntegrationUser, e access.DeskEvent) error {
	const op = "register an integration user in the ledger"
	body, events, err := integrationUserRow(op, u, e)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := takeTurn(ctx, tx, u.Desk); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO integration_users (desk, id, added_by, added_us, assigned, body) VALUES ($1, $2, $3, $4, 0, $5)
			ON CONFLICT (desk, id) DO UPDATE SET body = excluded.body`,
			string(u.Desk), string(u.ID), string(u.AddedBy), u.AddedAt.UnixMicro(), body); err != nil {
			return err
		}
		return appendDeskEvents(ctx, tx, events)
	})
	return s.fail(op, err)
}

// UpdateIntegrationUser replaces what the desk says of a user who is registered, the flag, and when the desk was asked, and records the events along.
// The groups, who added the user, and when, stay as the register has them, so that it undoes nothing that was changed while the desk was asked. What
// the desk has said later stays too: nothing is written where the register has a later CheckedAt. Safe to repeat. NotFound, with nothing written: the
// user is not registered, so that a check that ends late puts nobody back whom somebody has removed. Invalid, naming the field, when an id cannot be
// kept.
func (s *Store) UpdateIntegrationUser(ctx context.Context, u access.IntegrationUser, events ...access.DeskEvent) error {
	const op = "update an integration user in the ledger"
	_, rows, err := integrationUserRow(op, u, events...)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := takeTurn(ctx, tx, u.Desk); err != nil {
			return err
		}
		found, err := rowsOf(ctx, tx, registeredUser, registeredOne, "", string(u.Desk), string(u.ID))
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return unregistered(op, u.Desk, u.ID)
		case found[0].CheckedAt.After(u.CheckedAt):
			return nil
		}
		u.Groups = found[0].Groups
		body, _, err := integrationUserRow(op, u)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE integration_users SET body = $3 WHERE desk = $1 AND id = $2`, string(u.Desk), string(u.ID), body); err != nil {
			return err
		}
		return appendDeskEvents(ctx, tx, rows)
	})
	return s.fail(op, err)
}

// RemoveIntegrationUser takes a user off the register and records the event along. Incidents that are assigned to the user stay so. NotFound, with
// nothing written: the user is not registered, as when a call that has removed the user is repeated.
func (s *Store) RemoveIntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID, e access.DeskEvent) error {
	const op = "remove an integration user from the ledger"
	_, rows, err := integrationUserRow(op, access.IntegrationUser{Desk: desk, ID: id}, e)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := takeTurn(ctx, tx, desk); err != nil {
			return err
		}
		removed, err := affected(tx.ExecContext(ctx, `DELETE FROM integration_users WHERE desk = $1 AND id = $2`, string(desk), string(id)))
		if err == nil && removed == 0 {
			err = unregistered(op, desk, id)
		}
		if err != nil {
			return err
		}
		return appendDeskEvents(ctx, tx, rows)
	})
	return s.fail(op, err)
}

func unregistered(op string, desk access.DeskName, id access.UserID) error {
	return access.Errorf(access.NotFound, op, "%s has no integration user %q", desk, id)
}

// integrationUserRow returns what is kept of a user, and the rows of the events that tell of it.
func integrationUserRow(op string, u access.IntegrationUser, events ...access.DeskEvent) (body string, rows [][]any, err error) {
	k := keys{}
	k.required("user.desk", string(u.Desk))
	k.required("user.id", string(u.ID))
	k.optional("user.account", string(u.Account))
	k.optional("user.email", u.Email)
	k.optional("user.added_by", string(u.AddedBy))
	if k.deskEvents(events); k.problem != nil {
		return "", nil, k.problem
	}
	u.Open, u.AddedAt, u.FlaggedAt, u.CheckedAt = 0, u.AddedAt.UTC(), u.FlaggedAt.UTC(), u.CheckedAt.UTC()
	if body, err = encode(op, u); err != nil {
		return "", nil, err
	}
	rows, err = deskEventRows(op, events)
	return body, rows, err
}

// takeTurn returns the next number of a desk, counted from 1. Until the transaction ends, nobody else changes the desk's register or picks from it:
// whoever does takes a turn first, and waits for the row. So when a user has been flagged or removed, no call that was under way assigns that user
// an incident any more, and IncidentsOf returns all that there are to assign to others.
func takeTurn(ctx context.Context, tx *sql.Tx, desk access.DeskName) (turn int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO integration_turns (desk, turn) VALUES ($1, 1)
		ON CONFLICT (desk) DO UPDATE SET turn = integration_turns.turn + 1 RETURNING turn`, string(desk)).Scan(&turn)
	return turn, err
}

// registered are the users of the register, each with how many incidents that go on are assigned to the user, but for the incident $1.
const registered = `SELECT u.body, u.added_by, u.added_us, u.assigned, (SELECT count(*) FROM incidents AS i
	WHERE i.desk = u.desk AND i.user_id = u.id AND NOT i.ended AND i.id <> $1) FROM integration_users AS u`

// registeredOne is the user $3 of the desk $2.
const registeredOne = registered + ` WHERE u.desk = $2 AND u.id = $3`

// candidate is a user of the register. assigned is the turn in which an incident was assigned to the user last; 0 for never.
type candidate struct {
	access.IntegrationUser
	assigned int64
}

func registeredUser(rows *sql.Rows) (candidate, error) {
	var found candidate
	var by access.PersonID
	var added int64
	var body string
	var open int
	if err := rows.Scan(&body, &by, &added, &found.assigned, &open); err != nil {
		return found, err
	}
	u, err := decode[access.IntegrationUser](body)
	u.AddedBy, u.AddedAt, u.Open = by, fromMicros(added), open
	found.IntegrationUser = u
	return found, err
}

// IntegrationUser returns a user of the register, with how many incidents that have not ended are assigned to the user. NotFound: there is none.
func (s *Store) IntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID) (access.IntegrationUser, error) {
	const op = "read an integration user from the ledger"
	if !usableKey(string(desk)) || !usableKey(string(id)) {
		return access.IntegrationUser{}, unregistered(op, desk, id)
	}
	found, err := rowsOf(ctx, s.read, registeredUser, registeredOne, "", string(desk), string(id))
	switch {
	case err != nil:
		return access.IntegrationUser{}, s.fail(op, err)
	case len(found) == 0:
		return access.IntegrationUser{}, unregistered(op, desk, id)
	}
	return found[0].IntegrationUser, nil
}

// IntegrationUsers returns a page of the register, by desk and id in the order of their bytes, each user with how many incidents that have not ended
// are assigned to the user. Empty for none. Invalid, naming it, when a place to begin behind or the limit cannot be used.
func (s *Store) IntegrationUsers(ctx context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error) {
	const op = "list integration users from the ledger"
	if err := checkPage(op, string(q.After), q.Limit, access.MaxIntegrationUsers); err != nil {
		return nil, err
	}
	if problem := access.Limits().ID.Problem(string(q.AfterDesk)); problem != "" {
		return nil, access.Errorf(access.Invalid, op, "after_desk: %s", problem)
	}
	c := &conditions{args: []any{""}}
	if !c.columns([]column{{"u.desk", string(q.Desk)}}) {
		return nil, nil
	}
	c.where = append(c.where, `(u.desk, u.id) > `+c.row(string(q.AfterDesk), string(q.After)))
	found, err := rowsOf(ctx, s.read, registeredUser, registered+c.clause()+` ORDER BY u.desk, u.id LIMIT `+strconv.Itoa(q.Limit), c.args...)
	var users []access.IntegrationUser
	for _, one := range found {
		users = append(users, one.IntegrationUser)
	}
	return users, s.fail(op, err)
}

const opAssign = "assign an incident in the ledger"

// AssignIncident picks one of some users of the register to whom tickets may be assigned, as c.By says, and assigns the incident to that one, of whom it
// returns what the register has, the incident counted in. Calls at the same time pick one after another, so none picks by what another is about to
// change. Safe to repeat: an incident that is assigned to one of them keeps that one, and counts as assigned when it was. In all that SaveIncident
// writes, the incident stays as it is.
//
// NotFound: there is nobody to pick, and the incident keeps whom it had; or the ledger does not know the incident. Conflict: it has ended.
// Invalid, naming it, when the incident's id or the desk cannot be used, or c.By is no way to pick.
func (s *Store) AssignIncident(ctx context.Context, id access.IncidentID, c access.Assignees) (access.IntegrationUser, error) {
	k := keys{}
	k.required("incident", string(id))
	k.required("desk", string(c.Desk))
	if k.problem != nil {
		return access.IntegrationUser{}, k.problem
	}
	first, known := picks[c.By]
	if !known {
		return access.IntegrationUser{}, access.Errorf(access.Invalid, opAssign, "by: expected %q or %q, found %q", access.LeastLoaded, access.RoundRobin, c.By)
	}
	var picked access.IntegrationUser
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		picked, err = assign(ctx, tx, id, c, first)
		return err
	})
	if err != nil {
		// What the transaction does may still be going on, and nobody may read what it has picked.
		return access.IntegrationUser{}, s.fail(opAssign, err)
	}
	return picked, nil
}

// picks are the orders of the ways to pick: the first one is picked.
var picks = map[access.Balance]func(a, b candidate) int{
	access.RoundRobin: longestWithout,
	access.LeastLoaded: func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.Open, b.Open), longestWithout(a, b))
	},
}

// longestWithout puts first whoever got no incident for the longest time, and before all others those who never got one.
func longestWithout(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.assigned, b.assigned), cmp.Compare(a.ID, b.ID))
}

// assign picks and assigns in a transaction; order puts first whom it picks.
func assign(
	ctx context.Context, tx *sql.Tx, id access.IncidentID, c access.Assignees, order func(a, b candidate) int,
) (access.IntegrationUser, error) {
	turn, err := takeTurn(ctx, tx, c.Desk)
	if err != nil {
		return access.IntegrationUser{}, err
	}
	desk, has, err := holdIncident(ctx, tx, id)
	if err != nil {
		return access.IntegrationUser{}, err
	}
	users, err := rowsOf(ctx, tx, registeredUser, registered+` WHERE u.desk = $2`, string(id), string(c.Desk))
	if err != nil {
		return access.IntegrationUser{}, err
	}
	users = slices.DeleteFunc(users, func(u candidate) bool {
		return !u.Available() || !isAmong(u.IntegrationUser, c) || slices.Contains(c.Except, u.ID)
	})
	if len(users) == 0 {
		return access.IntegrationUser{}, access.Errorf(access.NotFound, opAssign, "none of these integration users of %s is available", c.Desk)
	}
	if at := slices.IndexFunc(users, func(u candidate) bool { return desk == c.Desk && u.ID == has }); at >= 0 {
		users[at].Open++
		return users[at].IntegrationUser, nil
	}
	picked := slices.MinFunc(users, order)
	if _, err := tx.ExecContext(ctx, `UPDATE incidents SET desk = $2, user_id = $3 WHERE id = $1`, string(id), string(c.Desk), string(picked.ID)); err != nil {
		return access.IntegrationUser{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE integration_users SET assigned = $3 WHERE desk = $1 AND id = $2`, string(c.Desk), string(picked.ID), turn)
	picked.Open++
	return picked.IntegrationUser, err
}

// holdIncident returns to which user of which desk an incident is assigned, "" for nobody, and holds off until the transaction ends whoever else writes the
// incident. NotFound: the ledger does not know it. Conflict: it has ended.
func holdIncident(ctx context.Context, tx *sql.Tx, id access.IncidentID) (desk access.DeskName, user access.UserID, err error) {
	var ended bool
	err = tx.QueryRowContext(ctx, `UPDATE incidents SET user_id = user_id WHERE id = $1 RETURNING desk, user_id, ended`, string(id)).Scan(&desk, &user, &ended)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = access.Errorf(access.NotFound, opAssign, "the ledger knows no incident %q", id)
	case err == nil && ended:
		err = access.Errorf(access.Conflict, opAssign, "the incident %q has ended", id)
	}
	return desk, user, err
}

// isAmong reports whether a user is in the group that is named, or has one of the addresses.
func isAmong(u access.IntegrationUser, c access.Assignees) bool {
	if c.Group != "" && slices.Contains(u.Groups, c.Group) {
		return true
	}
	email := access.FoldKey(u.Email)
	return email != "" && slices.ContainsFunc(c.Emails, func(one string) bool { return access.FoldKey(one) == email })
}
