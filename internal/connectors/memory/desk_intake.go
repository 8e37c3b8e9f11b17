package memory

import (
	"context"
	"slices"
	"strings"

	"usher/internal/access"
)

// AskedTickets implements access.TicketIntake: the tickets of AskAs that carry no marker.
func (d *Desk) AskedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "list tickets that ask for access"
	if err := d.begin(ctx, OpAskedTickets, op); err != nil {
		return access.ChangesPage{}, err
	}
	page, err := d.changes(op, q, func(t *DeskTicket) bool { return t.Asks && t.New.Marker == "" })
	if err != nil {
		return access.ChangesPage{}, err
	}
	for i, t := range page.Tickets {
		page.Tickets[i] = access.TicketSnapshot{Ref: t.Ref, UpdatedAt: t.UpdatedAt}
	}
	return page, d.end(OpAskedTickets, op)
}

// ReadAsked implements access.TicketIntake.
func (d *Desk) ReadAsked(ctx context.Context, id access.TicketID) (access.AskedTicket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "read a ticket that asks for access"
	t, err := d.open(ctx, OpReadAsked, op, id)
	if err != nil {
		return access.AskedTicket{}, err
	}
	if !t.Asks || t.Creator == DeskSelf || t.Phase.Closed() || strings.HasPrefix(string(t.New.Marker), "usher-") {
		return access.AskedTicket{}, access.Errorf(access.Invalid, op, "%s asks for nothing", t.Ref.Key)
	}
	asked := access.AskedTicket{Ref: t.Ref, Summary: t.New.Summary, Text: t.New.Body, Creator: access.DeskAccount{ID: t.Creator}}
	asked.Filed = slices.Contains(d.filesFor, t.Creator)
	if t.RequesterField != "" {
		asked.Values = map[access.AskedField]string{access.AskedRequester: t.RequesterField}
	}
	now := d.snapshot(t)
	asked.TextChange, asked.ChangedByOther = now.TextChange, now.TextChangedBy != "" && now.TextChangedBy != t.Creator
	if asked.Filed && asked.ChangedByOther {
		asked.Values = nil
	}
	if account := d.account(t.Creator); account != nil {
		asked.Creator.Name, asked.Creator.Email = account.name, account.email
	}
	return asked, d.end(OpReadAsked, op)
}

// BindTicket implements access.TicketIntake.
func (d *Desk) BindTicket(ctx context.Context, id access.TicketID, creator access.AccountID, marker access.Marker) (access.TicketSnapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "bind a ticket"
	t, err := d.open(ctx, OpBindTicket, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	switch {
	case t.Creator != creator || creator == DeskSelf:
		return access.TicketSnapshot{}, access.Errorf(access.Invalid, op, "%s was opened by another account", t.Ref.Key)
	case t.New.Marker == marker:
		return d.snapshot(t), d.end(OpBindTicket, op)
	case strings.HasPrefix(string(t.New.Marker), "usher-"):
		return access.TicketSnapshot{}, access.Errorf(access.Invalid, op, "%s belongs to another request", t.Ref.Key)
	}
	if err := d.inTime(ctx, op); err != nil {
		return access.TicketSnapshot{}, err
	}
	t.New.Marker = marker
	d.changed(t, true)
	return d.snapshot(t), d.end(OpBindTicket, op)
}
