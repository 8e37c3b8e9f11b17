package desk

import (
	"cmp"
	"context"
	"strings"

	"usher/internal/access"
)

// FindAccount implements access.AccountFinder. A search may go by beginnings of names and addresses, so only the whole
// address or user name counts, without regard to case, among accounts that people can use. The answer may be some minutes old.
func (d *Desk) FindAccount(ctx context.Context, p access.Person) (access.Account, error) {
	if mapped := d.config.Accounts[p.ID]; mapped != "" {
		return access.Account{Person: p.ID, ID: mapped, How: "map"}, nil
	}
	match, err := d.match(ctx)
	if err != nil {
		return access.Account{Person: p.ID}, err
	}
	if match == MatchMap || match.of(p) == "" {
		return access.Account{Person: p.ID}, nil
	}
	if known, ok := d.accounts.get(p, d.traits.Now()); ok {
		return known, nil
	}
	found, err := d.searchAccount(ctx, p, match)
	if err == nil {
		d.accounts.put(p, found, d.traits.Now())
	}
	return found, err
}

const opFindAccount = "find account"

// match returns how accounts are matched here: as configured, else in the way that nobody can make use of for himself.
func (d *Desk) match(ctx context.Context) (Match, error) {
	owner, may := d.driver.(AddressOwner)
	if d.config.Match != "" || !may {
		return cmp.Or(d.config.Match, MatchEmail), nil
	}
	own, err := owner.AddressesAreOwn(ctx, opFindAccount)
	if own {
		return MatchUserName, err
	}
	return MatchEmail, err
}

// of returns what an account must have to be the person's; "" for nothing that can be looked for.
func (m Match) of(p access.Person) string {
	if m == MatchUserName {
		return p.UserName
	}
	return p.Email
}

func (d *Desk) searchAccount(ctx context.Context, p access.Person, match Match) (access.Account, error) {
	const op = opFindAccount
	none := access.Account{Person: p.ID}
	users, err := d.driver.Users(ctx, op, match.of(p))
	if access.IsKind(err, access.NotFound) {
		return none, access.Errorf(access.Invalid, op, "the desk has no such search for accounts: %w", err)
	}
	if err != nil {
		return none, err
	}
	if len(users) == 0 {
		// An anonymous caller sees nobody.
		_, err := d.proven(ctx, op, proofLasts)
		return none, err
	}
	id := match.only(users, match.of(p))
	if id == "" {
		return none, nil
	}
	return access.Account{Person: p.ID, ID: id, How: "search"}, nil
}

// only returns the only account that beyond doubt has an address or a user name; "" for none.
func (m Match) only(users []User, text string) access.AccountID {
	var exact []User
	for _, u := range users {
		has := u.Email
		if m == MatchUserName {
			has = u.Name
		}
		if u.Usable && strings.EqualFold(has, text) {
			exact = append(exact, u)
		}
	}
	if len(exact) == 0 && len(users) == 1 && users[0].MatchAlone && m == MatchEmail {
		exact = users
	}
	if len(exact) != 1 {
		return ""
	}
	return exact[0].ID
}
