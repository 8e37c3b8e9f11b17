package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
)

// Answer answers the approval of the desk's own by which somebody is asked about a ticket, as a person does with the desk's own API. It
// waits until the approval is there. On a desk without approvals it moves the ticket.
func (c *Client) Answer(ctx context.Context, as, asked access.PersonID, key access.TicketKey, v access.Verdict) error {
	switch c.urls.DeskKind {
	case RequestTracker:
		return c.requestTracker().answer(ctx, as, asked, key, v)
	case ServiceNow:
		ticket, err := c.Ticket(ctx, key)
		if err != nil {
			return err
		}
		return c.answerServiceNow(ctx, as, asked, ticket.ID, v)
	case Jira:
	}
	statuses := c.Statuses()
	return c.TransitionTicket(ctx, as, key, map[access.Verdict]string{access.Approve: statuses.Approved, access.Deny: statuses.Denied}[v])
}

// answer answers as RT's page of approvals does: it resolves or rejects the ticket that asks. RT answers 200 too when it refuses.
func (r requestTracker) answer(ctx context.Context, as, asked access.PersonID, key access.TicketKey, v access.Verdict) error {
	_, about, _ := strings.Cut(string(key), " #")
	query := url.Values{"query": {fmt.Sprintf(
		"Queue = 'Access Approvals' AND Type = 'approval' AND RefersTo = %s AND Owner = '%s@example.test' AND (Status = 'new' OR Status = 'open')", about, asked,
	)}}
	var page struct{ Items []struct{ ID string } }
	err := Poll(ctx, func(ctx context.Context) error {
		err := r.call(ctx, asRoot("tickets?"+query.Encode(), &page))
		if err == nil && len(page.Items) != 1 {
			err = fmt.Errorf("%d approvals wait for %s about ticket %s", len(page.Items), asked, key)
		}
		return err
	})
	if err != nil {
		return err
	}
	status := map[access.Verdict]string{access.Approve: "resolved", access.Deny: "rejected"}[v]
	return r.move(ctx, as, access.TicketKey("approval #"+page.Items[0].ID), status)
}

// answerServiceNow writes the state of the row in which somebody is asked.
func (c *Client) answerServiceNow(ctx context.Context, as, asked access.PersonID, ticket string, v access.Verdict) error {
	query := url.Values{
		"sysparm_query":  {"sysapproval=" + ticket + "^approver.user_name=" + string(asked) + "@example.test^state=requested"},
		"sysparm_fields": {"sys_id"},
	}
	var rows []struct {
		ID string `json:"sys_id"`
	}
	const table = "/api/now/table/sysapproval_approver"
	err := Poll(ctx, func(ctx context.Context) error {
		err := c.serviceNow(ctx, as, outgoing{method: http.MethodGet, address: table + "?" + query.Encode()}, &rows)
		if err == nil && len(rows) != 1 {
			err = fmt.Errorf("%d approvals wait for %s about ticket %s", len(rows), asked, ticket)
		}
		return err
	})
	if err != nil {
		return err
	}
	state := map[access.Verdict]string{access.Approve: "approved", access.Deny: "rejected"}[v]
	return c.serviceNow(ctx, as, outgoing{method: http.MethodPatch, address: table + "/" + rows[0].ID, body: `{"state":"` + state + `"}`}, nil)
}

// serviceNow is a call of the Table API with a person's own password; its address is a path. into takes the result; nil for none.
func (c *Client) serviceNow(ctx context.Context, as access.PersonID, call outgoing, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, call.method, c.urls.Desk+call.address, strings.NewReader(call.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(string(as)+"@example.test", "token-of-"+string(as))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", call.method, call.address, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(&struct {
		Result any `json:"result"`
	}{into})
}
