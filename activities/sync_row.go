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

// applyRow applies one row, and returns where it stands then. With an error it stands where it stood.
func (a *DeskUsers) applyRow(ctx context.Context, run access.SyncRun, row access.SyncRow) (access.SyncRow, error) {
	if row.State == access.SyncManager {
		return a.applyManager(ctx, run, row)
	}
	person, err := a.Ledger.KnownPerson(ctx, run.Source, row.Person)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return row, err
	}
	if left := person.State != access.PersonPresent; left != (row.Operation == access.UserDeactivate) {
		return skipped(row, "the person's state has changed since the plan"), nil
	}
	if row.Operation == access.UserCreate {
		return a.applyCreate(ctx, run, row)
	}
	user, why, err := a.userNow(ctx, row)
	switch {
	case err != nil:
		return row, err
	case why != "":
		return skipped(row, why), nil
	}
	if row.Operation == access.UserDeactivate {
		_, err := a.Port.SetUserActive(ctx, user.ID, false)
		return asApplied(row), err
	}
	return a.applyValues(ctx, run, row, user)
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
func (a *DeskUsers) userNow(ctx context.Context, row access.SyncRow) (user access.DeskUser, why string, err error) {
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
	if row.How != "" && user.Person != "" && user.Person != row.Person {
		return user, fmt.Sprintf("the user is of another person, by the desk: %q", user.Person), nil
	}
	for _, name := range slices.Sorted(maps.Keys(row.Values)) {
		if now := user.Values[name]; now != row.Before[name] && now != row.Values[name] {
			return user, name + ": somebody has changed it since the plan", nil
		}
	}
	return user, "", nil
}

// applyValues links, updates and reactivates.
func (a *DeskUsers) applyValues(ctx context.Context, run access.SyncRun, row access.SyncRow, user access.DeskUser) (access.SyncRow, error) {
	if row.How != "" {
		link := access.DeskLink{Person: row.Person, User: user.ID, How: row.How, Run: run.ID, At: time.Now()}
		if err := a.Ledger.SaveDeskLink(ctx, run.Desk, link, ""); err != nil {
			return row, err
		}
	}
	change, waits, err := a.changeOf(ctx, run, row)
	if err != nil {
		return row, err
	}
	if run.Schema.KeepsPerson && user.Person == "" {
		change.Person = row.Person
	}
	if change.Person != "" || len(change.Values) > 0 {
		if _, err := a.Port.UpdateUser(ctx, user.ID, change); err != nil {
			return row, err
		}
	}
	if !user.Active {
		if _, err := a.Port.SetUserActive(ctx, user.ID, true); err != nil {
			return row, err
		}
	}
	return settled(row, waits), nil
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
func (a *DeskUsers) changeOf(ctx context.Context, run access.SyncRun, row access.SyncRow) (change access.UserChange, waits bool, err error) {
	change.Values = maps.Clone(row.Values)
	if row.Manager == "" {
		return change, false, nil
	}
	links, err := a.Ledger.DeskLinks(ctx, run.Desk, []access.PersonID{row.Manager})
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
func (a *DeskUsers) applyManager(ctx context.Context, run access.SyncRun, row access.SyncRow) (access.SyncRow, error) {
	change, waits, err := a.changeOf(ctx, run, access.SyncRow{Manager: row.Manager})
	if err != nil {
		return row, err
	}
	if waits {
		row = asApplied(row)
		row.Problem = fmt.Sprintf("manager: %q has no user on the desk yet", row.Manager)
		return row, nil
	}
	_, why, err := a.userNow(ctx, row)
	switch {
	case err != nil:
		return row, err
	case why != "":
		row = asApplied(row)
		row.Problem = "manager: " + why
		return row, nil
	}
	_, err = a.Port.UpdateUser(ctx, row.User, change)
	return asApplied(row), err
}

// applyCreate creates the user of a person, or takes the one whom an attempt before has created.
func (a *DeskUsers) applyCreate(ctx context.Context, run access.SyncRun, row access.SyncRow) (access.SyncRow, error) {
	if row.Replaces != "" {
		_, err := a.Port.ReadUser(ctx, row.Replaces)
		if err == nil {
			return skipped(row, "the desk has the linked user again"), nil
		}
		if !access.IsKind(err, access.NotFound) {
			return row, err
		}
	}
	user, why, err := a.createdBefore(ctx, run, row)
	switch {
	case err != nil:
		return row, err
	case why != "":
		return skipped(row, why), nil
	case user == nil:
		if user, row, err = a.create(ctx, run, row); err != nil {
			return row, err
		}
	}
	row.User = user.ID
	link := access.DeskLink{Person: row.Person, User: user.ID, How: access.LinkCreated, Run: run.ID, At: time.Now()}
	if err := a.Ledger.SaveDeskLink(ctx, run.Desk, link, row.Replaces); err != nil {
		return row, err
	}
	return settled(row, row.Manager != ""), nil
}

// create creates a user. That it may have been created is recorded first, so that another attempt knows its user again.
func (a *DeskUsers) create(ctx context.Context, run access.SyncRun, row access.SyncRow) (*access.DeskUser, access.SyncRow, error) {
	row.Creating = true
	if err := a.Ledger.SaveSyncRows(ctx, run, []access.SyncRow{row}); err != nil {
		return nil, row, err
	}
	user, err := a.Port.CreateUser(ctx, access.NewUser{Person: row.Person, Values: row.Values})
	return &user, row, err
}

// createdBefore returns the user whom an attempt before has created; nil for none. why is why none can be created: somebody else has the name or
// the address.
func (a *DeskUsers) createdBefore(ctx context.Context, run access.SyncRun, row access.SyncRow) (user *access.DeskUser, why string, err error) {
	queries := []access.UserQuery{{UserName: row.Values[access.UserFieldName]}, {Email: row.Values[access.UserFieldEmail]}}
	if run.Schema.KeepsPerson {
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
		case len(found) == 1 && a.own(run, row, q, found[0]):
			return &found[0], "", nil
		case len(found) > 0:
			return nil, fmt.Sprintf("the desk has the user %q already, with the same %s", found[0].ID, keyOf(q)), nil
		}
	}
	return nil, "", nil
}

// own reports whether a user who was found is the row's own: one who has the person's id, or, on a desk that keeps no such id, one whom this row may
// have created and who has all that the row writes.
func (a *DeskUsers) own(run access.SyncRun, row access.SyncRow, q access.UserQuery, user access.DeskUser) bool {
	if a.Settings.Guard.Protects(user) != "" {
		return false
	}
	if run.Schema.KeepsPerson {
		return q.Person != "" && user.Person == row.Person
	}
	for _, name := range []string{access.UserFieldName, access.UserFieldEmail} {
		if usersync.FoldKey(user.Values[name]) != usersync.FoldKey(row.Values[name]) && row.Values[name] != "" {
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
