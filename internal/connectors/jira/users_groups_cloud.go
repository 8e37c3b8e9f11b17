package jira

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// groupID is how the ids of groups look. What looks otherwise is no group's.
var groupID = regexp.MustCompile(`^[0-9A-Za-z._-]{1,128}$`)

// groupPage is one page of the site's groups.
type groupPage struct {
	Values []namedGroup `json:"values"`
	Total  *int         `json:"total"`
}

// namedGroup is a group of a Cloud site.
type namedGroup struct {
	ID   string `json:"groupId"`
	Name string `json:"name"`
}

// findGroup implements groupSide. Jira may compare names without their case, so that each name in the answer counts. A group by which users are
// switched on and off is Invalid: what one writes the other would write over, for ever.
func (c cloudUsers) findGroup(ctx context.Context, op, name string) (access.DeskGroup, error) {
	all, err := c.groupsBy(ctx, op, url.Values{"groupName": {name}})
	if err != nil {
		return access.DeskGroup{}, err
	}
	all = slices.DeleteFunc(all, func(g namedGroup) bool { return g.Name != name })
	switch {
	case len(all) == 0:
		return access.DeskGroup{}, c.noGroup(ctx, op, name)
	case len(all) > 1:
		return access.DeskGroup{}, access.Errorf(access.Conflict, op, "Jira has %d groups %q", len(all), name)
	case all[0].ID == "":
		return access.DeskGroup{}, access.Errorf(access.Invalid, op, "Jira shows no id of the group %q", name)
	case slices.Contains(c.config.Users.Groups, all[0].ID):
		return access.DeskGroup{}, access.Errorf(access.Invalid, op,
			"the group %q is one of %s (%s), by which users are switched on and off; expected none of these in %s, nor in protected_groups",
			name, c.key("users.groups"), all[0].ID, c.key("sync.groups"))
	}
	return access.DeskGroup{ID: access.GroupID(all[0].ID), Name: name}, nil
}

// groupsBy returns the groups that the parameters are about, as many as Jira says that there are.
func (c cloudUsers) groupsBy(ctx context.Context, op string, by url.Values) ([]namedGroup, error) {
	var all []namedGroup
	for range desk.MaxPages {
		by.Set("startAt", strconv.Itoa(len(all)))
		by.Set("maxResults", strconv.Itoa(userPage))
		var page groupPage
		if err := c.get(ctx, op, "group/bulk?"+by.Encode(), &page); err != nil {
			return nil, c.noSuchAddress(op, err)
		}
		if page.Total == nil {
			return nil, access.Errorf(access.Transient, op, "the answer does not tell how many groups there are")
		}
		all = append(all, page.Values...)
		switch {
		case len(all) >= *page.Total:
			return all, nil
		case len(page.Values) == 0:
			return nil, access.Errorf(access.Transient, op, "Jira has %d such groups, and %d were listed", *page.Total, len(all))
		}
	}
	return nil, access.Errorf(access.Transient, op, "the list of groups has more than %d pages", desk.MaxPages)
}

// memberPage implements groupSide.
func (c cloudUsers) memberPage(ctx context.Context, op string, group access.GroupID, start int) (memberPage, error) {
	if !groupID.MatchString(string(group)) {
		return memberPage{}, c.noGroup(ctx, op, string(group))
	}
	return c.readMembers(ctx, op, url.Values{
		"groupId": {string(group)}, "startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(userPage)}, "includeInactiveUsers": {"true"},
	}.Encode())
}

// memberID implements groupSide.
func (c cloudUsers) memberID(u user) access.UserID {
	if !c.counts(u) {
		return ""
	}
	return access.UserID(u.AccountID)
}

// account implements groupSide.
func (c cloudUsers) account(ctx context.Context, op string, id access.UserID) (user, error) {
	var found user
	if !accountID.MatchString(string(id)) {
		return found, c.nobody(ctx, op, "accountId", id)
	}
	err := c.get(ctx, op, "user?"+url.Values{"accountId": {string(id)}}.Encode(), &found)
	if access.IsKind(err, access.NotFound) || (err == nil && (found.AccountID != access.AccountID(id) || !c.counts(found))) {
		return found, c.nobody(ctx, op, "accountId", id)
	}
	return found, err
}

// groupsOf returns the ids of all groups that an account is in.
func (c cloudUsers) groupsOf(ctx context.Context, op string, id access.AccountID) ([]string, error) {
	var groups []namedGroup
	if err := c.get(ctx, op, "user/groups?"+url.Values{"accountId": {string(id)}}.Encode(), &groups); err != nil {
		return nil, err
	}
	var in []string
	for _, g := range groups {
		in = append(in, g.ID)
	}
	return in, listed(op, "groups", groups)
}

// isMember implements groupSide. It asks for the user's groups, because a group may have thousands of members.
func (c cloudUsers) isMember(ctx context.Context, op string, group access.GroupID, u user) (bool, error) {
	in, err := c.groupsOf(ctx, op, u.AccountID)
	return slices.Contains(in, string(group)), err
}

// setMember implements groupSide.
func (c cloudUsers) setMember(ctx context.Context, op string, group access.GroupID, u user, is bool) error {
	call := rest.Call{Op: op, Mode: rest.Write, Method: http.MethodPost, Path: "group/user", Query: url.Values{"groupId": {string(group)}}}
	call.Body = map[string]any{"accountId": u.AccountID}
	if !is {
		call.Method, call.Body = http.MethodDelete, nil
		call.Query.Set("accountId", string(u.AccountID))
	}
	_, err := c.call(ctx, call)
	return err
}

// administers implements groupSide: whether usher's account is in a group that administers the site, which is the right that a write needs.
func (c cloudUsers) administers(ctx context.Context, op string) bool {
	me, err := c.Self(ctx, op)
	if err != nil {
		return false
	}
	admins, err := c.groupsBy(ctx, op, url.Values{"accessType": {"site-admin"}})
	if err != nil {
		return false
	}
	mine, err := c.groupsOf(ctx, op, me.Account)
	return err == nil && slices.ContainsFunc(admins, func(g namedGroup) bool { return slices.Contains(mine, g.ID) })
}
