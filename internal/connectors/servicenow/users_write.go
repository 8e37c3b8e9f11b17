package servicenow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"usher/internal/access"
	"usher/internal/rest"
)

// CreateUser implements access.UserDirectory. A user who was created without all that was asked for is Unknown as well, with the names of what
// is missing: the user is there.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	const op = "create user"
	values := maps.Clone(n.Values)
	maps.DeleteFunc(values, func(name, value string) bool { return value == "" && name != access.UserFieldName })
	if values[access.UserFieldName] == "" {
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "%s: expected a value", access.UserFieldName)
	}
	body, err := u.body(ctx, op, true, n.Person, values)
	if err == nil {
		err = u.nameIsFree(ctx, op, values[access.UserFieldName], "")
	}
	if err != nil {
		return access.DeskUser{}, err
	}
	body[activeColumn] = "true"
	insert := u.insert
	if u.d.config.Users.ImportSet != nil {
		insert = u.importNew
	}
	id, err := insert(ctx, op, body)
	if err != nil {
		return access.DeskUser{}, err
	}
	r, err := u.row(ctx, op, access.UserID(id))
	if err == nil {
		err = unkept(op, body, r)
	}
	if err != nil {
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "user %q is created, and not as asked: %w", id, err)
	}
	return u.user(r), nil
}

// insert makes a user by the Table API, and returns its sys_id.
func (u *Users) insert(ctx context.Context, op string, body map[string]string) (string, error) {
	var made row
	_, err := u.d.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: tablePath(userTable), Query: plain("sys_id"), Body: body,
	}, &made)
	switch {
	case access.IsKind(err, access.NotFound):
		// There is no user yet who could be missing.
		err = access.Errorf(access.Invalid, op, "%s: %w", u.d.key("base_url"), err)
	case err != nil:
		err = refusedName(err)
	}
	return made.get("sys_id"), err
}

// UpdateUser implements access.UserDirectory.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	const op = "update user"
	body, err := u.body(ctx, op, false, change.Person, change.Values)
	if err != nil {
		return access.DeskUser{}, err
	}
	r, err := u.row(ctx, op, id)
	if name, renamed := body[access.UserFieldName]; err == nil && renamed {
		err = u.nameIsFree(ctx, op, name, string(id))
	}
	if err != nil {
		return access.DeskUser{}, err
	}
	return u.write(ctx, op, r, body)
}

// SetUserActive implements access.UserDirectory. Usher does not switch itself off.
func (u *Users) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	const op = "set user active"
	r, err := u.row(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	me, err := u.d.self(ctx, op)
	switch {
	case err != nil:
		return access.DeskUser{}, err
	case !active && me.id == string(id):
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "%q is usher's own account", me.userName)
	}
	body := map[string]string{activeColumn: strconv.FormatBool(active)}
	if u.d.config.Users.Lock {
		body[lockColumn] = strconv.FormatBool(!active)
	}
	return u.write(ctx, op, r, body)
}

// write changes what differs in a user, and reads the user again: what ServiceNow or a rule of the instance did not keep is Invalid.
func (u *Users) write(ctx context.Context, op string, before row, body map[string]string) (access.DeskUser, error) {
	changed := maps.Clone(body)
	maps.DeleteFunc(changed, func(column, value string) bool { return before.get(column) == value })
	if len(changed) == 0 {
		return u.user(before), nil
	}
	patch := u.patch
	if u.d.config.Users.ImportSet != nil {
		patch = u.importChange
	}
	if err := patch(ctx, op, before, changed); err != nil {
		return access.DeskUser{}, err
	}
	after, err := u.row(ctx, op, access.UserID(before.get("sys_id")))
	if err == nil {
		err = unkept(op, changed, after)
	}
	if err != nil {
		return access.DeskUser{}, err
	}
	return u.user(after), nil
}

// patch changes a user by the Table API.
func (u *Users) patch(ctx context.Context, op string, before row, changed map[string]string) error {
	var answer row
	_, err := u.d.call(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPatch, Path: tablePath(userTable, before.get("sys_id")), Query: plain("sys_id"), Body: changed,
	}, &answer)
	if rest.StatusOf(err) == http.StatusForbidden && strings.Contains(err.Error(), byACL) {
		// The user was just read with the same credentials: it is this user, or what was to be written, that is kept from usher.
		err = access.Errorf(access.Invalid, op, "%s: usher's account may not write them: %w", strings.Join(slices.Sorted(maps.Keys(changed)), ", "), err)
	}
	return refusedName(err)
}

// unkept wants a row to have what was written. ServiceNow ignores unknown columns and those that the account may not write, cuts texts and empties
// references that lead nowhere, all without a word.
func unkept(op string, written map[string]string, r row) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if r.get(name) != written[name] {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	return access.Errorf(access.Invalid, op, "%s: ServiceNow took what was written and did not keep it: usher's account, or the transform map of an"+
		" import set, does not write it, a rule of the instance changed it, or there is no such value", strings.Join(names, ", "))
}

// body is what is to be written, by columns, to a user who is fresh or is there. Invalid names everything that cannot be.
func (u *Users) body(ctx context.Context, op string, fresh bool, person access.PersonID, values map[string]string) (map[string]string, error) {
	known, err := u.columns(ctx, op)
	if err != nil {
		return nil, err
	}
	body, wrong := map[string]string{}, []string(nil)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if why := known.refuses(fresh, name, values[name]); why != "" {
			wrong = append(wrong, name+": "+why)
		}
		body[name] = values[name]
	}
	if column := u.d.config.Users.PersonField; column != "" && person != "" {
		if why := known.refusesText(known.person, string(person)); why != "" || !writable(string(person)) {
			wrong = append(wrong, column+": a person's id that ServiceNow cannot hold, or cannot be asked for "+why)
		}
		body[column] = string(person)
	}
	if manager := body[access.UserFieldManager]; manager != "" && wrong == nil {
		_, err := u.row(ctx, op, access.UserID(manager))
		if access.IsKind(err, access.NotFound) {
			wrong, err = append(wrong, access.UserFieldManager+": "+err.Error()), nil
		}
		if err != nil {
			return nil, err
		}
	}
	if wrong != nil {
		return nil, access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return body, nil
}

// refuses is why a value cannot be written to a field; "" for one that can.
func (c *userColumns) refuses(fresh bool, name, value string) string {
	f, known := c.fields[name]
	switch {
	case !known:
		return "usher knows no such column"
	case f.ReadOnly && (!fresh || !f.OnlyNew):
		return cmp.Or(c.unwritten[name], "ServiceNow makes it of first_name and last_name")
	case value == "" && !f.Clears:
		return "expected a value"
	case name == access.UserFieldName && !writable(value):
		return "expected a name that ServiceNow can be asked for, without a comma and without ^"
	case c.references[name] && value != "" && !sysID.MatchString(value):
		return fmt.Sprintf("found %q, expected a sys_id", value)
	}
	return c.refusesText(f, value)
}

func (c *userColumns) refusesText(f access.UserField, value string) string {
	if c.reserved != "" && value == c.reserved {
		return "expected another text: with this one an import set empties a column"
	}
	if f.Runes > 0 && utf8.RuneCountInString(value) > f.Runes {
		return fmt.Sprintf("expected at most %d characters", f.Runes)
	}
	return ""
}

// nameIsFree makes sure that no other user has a user name: instances without a unique index would take it twice. A user whom usher does not
// see has it as well.
func (u *Users) nameIsFree(ctx context.Context, op, name, id string) error {
	rows, hidden, err := u.d.all(ctx, op, listing{
		table: userTable, where: query{{access.UserFieldName, equal, name}}, fields: []string{access.UserFieldName},
	})
	if err == nil && (hidden || slices.ContainsFunc(rows, func(r row) bool { return r.get("sys_id") != id })) {
		return access.Errorf(access.Conflict, op, "%s: %q is taken", access.UserFieldName, name)
	}
	return err
}

// byACL is what ServiceNow says where rights keep a record from being written, such as one of an administrator.
const byACL = "ACL Exception"

// byIndex is what ServiceNow says where the user name is another user's, also one whom a rule hides. Its status has no meaning then.
const byIndex = "Unique Key violation"

func refusedName(err error) error {
	var e *access.Error
	if errors.As(err, &e) && strings.Contains(err.Error(), byIndex) {
		e.Kind = access.Conflict
	}
	return err
}
