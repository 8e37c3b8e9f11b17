package desk

import (
	"context"
	"strings"

	"usher/internal/access"
)

// FindAccount implements access.AccountFinder. A search may go by beginnings of names and addresses, so only the whole
// address counts, without regard to case, among accounts that people can use. The answer may be some minutes old.
func (d *Desk) FindAccount(ctx context.Context, p access.Person) (access.Account, error) {
	if mapped := d.config.Accounts[p.ID]; mapped != "" {
		return access.Account{Person: p.ID, ID: mapped, How: "map"}, nil
	}
	if p.Email == "" {
		return access.Account{Person: p.ID}, nil
	}
	if known, ok := d.accounts.get(p, d.traits.Now()); ok {
		return known, nil
	}
	found, err := d.searchAccount(ctx, p)
	if err == nil {
		d.accounts.put(p, found, d.traits.Now())
	}
	return found, err
}

func (d *Desk) searchAccount(ctx context.Context, p access.Person) (access.Account, error) {
	const op = "find account"
	none := access.Account{Person: p.ID}
	users, err := d.driver.Users(ctx, op, p.Email)
	if err != nil {
		return none, err
	}
	if len(users) == 0 {
		// An anonymous caller sees nobody.
		_, err := d.proven(ctx, op, proofLasts)
		return none, err
	}
	id := matching(users, p.Email)
	if id == "" {
		return none, nil
	}
	return access.Account{Person: p.ID, ID: id, How: "search"}, nil
}

// matching returns the only account that is beyond doubt an address's; "" for none.
func matching(users []User, email string) access.AccountID {
	var exact []User
	for _, u := range users {
		if u.Usable && strings.EqualFold(u.Email, email) {
			exact = append(exact, u)
		}
	}
	if len(exact) == 0 && len(users) == 1 && users[0].MatchAlone {
		exact = users
	}
	if len(exact) != 1 {
		return ""
	}
	return exact[0].ID
}
