package stack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"usher/internal/access"
)

// AskedRequest is the id of the request that a ticket of the desk of this stack asks for.
func (c *Client) AskedRequest(ticket access.TicketID) access.RequestID {
	return access.AskedRequestID(access.DeskName(c.urls.DeskKind), ticket)
}

// newTicket is the call of the desk's own API by which a person asks: its path and its body.
func (k DeskKind) newTicket(summary, text string) (string, any) {
	switch k {
	case Jira:
		return "/rest/api/2/issue", map[string]any{"fields": map[string]any{
			"project": map[string]string{"key": "ACCESS"}, "issuetype": map[string]string{"name": "Access request"},
			"summary": summary, "description": text,
		}}
	case RequestTracker:
		return "/REST/2.0/ticket", map[string]string{"Queue": "Help", "Subject": summary, "Content": text, "ContentType": "text/plain"}
	case ServiceNow:
		return "/api/now/table/incident", map[string]string{
			"category": "access", "contact_type": "self-service", "short_description": summary, "description": text,
		}
	}
	return "", nil
}

// OpenTicket opens a ticket as a person does, with the desk's own API and their own password, and returns its id.
func (c *Client) OpenTicket(ctx context.Context, as access.PersonID, summary, text string) (access.TicketID, error) {
	path, body := c.urls.DeskKind.newTicket(summary, text)
	id, err := c.openAs(ctx, as, path, body)
	return access.TicketID(id), err
}

// openAs opens a ticket by a call of the desk's own API, as a person with their own password, and returns its id.
func (c *Client) openAs(ctx context.Context, as access.PersonID, path string, body any) (string, error) {
	written, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("open a ticket: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.urls.Desk+path, bytes.NewReader(written))
	if err != nil {
		return "", fmt.Errorf("open a ticket: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(string(as)+"@example.test", "token-of-"+string(as))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("open a ticket: %w", err)
	}
	defer response.Body.Close()
	// ServiceNow's answer has the record in a result.
	var made struct {
		ID     string
		Result struct {
			ID string `json:"sys_id"`
		}
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("open a ticket: %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&made)
	return cmp.Or(made.ID, made.Result.ID), err
}

// coarsest is the coarsest unit of a desk's times.
const coarsest = time.Second

// TakenIn waits until a ticket is its request's, and until what people do on it is younger than that by the clock of any desk: what is
// not does not count.
func (c *Client) TakenIn(ctx context.Context, ticket access.TicketID) (Detail, error) {
	var detail Detail
	var seen time.Time
	err := Poll(ctx, func(ctx context.Context) (err error) {
		detail, err = c.Show(ctx, Auditor, c.AskedRequest(ticket))
		switch {
		case err != nil:
			return err
		case detail.Ticket == nil:
			return errors.New("it has no ticket yet")
		case seen.IsZero():
			seen = time.Now()
		}
		if time.Since(seen) <= coarsest {
			return errors.New("the second in which it got its ticket is not over")
		}
		return nil
	})
	return detail, err
}
