package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// StageDeskUsers keeps a page of a listing of a desk's users, until a run over the desk ends. Safe to repeat. Invalid, naming it, when an id
// cannot be kept.
func (s *Store) StageDeskUsers(ctx context.Context, desk access.DeskName, listing string, users []access.ListedUser) error {
	const op = "stage users in the ledger"
	k := keys{}
	k.required("desk", string(desk))
	k.required("listing", listing)
	var rows [][]any
	for _, u := range users {
		k.required("users.id", string(u.User.ID))
		k.optional("users.person", string(u.User.Person))
		k.optional("users.user_name", u.NameKey)
		k.optional("users.email", u.EmailKey)
		body, err := encode(op, u.User)
		if err != nil {
			return err
		}
		rows = append(rows, []any{string(desk), listing, string(u.User.ID), string(u.User.Person), u.NameKey, u.EmailKey, body})
	}
	if k.problem != nil {
		return k.problem
	}
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return insertRows(ctx, tx, "desk_users_listed (desk, listing, id, person, name_key, email_key, body)", "ON CONFLICT (desk, listing, id) DO NOTHING", rows)
	})
	return s.fail(op, err)
}

// CountDeskUsers returns how many users a listing has.
func (s *Store) CountDeskUsers(ctx context.Context, desk access.DeskName, listing string) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM desk_users_listed WHERE desk = $1 AND listing = $2`, string(desk), listing).Scan(&n)
	return n, s.fail("count users in the ledger", err)
}

// DeskUsers returns the users of a listing that a query asks for.
func (s *Store) DeskUsers(ctx context.Context, desk access.DeskName, listing string, q access.DeskUsersQuery) ([]access.DeskUser, error) {
	column, values := "id", texts(q.IDs)
	switch {
	case q.Persons != nil:
		column, values = "person", texts(q.Persons)
	case q.NameKeys != nil:
		column, values = "name_key", q.NameKeys
	case q.EmailKeys != nil:
		column, values = "email_key", q.EmailKeys
	}
	found, err := in[access.DeskUser](ctx, s, "SELECT body FROM desk_users_listed WHERE desk = $1 AND listing = $2 AND "+column, []any{string(desk), listing}, values)
	return found, s.fail("read users from the ledger", err)
}

// DeskLinks returns the links of people on a desk.
func (s *Store) DeskLinks(ctx context.Context, desk access.DeskName, people []access.PersonID) ([]access.DeskLink, error) {
	found, err := in[access.DeskLink](ctx, s, "SELECT body FROM desk_links WHERE desk = $1 AND person", []any{string(desk)}, texts(people))
	return found, s.fail("read links from the ledger", err)
}

// DeskLinksOf returns the links of users of a desk.
func (s *Store) DeskLinksOf(ctx context.Context, desk access.DeskName, users []access.UserID) ([]access.DeskLink, error) {
	found, err := in[access.DeskLink](ctx, s, "SELECT body FROM desk_links WHERE desk = $1 AND user_id", []any{string(desk)}, texts(users))
	return found, s.fail("read links from the ledger", err)
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// inAtOnce is how many values one statement asks for: fewer than either database takes parameters.
const inAtOnce = 1000

// in returns the bodies of rows in which a column has one of some values; query ends with the column. Values that no row can have are left out.
func in[T any](ctx context.Context, s *Store, query string, args []any, values []string) ([]T, error) {
	values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" || !usableKey(v) })
	var all []T
	for some := range slices.Chunk(values, inAtOnce) {
		params, with := make([]string, len(some)), slices.Clone(args)
		for i, v := range some {
			with = append(with, v)
			params[i] = "$" + strconv.Itoa(len(with))
		}
		found, err := bodies[T](ctx, s, query+" IN ("+strings.Join(params, ", ")+")", with)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// SaveDeskLink links a person and a user of a desk; replaces is the user whom the person's link had, "" for none. Safe to repeat. Conflict:
// the person is linked to another user, or the user to another person, or the run that links them has ended: somebody may have taken the link
// away since.
func (s *Store) SaveDeskLink(ctx context.Context, desk access.DeskName, link access.DeskLink, replaces access.UserID) error {
	const op = "link a user in the ledger"
	k := keys{}
	k.required("desk", string(desk))
	k.required("person", string(link.Person))
	k.required("user", string(link.User))
	if k.problem != nil {
		return k.problem
	}
	link.At = link.At.UTC()
	body, err := encode(op, link)
	if err != nil {
		return err
	}
	err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := linksNow(ctx, tx, op, desk, link.Run); err != nil {
			return err
		}
		if replaces != "" {
			if _, err := tx.ExecContext(ctx, `DELETE FROM desk_links WHERE desk = $1 AND person = $2 AND user_id = $3`,
				string(desk), string(link.Person), string(replaces)); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO desk_links (desk, person, user_id, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			string(desk), string(link.Person), string(link.User), body); err != nil {
			return err
		}
		var same int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM desk_links WHERE desk = $1 AND person = $2 AND user_id = $3`,
			string(desk), string(link.Person), string(link.User)).Scan(&same)
		if err == nil && same == 0 {
			err = access.Errorf(access.Conflict, op, "the person %q is linked to another user of %s, or the user %q to another person", link.Person, desk, link.User)
		}
		return err
	})
	return s.fail(op, err)
}

// linksNow locks the run that links until the end of the transaction. Conflict: it has ended. Of no run, "" or one that the ledger does not have, is
// nothing to be said.
func linksNow(ctx context.Context, tx *sql.Tx, op string, desk access.DeskName, run string) error {
	if run == "" {
		return nil
	}
	goesOn, err := affected(tx.ExecContext(ctx, `UPDATE sync_runs SET plan = plan WHERE desk = $1 AND id = $2 AND NOT ended`, string(desk), run))
	if err != nil || goesOn > 0 {
		return err
	}
	var ended int
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM sync_runs WHERE desk = $1 AND id = $2`, string(desk), run).Scan(&ended)
	if err == nil && ended > 0 {
		err = access.Errorf(access.Conflict, op, "the run %q over the users of %s has ended", run, desk)
	}
	return err
}

const opUnlink = "take a link away in the ledger"

// RemoveDeskLink takes away the link of a person on a desk, returns it, and records the event along. Safe to repeat: one that was taken away by the
// same Unlink before is returned with its person and user. NotFound, with nothing written: the person is not linked. Conflict: a run over the users of
// the desk goes on, and may write to the user by its plan. Invalid, naming it, when an id cannot be kept.
func (s *Store) RemoveDeskLink(ctx context.Context, u access.Unlink) (access.DeskLink, error) {
	k := keys{}
	k.required("id", u.ID)
	k.required("desk", string(u.Desk))
	k.required("person", string(u.Person))
	k.optional("by", string(u.By))
	if k.problem != nil {
		return access.DeskLink{}, k.problem
	}
	var link access.DeskLink
	err := s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		link, err = unlink(ctx, tx, u)
		return err
	})
	if err != nil {
		// What the transaction does may still be going on.
		return access.DeskLink{}, s.fail(opUnlink, err)
	}
	return link, nil
}

// unlink takes a link away in a transaction.
func unlink(ctx context.Context, tx *sql.Tx, u access.Unlink) (access.DeskLink, error) {
	said, err := rowsOf(ctx, tx, placedDeskEvent, `SELECT position, body FROM desk_events WHERE id = $1`, u.EventID())
	if err != nil {
		return access.DeskLink{}, err
	}
	if len(said) > 0 {
		return access.DeskLink{Person: said[0].Person, User: said[0].User}, nil
	}
	if err := holdSync(ctx, tx, u); err != nil {
		return access.DeskLink{}, err
	}
	links, err := rowsOf(ctx, tx, bodyOf[access.DeskLink], `DELETE FROM desk_links WHERE desk = $1 AND person = $2 RETURNING body`, string(u.Desk), string(u.Person))
	switch {
	case err != nil:
		return access.DeskLink{}, err
	case len(links) == 0:
		return access.DeskLink{}, access.Errorf(access.NotFound, opUnlink, "the person %q is linked to no user of %s", u.Person, u.Desk)
	}
	rows, err := deskEventRows(opUnlink, []access.DeskEvent{u.Event(links[0])})
	if err != nil {
		return access.DeskLink{}, err
	}
	return links[0], appendDeskEvents(ctx, tx, rows)
}

// holdSync keeps off until the transaction ends whoever begins a run over the users of a desk. Conflict: one goes on. It takes the place of the run
// that may go on, of which the database lets there be one, and gives it back within the transaction, so that nobody sees it.
func holdSync(ctx context.Context, tx *sql.Tx, u access.Unlink) error {
	placed, err := affected(tx.ExecContext(ctx, `INSERT INTO sync_runs (desk, id, began_us, ended, failed, plan, body)
		VALUES ($1, $2, 0, $3, $3, '', '') ON CONFLICT DO NOTHING`, string(u.Desk), u.ID, false))
	switch {
	case err != nil:
		return err
	case placed == 0:
		return access.Errorf(access.Conflict, opUnlink, "a run over the users of %s goes on", u.Desk)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM sync_runs WHERE desk = $1 AND id = $2`, string(u.Desk), u.ID)
	return err
}
