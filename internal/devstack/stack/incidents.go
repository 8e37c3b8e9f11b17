package stack

import (
	"context"
	"net/http"
	"net/url"

	"usher/internal/access"
)

// Monitor is who may hand in incidents in a stack.
const Monitor access.PersonID = "monitor"

// HandIn is an incident that another system hands in.
type HandIn struct {
	ID           string `json:"id,omitempty"`
	Reference    string `json:"reference"`
	ReferenceURL string `json:"reference_url,omitempty"`
	Application  string `json:"application,omitempty"`
	Assignee     string `json:"assignee,omitempty"`
	Summary      string `json:"summary"`
	Description  string `json:"description,omitempty"`
}

// HandIn hands in an incident as somebody.
func (c *Client) HandIn(ctx context.Context, as access.PersonID, in HandIn) (access.IncidentView, error) {
	var view access.IncidentView
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: "/v1/tickets", body: in, into: &view})
	return view, err
}

// Incident is an incident as somebody sees it.
func (c *Client) Incident(ctx context.Context, as access.PersonID, id access.IncidentID) (access.IncidentView, error) {
	var view access.IncidentView
	err := c.call(ctx, as, apiCall{method: http.MethodGet, path: "/v1/tickets/" + url.PathEscape(string(id)), into: &view})
	return view, err
}

// AwaitIncident waits until an incident is as wished.
func (c *Client) AwaitIncident(ctx context.Context, id access.IncidentID, wished func(access.IncidentView) error) (access.IncidentView, error) {
	var view access.IncidentView
	err := Poll(ctx, func(ctx context.Context) error {
		var err error
		if view, err = c.Incident(ctx, Auditor, id); err != nil {
			return err
		}
		return wished(view)
	})
	return view, err
}

// AddIntegrationUser adds a user of the desk to the register, as an administrator.
func (c *Client) AddIntegrationUser(ctx context.Context, email string, groups ...string) (access.IntegrationUser, error) {
	var added struct{ User access.IntegrationUser }
	body := map[string]any{"desk": c.urls.DeskKind, "email": email, "reason": "they are on call"}
	if len(groups) > 0 {
		body["groups"] = groups
	}
	err := c.call(ctx, Auditor, apiCall{method: http.MethodPost, path: "/v1/integration-users", body: body, into: &added})
	return added.User, err
}

// CheckIntegrationUsers has the register checked, as an administrator.
func (c *Client) CheckIntegrationUsers(ctx context.Context) (flagged int, err error) {
	var checked struct{ Flagged int }
	path := "/v1/integration-users/" + url.PathEscape(string(c.urls.DeskKind)) + "/check"
	err = c.call(ctx, Auditor, apiCall{method: http.MethodPost, path: path, body: struct{}{}, into: &checked})
	return checked.Flagged, err
}
