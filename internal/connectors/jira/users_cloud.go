package jira

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// cloudUsers are the users of a Cloud site: Atlassian accounts.
type cloudUsers struct {
	*driver
	known *knownAccounts
}

var _ userSide = cloudUsers{}

// schema implements userSide.
func (c cloudUsers) schema() access.UserSchema {
	s := access.UserSchema{
		Fields: map[string]access.UserField{
			access.UserFieldName:        {ReadOnly: true},
			access.UserFieldEmail:       {ReadOnly: true, OnlyNew: true, Required: true},
			access.UserFieldDisplayName: {ReadOnly: true},
		},
		Cannot: map[access.UserOperation]string{},
	}
	if len(c.config.Users.Products) == 0 {
		s.Cannot[access.UserCreate] = c.key("users.products") + " names no product, and Jira Cloud creates users for products only"
	}
	if len(c.config.Users.Groups) == 0 {
		why := c.key("users.groups") + " names no group, and Jira Cloud's API knows no other way to take access away and to give it back"
		s.Cannot[access.UserDeactivate], s.Cannot[access.UserReactivate] = why, why
	}
	return s
}

// unknown implements userSide.
func (c cloudUsers) unknown(ctx context.Context, op string) ([]wrongKey, error) {
	wrong := c.config.Users.wrong(Cloud)
	for _, id := range c.config.Users.Groups {
		_, err := c.memberPage(ctx, op, access.GroupID(id), 0)
		switch {
		case access.IsKind(err, access.NotFound):
			wrong = append(wrong, wrongKey{"groups", "the site has no group of the id " + strconv.Quote(id)})
		case err != nil:
			return nil, err
		}
	}
	return wrong, nil
}

// accountID is how Atlassian's ids look. What looks otherwise is nobody's.
var accountID = regexp.MustCompile(`^[0-9A-Za-z:._-]{1,128}$`)

// counts reports whether an account is a user for usher: a person's, or a customer's where these are wanted. An app is nobody, and an id
// of "unknown" is what is left of an account that was deleted.
func (c cloudUsers) counts(u user) bool {
	switch u.AccountType {
	case "app":
		return false
	case "customer":
		return c.config.Users.Customers
	}
	return u.AccountID != "unknown" && u.AccountID != ""
}

// user is an account with the configured groups that it is in. It is off when it is in none of them: who is in some of them still has
// access, and a site whose people have different products would else look as if all were off.
func (c cloudUsers) user(u user, in int) access.DeskUser {
	return deskUser(u, access.UserID(u.AccountID), u.Active && (in > 0 || len(c.config.Users.Groups) == 0))
}

// walk calls take with all accounts of any kind, page by page, and returns and remembers them. Jira tells no total, and each page begins at a number
// that shifts when somebody before it is deleted. So each page is asked for from the last account of the one before on: where that one is
// not in it, somebody may be missing. The end is a page that is empty.
func (c cloudUsers) walk(ctx context.Context, op string, take func([]user) error) (accountList, error) {
	list := accountList{at: c.now(), ids: map[access.AccountID]bool{}, byAddress: map[string][]access.AccountID{}}
	var last user
	for rows := 0; ; {
		page, err := c.accounts(ctx, op, max(0, rows-1))
		if err != nil {
			return list, err
		}
		if rows > 0 {
			at := slices.IndexFunc(page, func(u user) bool { return u.AccountID == last.AccountID })
			if at < 0 {
				return list, access.Errorf(access.Transient, op, "the list of users changed while it was read")
			}
			page = page[at+1:]
		}
		if len(page) == 0 {
			err := c.ends(ctx, op, rows, list.ids)
			if err == nil {
				c.known.set(list)
			}
			return list, err
		}
		for _, u := range page {
			if list.ids[u.AccountID] && u.AccountID != "unknown" {
				return list, access.Errorf(access.Transient, op, "the list of users has the account %q twice", u.AccountID)
			}
			list.ids[u.AccountID] = true
			if c.counts(u) && u.EmailAddress != "" {
				address := strings.ToLower(u.EmailAddress)
				list.byAddress[address] = append(list.byAddress[address], u.AccountID)
			}
		}
		rows, last = rows+len(page), page[len(page)-1]
		if err := take(page); err != nil {
			return list, err
		}
	}
}

// ends wants an empty page behind the last account, and some account before it: usher has one itself. Before the empty page may be
// accounts that were seen, where others came before them meanwhile.
func (c cloudUsers) ends(ctx context.Context, op string, rows int, seen map[access.AccountID]bool) error {
	if rows == 0 {
		if _, err := c.Self(ctx, op); err != nil {
			return err
		}
		return access.Errorf(access.Forbidden, op, `Jira lists nobody; expected the permission "Browse users and groups"`)
	}
	for range desk.MaxPages {
		page, err := c.accounts(ctx, op, rows)
		if err != nil || len(page) == 0 {
			return err
		}
		if slices.ContainsFunc(page, func(u user) bool { return !seen[u.AccountID] }) {
			break
		}
		rows += len(page)
	}
	return access.Errorf(access.Transient, op, "the list of users goes on behind its end")
}

// accountsPage is how many accounts are asked for at once. Jira takes up to 1000, and gives up after ten seconds.
const accountsPage = 200

func (c cloudUsers) accounts(ctx context.Context, op string, start int) ([]user, error) {
	query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(accountsPage)}}
	var page []user
	if err := c.get(ctx, op, "users/search?"+query.Encode(), &page); err != nil {
		return nil, c.noSuchAddress(op, err)
	}
	return page, listed(op, "users", page)
}

// list implements userSide. Members of the configured groups whom the list does not have show that it hides somebody.
func (c cloudUsers) list(ctx context.Context, op string, take func([]access.DeskUser) error) (int, error) {
	in := map[access.AccountID]int{}
	for _, group := range c.config.Users.Groups {
		if err := c.countMembers(ctx, op, group, in); err != nil {
			return 0, err
		}
	}
	count := 0
	listed, err := c.walk(ctx, op, func(page []user) error {
		var users []access.DeskUser
		for _, u := range page {
			if c.counts(u) {
				users = append(users, c.user(u, in[u.AccountID]))
			}
		}
		if len(users) == 0 {
			return nil
		}
		count += len(users)
		return take(users)
	})
	if err != nil {
		return 0, err
	}
	for _, id := range slices.Sorted(maps.Keys(in)) {
		if !listed.ids[id] {
			return 0, access.Errorf(access.Forbidden, op, "the list of users does not have %q, a member of %s", id, c.key("users.groups"))
		}
	}
	return count, nil
}

// countMembers counts, for each user, the group if the user is a member of it.
func (c cloudUsers) countMembers(ctx context.Context, op, group string, in map[access.AccountID]int) error {
	members := map[access.AccountID]bool{}
	err := walkMembers(ctx, op, c, access.GroupID(group), func(u user) error {
		if !c.counts(u) {
			return nil
		}
		if members[u.AccountID] {
			return access.Errorf(access.Transient, op, "the members of the group %q changed while they were read", group)
		}
		members[u.AccountID] = true
		in[u.AccountID]++
		return nil
	})
	return c.noConfigured(op, group, err)
}

// noConfigured makes the 404 of a configured group Invalid.
func (c cloudUsers) noConfigured(op, group string, err error) error {
	if access.IsKind(err, access.NotFound) {
		return access.Errorf(access.Invalid, op, "%s: no group of the id %q: %w", c.key("users.groups"), group, err)
	}
	return err
}

// look reads an account, and which of the configured groups it is in.
func (c cloudUsers) look(ctx context.Context, op string, id access.UserID) (user, []string, error) {
	found, err := c.account(ctx, op, id)
	if err != nil || len(c.config.Users.Groups) == 0 {
		return found, nil, err
	}
	in, err := c.groupsOf(ctx, op, found.AccountID)
	return found, slices.DeleteFunc(in, func(group string) bool { return !slices.Contains(c.config.Users.Groups, group) }), err
}

// read implements userSide.
func (c cloudUsers) read(ctx context.Context, op string, id access.UserID) (access.DeskUser, error) {
	found, in, err := c.look(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	return c.user(found, len(in)), nil
}

// find implements userSide.
func (c cloudUsers) find(ctx context.Context, op string, q access.UserQuery) ([]access.DeskUser, error) {
	address := cmp.Or(q.UserName, q.Email)
	ids, _, err := c.byAddress(ctx, op, address)
	if err != nil {
		return nil, err
	}
	var found []access.DeskUser
	for _, id := range ids {
		one, err := c.read(ctx, op, access.UserID(id))
		if err != nil && !access.IsKind(err, access.NotFound) {
			return nil, err
		}
		// What a search or a list had may be over.
		if err == nil && strings.EqualFold(one.Values[access.UserFieldEmail], address) {
			found = append(found, one)
		}
	}
	return found, nil
}

// byAddress returns the users who show an address. The search goes by beginnings and has active accounts only; where it has none, the list
// of all accounts counts, and their ids are returned too.
func (c cloudUsers) byAddress(ctx context.Context, op, address string) (found []access.AccountID, all map[access.AccountID]bool, err error) {
	hits, err := c.searchUsers(ctx, op, url.Values{"query": {address}})
	if err != nil {
		return nil, nil, c.noSuchAddress(op, err)
	}
	for _, u := range hits {
		if c.counts(u) && strings.EqualFold(u.EmailAddress, address) {
			found = append(found, u.AccountID)
		}
	}
	if len(found) > 0 {
		return found, nil, nil
	}
	list, fresh := c.known.get(c.now())
	if !fresh {
		list, err = c.walk(ctx, op, func([]user) error { return nil })
	}
	return list.byAddress[strings.ToLower(address)], list.ids, err
}

// create implements userSide. Jira answers an address that is there already as it answers a new one, so it is looked for before. Where the
// account hides its address, only its id shows afterwards that it was there.
func (c cloudUsers) create(ctx context.Context, op string, values map[string]string) (access.DeskUser, error) {
	address := values[access.UserFieldEmail]
	found, before, err := c.byAddress(ctx, op, address)
	if err != nil {
		return access.DeskUser{}, err
	}
	if len(found) > 0 {
		return access.DeskUser{}, access.Errorf(access.Conflict, op, "email: the user %q has the address", found[0])
	}
	var made user
	_, err = c.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "user", Into: &made,
		Body: map[string]any{"emailAddress": address, "products": c.config.Users.Products},
	})
	switch {
	case access.IsKind(err, access.Invalid):
		// So it answered for addresses of nobody (lesstif/php-JiraCloud-RESTAPI#99).
		return access.DeskUser{}, access.Errorf(access.Invalid, op, "email: Jira did not create the user, but may have sent an invitation: %w", err)
	case err != nil:
		return access.DeskUser{}, c.noSuchAddress(op, err)
	case made.AccountID == "":
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "the answer names no account")
	case before[made.AccountID]:
		return access.DeskUser{}, access.Errorf(access.Conflict, op, "email: the user %q has the address, and hides it", made.AccountID)
	}
	now, err := c.setActive(ctx, op, access.UserID(made.AccountID), true)
	if err != nil {
		return access.DeskUser{}, access.Errorf(access.Unknown, op, "the user %q was created, and then: %w", made.AccountID, err)
	}
	if _, shown := now.Values[access.UserFieldEmail]; !shown {
		return now, nil
	}
	return now, checkKept(op, values, now)
}

// setActive implements userSide. It writes what is left to write, so that it can be repeated after a part of it was done. Whoever is switched off comes out
// of every group that lets them go: one that refuses keeps nobody in the others. Whoever is switched on comes into no more of them.
func (c cloudUsers) setActive(ctx context.Context, op string, id access.UserID, active bool) (access.DeskUser, error) {
	found, in, err := c.look(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	if active && !found.Active {
		return c.user(found, len(in)), access.Errorf(access.Invalid, op, "active: the Atlassian account is off, and only its organization can switch it on")
	}
	var refused error
	for _, group := range c.config.Users.Groups {
		if slices.Contains(in, group) == active {
			continue
		}
		err := c.noConfigured(op, group, c.setMember(ctx, op, access.GroupID(group), found, active))
		if refused == nil {
			refused = err
		}
		if refused != nil && active {
			break
		}
	}
	if refused != nil {
		return access.DeskUser{}, refused
	}
	found, in, err = c.look(ctx, op, id)
	if err != nil {
		return access.DeskUser{}, err
	}
	for _, group := range c.config.Users.Groups {
		if slices.Contains(in, group) != active {
			return c.user(found, len(in)), access.Errorf(access.Invalid, op, "active: Jira did not keep the change of the group %q", group)
		}
	}
	return c.user(found, len(in)), nil
}
