package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
)

// requestTracker speaks to a real Request Tracker as its people do: REST2, with their passwords.
type requestTracker struct{ url string }

func (c *Client) requestTracker() requestTracker { return requestTracker{c.urls.Desk} }

// rtAdministrator is the account that sees everything, and its password, in a Request Tracker of the simulator's.
const rtAdministrator, rtPassword = "root", "password"

// tickets reads all tickets. Their description is the first message, and their comments are the later ones.
func (r requestTracker) tickets(ctx context.Context) ([]Ticket, error) {
	query := url.Values{
		"query": {"id > 0"}, "orderby": {"id"}, "per_page": {"100"}, "fields": {"Subject,Status,Owner,Queue,CustomFields"}, "fields[Queue]": {"Name"},
	}
	var page struct {
		Items []struct {
			ID, Subject, Status string
			Owner               struct{ ID string }
			Queue               struct{ Name string }
			CustomFields        []struct {
				Name   string   `json:"name"`
				Values []string `json:"values"`
			}
		}
	}
	if err := r.call(ctx, rtCall{as: rtAdministrator, password: rtPassword, path: "tickets?" + query.Encode(), into: &page}); err != nil {
		return nil, err
	}
	all := make([]Ticket, len(page.Items))
	for n, one := range page.Items {
		t := Ticket{ID: one.ID, Key: one.Queue.Name + " #" + one.ID, Summary: one.Subject, Status: one.Status, Fields: map[string]string{}}
		if one.Owner.ID != "Nobody" {
			t.Assignee = one.Owner.ID
		}
		for _, f := range one.CustomFields {
			if len(f.Values) > 0 {
				t.Fields[f.Name] = strings.Join(f.Values, ", ")
			}
		}
		if err := r.messages(ctx, &t); err != nil {
			return nil, err
		}
		all[n] = t
	}
	return all, nil
}

func (r requestTracker) messages(ctx context.Context, t *Ticket) error {
	query := url.Values{"orderby": {"id"}, "per_page": {"100"}, "fields": {"Content,Creator"}}
	var page struct {
		Items []struct {
			Content string
			Creator struct{ ID string }
		}
	}
	err := r.call(ctx, rtCall{as: rtAdministrator, password: rtPassword, path: "ticket/" + t.ID + "/attachments?" + query.Encode(), into: &page})
	for n, one := range page.Items {
		if n == 0 {
			t.Description = one.Content
			continue
		}
		t.Comments = append(t.Comments, struct{ Author, Body string }{one.Creator.ID, one.Content})
	}
	return err
}

// move sets the status as a person. RT answers 200 too when it refuses, so the ticket is read again.
func (r requestTracker) move(ctx context.Context, as access.PersonID, key access.TicketKey, status string) error {
	_, id, found := strings.Cut(string(key), " #")
	if !found {
		return fmt.Errorf("%q is no key of Request Tracker, expected one such as \"Access #1\"", key)
	}
	call := rtCall{
		as: string(as) + "@example.test", password: "token-of-" + string(as), method: http.MethodPut, path: "ticket/" + id,
		body: map[string]string{"Status": status},
	}
	if err := r.call(ctx, call); err != nil {
		return err
	}
	var now struct{ Status string }
	if err := r.call(ctx, rtCall{as: rtAdministrator, password: rtPassword, path: "ticket/" + id, into: &now}); err != nil {
		return err
	}
	if now.Status != status {
		return fmt.Errorf("request tracker left ticket %s in %q", key, now.Status)
	}
	return nil
}

type rtCall struct {
	as, password string
	// method is GET when empty.
	method, path string
	body, into   any
}

func (r requestTracker) call(ctx context.Context, c rtCall) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	var body io.Reader
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, r.url+"/REST/2.0/"+c.path, body)
	if err != nil {
		return err
	}
	request.SetBasicAuth(c.as, c.password)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("%s %s: %s: %s", request.Method, c.path, response.Status, strings.TrimSpace(string(text)))
	}
	if c.into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(c.into)
}
