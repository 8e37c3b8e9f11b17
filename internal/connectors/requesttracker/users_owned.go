package requesttracker

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
)

// OwnedConfig is a kind of tickets that name a user as their owner.
type OwnedConfig struct {
	// Queues are the only queues, by name; none for all that usher's account sees.
	Queues []string `yaml:"queues"`
}

// validateOwned names every key that is wrong.
func (c UsersConfig) validateOwned(problem func(key, format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(c.Owned)) {
		if name == "" || strings.TrimSpace(name) != name {
			problem("users.owned", "found the name %q, expected one such as tickets", name)
		}
		if slices.ContainsFunc(c.Owned[name].Queues, func(q string) bool { return strings.TrimSpace(q) == "" }) {
			problem("users.owned."+name+".queues", "expected names of queues")
		}
	}
}

var _ access.UserBelongings = (*Users)(nil)

// OwnedKinds implements access.UserBelongings: one call, and one for each queue.
func (u *Users) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	const op = "read kinds of owned tickets"
	if _, err := u.prove(ctx, op); err != nil {
		return nil, err
	}
	var kinds []access.OwnedKind
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(u.driver.config.Users.Owned)) {
		for _, queue := range u.driver.config.Users.Owned[name].Queues {
			var found struct {
				ID   scalar `json:"id"`
				Name string `json:"Name"`
			}
			_, err := u.driver.get(ctx, op, "queue/"+url.PathEscape(queue), nil, &found)
			switch {
			case access.IsKind(err, access.NotFound), access.IsKind(err, access.Forbidden):
				wrong = append(wrong, fmt.Sprintf("users.owned.%s.queues: RT shows usher's account no queue %q", name, queue))
			case err != nil:
				return nil, err
			}
		}
		kinds = append(kinds, access.OwnedKind{Name: name, Text: "open tickets by their owner"})
	}
	if wrong != nil {
		return nil, access.Errorf(access.Invalid, op, "%s", strings.Join(wrong, "; "))
	}
	return kinds, nil
}

// owned is a configured kind.
func (u *Users) owned(ctx context.Context, op, name string) (OwnedConfig, error) {
	c, known := u.driver.config.Users.Owned[name]
	if known {
		return c, nil
	}
	if _, err := u.prove(ctx, op); err != nil {
		return c, err
	}
	return c, access.Errorf(access.NotFound, op, "users.owned has no %q", name)
}

// ownedQuery is TicketSQL for the tickets of a kind that meet conditions as well. What usher's own account has created is left out: the tickets of
// its requests are kept by their requests.
func (u *Users) ownedQuery(c OwnedConfig, also ...string) string {
	parts := slices.Concat(also, []string{"Status = '__Active__'", "Type = 'ticket'", "Creator != " + u.driver.config.account()})
	var queues []string
	for _, q := range c.Queues {
		queues = append(queues, "Queue = "+quote(q))
	}
	if queues != nil {
		parts = append(parts, "("+strings.Join(queues, " OR ")+")")
	}
	return strings.Join(parts, " AND ")
}

// ofKind makes sure that a ticket is one that ListOwned lists: RT alone knows which statuses of a lifecycle are active. Conflict: it is not.
func (u *Users) ofKind(ctx context.Context, op string, c OwnedConfig, t ticket) error {
	if u.driver.marked(t) {
		return access.Errorf(access.Conflict, op, "ticket %s belongs to a request, which looks after it", t.ID)
	}
	var got list[ticket]
	_, err := u.driver.get(ctx, op, "tickets", url.Values{
		"query": {u.ownedQuery(c, "id = "+string(t.ID))}, "fields": {"Owner"}, "per_page": {"1"},
	}, &got)
	switch {
	case access.IsKind(err, access.NotFound):
		return u.driver.noAPI(op, err)
	case err != nil:
		return err
	case len(got.Items) != 1 || got.Items[0].ID != t.ID:
		return access.Errorf(access.Conflict, op, "ticket %s is not of the kind by now: it is closed, in another queue, no ordinary ticket, or usher's", t.ID)
	}
	return nil
}

// ListOwned implements access.UserBelongings. RT leaves out what usher's account may not see, and says nothing of it. A ticket by which a person asks
// carries a marker, and is left out here.
func (u *Users) ListOwned(ctx context.Context, q access.OwnedQuery) ([]access.Owned, error) {
	const op = "list owned tickets"
	c, err := u.owned(ctx, op, q.Kind)
	if err != nil || !ticketNumber.MatchString(string(q.Owner.ID)) {
		return nil, err // Nobody has such an id.
	}
	behind := []string{"Owner = " + string(q.Owner.ID)}
	if ticketNumber.MatchString(q.After) {
		behind = append(behind, "id > "+q.After)
	}
	var found []access.Owned
	listed := 0
	for page := 1; ; page++ {
		var got list[ticket]
		_, err := u.driver.get(ctx, op, "tickets", url.Values{
			"query": {u.ownedQuery(c, behind...)}, "fields": {"Subject,Owner,CustomFields"}, "orderby": {"id"},
			"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(mostRows)},
		}, &got)
		if access.IsKind(err, access.NotFound) {
			err = u.driver.noAPI(op, err)
		}
		if err != nil {
			return nil, err
		}
		for _, t := range got.Items {
			if !u.driver.marked(t) {
				found = append(found, access.Owned{Kind: q.Kind, ID: string(t.ID), Title: t.Subject})
			}
		}
		listed += len(got.Items)
		if got.Total != nil && !got.more(page) && listed < *got.Total {
			return nil, access.Errorf(access.Transient, op, "RT has listed %d tickets, and says that there are %d", listed, *got.Total)
		}
		if len(found) >= q.Limit || !got.more(page) {
			return found[:min(len(found), q.Limit)], nil
		}
	}
}

// sides returns who owns tickets and who is to own them, by their names of this moment, as tickets have them. Who is there no more owns nothing.
func (u *Users) sides(ctx context.Context, op string, from, to access.UserID) (owner, taker access.DeskUser, err error) {
	taker, err = u.load(ctx, op, to)
	if access.IsKind(err, access.NotFound) {
		err = access.Errorf(access.Invalid, op, "there is no user %q to hand it to", to)
	}
	if err != nil {
		return owner, taker, err
	}
	owner, err = u.load(ctx, op, from)
	if access.IsKind(err, access.NotFound) {
		err = nil
	}
	return owner, taker, err
}

// HandOver implements access.UserBelongings: six calls, and three where nothing is to be written. RT itself refuses the change of a ticket that
// somebody has changed since it was read: Transient.
func (u *Users) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	const op = "hand over ticket"
	c, err := u.owned(ctx, op, o.Kind)
	if err != nil {
		return err
	}
	if !ticketNumber.MatchString(o.ID) {
		if _, err := u.prove(ctx, op); err != nil {
			return err
		}
		return access.Errorf(access.NotFound, op, "there is no ticket %q", o.ID)
	}
	owner, taker, err := u.sides(ctx, op, from.ID, to.ID)
	if err != nil {
		return err
	}
	t, err := u.driver.load(ctx, op, access.TicketID(o.ID))
	switch {
	case err != nil || strings.EqualFold(string(t.Owner.ID), string(taker.Account)):
		return err
	case !taker.Active:
		return access.Errorf(access.Invalid, op, "the user %q is switched off, so nothing is handed to them", to.ID)
	case owner.Account == "" || !strings.EqualFold(string(t.Owner.ID), string(owner.Account)):
		return access.Errorf(access.Conflict, op, "ticket %s is owned by %q by now", o.ID, t.Owner.ID)
	}
	// Who closes or moves the ticket from here on changes it, so RT refuses the write.
	if err := u.ofKind(ctx, op, c, t); err != nil {
		return err
	}
	after, said, err := u.driver.change(ctx, op, access.TicketID(o.ID), t.etag, map[string]any{"Owner": string(taker.Account)})
	if err == nil && !strings.EqualFold(string(after.Owner.ID), string(taker.Account)) {
		err = access.Errorf(access.Invalid, op, "RT did not change the owner of ticket %s; it said: %s", o.ID, said)
	}
	return err
}
