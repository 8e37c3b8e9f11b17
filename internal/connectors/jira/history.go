package jira

import (
	"context"
	"encoding/json"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// history is what happened to an issue.
type history struct {
	Total     int      `json:"total"`
	Histories []change `json:"histories"`
}

// change is one entry of an issue's history.
type change struct {
	ID      string   `json:"id"`
	Author  user     `json:"author"`
	Created jiraTime `json:"created"`
	Items   []item   `json:"items"`
}

// item is one field that a change changed. Data Center gives no FieldID; a custom field has its name there.
type item struct {
	Field     string `json:"field"`
	FieldID   string `json:"fieldId"`
	FieldType string `json:"fieldtype"`
	To        string `json:"to"`
	ToString  string `json:"toString"`
}

// changesOf are changes in the desk's words.
func changesOf(list []change) []desk.Change {
	out := make([]desk.Change, len(list))
	for n, c := range list {
		out[n] = desk.Change{ID: c.ID, At: c.Created.Time, By: c.Author.id(), ByName: c.Author.DisplayName}
		for _, i := range c.Items {
			out[n].Items = append(out[n].Items, desk.Item{
				ID: i.FieldID, Name: i.Field, NameOnly: i.FieldID == "" && i.FieldType == "custom", To: i.To, ToName: i.ToString,
			})
		}
	}
	return out
}

// History implements desk.Driver: all histories at once, a page a call. Nothing promises which part of a long history comes
// with an issue, so a move in it may not be the last one.
func (d *driver) History(
	ctx context.Context, op string, tickets []desk.Ticket, fields []string,
) (map[access.TicketID][]desk.Change, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	ids := make([]access.TicketID, len(tickets))
	for n, t := range tickets {
		ids[n] = t.ID
	}
	whole := map[access.TicketID][]desk.Change{}
	seen := map[string]bool{}
	for page := ""; !seen[page]; {
		if len(seen) == desk.MaxPages {
			return nil, access.Errorf(access.Transient, op, "the history is longer than %d changes", desk.MaxPages*historyPage)
		}
		seen[page] = true
		call, _ := api.histories(ids, fields, page)
		next, err := d.historyPage(ctx, op, call, whole)
		if err != nil {
			return nil, err
		}
		if next == "" {
			break
		}
		page = next
	}
	return whole, nil
}

// historyPage adds one page to what is known of the histories, and names the next page.
func (d *driver) historyPage(ctx context.Context, op string, c rest.Call, whole map[access.TicketID][]desk.Change) (string, error) {
	var page struct {
		Issues []struct {
			ID      access.TicketID `json:"issueId"`
			Changes []change        `json:"changeHistories"`
		} `json:"issueChangeLogs"`
		NextPageToken string `json:"nextPageToken"`
	}
	c.Op, c.Mode, c.Into = op, rest.Read, &page
	if _, err := d.call(ctx, c); err != nil {
		return "", d.noSuchAddress(op, err)
	}
	for _, i := range page.Issues {
		whole[i.ID] = append(whole[i.ID], changesOf(i.Changes)...)
	}
	return page.NextPageToken, nil
}

// jiraTime is a time of Jira's, UTC; the zero time for anything that is none. Most are "2019-07-17T17:59:42.002-0700";
// the bulk call's example has a number, which is seconds, or milliseconds where it is too large for them.
type jiraTime struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler. It refuses nothing.
func (m *jiraTime) UnmarshalJSON(raw []byte) error {
	m.Time = time.Time{}
	var number int64
	if json.Unmarshal(raw, &number) == nil && number > 0 {
		if number > 1e11 {
			m.Time = time.UnixMilli(number).UTC()
		} else {
			m.Time = time.Unix(number, 0).UTC()
		}
		return nil
	}
	var text string
	_ = json.Unmarshal(raw, &text) // What is no text stays the zero time.
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			m.Time = at.UTC()
			break
		}
	}
	return nil
}
