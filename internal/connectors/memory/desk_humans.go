package memory

import (
	"fmt"
	"maps"
	"slices"

	"usher/internal/access"
)

// AddAccount gives the person an account with the person's e-mail and returns its id, which is new each time: two
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

// AssignAs assigns a ticket as a human does.
func (d *Desk) AssignAs(id access.TicketID, to access.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil {
		t.Assignee, t.UpdatedAt = to, d.tick()
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
	t.Project, t.Ref.Key, t.UpdatedAt = project, deskKey(project, number), d.tick()
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
