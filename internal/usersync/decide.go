package usersync

import (
	"fmt"
	"maps"
	"slices"

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
}

// Found is what is known about the user of one person.
type Found struct {
	// Link is the person's link, nil for none; Linked is its user as listed, nil where the listing does not have the user.
	Link   *access.DeskLink
	Linked *access.DeskUser
	// ByPerson, ByEmail and ByName are the listed users who have the person's id, address and user name.
	ByPerson, ByEmail, ByName []access.DeskUser
	// Others are the people whom these users are linked to, but for this person.
	Others map[access.UserID]access.PersonID
	// EmailPeople and NamePeople are how many people who have not left have this address, and this user name.
	EmailPeople, NamePeople int
	// Manager is the user who is linked to the person's manager; "" for none. ManagerComes is true where the manager may still get one.
	Manager      access.UserID
	ManagerComes bool
}

// Decide returns the row of a person, and false where nothing is to be done and nobody has to know.
func (r Rules) Decide(p access.KnownPerson, f Found) (access.SyncRow, bool) {
	row := access.SyncRow{Person: p.Record.ID, State: access.SyncPlanned}
	user, how, why := r.match(p, f)
	switch {
	case why != "" && p.State == access.PersonPresent:
		return skip(row, user, why)
	case why != "" || p.State == access.PersonExpected:
		return row, false
	case user == nil && p.State == access.PersonLeft:
		return row, false
	case user == nil:
		return r.create(row, p, f)
	}
	row.User = user.ID
	if p.State == access.PersonLeft {
		return r.deactivate(row, *user)
	}
	row.How = how
	return r.update(row, p, f, *user)
}

func skip(row access.SyncRow, user *access.DeskUser, why string) (access.SyncRow, bool) {
	row.Operation, row.State, row.Reason = access.UserSkip, access.SyncSkipped, why
	if user != nil {
		row.User = user.ID
	}
	return row, true
}

// match returns the person's user, nil for none, and how they were matched where they are not linked yet; or why it cannot be known. Only
// somebody who is present is matched by an address.
func (r Rules) match(p access.KnownPerson, f Found) (*access.DeskUser, access.LinkHow, string) {
	if f.Link != nil {
		return f.Linked, "", ""
	}
	if len(f.ByPerson) > 0 {
		return r.only(f.ByPerson, f, access.LinkPerson, "the id of the person")
	}
	if len(f.ByEmail) == 0 || p.Record.Email == "" || p.State != access.PersonPresent {
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
	row.Operation, row.Reason = access.UserCreate, "the desk has no user of the person"
	if f.Link != nil {
		row.Replaces, row.Reason = f.Link.User, "the desk does not have the linked user any more"
	}
	values, notes := r.Mapping.Values(p.Record)
	maps.DeleteFunc(values, func(name, value string) bool {
		field, there := r.Schema.Fields[name]
		return value == "" || !there || !field.WritesNew()
	})
	row.Values, row.Notes = values, notes
	r.setManager(&row, p, f, nil)
	for _, name := range slices.Sorted(maps.Keys(r.Schema.Fields)) {
		if r.Schema.Fields[name].Required && values[name] == "" {
			return skip(row, nil, fmt.Sprintf("%s: the desk needs a value, and the person has none", name))
		}
	}
	switch {
	case r.Guard.protectsPerson(values):
		return skip(row, nil, "the user would have a protected name")
	case len(f.ByName) > 0:
		return skip(row, &f.ByName[0], fmt.Sprintf("user_name: %q is taken by another user of the desk", p.Record.UserName))
	case f.NamePeople > 1:
		return skip(row, nil, fmt.Sprintf("user_name: %d people have %q", f.NamePeople, p.Record.UserName))
	}
	if why := r.Schema.Cannot[access.UserCreate]; why != "" {
		return skip(row, nil, why)
	}
	return row, true
}

// Limit makes a skip of a row that would have more users active than may be. active is how many are; it counts the row.
func (r Rules) Limit(row access.SyncRow, active *int) access.SyncRow {
	switch row.Operation {
	case access.UserCreate, access.UserReactivate:
		if r.MaxActive > 0 && *active >= r.MaxActive {
			row, _ = skip(row, nil, fmt.Sprintf("max_active: the desk has %d active users, and may have no more", *active))
			return row
		}
		*active++
	case access.UserDeactivate:
		*active--
	case access.UserLink, access.UserUpdate, access.UserSkip:
	}
	return row
}

// deactivate returns the row of somebody who has left and has a user.
func (r Rules) deactivate(row access.SyncRow, user access.DeskUser) (access.SyncRow, bool) {
	row.Operation = access.UserDeactivate
	if !user.Active {
		return row, false
	}
	if why := r.Guard.Protects(user); why != "" {
		return skip(row, &user, why)
	}
	if why := r.Schema.Cannot[access.UserDeactivate]; why != "" {
		return skip(row, &user, why)
	}
	return row, true
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
	row.Values, row.Before = map[string]string{}, map[string]string{}
	values, notes := r.Mapping.Values(p.Record)
	row.Notes = notes
	for name, value := range values {
		r.setValue(&row, name, value, user)
	}
	r.setManager(&row, p, f, &user)
	if row.Operation == access.UserUpdate && len(row.Values) == 0 && row.Manager == "" && len(row.Notes) == 0 {
		return row, false
	}
	if why := r.Guard.Protects(user); why != "" {
		return skip(row, &user, why)
	}
	if other := f.takes(row.Values[access.UserFieldName], user.ID); other != "" {
		return skip(row, &user, fmt.Sprintf("user_name: %q is taken by the user %q of the desk", row.Values[access.UserFieldName], other))
	}
	if why := r.Schema.Cannot[row.Operation]; why != "" {
		return skip(row, &user, why)
	}
	if len(row.Values) == 0 && row.Manager == "" && row.Operation == access.UserUpdate {
		return skip(row, &user, "values could not be made")
	}
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

// setValue adds a field to a row if it has to be written.
func (r Rules) setValue(row *access.SyncRow, name, value string, user access.DeskUser) {
	has := user.Values[name]
	field, there := r.Schema.Fields[name]
	if value == has || !there || field.ReadOnly || (r.Mapping.keeps(name) && has != "") || (value == "" && !field.Clears) {
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
	switch {
	case p.Record.Manager != "" && f.Manager == "":
		// Who has the manager of before keeps that one until there is another.
		if f.ManagerComes {
			row.Manager = p.Record.Manager
		}
	case user == nil && f.Manager != "":
		row.Values[access.UserFieldManager] = string(f.Manager)
	case user != nil:
		r.setValue(row, access.UserFieldManager, string(f.Manager), *user)
	}
}
