package jira

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Assign implements desk.Driver. It asks Jira first whether the account can be assigned: a refusal of the assignment itself
// does not say which of many reasons it had.
func (d *driver) Assign(ctx context.Context, op string, t desk.Ticket, to access.AccountID) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	if to != "" {
		if err := d.assignable(ctx, op, t, to); err != nil {
			return err
		}
	}
	return d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: issuePath(t.ID, "/assignee"), Body: api.person(to)})
}

func (d *driver) assignable(ctx context.Context, op string, t desk.Ticket, account access.AccountID) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	query := api.byAccount(account)
	query.Set("issueKey", string(t.Key))
	var users []user
	if err := d.get(ctx, op, "user/assignable/search?"+query.Encode(), &users); err != nil {
		return err
	}
	if err := listed(op, "users", users); err != nil {
		return err
	}
	for _, u := range users {
		if u.id() == account {
			return nil
		}
	}
	return access.Errorf(access.Invalid, op, "account %q cannot be assigned in project %s", account, t.Project)
}

// AddressesAreOwn implements desk.AddressOwner. In Cloud an address belongs to an Atlassian account, which proves it by mail;
// in Data Center people may write any address into their profile, if its directory lets them.
func (d *driver) AddressesAreOwn(ctx context.Context, op string) (bool, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return false, err
	}
	_, own := api.(dataCenter)
	return own, nil
}

// Users implements desk.Driver. The search goes by beginnings of names and addresses, among active accounts. Jira hides
// addresses at the account's wish; then the only hit may be matched, if match_hidden_email is set.
func (d *driver) Users(ctx context.Context, op, text string) ([]desk.User, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	users, err := d.searchUsers(ctx, op, api.byText(text))
	out := make([]desk.User, len(users))
	for n, u := range users {
		out[n] = desk.User{
			ID: u.id(), Name: string(u.Name), Email: u.EmailAddress, Usable: u.Active && u.AccountType != "app",
			MatchAlone: d.config.MatchHiddenEmail && hidden(u),
		}
	}
	return out, err
}

// hidden reports whether somebody of the organization hides the address. Data Center knows no other kind of account.
func hidden(u user) bool {
	return u.EmailAddress == "" && u.Active && (u.AccountType == "atlassian" || u.AccountID == "")
}

// userPage is how many users are asked for at once; Jira may give fewer, and searches among the first 1000 only.
const userPage = 50

func (d *driver) searchUsers(ctx context.Context, op string, query url.Values) ([]user, error) {
	var all []user
	known := map[access.AccountID]bool{}
	for range desk.MaxPages {
		query.Set("startAt", strconv.Itoa(len(all)))
		query.Set("maxResults", strconv.Itoa(userPage))
		var page []user
		if err := d.get(ctx, op, "user/search?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		if err := listed(op, "users", page); err != nil {
			return nil, err
		}
		fresh := false
		for _, u := range page {
			if !known[u.id()] {
				known[u.id()], fresh = true, true
				all = append(all, u)
			}
		}
		if !fresh {
			break
		}
	}
	return all, nil
}
