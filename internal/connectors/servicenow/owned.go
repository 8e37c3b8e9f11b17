package servicenow

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// OwnedConfig is a kind of records that name a user as their owner.
type OwnedConfig struct {
	// Table is where they are, such as alm_asset, and Field the column that refers to their owner in sys_user, such as owned_by.
	Table string `yaml:"table"`
	Field string `yaml:"field"`
	// Where are values that columns must have, such as active: "true"; none for all rows.
	Where map[string]string `yaml:"where"`
	// Title is the column by which people call a record; "" means number.
	Title string `yaml:"title"`
}

// createdColumn has the user name of whoever made a record; markerColumn the marker of a ticket, and markColumn who has marked it. classColumn is the
// table of a record that extends the one that is asked.
const (
	createdColumn = "sys_created_by"
	markerColumn  = "correlation_id"
	markColumn    = "correlation_display"
	classColumn   = "sys_class_name"
)

// validateOwned names every key that is wrong.
func (c UsersConfig) validateOwned(problem func(key, format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(c.Owned)) {
		o, at := c.Owned[name], "users.owned."+name
		if name == "" || strings.TrimSpace(name) != name {
			problem("users.owned", "found the name %q, expected one such as assets", name)
		}
		if !tableName.MatchString(o.Table) || strings.HasPrefix(o.Table, "sys_user") {
			problem(at+".table", "found %q, expected the name of a table that has no users, such as alm_asset", o.Table)
		}
		if !tableName.MatchString(o.Field) || strings.HasPrefix(o.Field, "sys_") {
			problem(at+".field", "found %q, expected the name of a column that refers to a user, such as owned_by", o.Field)
		}
		if o.Title != "" && !tableName.MatchString(o.Title) {
			problem(at+".title", "found %q, expected the name of a column", o.Title)
		}
		for column, value := range o.Where {
			if !tableName.MatchString(column) || column == o.Field || !writable(value) {
				problem(at+".where."+column, "found %q, expected a value of another column that ServiceNow can be asked for", value)
			}
		}
	}
}

var _ access.UserBelongings = (*Users)(nil)

// title is the column by which people call a record.
func (c OwnedConfig) title() string { return cmp.Or(c.Title, "number") }

// where are the conditions that a record meets.
func (c OwnedConfig) where() query {
	var q query
	for _, column := range slices.Sorted(maps.Keys(c.Where)) {
		q = append(q, condition{column, equal, c.Where[column]})
	}
	return q
}

// listing asks for records that meet conditions as well.
func (c OwnedConfig) listing(also ...condition) listing {
	return listing{
		table: c.Table, where: slices.Concat(query(also), c.where()),
		fields: []string{c.Field, c.title(), createdColumn, markerColumn, markColumn, classColumn},
	}
}

// OwnedKinds implements access.UserBelongings: a call for each kind, and one more. A table without rows shows no columns, and has nothing to hand over.
func (u *Users) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	const op = "read kinds of owned records"
	var kinds []access.OwnedKind
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(u.d.config.Users.Owned)) {
		c := u.d.config.Users.Owned[name]
		why, err := u.lacksOwner(ctx, op, c)
		switch {
		case err != nil:
			return nil, err
		case why != "":
			wrong = append(wrong, u.d.key("users.owned."+name)+": "+why)
		}
		kinds = append(kinds, access.OwnedKind{Name: name, Text: "rows of " + c.Table + " by " + c.Field})
	}
	if wrong != nil {
		return nil, access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return kinds, nil
}

// lacksOwner is why the records of a kind cannot be asked for by their owner; "" for one that can be.
func (u *Users) lacksOwner(ctx context.Context, op string, c OwnedConfig) (string, error) {
	l := listing{table: c.Table, fields: append([]string{c.Field, createdColumn}, slices.Sorted(maps.Keys(c.Where))...), limit: 1}
	if c.Table == u.d.config.table() {
		l.fields = append(l.fields, markerColumn)
	}
	got, err := u.d.page(ctx, op, l, "")
	if err != nil {
		return "", err
	}
	for _, r := range got.rows {
		for _, column := range l.fields {
			if _, shown := r[column]; !shown {
				return "usher's account may not read the column " + column + " of the table " + c.Table, nil
			}
		}
	}
	entries, _, err := u.d.all(ctx, op, listing{
		table: "sys_dictionary", where: query{{"name", equal, c.Table}, {"element", equal, c.Field}}, fields: []string{"reference"},
	})
	// The dictionary has a column with the table that brought it, which may be another one. Usher's account may not be allowed to read it.
	switch {
	case access.IsKind(err, access.Forbidden):
		return "", nil
	case err == nil && len(entries) > 0 && entries[0].get("reference") != userTable:
		return c.Field + " refers to no user", nil
	}
	return "", err
}

// kind is a configured kind.
func (u *Users) kind(ctx context.Context, op, name string) (OwnedConfig, error) {
	c, known := u.d.config.Users.Owned[name]
	if known {
		return c, nil
	}
	if _, err := u.d.Self(ctx, op); err != nil {
		return c, err
	}
	return c, access.Errorf(access.NotFound, op, "%s has no %q", u.d.key("users.owned"), name)
}

// ListOwned implements access.UserBelongings. What usher keeps is left out: see keeps.
func (u *Users) ListOwned(ctx context.Context, q access.OwnedQuery) ([]access.Owned, error) {
	const op = "list owned records"
	c, err := u.kind(ctx, op, q.Kind)
	if err != nil {
		return nil, err
	}
	me, err := u.d.self(ctx, op)
	if err != nil {
		return nil, err
	}
	if !sysID.MatchString(string(q.Owner.ID)) {
		return nil, nil // Nobody has such an id.
	}
	l := c.listing(condition{c.Field, equal, string(q.Owner.ID)})
	l.limit = q.Limit
	var found []access.Owned
	from, left := "", -1
	if q.After != "" {
		from = position{id: q.After}.String()
	}
	for {
		got, err := u.d.page(ctx, op, l, from)
		if err == nil {
			err = u.whole(op, c, got, left)
		}
		if err != nil {
			return nil, err
		}
		for _, r := range got.rows {
			if !keeps(me, r) {
				found = append(found, access.Owned{Kind: q.Kind, ID: r.get("sys_id"), Title: r.get(c.title())})
			}
		}
		switch {
		case len(found) >= q.Limit:
			return found[:q.Limit], nil
		case got.next == "" && from == "" && got.count == 0:
			return found, u.asks(ctx, op, c)
		case got.next == "":
			return found, nil
		}
		from, left = got.next, got.count-len(got.rows)
	}
}

// keeps reports whether a record is looked after by a request or an incident of usher's: its account has created it, or has marked it, as it does the
// ticket by which a person asks.
func keeps(me account, r row) bool {
	marked := condition{markerColumn, begins, markersBegin}.met(r) || condition{markColumn, equal, markedBy}.met(r)
	return marked || r.get(createdColumn) == me.userName
}

// showsKept makes sure that ServiceNow shows of a record what keeps looks at. Only what is a task can be marked, and a ticket of the desk always is one.
func (u *Users) showsKept(op string, c OwnedConfig, r row) error {
	needed := []string{createdColumn}
	if table := u.d.config.table(); c.Table == table || r.get(classColumn) == table {
		needed = append(needed, markerColumn)
	}
	err := showsColumns(op, c.Table, r, needed...)
	if err == nil && r.get(createdColumn) == "" {
		err = access.Errorf(access.Forbidden, op, "usher's account may not read the column %s of the table %s", createdColumn, c.Table)
	}
	return err
}

// whole makes sure that ServiceNow has hidden no row of a page, nor whether usher keeps one. left is how many rows there were behind the page before;
// -1 for none before.
func (u *Users) whole(op string, c OwnedConfig, got page, left int) error {
	if got.count < 0 {
		return access.Errorf(access.Forbidden, op, "ServiceNow does not say how many records there are: the header X-Total-Count is missing, which a gateway"+
			" may have taken away")
	}
	for _, r := range got.rows {
		if err := u.showsKept(op, c, r); err != nil {
			return err
		}
	}
	if (got.next == "" && got.count != len(got.rows)) || (left >= 0 && got.count > left) {
		return access.Errorf(access.Forbidden, op, "usher's account may not see all rows of the table %s", c.Table)
	}
	return nil
}

// asks makes sure that no rows are the truth: the table can be searched by each column.
func (u *Users) asks(ctx context.Context, op string, c OwnedConfig) error {
	for _, one := range append(c.where(), condition{field: c.Field}) {
		if err := u.finds(ctx, op, c.Table, one.field); err != nil {
			return err
		}
	}
	return nil
}

// HandOver implements access.UserBelongings: five calls, and three where nothing is to be written.
func (u *Users) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	const op = "hand over record"
	c, err := u.kind(ctx, op, o.Kind)
	if err != nil {
		return err
	}
	now, err := u.ownedRow(ctx, op, c, o.ID)
	if err != nil || now.get(c.Field) == string(to.ID) {
		return err
	}
	if err := u.receives(ctx, op, to.ID); err != nil {
		return err
	}
	// The user was read meanwhile.
	if err := u.listed(ctx, op, c, o.ID, from.ID); err != nil {
		return err
	}
	var answer row
	_, err = u.d.call(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPatch, Path: tablePath(c.Table, o.ID), Query: plain("sys_id"),
		Body: map[string]string{c.Field: string(to.ID)},
	}, &answer)
	if rest.StatusOf(err) == http.StatusForbidden && strings.Contains(err.Error(), "Operation Failed") {
		// The record was just read with the same credentials.
		return access.Errorf(access.Invalid, op, "usher's account may not write %s of %s %q: %w", c.Field, c.Table, o.ID, err)
	}
	if err != nil {
		return err
	}
	now, err = u.ownedRow(ctx, op, c, o.ID)
	if err == nil && now.get(c.Field) != string(to.ID) {
		err = access.Errorf(access.Invalid, op, "%s: ServiceNow took what was written and did not keep it", c.Field)
	}
	return err
}

// listed makes sure that a record is one that ListOwned lists for a user: it asks for it as that does. Conflict: it is not.
func (u *Users) listed(ctx context.Context, op string, c OwnedConfig, id string, owner access.UserID) error {
	me, err := u.d.self(ctx, op)
	if err != nil {
		return err
	}
	rows, hidden, err := u.d.all(ctx, op, c.listing(condition{idColumn, equal, id}))
	switch {
	case err != nil:
		return err
	case hidden:
		return access.Errorf(access.Forbidden, op, "usher's account may not see %s %q", c.Table, id)
	case len(rows) == 0:
		if _, err := u.ownedRow(ctx, op, c, id); err != nil {
			return err
		}
		return access.Errorf(access.Conflict, op, "%s %q is not of the kind by now: it does not have the values of where", c.Table, id)
	}
	r := rows[0]
	err = showsColumns(op, c.Table, r, c.Field)
	if err == nil {
		err = u.showsKept(op, c, r)
	}
	if err != nil {
		return err
	}
	switch now := r.get(c.Field); {
	case now != string(owner):
		return access.Errorf(access.Conflict, op, "%s %q is owned by %q by now", c.Table, id, now)
	case keeps(me, r):
		return access.Errorf(access.Conflict, op, "%s %q belongs to a request or to an incident of usher's, which looks after it", c.Table, id)
	}
	return nil
}

// ownedRow reads a record, also one that is not of the kind.
func (u *Users) ownedRow(ctx context.Context, op string, c OwnedConfig, id string) (row, error) {
	none := access.Errorf(access.NotFound, op, "there is no %s %q that is listed", c.Table, id)
	if !sysID.MatchString(id) {
		if _, err := u.d.Self(ctx, op); err != nil {
			return nil, err
		}
		return nil, none
	}
	l := listing{table: c.Table, where: query{{"sys_id", equal, id}}, fields: []string{c.Field}}
	rows, hidden, err := u.d.all(ctx, op, l)
	if err == nil && len(rows) == 0 && !hidden {
		err = u.finds(ctx, op, c.Table, "sys_id")
	}
	switch {
	case err != nil:
		return nil, err
	case hidden:
		return nil, access.Errorf(access.Forbidden, op, "usher's account may not see %s %q", c.Table, id)
	case len(rows) == 0:
		return nil, none
	}
	return rows[0], showsColumns(op, c.Table, rows[0], c.Field)
}

// receives makes sure that a user can be given something.
func (u *Users) receives(ctx context.Context, op string, id access.UserID) error {
	r, err := u.row(ctx, op, id)
	switch {
	case access.IsKind(err, access.NotFound):
		return access.Errorf(access.Invalid, op, "there is no user %q to hand it to", id)
	case err == nil && !u.user(r).Active:
		return access.Errorf(access.Invalid, op, "the user %q is switched off, so nothing is handed to them", id)
	}
	return err
}
