package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"usher/internal/access"
)

// Group is a group of the directory. Members are the ids of its members.
type Group struct {
	ID, DisplayName string
	Members         []access.PersonID
}

// Change is one change of a membership: Kind is "added" or "removed".
type Change struct {
	Kind, Group string
	User        access.PersonID
	At          time.Time
}

// Groups are all groups of the directory.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var all []struct {
		ID          string `json:"id"`
		DisplayName string `json:"display_name"`
		Members     []struct {
			ID access.PersonID `json:"id"`
		} `json:"members"`
	}
	if err := getJSON(ctx, c.urls.DirectoryAPI+"/_sim/groups", &all); err != nil {
		return nil, err
	}
	groups := make([]Group, len(all))
	for i, g := range all {
		groups[i] = Group{ID: g.ID, DisplayName: g.DisplayName}
		for _, m := range g.Members {
			groups[i].Members = append(groups[i].Members, m.ID)
		}
	}
	return groups, nil
}

// Members are those of the group of that display name. A group that does not exist is an error.
func (c *Client) Members(ctx context.Context, group string) ([]access.PersonID, error) {
	all, err := c.Groups(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if g.DisplayName == group {
			return g.Members, nil
		}
	}
	return nil, fmt.Errorf("the directory has no group %q", group)
}

// Changes are all changes of memberships, oldest first.
func (c *Client) Changes(ctx context.Context) ([]Change, error) {
	var all []Change
	err := getJSON(ctx, c.urls.DirectoryAPI+"/_sim/changes", &all)
	return all, err
}

// RunEnded asks our own Temporal server whether the workflow of that id ("request/..", "access/..") has completed. The
// error names where it stands instead. The list that is asked may lag behind a moment.
func (c *Client) RunEnded(ctx context.Context, workflowID string) error {
	var list struct {
		Executions []struct{ Status string }
	}
	// The path of a single workflow takes no id with a slash.
	query := url.Values{"query": {"WorkflowId = '" + workflowID + "'"}}
	if err := getJSON(ctx, c.urls.TemporalHTTP+"/api/v1/namespaces/default/workflows?"+query.Encode(), &list); err != nil {
		return err
	}
	if len(list.Executions) == 0 {
		return fmt.Errorf("there is no run %s", workflowID)
	}
	if status := list.Executions[0].Status; status != "WORKFLOW_EXECUTION_STATUS_COMPLETED" {
		return fmt.Errorf("the run %s is %s, expected completed", workflowID, status)
	}
	return nil
}

// SetDeskFaults switches faults of a fake desk on and all others off; the keys are those of GET /_sim/faults.
func (c *Client) SetDeskFaults(ctx context.Context, faults map[string]any) error {
	return c.setFaults(ctx, c.urls.Desk, faults)
}

// SetDirectoryFaults switches faults of the directory on and all others off; the keys are those of GET /_sim/faults.
func (c *Client) SetDirectoryFaults(ctx context.Context, faults map[string]any) error {
	return c.setFaults(ctx, c.urls.DirectoryAPI, faults)
}

func (c *Client) setFaults(ctx context.Context, at string, faults map[string]any) error {
	if faults == nil {
		faults = map[string]any{}
	}
	body, err := json.Marshal(faults)
	if err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	return send(ctx, outgoing{http.MethodPut, at + "/_sim/faults", "application/json", string(body)})
}

// outgoing is a call whose answer is not needed.
type outgoing struct{ method, address, contentType, body string }

// send makes the call. A redirect is success and is not followed: it leads to a page.
func send(ctx context.Context, o outgoing) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, o.method, o.address, strings.NewReader(o.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", o.contentType)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("%s %s: %s: %s", o.method, o.address, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
