package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// stampKey is the key of the issue property and of the comment property that carry a marker.
const stampKey = "usher"

// stamp is the value of such a property.
type stamp struct {
	Marker access.Marker `json:"marker"`
}

// maxPages bounds every walk over pages, against a server that never comes to an end.
const maxPages = 100

// found is an issue as the search shows it.
type found struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// FindTicket implements access.TicketOpener. It searches the configured project by JQL, which sees a new ticket only
// after seconds. Of several tickets the one with the lowest id wins, and those with the issue property are preferred:
// a copy of an issue inherits its labels, not its properties.
//
// GET search/jql is Cloud's only search since the old one answers 410 (Atlassian CHANGE-2046). It promises neither
// isLast nor an end of its page tokens, so a token that comes back ends the walk.
func (d *Desk) FindTicket(ctx context.Context, marker access.Marker) (access.TicketRef, error) {
	const op = "find ticket"
	var best *found
	seen := map[string]bool{}
	for token := ""; !seen[token] && len(seen) < maxPages; {
		seen[token] = true
		page, err := d.searchPage(ctx, op, marker, token)
		if err != nil {
			return access.TicketRef{}, err
		}
		for _, hit := range page.Issues {
			if d.carries(hit, marker) && (best == nil || better(hit, *best, marker)) {
				best = &hit
			}
		}
		if page.NextPageToken == "" {
			break
		}
		token = page.NextPageToken
	}
	if best == nil {
		err := access.Errorf(access.NotFound, op, "the search sees no ticket that carries %q", marker)
		return access.TicketRef{}, d.gone(ctx, op, err)
	}
	return d.ref(best.ID, best.Key), nil
}

type searchPage struct {
	Issues        []found `json:"issues"`
	NextPageToken string  `json:"nextPageToken"`
}

func (d *Desk) searchPage(ctx context.Context, op string, marker access.Marker, token string) (searchPage, error) {
	fields := []string{"labels"}
	if d.config.MarkerField != "" {
		fields = append(fields, d.config.MarkerField)
	}
	query := url.Values{
		"jql":        {d.jql(marker)},
		"fields":     {strings.Join(fields, ",")},
		"properties": {stampKey},
		"maxResults": {"100"},
	}
	if token != "" {
		query.Set("nextPageToken", token)
	}
	var page searchPage
	_, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Read, Method: http.MethodGet, Path: "search/jql", Query: query, Into: &page,
	})
	return page, err
}

// jql searches for a marker. A text field knows no "=", only "contains these words", so carries looks again.
func (d *Desk) jql(marker access.Marker) string {
	condition := "labels = " + quote(string(marker))
	if !d.config.useLabel() {
		number := strings.TrimPrefix(d.config.MarkerField, "customfield_")
		condition = "cf[" + number + "] ~ " + quote(`"`+string(marker)+`"`)
	}
	return "project = " + quote(d.config.Project) + " AND " + condition
}

// quote makes a JQL string of any text: in quotes, with backslashes before quotes and backslashes, and with no line
// breaks or other control characters, which nothing that we search for contains.
func quote(text string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(text))
	return `"` + escaped + `"`
}

// carries tells whether the issue really carries the marker: JQL compares without regard to case.
func (d *Desk) carries(hit found, marker access.Marker) bool {
	if stamped(hit.Properties, marker) {
		return true
	}
	if d.config.useLabel() {
		var labels []access.Marker
		if json.Unmarshal(hit.Fields["labels"], &labels) == nil {
			for _, label := range labels {
				if label == marker {
					return true
				}
			}
		}
		return false
	}
	var value access.Marker
	return json.Unmarshal(hit.Fields[d.config.MarkerField], &value) == nil && value == marker
}

func stamped(properties map[string]json.RawMessage, marker access.Marker) bool {
	var s stamp
	return json.Unmarshal(properties[stampKey], &s) == nil && s.Marker == marker
}

func better(a, b found, marker access.Marker) bool {
	if stamped(a.Properties, marker) != stamped(b.Properties, marker) {
		return stamped(a.Properties, marker)
	}
	return lower(a.ID, b.ID)
}

// lower compares two ids, which are numbers without leading zeros of any length.
func lower(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
