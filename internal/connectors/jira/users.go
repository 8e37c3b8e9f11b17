package jira

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/access"
)

// UsersConfig is how the users of a Jira site are kept. The keys are those of the configuration file, below users.
type UsersConfig struct {
	// Products are the products that a new user may use, such as jira-software. Cloud creates nobody without one; on Data Center none means
	// the site's own choice.
	Products []string `yaml:"products"`
	// Groups are the ids of the groups by which people may use the products of a Cloud site. Who is in none of them is off: usher takes
	// a user out of all of them, and puts the user into all of them. Without groups no user of Cloud can be switched off.
	Groups []string `yaml:"groups"`
	// Customers lists the customers of Jira Service Management too (Cloud).
	Customers bool `yaml:"customers"`
	// Notify lets Jira write to a new user (Data Center). Cloud always invites.
	Notify bool `yaml:"notify"`
	// Owned are the kinds of issues that name a user as their owner, by names of the configuration's own.
	Owned map[string]OwnedConfig `yaml:"owned"`
}

// wrongKey is a key below users that is wrong, and why.
type wrongKey struct{ key, why string }

// wrong are the keys that are wrong, or that the edition does not have; of an edition that is not known yet, none of those.
func (c UsersConfig) wrong(edition Edition) []wrongKey {
	var wrong []wrongKey
	for _, one := range []struct {
		key    string
		values []string
	}{{"products", c.Products}, {"groups", c.Groups}} {
		for n, value := range one.values {
			if strings.TrimSpace(value) == "" || slices.Contains(one.values[:n], value) {
				wrong = append(wrong, wrongKey{one.key, fmt.Sprintf("found %q, expected different values that are not empty", value)})
			}
		}
	}
	if edition == DataCenter && len(c.Groups) > 0 {
		wrong = append(wrong, wrongKey{"groups", "expected none, because Jira Data Center switches users off itself"})
	}
	if edition == DataCenter && c.Customers {
		wrong = append(wrong, wrongKey{"customers", "expected false, because all users of Jira Data Center are of one kind"})
	}
	if edition == Cloud && c.Notify {
		wrong = append(wrong, wrongKey{"notify", "expected false, because Jira Cloud invites every new user by mail"})
	}
	return append(wrong, c.wrongOwned()...)
}

// Users is the users of a Jira site. Jira holds no other fields of them than the user name, the address and the display name. It keeps
// nothing but the edition, what Jira's rate limits have shut and, on Cloud for some minutes, which accounts there were; it has its own
// share of the configured rate beside the Desk's. Safe for concurrent use; it never retries, and waits as a Desk does.
//
// On Cloud people own their accounts: usher can invite an address, and writes no field. The address is the user name as well, because
// people log in by it and nothing else names them; it is read only there, so that it is written once, as the address. Somebody who hides
// the address has neither, and cannot be found by it.
type Users struct {
	driver *driver
	fields []string
	known  knownAccounts
}

var _ access.UserDirectory = (*Users)(nil)

// NewUsers makes the users of the desk of that name. fields are those that its configuration needs besides the usual ones; UserSchema
// refuses each, because Jira has none. It calls nobody. The error is Validate's.
func NewUsers(c Config, name access.DeskName, fields []string) (*Users, error) {
	driver, err := newDriver(c, name, time.Now)
	if err != nil {
		return nil, err
	}
	return &Users{driver: driver, fields: fields}, nil
}

// userSide is what differs between the users of the editions. The values that it gets are checked.
type userSide interface {
	groupSide
	schema() access.UserSchema
	// unknown are the configured keys that the site does not have.
	unknown(ctx context.Context, op string) ([]wrongKey, error)
	list(ctx context.Context, op string, take func([]access.DeskUser) error) (int, error)
	read(ctx context.Context, op string, id access.UserID) (access.DeskUser, error)
	find(ctx context.Context, op string, q access.UserQuery) ([]access.DeskUser, error)
	create(ctx context.Context, op string, values map[string]string) (access.DeskUser, error)
	setActive(ctx context.Context, op string, id access.UserID, active bool) (access.DeskUser, error)
}

func (u *Users) side(ctx context.Context, op string) (userSide, error) {
	api, err := u.driver.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	if _, is := api.(dataCenter); is {
		return dataCenterUsers{u.driver}, nil
	}
	return cloudUsers{u.driver, &u.known}, nil
}

// UserSchema implements access.UserDirectory.
func (u *Users) UserSchema(ctx context.Context) (access.UserSchema, error) {
	const op = "read the schema of users"
	// The schema is also how usher finds out whether Jira answers at all.
	if _, err := u.driver.Self(ctx, op); err != nil {
		return access.UserSchema{}, err
	}
	side, err := u.side(ctx, op)
	if err != nil {
		return access.UserSchema{}, err
	}
	schema := side.schema()
	unknown, err := side.unknown(ctx, op)
	if err != nil {
		return access.UserSchema{}, err
	}
	var wrong []string
	for _, key := range unknown {
		wrong = append(wrong, u.driver.key("users."+key.key)+": "+key.why)
	}
	for _, name := range u.fields {
		if _, has := schema.Fields[name]; !has {
			wrong = append(wrong, fmt.Sprintf("the field %q: Jira holds no other fields of users than %s", name, strings.Join(usualFields(), ", ")))
		}
	}
	if len(wrong) > 0 {
		return access.UserSchema{}, access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return schema, nil
}

func usualFields() []string {
	return []string{access.UserFieldName, access.UserFieldEmail, access.UserFieldDisplayName}
}

// ListUsers implements access.UserDirectory.
func (u *Users) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	const op = "list users"
	side, err := u.side(ctx, op)
	if err != nil {
		return 0, err
	}
	return side.list(ctx, op, take)
}

// ReadUser implements access.UserDirectory.
func (u *Users) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	const op = "read user"
	side, err := u.side(ctx, op)
	if err != nil {
		return access.DeskUser{}, err
	}
	return side.read(ctx, op, id)
}

// FindUsers implements access.UserDirectory. On Cloud only active accounts can be searched for: one who is not found costs a whole listing
// once in some minutes, and an account that was switched off since then is missed.
func (u *Users) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	const op, most = "find users", 10
	if strings.TrimSpace(cmp.Or(q.UserName, q.Email)) == "" {
		return nil, access.Errorf(access.Invalid, op, "expected a user name or an address: Jira does not keep whose user it is")
	}
	side, err := u.side(ctx, op)
	if err != nil {
		return nil, err
	}
	found, err := side.find(ctx, op, q)
	if err == nil && len(found) == 0 {
		// An anonymous caller finds nobody.
		_, err = u.driver.Self(ctx, op)
	}
	return found[:min(len(found), most)], err
}

// CreateUser implements access.UserDirectory.
func (u *Users) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	const op = "create user"
	side, err := u.side(ctx, op)
	if err != nil {
		return access.DeskUser{}, err
	}
	schema := side.schema()
	if why := schema.Cannot[access.UserCreate]; why != "" {
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "%s", why)
	}
	if err := checkUser(op, schema, n.Values, true); err != nil {
		return access.DeskUser{}, err
	}
	return side.create(ctx, op, n.Values)
}

// UpdateUser implements access.UserDirectory.
func (u *Users) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	const op = "update user"
	side, err := u.side(ctx, op)
	if err != nil {
		return access.DeskUser{}, err
	}
	if err := checkUser(op, side.schema(), change.Values, false); err != nil {
		return access.DeskUser{}, err
	}
	if own, is := side.(dataCenterUsers); is && len(change.Values) > 0 {
		if _, renames := change.Values[access.UserFieldName]; renames {
			if err := u.notOwn(ctx, op, side, id); err != nil {
				return access.DeskUser{}, err
			}
		}
		return own.update(ctx, op, id, change.Values)
	}
	// On Cloud no field can be written, so nothing is left of a change.
	return side.read(ctx, op, id)
}

// SetUserActive implements access.UserDirectory.
func (u *Users) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	const op = "switch user on or off"
	side, err := u.side(ctx, op)
	if err != nil {
		return access.DeskUser{}, err
	}
	as := access.UserDeactivate
	if active {
		as = access.UserReactivate
	}
	if why := side.schema().Cannot[as]; why != "" {
		now, err := side.read(ctx, op, id)
		if err == nil && now.Active != active {
			err = access.Errorf(access.Invalid, op, "%s", why)
		}
		return now, err
	}
	if !active {
		if err := u.notOwn(ctx, op, side, id); err != nil {
			return access.DeskUser{}, err
		}
	}
	return side.setActive(ctx, op, id, active)
}

// notOwn refuses what usher could not undo: to switch its own account off, or to rename the login that its credentials have.
func (u *Users) notOwn(ctx context.Context, op string, side userSide, id access.UserID) error {
	me, err := u.driver.Self(ctx, op)
	if err != nil {
		return err
	}
	now, err := side.read(ctx, op, id)
	if err == nil && now.Account == me.Account {
		err = access.Errorf(access.Invalid, op, "user %s is usher's own account", id)
	}
	return err
}

// checkUser names every value that cannot be written, before anything is. No field of Jira's users can become empty.
func checkUser(op string, schema access.UserSchema, values map[string]string, isNew bool) error {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		f, known := schema.Fields[name]
		switch {
		case !known:
			wrong = append(wrong, name+": Jira has no such field of users")
		case f.ReadOnly && (!isNew || !f.OnlyNew):
			wrong = append(wrong, name+": Jira does not let it be written")
		case strings.TrimSpace(values[name]) == "":
			wrong = append(wrong, name+": expected a value")
		case f.Runes > 0 && utf8.RuneCountInString(values[name]) > f.Runes:
			wrong = append(wrong, fmt.Sprintf("%s: expected at most %d characters", name, f.Runes))
		}
	}
	for _, name := range usualFields() {
		if _, given := values[name]; isNew && schema.Fields[name].Required && !given {
			wrong = append(wrong, name+": expected a value")
		}
	}
	if len(wrong) > 0 {
		return access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return nil
}

// checkKept compares what was written with what Jira shows afterwards: it answers some writes with success and keeps nothing.
func checkKept(op string, written map[string]string, now access.DeskUser) error {
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(written)) {
		same := strings.TrimSpace(written[name]) == strings.TrimSpace(now.Values[name])
		if name != access.UserFieldDisplayName {
			// Jira may write names and addresses in small letters.
			same = strings.EqualFold(strings.TrimSpace(written[name]), now.Values[name])
		}
		if !same {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		return access.Errorf(access.Invalid, op, "%s: Jira did not keep what was written to the user %q", strings.Join(lost, ", "), now.ID)
	}
	return nil
}

// nobody is the error of a user who is not there. Only good credentials prove that, which read usher's own account at the same address: where Jira, or
// what stands before it, answers 404 for everybody, nobody is known to be gone. by is how that address names accounts.
func (d *driver) nobody(ctx context.Context, op, by string, id access.UserID) error {
	me, err := d.Self(ctx, op)
	if err != nil {
		return err
	}
	var found user
	switch err := d.get(ctx, op, "user?"+url.Values{by: {string(me.Account)}}.Encode(), &found); {
	case access.IsKind(err, access.NotFound), err == nil && found.id() == "":
		return access.Errorf(access.Forbidden, op, "Jira shows no user %q to usher's account, and not even that account itself", id)
	case err != nil:
		return err
	}
	return access.Errorf(access.NotFound, op, "Jira has no user %q", id)
}

// deskUser is an account in usher's words.
func deskUser(u user, id access.UserID, active bool) access.DeskUser {
	out := access.DeskUser{ID: id, Account: u.id(), Active: active, Values: map[string]string{}}
	for name, value := range map[string]string{
		access.UserFieldName: cmp.Or(string(u.Name), u.EmailAddress), access.UserFieldEmail: u.EmailAddress, access.UserFieldDisplayName: u.DisplayName,
	} {
		if value != "" {
			out.Values[name] = value
		}
	}
	return out
}
