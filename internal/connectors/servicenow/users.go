package servicenow

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/access"
)

// UsersConfig is how usher reads and writes the users of the instance, the rows of sys_user.
type UsersConfig struct {
	// PersonField is the column that carries whose user it is, such as employee_number or one of your own; "" means none.
	PersonField string `yaml:"person_field"`
	// Lock makes usher lock a user out as well when it switches the user off, and unlock with switching on.
	Lock bool `yaml:"lock"`
	// Owned are kinds of records that name a user as their owner, by a name that you give them.
	Owned map[string]OwnedConfig `yaml:"owned"`
	// ImportSet makes usher write users by an import set; nil means by the Table API. Both read by the Table API.
	ImportSet *ImportSetConfig `yaml:"import_set"`
}

// validate names every key that is wrong.
func (c UsersConfig) validate(problem func(key, format string, args ...any)) {
	if c.PersonField != "" && !ownColumn(c.PersonField) {
		problem("users.person_field", "expected the name of a column of %s, such as employee_number, that usher does not write anyway", userTable)
	}
	c.validateOwned(problem)
	if c.ImportSet != nil {
		c.ImportSet.validate(c, problem)
	}
}

// Columns of sys_user that have a meaning of their own for usher, and the one that ServiceNow makes of first_name and last_name.
const (
	activeColumn = "active"
	lockColumn   = "locked_out"
	nameColumn   = "name"
)

// ownColumn reports whether a text can be the name of a column that has no meaning of its own for usher.
func ownColumn(name string) bool {
	taken := []string{access.UserFieldName, access.UserFieldEmail, access.UserFieldManager, access.UserFieldDisplayName, nameColumn, activeColumn, lockColumn}
	return tableName.MatchString(name) && !strings.HasPrefix(name, "sys_") && !slices.Contains(taken, name)
}

// Users are the users of a ServiceNow instance. Safe for concurrent use; it never retries. It keeps nothing but what it learned about
// the table of users, and waits for a token of its configured rate as Desk does.
type Users struct {
	d      *driver
	fields []string
	// known is what the table holds, once it was read; inactive: users who are switched off were seen; searched are the columns by which
	// usher's own account was found.
	known    atomic.Pointer[userColumns]
	inactive atomic.Bool
	searched sync.Map
	// news and changes are what is known of the transform map of an import set: whether it makes new users, and changes those who are there.
	news, changes proof
}

var _ access.UserDirectory = (*Users)(nil)

// NewUsers returns the users of the desk of that name, with columns of sys_user beside the usual fields. It calls nobody: columns that do
// not exist show in UserSchema. The error is Validate's.
func NewUsers(c Config, name access.DeskName, fields []string) (*Users, error) {
	d, err := newDriver(c, name)
	if err != nil {
		return nil, err
	}
	return &Users{d: d, fields: slices.Clone(fields)}, nil
}

// userColumns is what sys_user holds, as far as usher uses it.
type userColumns struct {
	fields map[string]access.UserField
	// person is the column of UsersConfig.PersonField, and references are the fields that hold a sys_id.
	person     access.UserField
	references map[string]bool
	// unwritten is why an import set does not write a field, by its name; reserved is a text that it does not write; notes are for people.
	unwritten map[string]string
	reserved  string
	notes     []string
}

// UserSchema implements access.UserDirectory.
func (u *Users) UserSchema(ctx context.Context) (access.UserSchema, error) {
	const op = "read user schema"
	known, err := u.readColumns(ctx, op)
	if err == nil {
		// After a write to somebody else nothing more is planned, and what is being applied ends.
		err = u.d.gates.Check(op, time.Now(), importing)
	}
	if err != nil {
		return access.UserSchema{}, err
	}
	return access.UserSchema{
		Fields: maps.Clone(known.fields), KeepsPerson: u.d.config.Users.PersonField != "", Notes: slices.Clone(known.notes),
	}, nil
}

// columns is what the table holds, read once.
func (u *Users) columns(ctx context.Context, op string) (*userColumns, error) {
	if known := u.known.Load(); known != nil {
		return known, nil
	}
	return u.readColumns(ctx, op)
}

// readColumns learns what the table holds. Usher's own record shows the columns that its account may read; the dictionary, where the account
// may read it, has their limits.
func (u *Users) readColumns(ctx context.Context, op string) (*userColumns, error) {
	ask := u.d.whoAmI(op)
	ask.Query.Del("sysparm_fields")
	mine, _, err := u.d.ownRecord(ctx, ask)
	if err == nil {
		err = u.lacks(op, mine)
	}
	if err != nil {
		return nil, err
	}
	entries, err := u.d.dictionary(ctx, op, userTable)
	if err != nil {
		return nil, err
	}
	known := &userColumns{fields: map[string]access.UserField{}, references: map[string]bool{}}
	for _, name := range u.names() {
		entry := entries[column(name)]
		known.references[name] = name == access.UserFieldManager || entry.get("reference") != ""
		known.fields[name] = access.UserField{
			Runes: runes(entry), ReadOnly: name == access.UserFieldDisplayName,
			Required: name == access.UserFieldName, Clears: name != access.UserFieldName && name != access.UserFieldDisplayName,
		}
	}
	known.person.Runes = runes(entries[u.d.config.Users.PersonField])
	if err := u.stage(ctx, op, known); err != nil {
		return nil, err
	}
	u.known.Store(known)
	return known, nil
}

// lacks names what is configured and is no column that the record shows.
func (u *Users) lacks(op string, mine row) error {
	var wrong []string
	for _, name := range u.fields {
		if _, shown := mine[name]; !shown || !ownColumn(name) || name == u.d.config.Users.PersonField {
			wrong = append(wrong, name)
		}
	}
	if person := u.d.config.Users.PersonField; person != "" {
		if _, shown := mine[person]; !shown {
			wrong = append(wrong, u.d.key("users.person_field")+" "+person)
		}
	}
	if len(wrong) > 0 {
		return access.Errorf(access.Invalid, op, "%s: expected columns of the table %s that usher's account may read, and that usher does not write anyway",
			strings.Join(wrong, ", "), userTable)
	}
	return u.shows(op, mine)
}

// dictionary is what the instance has written about the columns of a table; nothing where usher's account may not read that.
func (d *driver) dictionary(ctx context.Context, op, table string) (map[string]row, error) {
	rows, _, err := d.all(ctx, op, listing{
		table: "sys_dictionary", where: query{{"name", equal, table}}, fields: []string{"element", "max_length", "reference"},
	})
	// The credentials are good: they have just shown the account itself.
	if err != nil && !access.IsKind(err, access.Forbidden) {
		return nil, err
	}
	entries := map[string]row{}
	for _, r := range rows {
		entries[r.get("element")] = r
	}
	return entries, nil
}

// runes is how many characters a column holds; 0 for a reference, and where the dictionary does not say.
func runes(entry row) int {
	if entry.get("reference") != "" {
		return 0
	}
	return number(entry.get("max_length"))
}

// names are the fields of a user.
func (u *Users) names() []string {
	return append([]string{access.UserFieldName, access.UserFieldEmail, access.UserFieldDisplayName, access.UserFieldManager}, u.fields...)
}

// column is the column of a field.
func column(field string) string {
	if field == access.UserFieldDisplayName {
		return nameColumn
	}
	return field
}

// listing asks for users with all that usher needs to know of them.
func (u *Users) listing(where ...condition) listing {
	l := listing{table: userTable, where: where, fields: []string{activeColumn}}
	for _, name := range u.names() {
		l.fields = append(l.fields, column(name))
	}
	if u.d.config.Users.Lock {
		l.fields = append(l.fields, lockColumn)
	}
	if person := u.d.config.Users.PersonField; person != "" {
		l.fields = append(l.fields, person)
	}
	return l
}

// shows makes sure that a row has every column that was asked for: a column that is hidden is not an empty one.
func (u *Users) shows(op string, r row) error {
	for _, field := range u.listing().fields {
		if _, shown := r[field]; !shown {
			return access.Errorf(access.Forbidden, op, "usher's account may not read the column %s of user %q in %s", field, r.get("sys_id"), userTable)
		}
	}
	return nil
}

// user is a row in the port's words.
func (u *Users) user(r row) access.DeskUser {
	out := access.DeskUser{
		ID: access.UserID(r.get("sys_id")), Account: access.AccountID(r.get("user_name")), Active: r.get(activeColumn) == "true", Values: map[string]string{},
	}
	if person := u.d.config.Users.PersonField; person != "" {
		out.Person = access.PersonID(r.get(person))
	}
	for _, name := range u.names() {
		if value := r.get(column(name)); value != "" {
			out.Values[name] = value
		}
	}
	return out
}
