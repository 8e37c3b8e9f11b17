package stack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker/rttest"
)

// requestTracker speaks to a real Request Tracker as its people do: REST2, with their passwords.
type requestTracker rttest.Client

func (c *Client) requestTracker() requestTracker { return requestTracker{c.urls.Desk} }

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
	if err := r.call(ctx, asRoot("tickets?"+query.Encode(), &page)); err != nil {
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
	err := r.call(ctx, asRoot("ticket/"+t.ID+"/attachments?"+query.Encode(), &page))
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
	call := rttest.Call{
		As: string(as) + "@example.test", Password: "token-of-" + string(as), Method: http.MethodPut, Path: "ticket/" + id,
		Body: map[string]string{"Status": status},
	}
	if err := r.call(ctx, call); err != nil {
		return err
	}
	var now struct{ Status string }
	if err := r.call(ctx, asRoot("ticket/"+id, &now)); err != nil {
		return err
	}
	if now.Status != status {
		return fmt.Errorf("request tracker left ticket %s in %q", key, now.Status)
	}
	return nil
}

// call makes a call of REST2, with a deadline of its own.
func (r requestTracker) call(ctx context.Context, c rttest.Call) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return rttest.Client(r).Call(ctx, c)
}

// asRoot is a call of the administrator, who sees everything.
func asRoot(path string, into any) rttest.Call {
	return rttest.Call{As: rttest.Root, Password: rttest.RootPassword, Path: path, Into: into}
}
