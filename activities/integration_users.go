package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
)

// IntegrationUsers are the activities over the register of the integration users of one desk. They run on that desk's queue, on a worker that has
// the ledger.
type IntegrationUsers struct {
	Port   access.UserDirectory
	Ledger IncidentLedger
	Client Messenger
	// Integration is the kind of the desk, and Tenant its own address.
	Integration, Tenant string
	// KeepAssignee is true to leave open tickets with a user who has been flagged or removed.
	KeepAssignee bool
}

// ChangeOfRegister is one change of a desk's register. Change names it: the same change has the same name each time.
type ChangeOfRegister struct {
	Desk     access.DeskName `json:"desk"`
	Change   string          `json:"change"`
	At       time.Time       `json:"at"`
	By       access.PersonID `json:"by,omitempty"`
	Evidence string          `json:"evidence,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	// Email and Groups are of a user who is added, User is one who is removed. Dry is true to find the user and change nothing.
	Email  string        `json:"email,omitempty"`
	Groups []string      `json:"groups,omitempty"`
	User   access.UserID `json:"user,omitempty"`
	Dry    bool          `json:"dry,omitempty"`
}

// RegisteredUser is what came of a change; without a user it was refused.
type RegisteredUser struct {
	User *access.IntegrationUser `json:"user,omitempty"`
	// Changed is true when the register is another one than before.
	Changed  bool             `json:"changed,omitempty"`
	Kind     access.Kind      `json:"kind,omitempty"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

func refusedUser(kind access.Kind, field, format string, args ...any) RegisteredUser {
	return RegisteredUser{Kind: kind, Refusals: []access.Refusal{{Field: field, Problem: fmt.Sprintf(format, args...)}}}
}

// AddIntegrationUser finds the only active user of the desk with an address, and registers it. A user who is registered already gets the groups.
// Safe to repeat.
func (a *IntegrationUsers) AddIntegrationUser(ctx context.Context, c ChangeOfRegister) (RegisteredUser, error) {
	found, err := a.Port.FindUsers(ctx, access.UserQuery{Email: c.Email})
	if err != nil {
		return RegisteredUser{}, translate(err)
	}
	found = slices.DeleteFunc(found, func(u access.DeskUser) bool { return !sameAddress(u.Values[access.UserFieldEmail], c.Email) })
	active := slices.DeleteFunc(slices.Clone(found), func(u access.DeskUser) bool { return !u.Active })
	switch {
	case len(found) == 0:
		return refusedUser(access.NotFound, "email", "the desk %q shows no user with the address %q", c.Desk, c.Email), nil
	case len(found) > 1:
		var names []string
		for _, u := range found {
			names = append(names, u.Values[access.UserFieldName])
		}
		return refusedUser(access.Conflict, "email", "the desk %q has %d users with the address %q, expected one: %s",
			c.Desk, len(found), c.Email, strings.Join(names, ", ")), nil
	case len(active) == 0:
		return refusedUser(access.Conflict, "email", "the user %q of the desk %q is switched off", found[0].Values[access.UserFieldName], c.Desk), nil
	case active[0].Account == "":
		return refusedUser(access.Conflict, "email", "tickets of the desk %q cannot name the user %q", c.Desk, active[0].Values[access.UserFieldName]), nil
	}
	return a.register(ctx, c, active[0])
}

// register registers a user as the desk has it.
func (a *IntegrationUsers) register(ctx context.Context, c ChangeOfRegister, now access.DeskUser) (RegisteredUser, error) {
	u := a.known(access.IntegrationUser{Desk: c.Desk, ID: now.ID, Groups: c.Groups, AddedBy: c.By, AddedAt: c.At}, now, c.At)
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	there, err := a.Ledger.IntegrationUser(ctx, c.Desk, now.ID)
	registered := err == nil
	if err != nil && !access.IsKind(err, access.NotFound) {
		return RegisteredUser{}, translate(err)
	}
	if registered {
		u.AddedBy, u.AddedAt, u.Open = there.AddedBy, there.AddedAt, there.Open
	}
	changed := !registered || !slices.Equal(u.Groups, there.Groups) || !there.Available()
	if c.Dry {
		return RegisteredUser{User: &u}, nil
	}
	if !changed {
		// What the desk says of the user may have changed.
		return RegisteredUser{User: &u}, translate(a.Ledger.UpdateIntegrationUser(ctx, u))
	}
	text := u.CalledBy() + " was added to the integration users"
	if len(u.Groups) > 0 {
		text += ", groups " + strings.Join(u.Groups, ", ")
	}
	return RegisteredUser{User: &u, Changed: true}, translate(a.Ledger.SaveIntegrationUser(ctx, u, c.event(access.DeskUserAdded, u.ID, text)))
}

// known returns a user of the register with what the desk says now.
func (a *IntegrationUsers) known(u access.IntegrationUser, now access.DeskUser, at time.Time) access.IntegrationUser {
	u.Account, u.Integration, u.Tenant, u.CheckedAt = now.Account, a.Integration, a.Tenant, at
	u.Name, u.UserName = now.Values[access.UserFieldDisplayName], now.Values[access.UserFieldName]
	if email := now.Values[access.UserFieldEmail]; email != "" {
		u.Email = email
	}
	return u
}

// event returns the event of a change.
func (c ChangeOfRegister) event(t access.DeskEventType, user access.UserID, text string) access.DeskEvent {
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return access.DeskEvent{
		ID: c.Change + "#" + string(t) + "/" + string(user), Desk: c.Desk, User: user, Type: t, At: c.At, Actor: c.By, Evidence: c.Evidence, Text: text + ".",
	}
}

// RemoveIntegrationUser takes a user out of the register. Safe to repeat: who is not there any more by this change is no refusal.
func (a *IntegrationUsers) RemoveIntegrationUser(ctx context.Context, c ChangeOfRegister) (RegisteredUser, error) {
	u, err := a.Ledger.IntegrationUser(ctx, c.Desk, c.User)
	if err == nil {
		err = a.Ledger.RemoveIntegrationUser(ctx, c.Desk, c.User, c.event(access.DeskUserRemoved, c.User, u.CalledBy()+" was removed from the integration users"))
	}
	switch {
	case err == nil:
		return RegisteredUser{User: &u, Changed: true}, nil
	case !access.IsKind(err, access.NotFound):
		return RegisteredUser{}, translate(err)
	case activity.GetInfo(ctx).Attempt > 1:
		// An attempt before this one may have done it; its answer was lost.
		return RegisteredUser{User: &access.IntegrationUser{Desk: c.Desk, ID: c.User}, Changed: true}, nil
	}
	return refusedUser(access.NotFound, "user", "the desk %q has no integration user %q", c.Desk, c.User), nil
}

// CheckedUsers is what came of a check.
type CheckedUsers struct {
	Checked int `json:"checked"`
	Flagged int `json:"flagged"`
	// Unread counts the users of whom the desk said nothing: they stay as they are.
	Unread int `json:"unread"`
	// Problem is why the first of them was not read; "" for none.
	Problem string `json:"problem,omitempty"`
}

// unreadInARow is after how many users in a row of whom the desk says nothing it counts as unavailable.
const unreadInARow = 3

// CheckIntegrationUsers asks the desk for every user of its register: who is switched off, or not there any more, is flagged, and who is back is
// available again. A user of whom the desk says nothing stays as they are, and stops no other. Safe to repeat.
func (a *IntegrationUsers) CheckIntegrationUsers(ctx context.Context, c ChangeOfRegister) (CheckedUsers, error) {
	var done CheckedUsers
	register, row := registerOf(ctx, a.Ledger, c.Desk), 0
	for {
		u, err := register.next()
		if err != nil || u == nil {
			return done, translate(err)
		}
		now, err := a.Port.ReadUser(ctx, u.ID)
		activity.RecordHeartbeat(ctx, done.Checked)
		switch {
		case err == nil || access.IsKind(err, access.NotFound):
			row = 0
		case access.IsKind(err, access.Forbidden) || row == unreadInARow-1:
			return done, translate(err)
		default:
			row++
			if done.Unread++; done.Problem == "" {
				done.Problem = err.Error()
			}
			continue
		}
		flagged, err := a.checked(ctx, c, *u, now)
		if err != nil {
			return done, translate(err)
		}
		if done.Checked++; flagged {
			done.Flagged++
		}
	}
}

// checked writes what the desk says of a user of the register, of nobody for one who is not there any more, and reports whether the user is
// flagged now. A user who was removed meanwhile stays removed.
func (a *IntegrationUsers) checked(ctx context.Context, c ChangeOfRegister, before access.IntegrationUser, found access.DeskUser) (bool, error) {
	now := before
	now.CheckedAt, now.Flagged = c.At, ""
	switch {
	case found.ID == "":
		now.Flagged = "the desk has no such user any more"
	case !found.Active:
		now.Flagged = "the desk has switched the user off"
	}
	if found.ID != "" {
		now = a.known(now, found, c.At)
	}
	var events []access.DeskEvent
	switch {
	case now.Available() && !before.Available():
		now.FlaggedAt = time.Time{}
		events = append(events, c.event(access.DeskUserAvailable, now.ID, "Tickets can be assigned to "+now.CalledBy()+" again"))
	case !now.Available() && before.Available():
		now.FlaggedAt = c.At
		events = append(events, c.event(access.DeskUserFlagged, now.ID, "No ticket is assigned to "+now.CalledBy()+": "+now.Flagged))
	}
	err := a.Ledger.UpdateIntegrationUser(ctx, now, events...)
	if access.IsKind(err, access.NotFound) {
		err = nil
	}
	return !now.Available(), err
}

// NotifyIncidents has the incidents assigned anew that are assigned to users who are flagged, or to one who was removed, and returns how many.
// Safe to repeat.
func (a *IntegrationUsers) NotifyIncidents(ctx context.Context, c ChangeOfRegister) (int, error) {
	notified := 0
	if a.KeepAssignee {
		return notified, nil
	}
	if c.User != "" {
		n, err := a.notifyAll(ctx, c.Desk, c.User)
		return n, translate(err)
	}
	register := registerOf(ctx, a.Ledger, c.Desk)
	for {
		u, err := register.next()
		if err != nil || u == nil {
			return notified, translate(err)
		}
		if u.Available() {
			continue
		}
		n, err := a.notifyAll(ctx, c.Desk, u.ID)
		notified += n
		if err != nil {
			return notified, translate(err)
		}
	}
}

// notifyAll notifies the incidents that are assigned to a user.
func (a *IntegrationUsers) notifyAll(ctx context.Context, desk access.DeskName, user access.UserID) (int, error) {
	const limit = 100
	notified := 0
	for after, more := access.IncidentID(""), true; more; {
		page, err := a.Ledger.IncidentsOf(ctx, desk, user, after, limit)
		if err != nil {
			return notified, err
		}
		for _, id := range page {
			if err := delivered(a.Client.SignalWorkflow(ctx, IncidentPrefix+string(id), "", SignalAssignee, struct{}{})); err != nil {
				return notified, err
			}
			after = id
			notified++
			activity.RecordHeartbeat(ctx, notified)
		}
		more = len(page) == limit
	}
	return notified, nil
}
