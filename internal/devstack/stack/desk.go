package stack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"usher/internal/access"
)

// DeskKind is which service desk the simulator serves. It is the kind, and the name, of the desk in the worker's configuration.
type DeskKind string

// The desks. Request Tracker is a real one, from packages that must be installed.
const (
	Jira           DeskKind = "jira"
	RequestTracker DeskKind = "requesttracker"
	ServiceNow     DeskKind = "servicenow"
)

// DeskKinds lists the kinds.
func DeskKinds() []DeskKind { return []DeskKind{Jira, RequestTracker, ServiceNow} }

func (k DeskKind) known() bool { return slices.Contains(DeskKinds(), k) }

// Name is what people call the desk.
func (k DeskKind) Name() string {
	return map[DeskKind]string{Jira: "the fake Jira", RequestTracker: "Request Tracker", ServiceNow: "the fake ServiceNow"}[k]
}

// board is the path of the page that people look at.
func (k DeskKind) board() string {
	if k == RequestTracker {
		return "/"
	}
	return "/board"
}

// alive is the path of a page that answers when the desk is up.
func (k DeskKind) alive() string {
	switch k {
	case RequestTracker:
		return "/"
	case ServiceNow:
		return "/_sim/records"
	case Jira:
	}
	return "/_sim/issues"
}

// Statuses are what the statuses of a desk are called.
type Statuses struct{ Waiting, Approved, Denied, Working, Done, WontDo string }

// Statuses returns what the desk calls its statuses.
func (k DeskKind) Statuses() Statuses {
	switch k {
	case RequestTracker:
		return Statuses{"new", "approved", "denied", "open", "resolved", "rejected"}
	case ServiceNow:
		return Statuses{"New", "Approved", "Denied", "In Progress", "Resolved", "Canceled"}
	case Jira:
	}
	return Statuses{"Waiting for approval", "Approved", "Denied", "In progress", "Done", "Won't do"}
}

// Ticket is a ticket as the desk shows it to people. Markers are what usher knows it by.
type Ticket struct {
	ID, Key, Summary, Description string
	Labels                        []string
	Status, Resolution, Assignee  string
	// Fields are the custom fields that have a value, by id.
	Fields   map[string]string
	Comments []struct{ Author, Body string }
}

// Markers are what usher may know a ticket by.
func (t Ticket) Markers() []access.Marker {
	var all []access.Marker
	for _, label := range t.Labels {
		all = append(all, access.Marker(label))
	}
	for _, value := range t.Fields {
		all = append(all, access.Marker(value))
	}
	return all
}

// Tickets are all tickets of the desk, oldest first.
func (c *Client) Tickets(ctx context.Context) ([]Ticket, error) {
	if c.urls.DeskKind == RequestTracker {
		return c.requestTracker().tickets(ctx)
	}
	var all []Ticket
	err := getJSON(ctx, c.urls.Desk+c.urls.DeskKind.alive(), &all)
	return all, err
}

// Ticket is the ticket of a key.
func (c *Client) Ticket(ctx context.Context, key access.TicketKey) (Ticket, error) {
	all, err := c.Tickets(ctx)
	if err != nil {
		return Ticket{}, err
	}
	for _, t := range all {
		if t.Key == string(key) {
			return t, nil
		}
	}
	return Ticket{}, fmt.Errorf("%s has no ticket %s", c.urls.DeskKind.Name(), key)
}

// TicketsOf are the tickets that carry a request's marker; more than one is a mistake of usher's.
func (c *Client) TicketsOf(ctx context.Context, id access.RequestID) ([]Ticket, error) {
	all, err := c.Tickets(ctx)
	var found []Ticket
	for _, t := range all {
		if slices.ContainsFunc(t.Markers(), func(m access.Marker) bool { return m.IsOf(id) }) {
			found = append(found, t)
		}
	}
	return found, err
}

// TransitionTicket moves a ticket to the status of that name, as a person does.
func (c *Client) TransitionTicket(ctx context.Context, as access.PersonID, key access.TicketKey, status string) error {
	if c.urls.DeskKind == RequestTracker {
		return c.requestTracker().move(ctx, as, key, status)
	}
	form := url.Values{"key": {string(key)}, "to": {status}, "as": {DeskAccount(as)}}
	if c.urls.DeskKind == ServiceNow {
		form.Set("as", string(as)+"@example.test")
		if status == ServiceNow.Statuses().Done {
			form.Set("field_close_code", "Solution provided")
			form.Set("field_close_notes", "done by hand")
		}
	}
	return send(ctx, outgoing{http.MethodPost, c.urls.Desk + "/board/move", "application/x-www-form-urlencoded", form.Encode()})
}

// Statuses returns what the desk of this stack calls its statuses.
func (c *Client) Statuses() Statuses { return c.urls.DeskKind.Statuses() }

// Desk is the kind of the desk.
func (c *Client) Desk() DeskKind { return c.urls.DeskKind }

// DeskName is what people call the desk of this stack.
func (c *Client) DeskName() string { return c.urls.DeskKind.Name() }

// DeskAccount is a person's account in the fake Jira.
func DeskAccount(person access.PersonID) string { return "acc-" + string(person) }
