package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// The groups of the desk in a stack that has Options.Groups: of the department Research, and of everybody who has somebody to lead.
const (
	ResearchGroup = "Research"
	ManagersGroup = "Line managers"
)

// GroupMembers are the logins of who is in a group of the desk, sorted, as the desk's own HTTP shows them to an administrator of the desk; members
// who are switched off count. A group that is not there is an error.
func (c *Client) GroupMembers(ctx context.Context, group string) ([]string, error) {
	read := c.jiraMembers
	switch c.urls.DeskKind {
	case RequestTracker:
		read = c.requestTracker().members
	case ServiceNow:
		read = c.serviceNowMembers
	case Jira:
	}
	logins, err := read(ctx, group)
	slices.Sort(logins)
	return logins, err
}

// jiraMembers reads the group of a Jira Data Center.
func (c *Client) jiraMembers(ctx context.Context, group string) (logins []string, err error) {
	var page struct {
		Total  *int
		Values []struct{ Name string }
	}
	query := url.Values{"groupname": {group}, "includeInactiveUsers": {"true"}}
	if err := c.asDeskAdmin(ctx, "/rest/api/2/group/member?"+query.Encode(), asJiraAdmin, &page); err != nil {
		return nil, err
	}
	if page.Total == nil || *page.Total != len(page.Values) {
		return nil, fmt.Errorf("jira has no group %q that fits a page", group)
	}
	for _, one := range page.Values {
		logins = append(logins, one.Name)
	}
	return logins, nil
}

func (c *Client) serviceNowMembers(ctx context.Context, group string) (logins []string, err error) {
	type row struct {
		ID       string `json:"sys_id"`
		User     string `json:"user"`
		UserName string `json:"user_name"`
	}
	read := func(table, query string) ([]row, error) {
		var page struct{ Result []row }
		values := url.Values{"sysparm_query": {query}, "sysparm_exclude_reference_link": {"true"}}
		err := c.asDeskAdmin(ctx, "/api/now/table/"+table+"?"+values.Encode(), asServiceNowAdmin, &page)
		return page.Result, err
	}
	groups, err := read("sys_user_group", "name="+group)
	if err != nil || len(groups) != 1 {
		return nil, errors.Join(err, fmt.Errorf("servicenow has %d groups %q", len(groups), group))
	}
	members, err := read("sys_user_grmember", "group="+groups[0].ID)
	for _, member := range members {
		users, failed := read("sys_user", "sys_id="+member.User)
		err = errors.Join(err, failed)
		for _, user := range users {
			logins = append(logins, user.UserName)
		}
	}
	return logins, err
}

func (r requestTracker) members(ctx context.Context, group string) (logins []string, err error) {
	search, err := json.Marshal([]map[string]string{{"field": "Domain", "value": "UserDefined"}, {"field": "Name", "value": group}})
	if err != nil {
		return nil, err
	}
	var found struct{ Items []struct{ ID json.Number } }
	if err := r.call(ctx, asRoot("groups?"+url.Values{"query": {string(search)}}.Encode(), &found)); err != nil {
		return nil, err
	}
	if len(found.Items) != 1 {
		return nil, fmt.Errorf("request tracker has %d groups %q", len(found.Items), group)
	}
	var shown struct{ Members []struct{ Type, ID string } }
	err = r.call(ctx, asRoot("group/"+found.Items[0].ID.String(), &shown))
	for _, one := range shown.Members {
		logins = append(logins, one.ID)
	}
	return logins, err
}

func asJiraAdmin(r *http.Request) { r.Header.Set("Authorization", "Bearer "+simulatorToken) }

func asServiceNowAdmin(r *http.Request) { r.SetBasicAuth("usher.bot", simulatorToken) }
