package servicenow

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// An account is known by its user name everywhere: that is what ServiceNow keeps of who created, changed and closed something.
// References to people need their sys_id, which is looked up when one is written.

const userTable = "sys_user"

// account is usher's own, with the time of its last change.
type account struct{ id, userName, name, updated string }

// whoAmI is the call that asks whose credentials these are, which no other call says.
func (d *driver) whoAmI(op string) rest.Call {
	v := plain("sys_id", "user_name", "name", "sys_updated_on")
	v.Set("sysparm_query", "sys_id=javascript:gs.getUserID()")
	v.Set("sysparm_limit", "2")
	return rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: tablePath(userTable), Query: v}
}

// Self implements desk.Driver. Exactly one record proves that ServiceNow understood the question.
func (d *driver) Self(ctx context.Context, op string) (desk.Self, error) {
	me, answer, err := d.ownRecord(ctx, d.whoAmI(op))
	if err != nil {
		return desk.Self{}, err
	}
	d.me.Store(&account{id: me.get("sys_id"), userName: me.get("user_name"), name: me.get("name"), updated: me.get("sys_updated_on")})
	return desk.Self{Account: access.AccountID(me.get("user_name")), Clock: answer.Clock()}, nil
}

// ownRecord is the answer to whoAmI.
func (d *driver) ownRecord(ctx context.Context, c rest.Call) (row, rest.Response, error) {
	var rows []row
	answer, err := d.call(ctx, c, &rows)
	switch {
	case access.IsKind(err, access.NotFound):
		return nil, answer, access.Errorf(access.Invalid, c.Op, "%s: no Table API of ServiceNow answers there: %w", d.key("base_url"), err)
	case err != nil:
		return nil, answer, err
	case len(rows) != 1 || rows[0].get("user_name") == "":
		return nil, answer, access.Errorf(access.Forbidden, c.Op, "ServiceNow does not say whose credentials these are: usher's account"+
			" must be able to read its own record in sys_user")
	}
	return rows[0], answer, nil
}

// self is usher's own account.
func (d *driver) self(ctx context.Context, op string) (account, error) {
	if d.me.Load() == nil {
		if _, err := d.Self(ctx, op); err != nil {
			return account{}, err
		}
	}
	return *d.me.Load(), nil
}

// readsUTC makes sure, once, that a time in a query is taken for UTC, and not for a time in the zone of usher's account. Forbidden:
// it is not.
func (d *driver) readsUTC(ctx context.Context, op string) error {
	if d.utc.Load() {
		return nil
	}
	if _, err := d.Self(ctx, op); err != nil {
		return err
	}
	me := *d.me.Load()
	rows, _, err := d.all(ctx, op, listing{
		table: userTable, fields: []string{"user_name"}, where: query{{"sys_id", equal, me.id}, {"sys_updated_on", equal, me.updated}},
	})
	if err == nil && len(rows) == 0 {
		return access.Errorf(access.Forbidden, op, "ServiceNow reads the times of a query in the time zone of account %q; set that to UTC (GMT)",
			me.userName)
	}
	d.utc.Store(err == nil)
	return err
}

// AddressesAreOwn implements desk.AddressOwner: the form of one's own profile has the address, and nothing keeps people from
// changing it unless the customer has seen to that.
func (d *driver) AddressesAreOwn(context.Context, string) (bool, error) { return true, nil }

// Users implements desk.Driver.
func (d *driver) Users(ctx context.Context, op, text string) ([]desk.User, error) {
	field := "user_name"
	if d.config.Match == desk.MatchEmail {
		field = "email"
	}
	rows, err := d.users(ctx, op, field, text)
	var out []desk.User
	for _, r := range rows {
		if name := r.get("user_name"); name != "" {
			out = append(out, desk.User{ID: access.AccountID(name), Name: name, Email: r.get("email"), Usable: usable(r)})
		}
	}
	return out, err
}

func usable(r row) bool { return r.get("active") == "true" && r.get("locked_out") != "true" }

// users are the accounts that have a value in a field.
func (d *driver) users(ctx context.Context, op, field, text string) ([]row, error) {
	if !writable(text) {
		return nil, nil
	}
	rows, _, err := d.all(ctx, op, listing{
		table: userTable, where: query{{field, equal, text}}, fields: []string{"user_name", "name", "email", "active", "locked_out"},
	})
	return rows, err
}

// reference is the sys_id by which a field refers to an account that can be used; "" for none.
func (d *driver) reference(ctx context.Context, op string, id access.AccountID) (string, error) {
	rows, err := d.users(ctx, op, "user_name", string(id))
	if err != nil || len(rows) != 1 || !usable(rows[0]) {
		return "", err
	}
	return rows[0].get("sys_id"), nil
}

// nameAll fills in what those who changed something are called; who is not there is called by the user name.
func (d *driver) nameAll(ctx context.Context, op string, all map[access.TicketID][]desk.Change) error {
	var accounts []access.AccountID
	for _, changes := range all {
		for _, c := range changes {
			accounts = append(accounts, c.By)
		}
	}
	err := d.loadNames(ctx, op, accounts...)
	for _, changes := range all {
		for n, c := range changes {
			changes[n].ByName = d.nameOf(c.By)
		}
	}
	return err
}

// loadNames learns what accounts are called.
func (d *driver) loadNames(ctx context.Context, op string, accounts ...access.AccountID) error {
	unknown := map[string]bool{}
	for _, one := range accounts {
		if _, known := d.names.Load(one); !known && writable(string(one)) {
			unknown[string(one)] = true
		}
	}
	rows, err := d.each(ctx, op, listing{table: userTable, fields: []string{"name"}}, "user_name", slices.Sorted(maps.Keys(unknown)))
	for _, r := range rows {
		d.names.Store(access.AccountID(r.get("user_name")), r.get("name"))
	}
	return err
}

// nameOf is what an account is called, as far as that was learned, else its user name.
func (d *driver) nameOf(account access.AccountID) string {
	known, _ := d.names.Load(account)
	name, _ := known.(string)
	return cmp.Or(name, string(account))
}

// Assign implements desk.Driver. It reads back: rules may take away somebody who is not in the group of the ticket.
func (d *driver) Assign(ctx context.Context, op string, t desk.Ticket, to access.AccountID) error {
	id, err := d.reference(ctx, op, to)
	switch {
	case err != nil:
		return err
	case id == "" && to != "":
		return access.Errorf(access.Invalid, op, "account %q does not exist, is not active, or is hidden from usher's account", to)
	}
	after, err := d.patch(ctx, op, d.config.table(), string(t.ID), map[string]any{"assigned_to": id})
	if err == nil && after.get("assigned_to") != id {
		err = access.Errorf(access.Invalid, op, "ServiceNow did not assign the ticket to %q: a rule of the instance refuses that", to)
	}
	return err
}
