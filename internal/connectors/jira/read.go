package jira

import (
	"context"
	"slices"
	"strings"

	"usher/internal/access"
)

// status is an issue's status.
type status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

// issue is what is read of an issue.
type issue struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Fields struct {
		Status     status   `json:"status"`
		Assignee   *user    `json:"assignee"`
		Resolution *named   `json:"resolution"`
		Updated    jiraTime `json:"updated"`
		Project    struct {
			Key string `json:"key"`
		} `json:"project"`
	} `json:"fields"`
	// Changelog is the whole history, or a part of it where Total is larger; nil when it did not come along.
	Changelog *history `json:"changelog"`
}

// ticketFields are the fields that a snapshot is made of.
func ticketFields() []string {
	return []string{"status", "assignee", "resolution", "updated", "project"}
}

// ReadTicket implements access.TicketReader. One call reads the issue with its history; where that is only a part of a
// long one, another reads what matters of it. A moved issue answers under its old id with its new key, and an archived
// one as any other. A 404 is believed only after Jira has accepted the credentials.
func (d *Desk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	const op = "read ticket"
	me, err := d.me(ctx, op)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	i, err := d.readIssue(ctx, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	tickets, err := d.snapshots(ctx, op, me, []issue{i})
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	return tickets[0], nil
}

// look reads an issue with its history, as far as Jira gives it along.
func (d *Desk) readIssue(ctx context.Context, op string, id access.TicketID) (issue, error) {
	var i issue
	path, ok := issuePath(id, "?fields="+strings.Join(ticketFields(), ",")+"&expand=changelog")
	if !ok {
		return i, d.confirmNotFound(ctx, op, access.Errorf(access.NotFound, op, "%q is not the id of an issue", id))
	}
	if err := d.get(ctx, op, path, &i); err != nil {
		return i, d.confirmNotFound(ctx, op, err)
	}
	return i, i.check(op)
}

// check wants an issue with a status.
func (i issue) check(op string) error {
	if i.ID == "" || i.Fields.Status.ID == "" {
		return access.Errorf(access.Transient, op, "the answer is no issue with a status")
	}
	return nil
}

// snapshots makes the tickets of issues, in their order.
func (d *Desk) snapshots(ctx context.Context, op string, me access.AccountID, issues []issue) ([]access.TicketSnapshot, error) {
	if err := d.complete(ctx, op, issues); err != nil {
		return nil, err
	}
	var out []access.TicketSnapshot
	for _, i := range issues {
		if err := i.check(op); err != nil {
			return nil, err
		}
		out = append(out, d.snapshot(i, me))
	}
	return out, nil
}

func (d *Desk) snapshot(i issue, me access.AccountID) access.TicketSnapshot {
	move, assignment := i.lastMove(), i.lastAssignment()
	s := access.TicketSnapshot{
		Ref:             d.ref(i.ID, i.Key),
		Project:         i.Fields.Project.Key,
		Phase:           d.phase(i, move != nil),
		Status:          i.Fields.Status.Name,
		AssignedByUsher: assignment == nil || assignment.Author.id() == me,
		UpdatedAt:       i.Fields.Updated.Time,
	}
	if i.Fields.Assignee != nil {
		s.Assignee = i.Fields.Assignee.id()
	}
	if move != nil {
		s.StatusChangedBy, s.StatusChangedByName = move.Author.id(), move.Author.DisplayName
		s.StatusChangedAt, s.StatusChangedByUsher = move.Created.Time, move.Author.id() == me
		s.StatusChangedByFulfiller = slices.Contains(d.config.FulfilledBy, move.Author.id())
	}
	if text := d.lastTextChange(i, me); text != nil {
		s.TextChangedBy = text.Author.id()
	}
	return s
}
