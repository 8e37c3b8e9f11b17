package ledger_test

import (
	"fmt"
	"time"

	"usher/internal/access"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 123456000, time.UTC)

// event is the n-th event of a request.
func event(request access.RequestID, n int) access.Event {
	return access.Event{
		ID: fmt.Sprintf("request/%s#%d", request, n), Request: request, Type: access.EventDecided,
		At: noon.Add(time.Duration(n) * time.Microsecond), Actor: "p-mara", Channel: access.ChannelAPI,
		Evidence: "oidc https://id.example sub", Text: "Mara approved item 1.", Items: []access.ItemID{"1"},
	}
}

// view is a request that was submitted at noon and waits for Mara.
func view(id access.RequestID, version int) access.RequestView {
	return access.RequestView{
		Request: access.Request{
			ID: id, Requester: "p-ada", Subject: "p-bo", Reason: "on call from Monday", SubmittedAt: noon,
			Items: []access.Item{{ID: "1", Entitlement: "wiki/editor", Duration: access.Duration(30 * 24 * time.Hour)}},
		},
		State: access.StateAwaitingApproval, Since: noon, StatusText: "Mara decides.",
		WaitingOn: []access.Waiting{{Person: "p-mara", Name: "Mara", Stage: access.StageManager, Items: []access.ItemID{"1"}, Since: noon}},
		Items:     []access.ItemView{{Item: access.Item{ID: "1", Entitlement: "wiki/editor"}, State: access.ItemPending}},
		Version:   version,
	}
}

func lease(request access.RequestID, item access.ItemID, version int) access.LeaseView {
	until := noon.Add(time.Hour)
	return access.LeaseView{
		Lease: access.Lease{
			ID: access.LeaseIDOf(request, item), Request: request, Item: item,
			Subject: access.Person{ID: "p-bo", Active: true}, Entitlement: "wiki/editor", Fulfilment: access.FulfilmentSCIM,
			Binding: &access.Binding{Target: "directory", Role: "editors"},
		},
		Revision: 2, DesiredState: access.Present, State: access.LeaseActive, GrantedAt: pointer(noon), EndsAt: &until, Version: version,
	}
}

func ticket(id access.TicketID, request access.RequestID, lease access.LeaseID) access.TicketLink {
	return access.TicketLink{
		Ref:     access.TicketRef{Desk: "jira", ID: id, Key: access.TicketKey("ACC-" + string(id)), URL: "https://desk.example/" + string(id)},
		Request: request, Lease: lease, Marker: access.MarkerOf(request),
	}
}

func pointer[T any](value T) *T { return &value }

func eventIDs(events []access.Event) []string {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func viewIDs(views []access.RequestView) []string {
	var ids []string
	for _, v := range views {
		ids = append(ids, string(v.Request.ID))
	}
	return ids
}

// How long a test waits for a state, and how often it looks.
const (
	eventually = 10 * time.Second
	tick       = 10 * time.Millisecond
)
