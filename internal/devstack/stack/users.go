package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker/rttest"
)

// SyncStart is a run by hand over the users of a desk. Release nil releases nothing.
type SyncStart struct {
	ID      string         `json:"id,omitempty"`
	Dry     bool           `json:"dry,omitempty"`
	Release *PeopleRelease `json:"release,omitempty"`
}

// StartSync starts a run over the users of the desk as a person, and gives its id.
func (c *Client) StartSync(ctx context.Context, as access.PersonID, p SyncStart) (string, error) {
	var started struct{ Run string }
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: c.syncs(), body: p, into: &started})
	return started.Run, err
}

// Sync is a run over the users of the desk, as the Auditor sees it.
func (c *Client) Sync(ctx context.Context, run string) (access.SyncRun, error) {
	var found access.SyncRun
	err := c.call(ctx, Auditor, apiCall{method: http.MethodGet, path: c.syncs() + "/" + url.PathEscape(run), into: &found})
	return found, err
}

// SyncRows are the rows of a run, as the Auditor sees them; the query is that of the API ("state=held"), the first page only.
func (c *Client) SyncRows(ctx context.Context, run, query string) ([]access.SyncRow, error) {
	var page struct{ Rows []access.SyncRow }
	err := c.call(ctx, Auditor, apiCall{method: http.MethodGet, path: c.syncs() + "/" + url.PathEscape(run) + "/rows?" + query, into: &page})
	return page.Rows, err
}

func (c *Client) syncs() string {
	return "/v1/desks/" + url.PathEscape(string(c.urls.DeskKind)) + "/syncs"
}

// DeskUser is a user as the desk's own HTTP shows it to an administrator of the desk. Found is false where there is none.
type DeskUser struct {
	Found, Active  bool
	ID, Mail, Name string
	Title, Manager string
}

// DeskUser reads the user of a login.
func (c *Client) DeskUser(ctx context.Context, login string) (DeskUser, error) {
	switch c.urls.DeskKind {
	case RequestTracker:
		return c.requestTracker().user(ctx, login)
	case ServiceNow:
		return c.serviceNowUser(ctx, login)
	case Jira:
	}
	return c.jiraUser(ctx, login)
}

func (c *Client) serviceNowUser(ctx context.Context, login string) (DeskUser, error) {
	var page struct {
		Result []struct {
			ID      string `json:"sys_id"`
			Email   string `json:"email"`
			Name    string `json:"name"`
			Active  string `json:"active"`
			Title   string `json:"title"`
			Manager string `json:"manager"`
		}
	}
	query := url.Values{"sysparm_query": {"user_name=" + login}, "sysparm_exclude_reference_link": {"true"}}
	err := c.asDeskAdmin(ctx, "/api/now/table/sys_user?"+query.Encode(), asServiceNowAdmin, &page)
	if err != nil || len(page.Result) == 0 {
		return DeskUser{}, err
	}
	u := page.Result[0]
	return DeskUser{Found: true, Active: u.Active == "true", ID: u.ID, Mail: u.Email, Name: u.Name, Title: u.Title, Manager: u.Manager}, nil
}

// jiraUser reads a user of a Jira Data Center.
func (c *Client) jiraUser(ctx context.Context, login string) (DeskUser, error) {
	var u struct {
		Key, EmailAddress, DisplayName string
		Active                         bool
	}
	err := c.asDeskAdmin(ctx, "/rest/api/2/user?username="+url.QueryEscape(login), asJiraAdmin, &u)
	if err != nil || u.Key == "" {
		return DeskUser{}, err
	}
	return DeskUser{Found: true, Active: u.Active, ID: u.Key, Mail: u.EmailAddress, Name: u.DisplayName}, nil
}

// asDeskAdmin makes a call of the desk's own HTTP; 404 leaves into as it is.
func (c *Client) asDeskAdmin(ctx context.Context, path string, logIn func(*http.Request), into any) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.urls.Desk+path, nil)
	if err != nil {
		return fmt.Errorf("read a user of the desk: %w", err)
	}
	logIn(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("read a user of the desk: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusNotFound:
		return nil
	case http.StatusOK:
		return json.NewDecoder(response.Body).Decode(into)
	}
	return fmt.Errorf("read a user of the desk: %s", response.Status)
}

// user reads a user.
func (r requestTracker) user(ctx context.Context, login string) (DeskUser, error) {
	var u struct {
		ID                           json.Number
		Name, EmailAddress, RealName string
		City                         string
		Disabled                     json.Number
		CustomFields                 json.RawMessage
	}
	err := r.call(ctx, asRoot("user/"+url.PathEscape(login), &u))
	if refused := (*rttest.StatusError)(nil); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return DeskUser{}, nil
	}
	if err != nil {
		return DeskUser{}, err
	}
	var fields []struct {
		Name   string
		Values []string
	}
	_ = json.Unmarshal(u.CustomFields, &fields) // RT writes "" where there are none.
	found := DeskUser{Found: true, Active: u.Disabled.String() == "0", ID: u.ID.String(), Mail: u.EmailAddress, Name: u.RealName, Title: u.City}
	for _, f := range fields {
		if f.Name == "Manager" {
			found.Manager = strings.Join(f.Values, ", ")
		}
	}
	return found, nil
}
