package requesttracker

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

var _ access.UserGroups = (*Users)(nil)

// userDefined is the domain of the groups that people make. RT has others, as for the roles of each ticket.
const userDefined = "UserDefined"

// groupRecord is a group as RT shows it alone; in a list RT shows the number, and what it is asked for.
type groupRecord struct {
	ID       scalar `json:"id"`
	Name     string `json:"Name"`
	Domain   string `json:"Domain"`
	Disabled scalar `json:"Disabled"`
	// Members are the direct ones on no pages, by their names.
	Members []struct {
		Type string `json:"type"`
		ID   scalar `json:"id"`
	} `json:"Members"`
}

func (g groupRecord) number() scalar { return g.ID }

// users are the names of the members who are users, in order.
func (g groupRecord) users() []string {
	var names []string
	for _, m := range g.Members {
		if m.Type == "user" {
			names = append(names, string(m.ID))
		}
	}
	slices.Sort(names)
	return names
}

// memberRow is a member in a list, by its number.
type memberRow struct {
	Type string `json:"type"`
	ID   scalar `json:"id"`
}

func (m memberRow) number() scalar { return m.ID }

// FindGroup implements access.UserGroups: a call, and two for each group that is found, one as a rule. Only groups that people made count. RT deletes
// a group by disabling it, so a disabled group is NotFound. Invalid: usher's account may not change its members. Forbidden too: it finds none
// and does not see all groups.
func (u *Users) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	const op, most = "find group", 10
	rows, err := u.groupsWith(ctx, op, most, "Name", name)
	if err != nil {
		return access.DeskGroup{}, err
	}
	var found []access.DeskGroup
	for _, row := range rows.Items {
		// RT finds names that differ in case, and leaves out of a search what it does not know.
		g, err := u.group(ctx, op, access.GroupID(row.ID))
		switch {
		case access.IsKind(err, access.NotFound):
		case err != nil:
			return access.DeskGroup{}, err
		case g.Name == name:
			found = append(found, access.DeskGroup{ID: access.GroupID(g.ID), Name: g.Name})
		}
	}
	switch {
	case len(found) > 1:
		return access.DeskGroup{}, access.Errorf(access.Conflict, op, "RT has more than one group %q", name)
	case len(found) == 1:
		return found[0], u.administers(ctx, op, found[0].ID)
	case rows.Total == nil || len(rows.Items) == most:
		return access.DeskGroup{}, access.Errorf(access.Forbidden, op, "RT does not show all groups to usher's account; it lacks the right SeeGroup")
	}
	return access.DeskGroup{}, access.Errorf(access.NotFound, op, "RT has no group %q that is not disabled", name)
}

// groupsWith searches the groups that people made, disabled ones too. The value is a string of JSON, so it cannot become a part of the search.
func (u *Users) groupsWith(ctx context.Context, op string, most int, field, value string) (list[groupRecord], error) {
	query, err := json.Marshal([]map[string]string{
		{"field": "Domain", "operator": "=", "value": userDefined}, {"field": field, "operator": "=", "value": value},
	})
	if err != nil {
		return list[groupRecord]{}, access.Errorf(access.Invalid, op, "the search cannot be written: %w", err)
	}
	var got list[groupRecord]
	_, err = u.driver.get(ctx, op, "groups", url.Values{
		"query": {string(query)}, "find_disabled_rows": {"1"}, "orderby": {"id"}, "per_page": {strconv.Itoa(most)},
	}, &got)
	if access.IsKind(err, access.NotFound) {
		err = u.driver.noAPI(op, err)
	}
	return got, err
}

// group reads a group that people made. NotFound: there is none, or it is disabled.
func (u *Users) group(ctx context.Context, op string, id access.GroupID) (groupRecord, error) {
	var g groupRecord
	if !ticketNumber.MatchString(string(id)) {
		return g, u.noGroup(ctx, op, id)
	}
	_, err := u.driver.get(ctx, op, "group/"+string(id), nil, &g)
	switch {
	case access.IsKind(err, access.NotFound), rest.StatusOf(err) == http.StatusForbidden:
		return g, u.noGroup(ctx, op, id)
	case err != nil:
		return g, err
	case string(g.ID) != string(id) || g.Domain == "" || g.Disabled == "":
		return g, access.Errorf(access.Transient, op, "the answer is no group of RT's")
	case g.Domain != userDefined:
		return g, access.Errorf(access.NotFound, op, "group %s is one of RT's own", id)
	case g.Disabled != "0":
		return g, access.Errorf(access.NotFound, op, "group %s is disabled", id)
	}
	return g, nil
}

// noGroup is NotFound, once RT has shown that there is no such group. RT forbids to read what is not there, as it does what it hides: only to who
// sees all groups it says how many there are. Else Forbidden.
func (u *Users) noGroup(ctx context.Context, op string, id access.GroupID) error {
	number := string(id)
	if !ticketNumber.MatchString(number) {
		number = "0"
	}
	got, err := u.groupsWith(ctx, op, 1, "id", number)
	switch {
	case err != nil:
		return err
	case got.Total == nil || *got.Total > 0:
		return access.Errorf(access.Forbidden, op, "RT does not show all groups to usher's account; it lacks the right SeeGroup")
	}
	return access.Errorf(access.NotFound, op, "RT has no group %q", id)
}

// administers is Invalid where usher's account may not change the members of a group that it sees. RT then shows it no list of them either.
func (u *Users) administers(ctx context.Context, op string, id access.GroupID) error {
	_, err := u.membersPage(ctx, op, id, 1, 1)
	return unchangeable(op, id, err)
}

// unchangeable is Invalid for RT's 403 about the members of a group that usher's account sees.
func unchangeable(op string, id access.GroupID, err error) error {
	if rest.StatusOf(err) == http.StatusForbidden {
		return access.Errorf(access.Invalid, op, "usher's account lacks the right AdminGroupMembership on group %s: %w", id, err)
	}
	return err
}

// membersPage reads one page of the users who are members themselves, those who are disabled too, by their numbers.
func (u *Users) membersPage(ctx context.Context, op string, id access.GroupID, page, rows int) (list[memberRow], error) {
	var got list[memberRow]
	_, err := u.driver.get(ctx, op, "group/"+string(id)+"/members", url.Values{
		"users": {"1"}, "groups": {"0"}, "recursively": {"0"}, "find_disabled_rows": {"1"},
		"orderby": {"id"}, "per_page": {strconv.Itoa(rows)}, "page": {strconv.Itoa(page)},
	}, &got)
	if err == nil && got.Total == nil {
		err = access.Errorf(access.Transient, op, "RT did not say how many members there are")
	}
	return got, err
}

// GroupMembers implements access.UserGroups: the group, its pages, and the group again. RT shows the members of a group by name without pages, too: the
// pages are whole when there are as many numbers as names, and the same names before and after.
func (u *Users) GroupMembers(ctx context.Context, id access.GroupID) ([]access.UserID, error) {
	const op = "list members"
	before, err := u.group(ctx, op, id)
	if err != nil {
		return nil, err
	}
	var numbers []int
	last := 0
	for page := 1; ; page++ {
		got, err := u.membersPage(ctx, op, id, page, mostRows)
		if err != nil {
			return nil, err
		}
		for _, row := range got.Items {
			number, err := strconv.Atoi(string(row.ID))
			if err != nil || row.Type != "user" || number <= last {
				return nil, access.Errorf(access.Transient, op, "the members of group %s changed while they were listed: %s %q came after user %d",
					id, row.Type, row.ID, last)
			}
			last, numbers = number, append(numbers, number)
		}
		if len(got.Items) == 0 || len(numbers) >= *got.Total {
			break
		}
	}
	after, err := u.group(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if names := after.users(); len(names) != len(numbers) || !slices.Equal(before.users(), names) {
		return nil, access.Errorf(access.Transient, op, "group %s has %d members and RT has listed %d, or they changed while they were listed", id,
			len(names), len(numbers))
	}
	var members []access.UserID
	for _, number := range numbers {
		members = append(members, access.UserID(strconv.Itoa(number)))
	}
	slices.Sort(members)
	return members, nil
}

// isMember reports whether a user is a member of a group that usher's account sees. Invalid: it may not change the members.
func (u *Users) isMember(ctx context.Context, op string, id access.GroupID, user access.UserID) (bool, error) {
	var got list[memberRow]
	_, err := u.driver.get(ctx, op, memberPath(id, user), nil, &got)
	if err != nil {
		return false, unchangeable(op, id, err)
	}
	return slices.Contains(got.Items, memberRow{Type: "user", ID: scalar(user)}), nil
}

func memberPath(id access.GroupID, user access.UserID) string {
	return "group/" + string(id) + "/member/" + string(user)
}

// AddGroupMember implements access.UserGroups: three calls where nothing is to be written, else five.
func (u *Users) AddGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	const op = "add member"
	if _, err := u.group(ctx, op, id); err != nil {
		return err
	}
	if _, err := u.load(ctx, op, user); err != nil {
		return err
	}
	is, err := u.isMember(ctx, op, id, user)
	if err != nil || is {
		return err
	}
	var said []string
	_, err = u.driver.rest.Do(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPut, Path: "group/" + string(id) + "/members", Body: []string{string(user)}, Into: &said,
	})
	if err != nil {
		return unchangeable(op, id, err)
	}
	return u.kept(ctx, op, id, user, keeping{true, said})
}

// RemoveGroupMember implements access.UserGroups: two calls where nothing is to be written, else four. RT says nothing of a removal.
func (u *Users) RemoveGroupMember(ctx context.Context, id access.GroupID, user access.UserID) error {
	const op = "remove member"
	if _, err := u.group(ctx, op, id); err != nil {
		return err
	}
	if !ticketNumber.MatchString(string(user)) {
		return nil
	}
	is, err := u.isMember(ctx, op, id, user)
	if err != nil || !is {
		return err
	}
	if _, err = u.driver.rest.Do(ctx, rest.Call{Op: op, Mode: rest.Write, Method: http.MethodDelete, Path: memberPath(id, user)}); err != nil {
		return unchangeable(op, id, err)
	}
	return u.kept(ctx, op, id, user, keeping{false, nil})
}

// keeping is what a user should be now, and what RT said.
type keeping struct {
	member bool
	said   []string
}

// kept is nil once RT shows it; Invalid: it did not keep what was written.
func (u *Users) kept(ctx context.Context, op string, id access.GroupID, user access.UserID, wanted keeping) error {
	is, err := u.isMember(ctx, op, id, user)
	switch {
	case err != nil:
		return err
	case is != wanted.member:
		return access.Errorf(access.Invalid, op, "RT did not change the members of group %s; it said: %s", id, desk.OneLine(strings.Join(wanted.said, "; ")))
	}
	return nil
}
