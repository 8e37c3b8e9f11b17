package jira

import (
	"context"
	"fmt"
	"time"

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
		Status     status `json:"status"`
		Assignee   *user  `json:"assignee"`
		Resolution *named `json:"resolution"`
		Updated    string `json:"updated"`
		Project    struct {
			Key string `json:"key"`
		} `json:"project"`
	} `json:"fields"`
	// Changelog is the whole history, or a part of it where Total is larger.
	Changelog struct {
		Total     int      `json:"total"`
		Histories []change `json:"histories"`
	} `json:"changelog"`
}

// change is one entry of an issue's history.
type change struct {
	ID      string `json:"id"`
	Author  user   `json:"author"`
	Created string `json:"created"`
	Items   []struct {
		Field   string `json:"field"`
		FieldID string `json:"fieldId"`
		To      string `json:"to"`
	} `json:"items"`
}

// ReadTicket implements access.TicketReader. One call reads the issue with its history; a long history
// is paged, from its end, until the last move shows. A moved issue answers under its old id with its new
// key. A 404 is believed only after Jira has accepted the credentials.
func (d *Desk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	const op = "read ticket"
	me, err := d.me(ctx, op)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	i, err := d.look(ctx, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	move, err := d.lastMove(ctx, op, i)
	if err != nil {
		return access.TicketSnapshot{}, d.gone(ctx, op, err)
	}
	s := access.TicketSnapshot{
		Ref:       d.ref(i.ID, i.Key),
		Project:   i.Fields.Project.Key,
		Phase:     d.phase(i, move != nil),
		Status:    i.Fields.Status.Name,
		UpdatedAt: parseTime(i.Fields.Updated),
	}
	if i.Fields.Assignee != nil {
		s.Assignee = i.Fields.Assignee.AccountID
	}
	if move != nil {
		s.MovedBy, s.MovedByName = move.Author.AccountID, move.Author.DisplayName
		s.MovedAt, s.Own = parseTime(move.Created), move.Author.AccountID == me
	}
	return s, nil
}

// look reads an issue with its history, as far as Jira gives it along.
func (d *Desk) look(ctx context.Context, op string, id access.TicketID) (issue, error) {
	var i issue
	path, ok := issuePath(id, "?fields=status,assignee,resolution,updated,project&expand=changelog")
	if !ok {
		return i, d.gone(ctx, op, access.Errorf(access.NotFound, op, "%q is not the id of an issue", id))
	}
	if err := d.get(ctx, op, path, &i); err != nil {
		return i, d.gone(ctx, op, err)
	}
	if i.ID == "" || i.Fields.Status.ID == "" {
		return i, access.Errorf(access.Transient, op, "the answer is no issue with a status")
	}
	return i, nil
}

// lastMove is the newest change that led to the issue's present status; nil when it has always been there.
func (d *Desk) lastMove(ctx context.Context, op string, i issue) (*change, error) {
	if i.Changelog.Total <= len(i.Changelog.Histories) {
		return newest(i.Changelog.Histories, i.Fields.Status.ID), nil
	}
	// Nothing promises which part of a long history comes with the issue, so a move in it may not be the last one.
	return d.searchHistory(ctx, op, i)
}

// historyPage is how many changes are asked for at once; Jira may give fewer.
const historyPage = 100

// searchHistory walks the history, which begins with the oldest change, from its end.
func (d *Desk) searchHistory(ctx context.Context, op string, i issue) (*change, error) {
	end := i.Changelog.Total
	for range maxPages {
		start := max(0, end-historyPage)
		batch, err := d.historyBetween(ctx, op, i, start, end)
		if err != nil {
			return nil, err
		}
		if move := newest(batch, i.Fields.Status.ID); move != nil || start == 0 {
			return move, nil
		}
		end = start
	}
	return nil, access.Errorf(access.Transient, op, "the issue's history is longer than %d changes", maxPages*historyPage)
}

// historyBetween reads the changes from start up to end, in as many pages as Jira makes of them.
func (d *Desk) historyBetween(ctx context.Context, op string, i issue, start, end int) ([]change, error) {
	var all []change
	for start < end {
		var page struct {
			Values []change `json:"values"`
		}
		path := fmt.Sprintf("issue/%s/changelog?startAt=%d&maxResults=%d", i.ID, start, end-start)
		if err := d.get(ctx, op, path, &page); err != nil {
			return nil, err
		}
		if len(page.Values) == 0 {
			break
		}
		all = append(all, page.Values...)
		start += len(page.Values)
	}
	return all, nil
}

// newest is the youngest change to that status, whatever the order of the changes: their ids grow.
func newest(changes []change, statusID string) *change {
	var best *change
	for n := range changes {
		for _, item := range changes[n].Items {
			if (item.FieldID == "status" || item.Field == "status") && item.To == statusID {
				if best == nil || lower(best.ID, changes[n].ID) {
					best = &changes[n]
				}
			}
		}
	}
	return best
}

// parseTime reads "2019-07-17T17:59:42.002-0700", UTC; the zero time for anything else.
func parseTime(text string) time.Time {
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
