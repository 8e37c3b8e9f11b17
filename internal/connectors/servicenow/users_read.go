package servicenow

import (
	"context"

	"usher/internal/access"
)

// userPages is how many pages a listing of users has at most.
const userPages = 10_000

// ListUsers implements access.UserDirectory. ServiceNow counts the rows that the account may not see, but for users who are switched off: a
// rule that it brings leaves them out of every query of whoever is no administrator, uncounted. So one of them must be seen.
func (u *Users) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	const op = "list users"
	if _, err := u.columns(ctx, op); err != nil {
		return 0, err
	}
	l := u.listing()
	l.limit, l.pages = access.MaxUsersPage, userPages
	n, inactive := 0, false
	count, err := u.d.walk(ctx, op, l, func(rows []row) error {
		var page []access.DeskUser
		for _, r := range rows {
			if err := u.shows(op, r); err != nil {
				return err
			}
			page = append(page, u.user(r))
			inactive = inactive || r.get(activeColumn) == "false"
		}
		if n += len(page); len(page) == 0 {
			return nil
		}
		return take(page)
	})
	if err != nil {
		return 0, err
	}
	if !inactive {
		return 0, unseen(op)
	}
	return n, u.complete(ctx, op, n, count)
}

// complete makes sure that a listing of so many users had everybody, when the table had so many rows at its beginning.
func (u *Users) complete(ctx context.Context, op string, listed, count int) error {
	now, err := u.d.page(ctx, op, listing{table: userTable, fields: []string{activeColumn}, limit: 1}, "")
	switch {
	case err != nil:
		return err
	case count < 0 || now.count < 0:
		return access.Errorf(access.Forbidden, op, "ServiceNow does not say how many users there are: the header X-Total-Count is missing, which"+
			" a gateway may have taken away")
	case now.count != count:
		return access.Errorf(access.Transient, op, "users were added or deleted while they were listed: there were %d rows, and are %d", count, now.count)
	case listed != count:
		return hiddenUsers(op, "%d of %d users are hidden", count-listed, count)
	}
	return nil
}

func hiddenUsers(op, format string, args ...any) error {
	return access.Errorf(access.Forbidden, op, "usher's account may not see all rows of the table "+userTable+": "+format, args...)
}

func unseen(op string) error {
	return hiddenUsers(op, "it sees nobody who is switched off, whom a rule before queries hides from accounts that are no administrators; let the"+
		" rule spare usher's account, and where nobody is switched off, switch a user off for a proof")
}

// seesInactive makes sure, once, that users who are switched off are not hidden.
func (u *Users) seesInactive(ctx context.Context, op string) error {
	if u.inactive.Load() {
		return nil
	}
	const some = 10
	got, err := u.d.page(ctx, op, listing{table: userTable, where: query{{activeColumn, equal, "false"}}, limit: some}, "")
	switch {
	case err != nil:
		return err
	case len(got.rows) == 0:
		return unseen(op)
	}
	u.inactive.Store(true)
	return nil
}

// searches makes sure, once, that users can be looked for by a column: an instance may answer with no rows where that is not so. Usher's own
// account must be found.
func (u *Users) searches(ctx context.Context, op, column string) error {
	if _, known := u.searched.Load(column); known {
		return nil
	}
	me, err := u.d.self(ctx, op)
	if err != nil {
		return err
	}
	mine, _, err := u.d.all(ctx, op, u.listing(condition{"sys_id", equal, me.id}))
	if err == nil && len(mine) == 1 {
		own := condition{column, equal, mine[0].get(column)}
		if own.value == "" {
			own.op = empty
		}
		mine, _, err = u.d.all(ctx, op, u.listing(condition{"sys_id", equal, me.id}, own))
	}
	switch {
	case err != nil:
		return err
	case len(mine) != 1:
		return access.Errorf(access.Forbidden, op, "usher's account may not search by the column %s of %s: it does not find itself", column, userTable)
	}
	u.searched.Store(column, true)
	return nil
}

// find returns the rows of the users who have a value; none is the truth. Forbidden: some are hidden.
func (u *Users) find(ctx context.Context, op string, where condition) ([]row, error) {
	if _, err := u.columns(ctx, op); err != nil {
		return nil, err
	}
	rows, hidden, err := u.d.all(ctx, op, u.listing(where))
	if err == nil && hidden {
		err = hiddenUsers(op, "a user is hidden who has the %s that was asked for", where.field)
	}
	if err == nil && len(rows) == 0 {
		err = u.searches(ctx, op, where.field)
	}
	if err == nil && len(rows) == 0 {
		err = u.seesInactive(ctx, op)
	}
	for _, r := range rows {
		if err == nil {
			err = u.shows(op, r)
		}
	}
	return rows, err
}

// FindUsers implements access.UserDirectory.
func (u *Users) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	const op, most = "find users", 10
	where := condition{access.UserFieldEmail, equal, q.Email}
	switch person := u.d.config.Users.PersonField; {
	case q.Person != "" && person == "":
		return nil, access.Errorf(access.Invalid, op, "%s: expected a column, where users are looked for by their people", u.d.key("users.person_field"))
	case q.Person != "":
		where = condition{person, equal, string(q.Person)}
	case q.UserName != "":
		where = condition{access.UserFieldName, equal, q.UserName}
	}
	if !writable(where.value) {
		return nil, access.Errorf(access.Invalid, op, "%s: ServiceNow cannot be asked for %q", where.field, where.value)
	}
	rows, err := u.find(ctx, op, where)
	if err != nil {
		return nil, err
	}
	var found []access.DeskUser
	for _, r := range rows[:min(len(rows), most)] {
		found = append(found, u.user(r))
	}
	return found, nil
}

// ReadUser implements access.UserDirectory.
func (u *Users) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	r, err := u.row(ctx, "read user", id)
	if err != nil {
		return access.DeskUser{}, err
	}
	return u.user(r), nil
}

// row reads a user.
func (u *Users) row(ctx context.Context, op string, id access.UserID) (row, error) {
	none := access.Errorf(access.NotFound, op, "there is no user %q", id)
	if !sysID.MatchString(string(id)) {
		if _, err := u.d.Self(ctx, op); err != nil {
			return nil, err
		}
		return nil, none
	}
	is := condition{"sys_id", equal, string(id)}
	rows, err := u.find(ctx, op, is)
	if err == nil && len(rows) == 0 {
		// What the account could see once proves nothing for ever: who cannot be seen any more is not gone.
		u.searched.Delete(is.field)
		u.inactive.Store(false)
		rows, err = u.find(ctx, op, is)
	}
	if err == nil && len(rows) == 0 {
		err = none
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}
