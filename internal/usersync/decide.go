package usersync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/access"
)

// Rules are how a desk's users are made of people. Safe for concurrent use.
type Rules struct {
	Mapping *Mapping
	Schema  access.UserSchema
	Guard   *Guard
	// LinkByEmail lets a user be taken for a person's because both have the same address.
	LinkByEmail bool
	// MaxActive is how many users may be active; 0 for any number.
	MaxActive int
	// Modes are the operations that are applied; the others are only observed.
	Modes map[access.UserOperation]bool
}

// Found is what is known about the user of one person.
type Found struct {
	// Values is what the mapping makes of the person, and Notes what it cannot make.
	Values map[string]string
	Notes  []string
	// Link is the person's link, nil for none; Linked is its user as listed, nil where the listing does not have the user.
	Link   *access.DeskLink
	Linked *access.DeskUser
	// ByPerson, ByEmail and ByName are the listed users who have the person's id, and the address and the user name that the person's user is
	// to have.
	ByPerson, ByEmail, ByName []access.DeskUser
	// Others are the people whom these users are linked to, but for this person.
	Others map[access.UserID]access.PersonID
	// EmailPeople and NamePeople are how many people who have not left are to have this address, and this user name.
	EmailPeople, NamePeople int
	// Manager is the user who is linked to the person's manager; "" for none. ManagerComes is true where the manager may still get one.
	Manager      access.UserID
	ManagerComes bool
}

// Decide returns the row of a person, and false where nothing is to be done and nobody has to know.
func (r Rules) Decide(p access.KnownPerson, f Found) (access.SyncRow, bool) {
	row := access.SyncRow{Person: p.Record.ID, State: access.SyncPlanned}
	switch {
	case away(p, f):
		row.Expected = p.State == access.PersonExpected
		return r.leave(row, f)
	case p.State != access.PersonPresent:
		return row, false
	}
	user, how, why := r.match(p, f)
	if why != "" {
		return skip(row, user, why)
	}
	if f.Link != nil && f.Linked == nil {
		row.Replaces, row.Reason = f.Link.User, "the desk does not have the linked user any more"
	}
	if user == nil {
		return r.create(row, p, f)
	}
	row.User, row.How = user.ID, how
	return r.update(row, p, f, *user)
}

// Key returns what users are found by for a field of a person: what the mapping makes for the desk or, of an address that it does not make, the
// person's own. "" for a user name that is not written.
func (r Rules) Key(field string, p access.PersonRecord, values map[string]string) string {
	schema, there := r.Schema.Fields[field]
	switch {
	case r.Mapping.has(field) && there && schema.WritesNew():
		return access.FoldKey(values[field])
	case field == access.UserFieldEmail && !r.Mapping.has(field):
		return access.FoldKey(p.Email)
	case field == access.UserFieldEmail && there:
		return access.FoldKey(values[field])
	}
	return ""
}

// away reports whether a person's user is not to be on: the person has left, or was here and is expected again.
func away(p access.KnownPerson, f Found) bool {
	return p.State == access.PersonLeft || (p.State == access.PersonExpected && f.Link != nil)
}

// leave returns the row of somebody who is away: of the users who are linked or have the person's id, those who are on, or in a group, and can be
// switched off, the first one as the row's own; else why the first one cannot.
func (r Rules) leave(row access.SyncRow, f Found) (access.SyncRow, bool) {
	var off, not []access.SyncRow
	for _, u := range f.own() {
		if !u.Active && len(memberships(u)) == 0 {
			continue
		}
		one := r.leaveUser(row, u, f)
		if one.Operation == access.UserSkip {
			not = append(not, one)
		} else {
			off = append(off, one)
		}
	}
	switch {
	case len(off) > 0:
		row = off[0]
		for _, other := range off[1:] {
			row.Others = append(row.Others, access.OtherUser{User: other.User, Values: other.Values})
		}
		return row, true
	case len(not) > 0:
		return not[0], true
	}
	return row, false
}

// leaveUser returns the row that switches one of the users of a person off, or a skip.
func (r Rules) leaveUser(row access.SyncRow, u access.DeskUser, f Found) access.SyncRow {
	row.User = u.ID
	if f.Linked == nil || u.ID != f.Linked.ID {
		row.How, row.Reason = access.LinkPerson, "the user has the id of the person, who has left"
	} else if why := foreign(u, row.Person); why != "" {
		row, _ = skip(row, &u, why)
		return row
	}
	return r.deactivate(row, u)
}

// own returns the user who is linked, and those who have the person's id and are linked to nobody else.
func (f Found) own() []access.DeskUser {
	var users []access.DeskUser
	if f.Linked != nil {
		users = append(users, *f.Linked)
	}
	for _, u := range f.ByPerson {
		if _, linked := f.Others[u.ID]; !linked && (f.Linked == nil || u.ID != f.Linked.ID) {
			users = append(users, u)
		}
	}
	return users
}

// foreign returns why a linked user is not the person's any more; "" for one who is.
func foreign(u access.DeskUser, person access.PersonID) string {
	if u.Person != "" && u.Person != person {
		return fmt.Sprintf("the desk has the linked user for another person: %q", u.Person)
	}
	return ""
}

func skip(row access.SyncRow, user *access.DeskUser, why string) (access.SyncRow, bool) {
	row.Operation, row.State, row.Reason = access.UserSkip, access.SyncSkipped, why
	if user != nil {
		row.User = user.ID
	}
	return row, true
}

// match returns the person's user, nil for none, and how they were matched where they are not linked yet; or why it cannot be known.
func (r Rules) match(p access.KnownPerson, f Found) (*access.DeskUser, access.LinkHow, string) {
	if f.Linked != nil {
		return f.Linked, "", foreign(*f.Linked, p.Record.ID)
	}
	if len(f.ByPerson) > 0 {
		return r.only(f.ByPerson, f, access.LinkPerson, "the id of the person")
	}
	if len(f.ByEmail) == 0 {
		return nil, "", ""
	}
	if !r.LinkByEmail {
		return &f.ByEmail[0], "", "a user of the desk has the person's address, and link_by_email is off"
	}
	if f.EmailPeople > 1 {
		return nil, "", fmt.Sprintf("%d people have the address of the user", f.EmailPeople)
	}
	user, how, why := r.only(f.ByEmail, f, access.LinkEmail, "the person's address")
	if user != nil && user.Person != "" && user.Person != p.Record.ID {
		return user, "", fmt.Sprintf("the user with the person's address is of another person, by the desk: %q", user.Person)
	}
	return user, how, why
}

// only returns the one user whom a search has found.
func (r Rules) only(users []access.DeskUser, f Found, how access.LinkHow, what string) (*access.DeskUser, access.LinkHow, string) {
	if len(users) > 1 {
		return nil, "", fmt.Sprintf("%d users of the desk have %s", len(users), what)
	}
	user := users[0]
	if other, linked := f.Others[user.ID]; linked {
		return &user, "", fmt.Sprintf("the user with %s is linked to another person: %q", what, other)
	}
	return &user, how, ""
}

// create returns the row of somebody who has no user.
func (r Rules) create(row access.SyncRow, p access.KnownPerson, f Found) (access.SyncRow, bool) {
	row.Operation = access.UserCreate
	if row.Reason == "" {
		row.Reason = "the desk has no user of the person"
	}
	row.Values, row.Notes = map[string]string{}, f.Notes
	for name, value := range f.Values {
		if field, there := r.Schema.Fields[name]; value != "" && there && field.WritesNew() && r.fits(&row, name, value) {
			row.Values[name] = value
		}
	}
	slices.Sort(row.Notes)
	r.setManager(&row, p, f, nil)
	if lacks := r.lacks(row.Values); lacks != "" {
		return skip(row, nil, lacks+": the desk needs a value, and the person has none that it can hold")
	}
	name, named := row.Values[access.UserFieldName]
	switch {
	case r.Guard.wouldProtect(access.DeskUser{Person: row.Person, Active: true}, row.Values) != "":
		return skip(row, nil, "the user would be protected")
	case named && len(f.ByName) > 0:
		return skip(row, &f.ByName[0], fmt.Sprintf("user_name: %q is taken by another user of the desk", name))
	case named && f.NamePeople > 1:
		return skip(row, nil, fmt.Sprintf("user_name: %d people have %q", f.NamePeople, name))
	}
	if why := r.Schema.Cannot[access.UserCreate]; why != "" {
		return skip(row, nil, why)
	}
	return row, true
}

// lacks returns the first field that the desk needs and that has no value; "" for none.
func (r Rules) lacks(values map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(r.Schema.Fields)) {
		if r.Schema.Fields[name].Required && values[name] == "" {
			return name
		}
	}
	return ""
}

// fits reports whether the desk can hold a value; where it cannot, the row has a note, and the field is left as it is.
func (r Rules) fits(row *access.SyncRow, name, value string) bool {
	most := r.Schema.Fields[name].Runes
	if found := utf8.RuneCountInString(value); most > 0 && found > most {
		row.Notes = append(slices.Clip(row.Notes), fmt.Sprintf("%s: the desk holds at most %d characters, found %d", name, most, found))
		return false
	}
	return true
}

// Limit makes a skip of a row that would have more users active than may be. active is how many are; it counts the row. A seat that somebody
// leaves is free for the next run: whether a row is held is not known yet.
func (r Rules) Limit(row access.SyncRow, active *int) access.SyncRow {
	comes := row.Operation == access.UserCreate || row.Operation == access.UserReactivate
	if !comes || !r.Modes[row.Operation] {
		return row
	}
	if r.MaxActive > 0 && *active >= r.MaxActive {
		row, _ = skip(row, nil, fmt.Sprintf("max_active: the desk has %d active users, and may have no more", *active))
		return row
	}
	*active++
	return row
}

// deactivate returns the row that switches a user off, or why the user cannot be.
func (r Rules) deactivate(row access.SyncRow, user access.DeskUser) access.SyncRow {
	row.Operation = access.UserDeactivate
	why := r.Guard.Protects(user)
	row.Values, row.Before = map[string]string{}, map[string]string{}
	for _, field := range memberships(user) {
		if _, there := r.Schema.Fields[field]; there {
			row.Values[field], row.Before[field] = "", user.Values[field]
		}
	}
	if why == "" && len(row.Values) == 0 {
		why = r.Schema.Cannot[access.UserDeactivate]
	}
	if why != "" {
		row.Values, row.Before = nil, nil
		row, _ = skip(row, &user, why)
	}
	return row
}

// memberships returns the fields of a user that are about a group that the user is in, sorted.
func memberships(user access.DeskUser) []string {
	var fields []string
	for field, value := range user.Values {
		if _, is := access.GroupOfField(field); is && value != "" {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}

// update returns the row of somebody who is present and has a user.
func (r Rules) update(row access.SyncRow, p access.KnownPerson, f Found, user access.DeskUser) (access.SyncRow, bool) {
	row.Operation = access.UserUpdate
	switch {
	case !user.Active:
		row.Operation = access.UserReactivate
	case row.How != "":
		row.Operation = access.UserLink
	}
	row.Values, row.Before, row.Notes = map[string]string{}, map[string]string{}, f.Notes
	for name, value := range f.Values {
		if r.fits(&row, name, value) {
			r.setValue(&row, name, value, user)
		}
	}
	r.setManager(&row, p, f, &user)
	slices.Sort(row.Notes)
	if row.Operation != access.UserUpdate && !r.Modes[access.UserUpdate] && len(r.Modes) > 0 {
		// A link or a reactivation alone.
		row.Values, row.Before, row.Manager = map[string]string{}, map[string]string{}, ""
	}
	r.setOthers(&row, f, user)
	if row.Operation == access.UserUpdate && len(row.Values) == 0 && row.Manager == "" && len(row.Others) == 0 {
		if len(row.Notes) == 0 {
			return row, false
		}
		return skip(row, &user, strings.Join(row.Notes, "; "))
	}
	return r.checked(row, f, user)
}

// checked returns a row that may be applied, or a skip.
func (r Rules) checked(row access.SyncRow, f Found, user access.DeskUser) (access.SyncRow, bool) {
	if why := r.Guard.Protects(user); why != "" {
		return skip(row, &user, why)
	}
	if r.Guard.wouldProtect(user, row.Values) != "" {
		return removalsOnly(row, user, "the user would be protected with the new values, and never be switched off again")
	}
	if other := f.takes(row.Values[access.UserFieldName], user.ID); other != "" {
		return removalsOnly(row, user, fmt.Sprintf("user_name: %q is taken by the user %q of the desk", row.Values[access.UserFieldName], other))
	}
	if why := r.Schema.Cannot[row.Operation]; why != "" {
		return skip(row, &user, why)
	}
	return row, true
}

// removalsOnly returns what is left of a row whose other values may not be written: that the user leaves groups, with a note of why it is no more. Whoever
// moves would keep a group because of another field. Without that, and of a user who is off, it is a skip.
func removalsOnly(row access.SyncRow, user access.DeskUser, why string) (access.SyncRow, bool) {
	removals := Removals(row.Values)
	if len(removals) == 0 || row.Operation == access.UserReactivate {
		return skip(row, &user, why)
	}
	row.Values, row.Manager, row.Notes = removals, "", append(slices.Clip(row.Notes), why)
	maps.DeleteFunc(row.Before, func(field, _ string) bool { _, stays := removals[field]; return !stays })
	return row, true
}

// takes returns another user who has a user name; "" for none.
func (f Found) takes(name string, user access.UserID) access.UserID {
	for _, other := range f.ByName {
		if name != "" && other.ID != user {
			return other.ID
		}
	}
	return ""
}

// setValue adds a field to a row if it has to be written. Names and addresses that differ in case only are the same: desks write them as they like.
func (r Rules) setValue(row *access.SyncRow, name, value string, user access.DeskUser) {
	has := user.Values[name]
	field, there := r.Schema.Fields[name]
	same := value == has
	if name == access.UserFieldName || name == access.UserFieldEmail {
		same = access.FoldKey(value) == access.FoldKey(has)
	}
	if same || !there || field.ReadOnly || (r.Mapping.keeps(name) && has != "") || (value == "" && !field.Clears) {
		return
	}
	row.Values[name] = value
	if has != "" {
		row.Before[name] = has
	}
}

// setManager adds the manager to a row if that has to be written. A person without a manager has none on the desk either.
func (r Rules) setManager(row *access.SyncRow, p access.KnownPerson, f Found, user *access.DeskUser) {
	field, there := r.Schema.Fields[access.UserFieldManager]
	if !r.Mapping.manager || !there || field.ReadOnly {
		return
	}
	has := ""
	if user != nil {
		has = user.Values[access.UserFieldManager]
	}
	switch {
	case r.Mapping.keepManager && has != "":
	case p.Record.Manager != "" && f.Manager == "":
		// Who has the manager of before keeps that one until there is another.
		if f.ManagerComes {
			row.Manager = p.Record.Manager
			if has != "" {
				row.Before[access.UserFieldManager] = has
			}
		}
	case user == nil && f.Manager != "":
		row.Values[access.UserFieldManager] = string(f.Manager)
	case user != nil:
		r.setValue(row, access.UserFieldManager, string(f.Manager), *user)
	}
}
