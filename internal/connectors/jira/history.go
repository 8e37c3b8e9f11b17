package jira

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
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
}

func (i item) of(field string) bool { return i.FieldID == field || i.Field == field }

// complete reads the histories that are not whole, all of them at once. Nothing promises which part of a long history
// comes with an issue, so a move in it may not be the last one.
func (d *Desk) complete(ctx context.Context, op string, issues []issue) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	at := map[string]int{}
	var ids []string
	for n, i := range issues {
		if i.Changelog == nil || i.Changelog.Total > len(i.Changelog.Histories) {
			at[i.ID] = n
			ids = append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	whole := map[string][]change{}
	seen := map[string]bool{}
	for page := ""; !seen[page]; {
		if len(seen) == maxPages {
			return access.Errorf(access.Transient, op, "the history is longer than %d changes", maxPages*historyPage)
		}
		seen[page] = true
		call, can := api.histories(ids, append([]string{"status", "assignee"}, d.textFields()...), page)
		if !can {
			return nil
		}
		next, err := d.historyPage(ctx, op, call, whole)
		if err != nil {
			return err
		}
		if next == "" {
			break
		}
		page = next
	}
	for id, n := range at {
		issues[n].Changelog = &history{Total: len(whole[id]), Histories: whole[id]}
	}
	return nil
}

// historyPage adds one page to what is known of the histories, and names the next page.
func (d *Desk) historyPage(ctx context.Context, op string, c rest.Call, whole map[string][]change) (string, error) {
	var page struct {
		Issues []struct {
			ID      string   `json:"issueId"`
			Changes []change `json:"changeHistories"`
		} `json:"issueChangeLogs"`
		NextPageToken string `json:"nextPageToken"`
	}
	c.Op, c.Mode, c.Into = op, rest.Read, &page
	if _, err := d.call(ctx, c); err != nil {
		return "", d.noSuchAddress(op, err)
	}
	for _, i := range page.Issues {
		whole[i.ID] = append(whole[i.ID], i.Changes...)
	}
	return page.NextPageToken, nil
}

// lastMove is the newest change that led to the issue's present status; nil when it has always been there.
func (i issue) lastMove() *change {
	return i.newest(func(_ change, one item) bool { return one.of("status") && one.To == i.Fields.Status.ID })
}

// lastAssignment is the newest change of the assignee; nil when it is as it was at the beginning.
func (i issue) lastAssignment() *change {
	return i.newest(func(_ change, one item) bool { return one.of("assignee") })
}

// lastTextChange returns the newest change of what the issue says that was made neither by usher's account nor by one that
// may make it; nil for none.
func (d *Desk) lastTextChange(i issue, me access.AccountID) *change {
	return i.newest(func(c change, one item) bool {
		return d.isText(one) && c.Author.id() != me && !slices.Contains(d.config.TextEditors, c.Author.id())
	})
}

// isText reports whether a changed field is one that says what the ticket asks for. Where a custom field comes by its name
// and the names are not known yet, it counts as one.
func (d *Desk) isText(one item) bool {
	if slices.ContainsFunc(d.textFields(), one.of) {
		return true
	}
	if one.FieldID != "" || one.FieldType != "custom" {
		return false
	}
	known := d.contact.Load()
	for id := range d.config.Fields {
		if customField.MatchString(id) && (known == nil || known.fields[id].Name == one.Field) {
			return true
		}
	}
	return false
}

// textFields are the fields that say what a ticket asks for.
func (d *Desk) textFields() []string {
	return append([]string{"summary", "description"}, slices.Sorted(maps.Keys(d.config.Fields))...)
}

// newest is the youngest change with such an item, whatever the order of the changes: their ids grow.
func (i issue) newest(is func(change, item) bool) *change {
	if i.Changelog == nil {
		return nil
	}
	var best *change
	for n := range i.Changelog.Histories {
		c := &i.Changelog.Histories[n]
		for _, one := range c.Items {
			if is(*c, one) && (best == nil || lower(best.ID, c.ID)) {
				best = c
			}
		}
	}
	return best
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
