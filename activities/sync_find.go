package activities

import (
	"context"

	"usher/internal/access"
	"usher/internal/usersync"
)

// userFinder finds what is known about the users of people, of a listing of the desk and of the links.
type userFinder struct {
	ledger SyncLedger
	run    access.SyncRun
	twins  twins
	rules  usersync.Rules
	groups *usersync.Groups
	owns   map[access.PersonID][]string
}

// wanted is what a person's user is to have, and the keys by which the user may be found; "" for none.
type wanted struct {
	values      map[string]string
	notes       []string
	email, name string
}

func (f userFinder) wanted(p access.KnownPerson) wanted {
	values, notes := f.rules.Mapping.Values(p.Record)
	notes = f.groups.Add(values, notes, p.Record, usersync.Position{Reports: f.twins.reports[p.Record.ID], Owns: f.owns[p.Record.ID]})
	return wanted{
		values: values, notes: notes,
		email: f.rules.Key(access.UserFieldEmail, p.Record, values), name: f.rules.Key(access.UserFieldName, p.Record, values),
	}
}

// found is what is known for a page of people.
type foundUsers struct {
	links    map[access.PersonID]access.DeskLink
	linked   map[access.UserID]access.DeskUser
	persons  map[access.PersonID][]access.DeskUser
	emails   map[string][]access.DeskUser
	names    map[string][]access.DeskUser
	others   map[access.UserID]access.PersonID
	managers map[access.PersonID]access.PersonState
}

// find returns what is known for each person of a page, in its order.
func (f userFinder) find(ctx context.Context, page []access.KnownPerson) ([]usersync.Found, error) {
	all := make([]wanted, len(page))
	for i, p := range page {
		all[i] = f.wanted(p)
	}
	known, err := f.known(ctx, page, all)
	if err != nil {
		return nil, err
	}
	out := make([]usersync.Found, len(page))
	for i, p := range page {
		w := all[i]
		found := usersync.Found{
			Values: w.values, Notes: w.notes,
			ByPerson: known.persons[p.Record.ID], ByEmail: known.emails[w.email], ByName: known.names[w.name], Others: map[access.UserID]access.PersonID{},
			EmailPeople: f.twins.emails[w.email], NamePeople: f.twins.names[w.name],
		}
		if link, linked := known.links[p.Record.ID]; linked {
			found.Link = &link
			if user, listed := known.linked[link.User]; listed {
				found.Linked = &user
			}
		}
		for _, users := range [][]access.DeskUser{found.ByPerson, found.ByEmail} {
			for _, u := range users {
				if other, linked := known.others[u.ID]; linked && other != p.Record.ID {
					found.Others[u.ID] = other
				}
			}
		}
		if link, linked := known.links[p.Record.Manager]; linked && p.Record.Manager != "" {
			if _, listed := known.linked[link.User]; listed {
				found.Manager = link.User
			}
		}
		found.ManagerComes = known.managers[p.Record.Manager] == access.PersonPresent
		out[i] = found
	}
	return out, nil
}

// known reads what find needs, in a few calls of the ledger.
func (f userFinder) known(ctx context.Context, page []access.KnownPerson, all []wanted) (foundUsers, error) {
	var people, managers []access.PersonID
	var emails, names []string
	for i, p := range page {
		people = append(people, p.Record.ID)
		if p.Record.Manager != "" {
			managers = append(managers, p.Record.Manager)
		}
		emails, names = append(emails, all[i].email), append(names, all[i].name)
	}
	out := foundUsers{
		links: map[access.PersonID]access.DeskLink{}, linked: map[access.UserID]access.DeskUser{},
		persons: map[access.PersonID][]access.DeskUser{}, emails: map[string][]access.DeskUser{}, names: map[string][]access.DeskUser{},
		others: map[access.UserID]access.PersonID{}, managers: map[access.PersonID]access.PersonState{},
	}
	var users []access.UserID
	for _, some := range [][]access.PersonID{people, managers} {
		links, err := f.ledger.DeskLinks(ctx, f.run.Desk, some)
		if err != nil {
			return out, err
		}
		for _, l := range links {
			out.links[l.Person] = l
			users = append(users, l.User)
		}
	}
	for _, q := range []access.DeskUsersQuery{{IDs: users}, {Persons: people}, {EmailKeys: emails}, {NameKeys: names}} {
		if err := f.users(ctx, q, out); err != nil {
			return out, err
		}
	}
	if err := f.managers(ctx, managers, out); err != nil {
		return out, err
	}
	return out, f.others(ctx, out)
}

// users adds the listed users that a query asks for.
func (f userFinder) users(ctx context.Context, q access.DeskUsersQuery, out foundUsers) error {
	found, err := f.ledger.DeskUsers(ctx, f.run.Desk, f.run.Plan, q)
	for _, u := range found {
		switch {
		case q.IDs != nil:
			out.linked[u.ID] = u
		case q.Persons != nil:
			out.persons[u.Person] = append(out.persons[u.Person], u)
		case q.EmailKeys != nil:
			key := usersync.Listed(u).EmailKey
			out.emails[key] = append(out.emails[key], u)
		case q.NameKeys != nil:
			key := usersync.Listed(u).NameKey
			out.names[key] = append(out.names[key], u)
		}
	}
	return err
}

// managers adds where the managers stand who have no user in the listing.
func (f userFinder) managers(ctx context.Context, all []access.PersonID, out foundUsers) error {
	for _, id := range all {
		_, listed := out.linked[out.links[id].User]
		_, read := out.managers[id]
		if listed || read {
			continue
		}
		known, err := f.ledger.KnownPerson(ctx, f.run.Source, id)
		if err != nil && !access.IsKind(err, access.NotFound) {
			return err
		}
		out.managers[id] = known.State
	}
	return nil
}

// others adds whom the users who were found are linked to.
func (f userFinder) others(ctx context.Context, out foundUsers) error {
	var users []access.UserID
	for _, all := range []map[string][]access.DeskUser{out.emails, out.names} {
		for _, some := range all {
			for _, u := range some {
				users = append(users, u.ID)
			}
		}
	}
	for _, some := range out.persons {
		for _, u := range some {
			users = append(users, u.ID)
		}
	}
	links, err := f.ledger.DeskLinksOf(ctx, f.run.Desk, users)
	for _, l := range links {
		out.others[l.User] = l.Person
	}
	return err
}
