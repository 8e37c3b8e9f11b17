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

// RegisterLedger is what the activities over a register need of the ledger; *ledger.Store is one.
type RegisterLedger interface {
	IncidentLedger
	DeskEvent(ctx context.Context, id string) (access.DeskEvent, error)
	UnassignedIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error)
	StrayIncidents(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error)
}

// IntegrationUsers are the activities over the register of the integration users of one desk. They run on that desk's queue, on a worker that has
// the ledger.
type IntegrationUsers struct {
	Port   access.UserDirectory
	Ledger RegisterLedger
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
// Then the incidents that nobody has are notified: this user may take them. Refused is an address that another user of the register has, whatever
// the desk says now. Safe to repeat: the same change has the same answer.
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
	other, err := a.otherAt(ctx, c.Desk, now.ID, c.Email)
	switch {
	case err != nil:
		return RegisteredUser{}, translate(err)
	case other != nil:
		return refusedUser(access.Conflict, "email", "another integration user of the desk %q, %s, has the address %q", c.Desk, other.CalledBy(), c.Email), nil
	}
	u := a.known(access.IntegrationUser{Desk: c.Desk, ID: now.ID, Groups: c.Groups, AddedBy: c.By, AddedAt: c.At}, now, c.At)
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	var before *access.IntegrationUser
	switch there, err := a.Ledger.IntegrationUser(ctx, c.Desk, now.ID); {
	case err == nil:
		before = &there
		u.AddedBy, u.AddedAt, u.Open = there.AddedBy, there.AddedAt, there.Open
	case !access.IsKind(err, access.NotFound):
		return RegisteredUser{}, translate(err)
	}
	if c.Dry {
		return RegisteredUser{User: &u}, nil
	}
	changed, err := a.save(ctx, c, before, u)
	if err == nil {
		_, err = a.notifyAll(ctx, c, a.Ledger.UnassignedIncidents)
	}
	return RegisteredUser{User: &u, Changed: changed}, translate(err)
}

// save writes a user who is added, of whom the register has what it had before, nil for nobody. It reports whether the register is another one by this
// change, also where an attempt before this one has written it.
func (a *IntegrationUsers) save(ctx context.Context, c ChangeOfRegister, before *access.IntegrationUser, u access.IntegrationUser) (bool, error) {
	text := added(before, u)
	event := c.event(access.DeskUserAdded, u.ID, text)
	if text != "" {
		return true, a.Ledger.SaveIntegrationUser(ctx, u, event)
	}
	// What the desk says of the user may have changed.
	if err := a.Ledger.UpdateIntegrationUser(ctx, u); err != nil {
		return false, err
	}
	return a.told(ctx, event)
}

// added returns what a user who is added changes; "" for nothing.
func added(before *access.IntegrationUser, u access.IntegrationUser) string {
	switch {
	case before == nil && len(u.Groups) == 0:
		return u.CalledBy() + " was added to the integration users"
	case before == nil:
		return u.CalledBy() + " was added to the integration users, groups " + groupsOf(u)
	}
	var parts []string
	if !slices.Equal(before.Groups, u.Groups) {
		parts = append(parts, "groups changed from "+groupsOf(*before)+" to "+groupsOf(u))
	}
	if !before.Available() {
		parts = append(parts, "tickets can be assigned again")
	}
	if len(parts) == 0 {
		return ""
	}
	return u.CalledBy() + ": " + strings.Join(parts, ", ")
}

// groupsOf returns a user's groups as people read them.
func groupsOf(u access.IntegrationUser) string {
	if len(u.Groups) == 0 {
		return "none"
	}
	return strings.Join(u.Groups, ", ")
}

// told reports whether an event is recorded already, as by an attempt whose answer was lost.
func (a *IntegrationUsers) told(ctx context.Context, e access.DeskEvent) (bool, error) {
	_, err := a.Ledger.DeskEvent(ctx, e.ID)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// otherAt returns a user of the register who has an address and another id; nil for none.
func (a *IntegrationUsers) otherAt(ctx context.Context, desk access.DeskName, id access.UserID, email string) (*access.IntegrationUser, error) {
	register := registerOf(ctx, a.Ledger, desk)
	for {
		u, err := register.next()
		if err != nil || u == nil || (u.ID != id && sameAddress(u.Email, email)) {
			return u, err
		}
	}
}

// known returns a user of the register with what the desk says now. An address or an account that the desk does not show stays what it was.
func (a *IntegrationUsers) known(u access.IntegrationUser, now access.DeskUser, at time.Time) access.IntegrationUser {
	u.Integration, u.Tenant, u.CheckedAt = a.Integration, a.Tenant, at
	if now.Account != "" {
		u.Account = now.Account
	}
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
	event := c.event(access.DeskUserRemoved, c.User, u.CalledBy()+" was removed from the integration users")
	if err == nil {
		err = a.Ledger.RemoveIntegrationUser(ctx, c.Desk, c.User, event)
	}
	switch {
	case err == nil:
		return RegisteredUser{User: &u, Changed: true}, nil
	case !access.IsKind(err, access.NotFound):
		return RegisteredUser{}, translate(err)
	}
	// An attempt before this one may have done it; its answer was lost.
	switch done, err := a.told(ctx, event); {
	case err != nil:
		return RegisteredUser{}, translate(err)
	case done:
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
// available again. A user of whom the desk says nothing, or nothing that can be kept, stays as they are, and stops no other; only where the desk itself
// is away the check ends. Safe to repeat.
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
		case ofOneUser(err):
			row = 0
			done.unread(err)
			continue
		case access.IsKind(err, access.Forbidden) || row == unreadInARow-1:
			return done, translate(err)
		default:
			row++
			done.unread(err)
			continue
		}
		switch flagged, err := a.checked(ctx, c, *u, now); {
		case err != nil && ofOneUser(err):
			done.unread(err)
		case err != nil:
			return done, translate(err)
		case flagged:
			done.Flagged++
			fallthrough
		default:
			done.Checked++
		}
	}
}

// ofOneUser reports whether an error is about the user who was asked for, and no sign that others cannot be read or kept.
func ofOneUser(err error) bool {
	return access.IsKind(err, access.Invalid) || access.IsKind(err, access.Conflict)
}

// unread counts a user of whom nothing was learnt.
func (c *CheckedUsers) unread(why error) {
	if c.Unread++; c.Problem == "" {
		c.Problem = why.Error()
	}
}

// checked writes what the desk says of a user of the register, of nobody for one who is not there any more, and reports whether the user is
// flagged now. A user who was removed meanwhile stays removed.
func (a *IntegrationUsers) checked(ctx context.Context, c ChangeOfRegister, before access.IntegrationUser, found access.DeskUser) (bool, error) {
	now, err := a.judged(ctx, c, before, found)
	if err != nil {
		return false, err
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
	err = a.Ledger.UpdateIntegrationUser(ctx, now, events...)
	if access.IsKind(err, access.Invalid) && !now.Available() {
		// What the desk says of the user cannot be kept; that no ticket is assigned to them can.
		before.Flagged, before.FlaggedAt, before.CheckedAt = now.Flagged, now.FlaggedAt, now.CheckedAt
		err = a.Ledger.UpdateIntegrationUser(ctx, before, events...)
	}
	if access.IsKind(err, access.NotFound) {
		err = nil
	}
	return !now.Available(), err
}

// judged returns a user of the register as the desk has it now, and flags who cannot be an assignee. The address stays what it was where another user
// of the register has the new one: rules name users by it, and anybody may be able to change their own on the desk.
func (a *IntegrationUsers) judged(
	ctx context.Context, c ChangeOfRegister, before access.IntegrationUser, found access.DeskUser,
) (access.IntegrationUser, error) {
	now := before
	now.CheckedAt, now.Flagged = c.At, ""
	if found.ID == "" {
		now.Flagged = "the desk has no such user any more"
		return now, nil
	}
	now = a.known(now, found, c.At)
	if !sameAddress(now.Email, before.Email) {
		other, err := a.otherAt(ctx, c.Desk, before.ID, now.Email)
		if err != nil {
			return before, err
		}
		if other != nil {
			now.Email, now.Flagged = before.Email, "the user has the address of another integration user, "+other.CalledBy()
		}
	}
	switch {
	case !found.Active:
		now.Flagged = "the desk has switched the user off"
	case found.Account == "":
		now.Flagged = "tickets of the desk cannot name the user"
	}
	return now, nil
}

// NotifyIncidents has incidents look for an assignee: after a removal those of whoever was removed; else, as after a check, those that nobody has, those
// of users who are flagged, and those of users who are not in the register any more. Who keeps their tickets when they are flagged or removed keeps them
// here. It returns how many were notified. Safe to repeat.
func (a *IntegrationUsers) NotifyIncidents(ctx context.Context, c ChangeOfRegister) (int, error) {
	if c.User != "" {
		if a.KeepAssignee {
			return 0, nil
		}
		n, err := a.notifyAll(ctx, c, a.of(c.User))
		return n, translate(err)
	}
	// Whoever is available by now may take what nobody has.
	notified, err := a.notifyAll(ctx, c, a.Ledger.UnassignedIncidents)
	if err != nil || a.KeepAssignee {
		return notified, translate(err)
	}
	n, err := a.notifyAll(ctx, c, a.Ledger.StrayIncidents)
	notified += n
	if err != nil {
		return notified, translate(err)
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
		n, err := a.notifyAll(ctx, c, a.of(u.ID))
		notified += n
		if err != nil {
			return notified, translate(err)
		}
	}
}

// incidentPages returns a page of incidents of a desk, as Store.IncidentsOf does.
type incidentPages func(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error)

// of are the incidents that are assigned to a user.
func (a *IntegrationUsers) of(user access.UserID) incidentPages {
	return func(ctx context.Context, desk access.DeskName, after access.IncidentID, limit int) ([]access.IncidentID, error) {
		return a.Ledger.IncidentsOf(ctx, desk, user, after, limit)
	}
}

// notifyAll has incidents of the change's desk look for an assignee, and returns how many there were to be told.
func (a *IntegrationUsers) notifyAll(ctx context.Context, c ChangeOfRegister, incidents incidentPages) (int, error) {
	const limit = 100
	notified, to := 0, incidentPost{client: a.Client, ledger: a.Ledger, at: c.At}
	for after, more := access.IncidentID(""), true; more; {
		page, err := incidents(ctx, c.Desk, after, limit)
		if err != nil {
			return notified, err
		}
		for _, id := range page {
			heard, err := to.tell(ctx, id, SignalAssignee)
			if err != nil {
				return notified, err
			}
			if after = id; heard {
				notified++
			}
			activity.RecordHeartbeat(ctx, notified)
		}
		more = len(page) == limit
	}
	return notified, nil
}
