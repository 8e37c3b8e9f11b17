package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/usersync"
)

// row applies one row, and returns where it stands then. With an error it stands where it stood.
func (a *applying) row(ctx context.Context, row access.SyncRow) (access.SyncRow, error) {
	if row.State == access.SyncManager {
		return a.applyManager(ctx, row)
	}
	person, err := a.Ledger.KnownPerson(ctx, a.run.Source, row.Person)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return row, err
	}
	wanted := access.PersonPresent
	switch {
	case row.Expected:
		wanted = access.PersonExpected
	case row.Operation == access.UserDeactivate:
		wanted = access.PersonLeft
	}
	if person.State != wanted {
		return skipped(row, "the person's state has changed since the plan"), nil
	}
	if row.Operation == access.UserCreate {
		return a.applyCreate(ctx, row)
	}
	done, err := a.applyUser(ctx, row, person)
	// Whatever becomes of the first user, the others do not wait for it.
	if others := a.applyOthers(ctx, row); err == nil {
		err = others
	}
	return done, err
}

// applyUser applies a row of somebody who has a user to that user.
func (a *applying) applyUser(ctx context.Context, row access.SyncRow, person access.KnownPerson) (access.SyncRow, error) {
	user, why, err := a.userNow(ctx, row, person)
	switch {
	case err != nil:
		return row, err
	case why != "":
		return a.skipValues(ctx, row, sameUser{person, user}, why)
	}
	if row.Operation == access.UserDeactivate {
		return a.applyLeave(ctx, row, user)
	}
	return a.applyValues(ctx, row, user)
}

// applyLeave switches a user off, where the desk lets usher do so, and takes them out of groups, also where the desk refuses to switch the user off.
func (a *applying) applyLeave(ctx context.Context, row access.SyncRow, user access.DeskUser) (access.SyncRow, error) {
	var refused error
	if a.run.Schema.Cannot[access.UserDeactivate] == "" {
		refused = a.setActive(ctx, user.ID, false)
	}
	if len(row.Values) > 0 {
		if err := a.update(ctx, user.ID, access.UserChange{Values: row.Values}); refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return row, refused
	}
	return asApplied(row), nil
}

// sameUser is a person with the user of a row, as both are now.
type sameUser struct {
	person access.KnownPerson
	user   access.DeskUser
}

// skipValues skips a row that does not fit any more. Whoever is the person's and not protected is taken out of groups all the same.
func (a *applying) skipValues(ctx context.Context, row access.SyncRow, now sameUser, why string) (access.SyncRow, error) {
	removals := usersync.Removals(row.Values)
	if len(removals) == 0 || now.user.ID == "" || a.Settings.Guard.Protects(now.user) != "" || a.matches(row, now.person, now.user) != "" {
		return skipped(row, why), nil
	}
	why += "; written all the same: " + strings.Join(slices.Sorted(maps.Keys(removals)), ", ")
	return skipped(row, why), a.update(ctx, row.User, access.UserChange{Values: removals})
}

// update changes a user, if the attempt still applies the run: a membership that somebody has taken away since shows no trace of it. Where the desk
// refuses that, the user comes out of groups all the same: whoever moves would keep a group because of another field. The first error counts. A row
// that the desk has no time for comes again.
func (a *applying) update(ctx context.Context, user access.UserID, change access.UserChange) error {
	if err := a.save(ctx); err != nil {
		return err
	}
	_, err := a.Port.UpdateUser(ctx, user, change)
	removals := usersync.Removals(change.Values)
	alone := change.Person == "" && len(removals) == len(change.Values)
	if err != nil && len(removals) > 0 && !alone && !access.IsKind(err, access.RateLimited) {
		_, _ = a.Port.UpdateUser(ctx, user, access.UserChange{Values: removals})
	}
	return err
}

// setActive switches a user on or off, if the attempt still applies the run.
func (a *applying) setActive(ctx context.Context, user access.UserID, active bool) error {
	if err := a.save(ctx); err != nil {
		return err
	}
	_, err := a.Port.SetUserActive(ctx, user, active)
	return err
}

func skipped(row access.SyncRow, why string) access.SyncRow {
	row.State, row.Problem = access.SyncSkipped, why
	return row
}

func asApplied(row access.SyncRow) access.SyncRow {
	row.State, row.Problem = access.SyncApplied, ""
	return row
}

// userNow returns the user of a row as the desk has it now, or why the row does not fit any more.
func (a *applying) userNow(ctx context.Context, row access.SyncRow, person access.KnownPerson) (user access.DeskUser, why string, err error) {
	user, err = a.Port.ReadUser(ctx, row.User)
	switch {
	case access.IsKind(err, access.NotFound):
		return user, "the desk does not have the user any more", nil
	case err != nil:
		return user, "", err
	}
	if why := a.Settings.Guard.Protects(user); why != "" {
		return user, why, nil
	}
	if why := a.matches(row, person, user); why != "" {
		return user, why, nil
	}
	if !user.Active && (row.Operation == access.UserUpdate || row.Operation == access.UserLink) {
		return user, "somebody has switched the user off since the plan", nil
	}
	why, err = a.overwritten(ctx, row, user)
	return user, why, err
}

// overwritten returns what somebody has written to the user since the plan, that the row would write over; "" for nothing. What an attempt before
// has written of the row is no such thing.
func (a *applying) overwritten(ctx context.Context, row access.SyncRow, user access.DeskUser) (string, error) {
	wanted, _, err := a.changeOf(ctx, row)
	if err != nil {
		return "", err
	}
	names := slices.Collect(maps.Keys(row.Values))
	if row.Manager != "" {
		names = append(names, access.UserFieldManager)
	}
	slices.Sort(names)
	for _, name := range names {
		if now := user.Values[name]; now != row.Before[name] && now != wanted.Values[name] {
			return name + ": somebody has changed it since the plan", nil
		}
	}
	return "", nil
}

// matches returns why the user is not the person's any more, by what they were matched by; "" for one who is. A link that is made stays.
func (a *applying) matches(row access.SyncRow, person access.KnownPerson, user access.DeskUser) string {
	if user.Person != "" && user.Person != row.Person {
		return fmt.Sprintf("the user is of another person, by the desk: %q", user.Person)
	}
	switch row.How {
	case access.LinkPerson:
		if user.Person != row.Person {
			return "the desk has the person's id with the user no more"
		}
	case access.LinkEmail:
		rules := a.Settings.rules(a.run.Schema)
		values, _ := a.Settings.Mapping.Values(person.Record)
		if usersync.Listed(user).EmailKey != rules.Key(access.UserFieldEmail, person.Record, values) {
			return "the person and the user have not the same address any more"
		}
	case access.LinkCreated:
	}
	return ""
}

// applyValues links, updates and reactivates.
func (a *applying) applyValues(ctx context.Context, row access.SyncRow, user access.DeskUser) (access.SyncRow, error) {
	if row.How != "" {
		if why, err := a.replaced(ctx, row); err != nil || why != "" {
			return skipped(row, why), err
		}
		link := access.DeskLink{Person: row.Person, User: user.ID, How: row.How, Run: a.run.ID, At: time.Now()}
		if err := a.Ledger.SaveDeskLink(ctx, a.run.Desk, link, row.Replaces); err != nil {
			return row, err
		}
	}
	change, waits, err := a.changeOf(ctx, row)
	if err != nil {
		return row, err
	}
	if a.run.Schema.KeepsPerson && user.Person == "" {
		change.Person = row.Person
	}
	if change.Person != "" || len(change.Values) > 0 {
		if err := a.update(ctx, user.ID, change); err != nil {
			return row, err
		}
	}
	if row.Operation == access.UserReactivate {
		if err := a.setActive(ctx, user.ID, true); err != nil {
			return row, err
		}
	}
	return settled(row, waits), nil
}

// replaced makes sure that a linked user who is replaced is gone, or returns why the row does not fit any more.
func (a *applying) replaced(ctx context.Context, row access.SyncRow) (why string, err error) {
	if row.Replaces == "" {
		return "", nil
	}
	_, err = a.Port.ReadUser(ctx, row.Replaces)
	switch {
	case err == nil:
		return "the desk has the linked user again", nil
	case access.IsKind(err, access.NotFound):
		return "", nil
	}
	return "", err
}

// settled returns a row that is applied, or waits for its manager's user.
func settled(row access.SyncRow, waits bool) access.SyncRow {
	row = asApplied(row)
	if waits {
		row.State = access.SyncManager
	}
	return row
}

// changeOf returns what a row writes, with the manager's user where there is one by now; waits is true where there is none yet.
func (a *applying) changeOf(ctx context.Context, row access.SyncRow) (change access.UserChange, waits bool, err error) {
	change.Values = maps.Clone(row.Values)
	if row.Manager == "" {
		return change, false, nil
	}
	links, err := a.Ledger.DeskLinks(ctx, a.run.Desk, []access.PersonID{row.Manager})
	if err != nil || len(links) == 0 {
		return change, true, err
	}
	if change.Values == nil {
		change.Values = map[string]string{}
	}
	change.Values[access.UserFieldManager] = string(links[0].User)
	return change, false, nil
}

// applyManager writes the manager of a user who has everything else. Who has none by now is written by the next run.
func (a *applying) applyManager(ctx context.Context, row access.SyncRow) (access.SyncRow, error) {
	change, waits, err := a.changeOf(ctx, access.SyncRow{Manager: row.Manager})
	if err != nil {
		return row, err
	}
	if waits {
		why := fmt.Sprintf("manager: %q has no user on the desk yet", row.Manager)
		if row.Operation == access.UserUpdate && len(row.Values) == 0 {
			return skipped(row, why), nil
		}
		row = asApplied(row)
		row.Problem = why
		return row, nil
	}
	// They are linked by now, so what matched them counts no more.
	linked := row
	linked.How = ""
	_, why, err := a.userNow(ctx, linked, access.KnownPerson{})
	switch {
	case err != nil:
		return row, err
	case why != "":
		row = asApplied(row)
		row.Problem = "manager: " + why
		return row, nil
	}
	return asApplied(row), a.update(ctx, row.User, change)
}

// applyCreate creates the user of a person, or takes the one whom an attempt before has created.
func (a *applying) applyCreate(ctx context.Context, row access.SyncRow) (access.SyncRow, error) {
	if why, err := a.replaced(ctx, row); err != nil || why != "" {
		return skipped(row, why), err
	}
	user, why, err := a.createdBefore(ctx, row)
	switch {
	case err != nil:
		return row, err
	case why != "":
		return skipped(row, why), nil
	}
	found := user != nil
	if !found {
		if user, row, err = a.create(ctx, row); err != nil {
			return row, err
		}
	}
	row.User = user.ID
	link := access.DeskLink{Person: row.Person, User: user.ID, How: access.LinkCreated, Run: a.run.ID, At: time.Now()}
	if err := a.Ledger.SaveDeskLink(ctx, a.run.Desk, link, row.Replaces); err != nil {
		return row, err
	}
	if found {
		if err := a.joins(ctx, row, *user); err != nil {
			return row, err
		}
	}
	return settled(row, row.Manager != ""), nil
}

// joins has a user whom an attempt before has created come into the groups of the row that the attempt did not come to.
func (a *applying) joins(ctx context.Context, row access.SyncRow, user access.DeskUser) error {
	lacks := map[string]string{}
	for field, value := range row.Values {
		if _, is := access.GroupOfField(field); is && user.Values[field] != value {
			lacks[field] = value
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return a.update(ctx, user.ID, access.UserChange{Values: lacks})
}

// create creates a user. That it may have been created is recorded first, so that another attempt knows its user again.
func (a *applying) create(ctx context.Context, row access.SyncRow) (*access.DeskUser, access.SyncRow, error) {
	row.Creating = true
	if err := a.save(ctx, row); err != nil {
		return nil, row, err
	}
	user, err := a.Port.CreateUser(ctx, access.NewUser{Person: row.Person, Values: row.Values})
	return &user, row, err
}

// createdBefore returns the user whom an attempt before has created; nil for none. why is why none can be created: somebody else has the name or
// the address.
func (a *applying) createdBefore(ctx context.Context, row access.SyncRow) (user *access.DeskUser, why string, err error) {
	queries := []access.UserQuery{{UserName: row.Values[access.UserFieldName]}, {Email: row.Values[access.UserFieldEmail]}}
	if a.run.Schema.KeepsPerson {
		queries = append([]access.UserQuery{{Person: row.Person}}, queries...)
	}
	for _, q := range queries {
		if q == (access.UserQuery{}) {
			continue
		}
		found, err := a.Port.FindUsers(ctx, q)
		switch {
		case err != nil:
			return nil, "", err
		case len(found) == 1 && a.own(row, q, found[0]):
			return &found[0], "", nil
		case len(found) > 0:
			return nil, fmt.Sprintf("the desk has the user %q already, with the same %s", found[0].ID, keyOf(q)), nil
		}
	}
	return nil, "", nil
}

// own reports whether a user who was found is the row's own: one who has the person's id, or, on a desk that keeps no such id, one whom this row may
// have created and who has all that the row writes.
func (a *applying) own(row access.SyncRow, q access.UserQuery, user access.DeskUser) bool {
	if a.Settings.Guard.Protects(user) != "" {
		return false
	}
	if a.run.Schema.KeepsPerson {
		return q.Person != "" && user.Person == row.Person
	}
	for _, name := range []string{access.UserFieldName, access.UserFieldEmail} {
		if access.FoldKey(user.Values[name]) != access.FoldKey(row.Values[name]) && row.Values[name] != "" {
			return false
		}
	}
	return row.Creating
}

// keyOf names what a query asks by.
func keyOf(q access.UserQuery) string {
	switch {
	case q.Person != "":
		return "person"
	case q.UserName != "":
		return strings.ReplaceAll(access.UserFieldName, "_", " ")
	}
	return "address"
}
