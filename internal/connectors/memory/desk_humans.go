package memory

import (
	"fmt"
	"maps"
	"slices"

	"usher/internal/access"
)

// AddAccount returns the person an account with the person's e-mail and returns its id, which is new each time: two
// accounts may share one e-mail.
func (d *Desk) AddAccount(p access.Person) access.AccountID {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := access.AccountID(fmt.Sprintf("account-%d-%s", len(d.accounts)+1, p.ID))
	d.accounts = append(d.accounts, deskAccount{id: id, name: p.Name(), email: p.Email, personID: p.ID})
	return id
}

// MakeUnassignable lets the account exist but not be assigned to tickets.
func (d *Desk) MakeUnassignable(id access.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	account := d.account(id)
	if account == nil {
		return fmt.Errorf("account %q does not exist", id)
	}
	account.unfit = true
	return nil
}

// SetFulfillers sets whose word counts that something was granted or removed by hand; none at first.
func (d *Desk) SetFulfillers(ids ...access.AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fulfillers = ids
}

// MoveAs moves a ticket as a human does: to any phase, whatever CloseOff and DemandField say.
func (d *Desk) MoveAs(by access.AccountID, id access.TicketID, to access.TicketPhase) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil {
		d.move(t, by, to)
	}
	return err
}

// AssignAs assigns a ticket as a human does, to any account; "" assigns nobody. An assignee who stays changes nothing.
func (d *Desk) AssignAs(id access.TicketID, to access.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil && t.Assignee != to {
		t.Assignee, t.AssignedByOther = to, true
		d.changed(t, false)
	}
	return err
}

// CommentAs adds a comment as a human does; it carries no marker.
func (d *Desk) CommentAs(id access.TicketID, text string) error {
	return d.CommentBy("human", id, text)
}

// OpenAs opens a ticket as a human does: usher knows nothing of it, and it carries no marker.
func (d *Desk) OpenAs(by access.AccountID, summary string) access.TicketRef {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.add(access.NewTicket{Summary: summary})
	t.Reporter, t.Creator = by, by
	d.changed(t, false)
	return t.Ref
}

// AskAs opens a ticket by which a human asks for access.
func (d *Desk) AskAs(by access.AccountID, summary, body string) access.TicketRef {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.add(access.NewTicket{Summary: summary, Body: body})
	t.Reporter, t.Creator, t.Asks = by, by, true
	d.changed(t, false)
	return t.Ref
}

// SetFilesFor sets which accounts file tickets for others; none at first.
func (d *Desk) SetFilesFor(ids ...access.AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filesFor = ids
}

// FileAs opens a ticket by which a human asks for access, with a field that says who asks.
func (d *Desk) FileAs(by access.AccountID, body, requester string) access.TicketRef {
	ref := d.AskAs(by, "Filed", body)
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, err := d.ticket(ref.ID); err == nil {
		t.RequesterField = requester
	}
	return ref
}

// EditTextAs changes a ticket's text as a human does.
func (d *Desk) EditTextAs(by access.AccountID, id access.TicketID, body string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return err
	}
	t.New.Body, t.TextChangedBy = body, by
	d.changed(t, false)
	t.TextChangedAt = t.UpdatedAt
	d.remember(t)
	return nil
}

// PlantMarker puts a marker on a ticket, as a human can who may edit it.
func (d *Desk) PlantMarker(id access.TicketID, marker access.Marker) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return err
	}
	t.New.Marker = marker
	d.changed(t, false)
	return nil
}

// DefaultAssignee is whom the desk assigns every new ticket to that nobody asks an assignee for; "" for nobody.
func (d *Desk) DefaultAssignee(id access.AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fallback = id
}

// Hide takes usher's right to see a ticket away, until it is called with false. Humans still see it.
func (d *Desk) Hide(id access.TicketID, hide bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil {
		t.Hidden = hide
	}
	return err
}

// Delete deletes a ticket for good.
func (d *Desk) Delete(id access.TicketID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil {
		t.Deleted = true
	}
	return err
}

// Rekey moves a ticket to another project: it keeps its id and gets a new key, which is returned.
func (d *Desk) Rekey(id access.TicketID, project string) (access.TicketKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return "", err
	}
	number := 1 + slices.Index(d.tickets, t)
	t.PriorKeys = append(t.PriorKeys, t.Ref.Key)
	t.Project, t.Ref.Key = project, deskKey(project, number)
	d.changed(t, false)
	return t.Ref.Key, nil
}

// Ticket is a copy of a ticket as it lies in the desk, deleted or not; false when there never was one.
func (d *Desk) Ticket(id access.TicketID) (DeskTicket, bool) {
	for _, t := range d.Tickets() {
		if t.Ref.ID == id {
			return t, true
		}
	}
	return DeskTicket{}, false
}

// Tickets are copies of all tickets, deleted ones too, in the order of their creation.
func (d *Desk) Tickets() []DeskTicket {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]DeskTicket, 0, len(d.tickets))
	for _, t := range d.tickets {
		copied := *t
		copied.New.Fields = maps.Clone(t.New.Fields)
		copied.Comments = slices.Clone(t.Comments)
		copied.PriorKeys = slices.Clone(t.PriorKeys)
		all = append(all, copied)
	}
	return all
}

// Comments are the texts of a ticket's comments, oldest first; nil when there is no such ticket.
func (d *Desk) Comments(id access.TicketID) []string {
	t, _ := d.Ticket(id)
	var texts []string
	for _, c := range t.Comments {
		texts = append(texts, c.Text)
	}
	return texts
}

// Count is how many tickets carry the marker, whatever a search sees; deleted ones do not count.
func (d *Desk) Count(marker access.Marker) int {
	n := 0
	for _, t := range d.Tickets() {
		if t.New.Marker == marker && !t.Deleted {
			n++
		}
	}
	return n
}
