package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"usher/internal/access"
)

// OwnedTickets is the kind of records that the users of a desk own in a stack with Staff.
const OwnedTickets = "tickets"

// HandsOver reports whether the desk of this stack hands over what leavers own.
func (c *Client) HandsOver() bool { return c.urls.DeskKind.handsOver() }

func (k DeskKind) handsOver() bool { return k == ServiceNow }

// OpenTicketFor opens a ticket of ServiceNow as zoe, for the user of a login, and returns its id. It asks for no access.
func (c *Client) OpenTicketFor(ctx context.Context, login string) (string, error) {
	user, err := c.DeskUser(ctx, login)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"caller_id": user.ID, "category": "hardware", "short_description": "The screen is broken"})
	if err != nil {
		return "", fmt.Errorf("open a ticket for somebody: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.urls.Desk+"/api/now/table/incident", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("open a ticket for somebody: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth("zoe@example.test", "token-of-zoe")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("open a ticket for somebody: %w", err)
	}
	defer response.Body.Close()
	var made struct {
		Result struct {
			ID string `json:"sys_id"`
		}
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("open a ticket for somebody: %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&made)
	return made.Result.ID, err
}

// TicketOwner is the id of the user for whom a ticket of ServiceNow is, by the desk's own HTTP.
func (c *Client) TicketOwner(ctx context.Context, ticket string) (string, error) {
	var one struct {
		Result struct {
			Owner string `json:"caller_id"`
		}
	}
	err := c.asDeskAdmin(ctx, "/api/now/table/incident/"+url.PathEscape(ticket)+"?sysparm_exclude_reference_link=true", asServiceNowAdmin, &one)
	return one.Result.Owner, err
}

// Unlink takes the link between a person and a user of the desk away, as a person, and returns the user. The same id is the same call.
func (c *Client) Unlink(ctx context.Context, as, person access.PersonID, id string) (access.UserID, error) {
	var link struct{ User access.UserID }
	err := c.call(ctx, as, apiCall{
		method: http.MethodPost, path: "/v1/desks/" + url.PathEscape(string(c.urls.DeskKind)) + "/links/" + url.PathEscape(string(person)) + "/remove",
		body: map[string]string{"id": id, "reason": "the user is of a namesake"}, into: &link,
	})
	return link.User, err
}
