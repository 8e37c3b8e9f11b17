package jira

import (
	"context"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// status is an issue's status.
type status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

// of is the status in the desk's words.
func (s status) of() desk.Status {
	return desk.Status{ID: s.ID, Name: s.Name, Phase: phaseOfCategory(s.Category.Key)}
}

// phaseOfCategory goes by the keys of the categories; their names are translated and differ between sites.
func phaseOfCategory(key string) access.TicketPhase {
	switch key {
	case "new", "undefined":
		return access.TicketWaiting
	case "indeterminate":
		return access.TicketWorking
	case "done":
		return access.TicketDone
	default:
		return access.TicketOther
	}
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

// ticketFields are the fields that a ticket is made of.
func ticketFields() []string {
	return []string{"status", "assignee", "resolution", "updated", "project"}
}

// Ticket implements desk.Driver. One call reads the issue with its history, or with a part of a long one. A moved issue
// answers under its old id with its new key, and an archived one as any other.
func (d *driver) Ticket(ctx context.Context, op string, id access.TicketID) (desk.Ticket, error) {
	var i issue
	if err := d.get(ctx, op, issuePath(id, "?fields="+strings.Join(ticketFields(), ",")+"&expand=changelog"), &i); err != nil {
		return desk.Ticket{}, err
	}
	tickets, err := d.tickets(ctx, op, []issue{i})
	if err != nil {
		return desk.Ticket{}, err
	}
	return tickets[0], nil
}

// Tickets implements desk.Driver: one call. On Data Center an archived ticket counts as missing here, because only a reading
// of its own shows it.
func (d *driver) Tickets(ctx context.Context, op string, ids []access.TicketID) ([]desk.Ticket, []access.TicketID, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	var issues []issue
	var later []access.TicketID
	for range desk.MaxPages {
		page, _, err := list[issue](ctx, d, op, api.byIDs(ids, len(issues)))
		if err != nil {
			return nil, nil, err
		}
		issues = append(issues, page.Issues...)
		for _, e := range page.IssueErrors {
			later = append(later, e.ID)
		}
		if len(page.Issues) == 0 || len(issues) >= page.Total {
			break
		}
	}
	tickets, err := d.tickets(ctx, op, issues)
	return tickets, later, err
}

// tickets are issues in the desk's words.
func (d *driver) tickets(ctx context.Context, op string, issues []issue) ([]desk.Ticket, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	_, asked := api.histories(nil, nil, "")
	out := make([]desk.Ticket, len(issues))
	for n, i := range issues {
		out[n] = desk.Ticket{
			Ref: d.ref(i.ID, i.Key), Project: i.Fields.Project.Key, Status: i.Fields.Status.of(), Updated: i.Fields.Updated.Time,
			WontDo: i.Fields.Resolution != nil && i.Fields.Resolution.Name != "" && d.config.wontDo(i.Fields.Resolution.Name),
			Whole:  !asked || (i.Changelog != nil && i.Changelog.Total <= len(i.Changelog.Histories)),
		}
		if i.Fields.Assignee != nil {
			out[n].Assignee = i.Fields.Assignee.id()
		}
		if i.Changelog != nil {
			out[n].Changes = changesOf(i.Changelog.Histories)
		}
	}
	return out, nil
}
