package jira

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// findGroup implements groupSide. Only the list of members proves whether there is a group, and it takes a name in any case. Only the search
// shows how a name is written, and to those who may browse users.
func (c dataCenterUsers) findGroup(ctx context.Context, op, name string) (access.DeskGroup, error) {
	_, err := c.memberPage(ctx, op, access.GroupID(name), 0)
	if access.IsKind(err, access.NotFound) {
		return access.DeskGroup{}, c.noGroup(ctx, op, name)
	}
	if err != nil {
		return access.DeskGroup{}, err
	}
	written, err := c.spelling(ctx, op, name)
	switch {
	case err != nil:
		return access.DeskGroup{}, err
	case written != name:
		return access.DeskGroup{}, c.noGroup(ctx, op, name)
	}
	return access.DeskGroup{ID: access.GroupID(name), Name: name}, nil
}

// spelling returns the name of a group that is there as Jira writes it. The search goes by parts of names and shows some, so it is asked
// again without those that it has shown.
func (c dataCenterUsers) spelling(ctx context.Context, op, name string) (string, error) {
	query := url.Values{"query": {name}, "maxResults": {strconv.Itoa(userPage)}}
	for range desk.MaxPages {
		var page struct {
			Groups []struct {
				Name string `json:"name"`
			} `json:"groups"`
		}
		if err := c.get(ctx, op, "groups/picker?"+query.Encode(), &page); err != nil {
			return "", c.noSuchAddress(op, err)
		}
		if err := listed(op, "groups", page.Groups); err != nil {
			return "", err
		}
		if len(page.Groups) == 0 {
			return "", access.Errorf(access.Forbidden, op, `Jira has a group %q, and its search does not show it; expected the permission "Browse users"`, name)
		}
		before := len(query["exclude"])
		for _, g := range page.Groups {
			// No two groups differ by their case alone.
			if strings.EqualFold(strings.TrimSpace(g.Name), strings.TrimSpace(name)) {
				return g.Name, nil
			}
			if !slices.Contains(query["exclude"], g.Name) {
				query.Add("exclude", g.Name)
			}
		}
		if len(query["exclude"]) == before {
			break
		}
	}
	return "", access.Errorf(access.Invalid, op, "the names of too many groups have %q as a part, and Jira's search does not show all of them", name)
}

// memberPage implements groupSide.
func (c dataCenterUsers) memberPage(ctx context.Context, op string, group access.GroupID, start int) (memberPage, error) {
	return c.readMembers(ctx, op, url.Values{
		"groupname": {string(group)}, "startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(userPage)}, "includeInactiveUsers": {"true"},
	}.Encode())
}

// memberID implements groupSide.
func (dataCenterUsers) memberID(u user) access.UserID { return u.Key }

// account implements groupSide.
func (c dataCenterUsers) account(ctx context.Context, op string, id access.UserID) (user, error) {
	found, there, err := c.look(ctx, op, url.Values{"key": {string(id)}})
	if err == nil && (id == "" || !there || found.Key != id) {
		err = c.nobody(ctx, op, "username", id)
	}
	return found, err
}

// isMember implements groupSide. Jira lists no user's groups.
func (c dataCenterUsers) isMember(ctx context.Context, op string, group access.GroupID, u user) (bool, error) {
	in := false
	err := walkMembers(ctx, op, c, group, func(one user) error {
		in = in || one.Key == u.Key
		return nil
	})
	return in, err
}

// setMember implements groupSide.
func (c dataCenterUsers) setMember(ctx context.Context, op string, group access.GroupID, u user, is bool) error {
	call := rest.Call{Op: op, Mode: rest.Write, Method: http.MethodPost, Path: "group/user", Query: url.Values{"groupname": {string(group)}}}
	call.Body = map[string]any{"name": u.Name}
	if !is {
		call.Method, call.Body = http.MethodDelete, nil
		call.Query.Set("username", string(u.Name))
	}
	_, err := c.call(ctx, call)
	return err
}
