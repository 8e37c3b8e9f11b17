package stack

import (
	"context"
	"net/http"
	"net/url"

	"usher/internal/access"
)

// OwnedTickets is the kind of records that the users of a desk own in a stack with Staff.
const OwnedTickets = "tickets"

// HandsOver reports whether the desk of this stack hands over what leavers own.
func (c *Client) HandsOver() bool { return c.urls.DeskKind.handsOver() }

func (k DeskKind) handsOver() bool { return k == ServiceNow || k == Jira }

// OpenTicketFor opens a ticket of the desk as zoe, whose owner is the user of a login, and returns its id. It asks for no access.
func (c *Client) OpenTicketFor(ctx context.Context, login string) (string, error) {
	user, err := c.DeskUser(ctx, login)
	if err != nil {
		return "", err
	}
	const summary = "The screen is broken"
	path, body := "/api/now/table/incident", any(map[string]string{"caller_id": user.ID, "category": "hardware", "short_description": summary})
	if c.urls.DeskKind == Jira {
		path, body = "/rest/api/2/issue", map[string]any{"fields": map[string]any{
			"project": map[string]string{"key": otherProject}, "issuetype": map[string]string{"name": "Access request"}, "summary": summary,
			"assignee": map[string]string{"name": login},
		}}
	}
	return c.openAs(ctx, "zoe", path, body)
}

// otherProject is a project of the fake Jira in which nobody asks for access.
const otherProject = "OTHER"

// TicketOwner is the id of the user whose a ticket is, by the desk's own HTTP.
func (c *Client) TicketOwner(ctx context.Context, ticket string) (string, error) {
	if c.urls.DeskKind == Jira {
		var issue struct {
			Fields struct {
				Assignee struct{ Key string }
			}
		}
		err := c.asDeskAdmin(ctx, "/rest/api/2/issue/"+url.PathEscape(ticket), asJiraAdmin, &issue)
		return issue.Fields.Assignee.Key, err
	}
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
