package jira

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// AssignTicket implements access.TicketWriter. It asks Jira first whether the account can be assigned: a refusal of the
// assignment itself does not say which of many reasons it had.
func (d *Desk) AssignTicket(ctx context.Context, id access.TicketID, to access.AccountID) error {
	const op = "assign ticket"
	i, err := d.readIssue(ctx, op, id)
	if err != nil {
		return err
	}
	now := access.AccountID("")
	if i.Fields.Assignee != nil {
		now = i.Fields.Assignee.id()
	}
	if now == to {
		return nil
	}
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	if to != "" {
		if err := d.assignable(ctx, op, i, to); err != nil {
			return err
		}
	}
	path, _ := issuePath(id, "/assignee")
	return d.confirmNotFound(ctx, op, d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: path, Body: api.person(to)}))
}

func (d *Desk) assignable(ctx context.Context, op string, i issue, account access.AccountID) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	query := api.byAccount(account)
	query.Set("issueKey", i.Key)
	var users []user
	if err := d.get(ctx, op, "user/assignable/search?"+query.Encode(), &users); err != nil {
		return d.confirmNotFound(ctx, op, err)
	}
	for _, u := range users {
		if u.id() == account {
			return nil
		}
	}
	return access.Errorf(access.Invalid, op, "account %q cannot be assigned in project %s", account, i.Fields.Project.Key)
}

// FindAccount implements access.AccountFinder. The search goes by beginnings of names and addresses, among active
// accounts, so only the whole address counts, without regard to case. Jira hides addresses at the account's wish;
// then the only hit counts, if match_hidden_email says so. The answer may be some minutes old.
func (d *Desk) FindAccount(ctx context.Context, p access.Person) (access.Account, error) {
	if mapped := d.config.Accounts[p.ID]; mapped != "" {
		return access.Account{Person: p.ID, ID: mapped, How: "map"}, nil
	}
	if p.Email == "" {
		return access.Account{Person: p.ID}, nil
	}
	if known, ok := d.accounts.get(p, d.now()); ok {
		return known, nil
	}
	found, err := d.searchAccount(ctx, p)
	if err == nil {
		d.accounts.put(p, found, d.now())
	}
	return found, err
}

func (d *Desk) searchAccount(ctx context.Context, p access.Person) (access.Account, error) {
	const op = "find account"
	none := access.Account{Person: p.ID}
	users, err := d.searchUsers(ctx, op, p.Email)
	if err != nil {
		return none, err
	}
	if len(users) == 0 {
		// An anonymous caller sees nobody.
		_, err := d.proven(ctx, op, proofLasts)
		return none, err
	}
	var exact []user
	for _, u := range users {
		if u.Active && u.AccountType != "app" && strings.EqualFold(u.EmailAddress, p.Email) {
			exact = append(exact, u)
		}
	}
	if len(exact) == 0 && d.config.MatchHiddenEmail && len(users) == 1 && hidden(users[0]) {
		exact = users
	}
	if len(exact) != 1 {
		return none, nil
	}
	return access.Account{Person: p.ID, ID: exact[0].id(), How: "search"}, nil
}

// hidden reports whether somebody of the organization hides the address. Data Center knows no other kind of account.
func hidden(u user) bool {
	return u.EmailAddress == "" && u.Active && (u.AccountType == "atlassian" || u.AccountID == "")
}

// userPage is how many users are asked for at once; Jira may give fewer, and searches among the first 1000 only.
const userPage = 50

func (d *Desk) searchUsers(ctx context.Context, op, email string) ([]user, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	var all []user
	known := map[access.AccountID]bool{}
	for range maxPages {
		query := api.byText(email)
		query.Set("startAt", strconv.Itoa(len(all)))
		query.Set("maxResults", strconv.Itoa(userPage))
		var page []user
		if err := d.get(ctx, op, "user/search?"+query.Encode(), &page); err != nil {
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
