package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// channelKey is the key of the issue property in which Jira Service Management keeps the way by which a request came.
const channelKey = "request.channel.type"

// askedSince searches for issues of a kind that changed and are not usher's.
func (c Config) askedSince(kind string, since time.Time) string {
	unmarked := "(labels IS EMPTY OR labels NOT IN (" + quote(c.label()) + "))"
	if !c.useLabel() {
		unmarked = "cf[" + strings.TrimPrefix(c.MarkerField, "customfield_") + "] IS EMPTY"
	}
	return fmt.Sprintf("project = %s AND issuetype = %s AND %s AND updated >= %d ORDER BY updated ASC, key ASC",
		quote(c.Project), quote(kind), unmarked, since.Truncate(time.Second).UnixMilli())
}

// Asked implements desk.Asker: by JQL, in the configured project.
func (d *driver) Asked(ctx context.Context, op string, in desk.Intake, s desk.Search) (desk.Page, error) {
	got, err := search[issue](ctx, d, op, query{
		jql: d.config.askedSince(in.Kind, s.Since), fields: []string{"updated"}, page: s.Page, limit: s.Limit,
	})
	if err != nil {
		return desk.Page{}, err
	}
	page := desk.Page{Next: got.next, Now: got.answer.Clock()}
	for _, i := range got.list {
		page.Tickets = append(page.Tickets, desk.Ticket{Ref: d.ref(i.ID, i.Key), Updated: i.Fields.Updated.Time})
	}
	return page, nil
}

// AskedTicket implements desk.Asker. One call reads the issue, with the property that Jira Service Management keeps.
func (d *driver) AskedTicket(ctx context.Context, op string, in desk.Intake, id access.TicketID) (desk.Asked, error) {
	fields := append(ticketFields(), "issuetype", "creator", "labels", "summary", "description")
	fields = append(fields, slices.Sorted(maps.Keys(in.Fields))...)
	if d.config.MarkerField != "" {
		fields = append(fields, d.config.MarkerField)
	}
	var raw json.RawMessage
	path := issuePath(id, "?fields="+strings.Join(fields, ",")+"&expand=changelog&properties="+channelKey)
	if err := d.get(ctx, op, path, &raw); err != nil {
		return desk.Asked{}, err
	}
	var i issue
	var hit found
	for _, into := range []any{&i, &hit} {
		if err := json.Unmarshal(raw, into); err != nil {
			return desk.Asked{}, access.Errorf(access.Transient, op, "the answer is no issue: %w", err)
		}
	}
	tickets, err := d.tickets(ctx, op, []issue{i})
	if err != nil {
		return desk.Asked{}, err
	}
	asked := desk.Asked{Ticket: tickets[0], Values: map[string]string{}, Unproven: unprovenChannel(hit.Properties[channelKey])}
	d.creatorOf(&asked, hit)
	asked.Markers = d.allMarkers(hit)
	asked.Marked = d.config.useLabel() && slices.Contains(asked.Markers, access.Marker(d.config.label()))
	asked.OfKind = hit.isOfKind(in.Kind) && asked.Project == d.config.Project
	asked.Summary, _ = plainText(hit.Fields["summary"])
	asked.Text, _ = plainText(hit.Fields["description"])
	for _, field := range slices.Sorted(maps.Keys(in.Fields)) {
		switch value, readable := plainText(hit.Fields[field]); {
		case !readable:
			asked.Unreadable = append(asked.Unreadable, field)
		case value != "":
			asked.Values[field] = value
		}
	}
	return asked, nil
}

func (d *driver) creatorOf(asked *desk.Asked, hit found) {
	var creator user
	if json.Unmarshal(hit.Fields["creator"], &creator) != nil {
		return
	}
	asked.Creator, asked.CreatorName = creator.id(), creator.DisplayName
	asked.By = desk.User{ID: creator.id(), Name: string(creator.Name), Email: creator.EmailAddress, Usable: creator.Active && creator.AccountType != "app"}
}

// allMarkers are the labels and the marker field, whichever of them usher uses: whoever planted one wanted it to be taken for one.
func (d *driver) allMarkers(hit found) []access.Marker {
	var markers []access.Marker
	var labels []access.Marker
	if json.Unmarshal(hit.Fields["labels"], &labels) == nil {
		markers = append(markers, labels...)
	}
	var value access.Marker
	if d.config.MarkerField != "" && json.Unmarshal(hit.Fields[d.config.MarkerField], &value) == nil && value != "" {
		markers = append(markers, value)
	}
	return markers
}

// isOfKind compares the names of issue types as Jira does, without regard to case.
func (f found) isOfKind(kind string) bool {
	var of named
	return json.Unmarshal(f.Fields["issuetype"], &of) == nil && strings.EqualFold(of.Name, kind)
}

// unprovenChannel returns the channel of a request that proves nobody's identity: mail may come from anybody, and so may what
// comes from a portal without a login. "" for others, and for issues that are no requests.
func unprovenChannel(property json.RawMessage) string {
	var channel struct {
		Value string `json:"value"`
	}
	if len(property) == 0 {
		return ""
	}
	if json.Unmarshal(property, &channel) != nil {
		return "an unknown way"
	}
	switch name := strings.ToLower(channel.Value); name {
	case "jira", "portal", "api":
		return ""
	case "":
		return "an unknown way"
	default:
		return name
	}
}

// plainText returns a field's value as plain text, and reports whether it can be read as one: a text, a number, a document, an option
// with its child, a person, or several of them. No value is "".
func plainText(value json.RawMessage) (string, bool) {
	var text string
	var number json.Number
	var many []json.RawMessage
	var one choice
	switch {
	case len(value) == 0 || string(value) == "null":
		return "", true
	case json.Unmarshal(value, &text) == nil:
		return text, true
	case json.Unmarshal(value, &number) == nil:
		return number.String(), true
	case json.Unmarshal(value, &many) == nil:
		return plainTexts(many)
	case json.Unmarshal(value, &one) != nil:
		return "", false
	case one.Type == "doc":
		var n node
		err := json.Unmarshal(value, &n)
		return strings.TrimSpace(n.plain()), err == nil
	}
	return one.text()
}

func plainTexts(many []json.RawMessage) (string, bool) {
	parts := make([]string, len(many))
	for n, one := range many {
		text, readable := plainText(one)
		if !readable {
			return "", false
		}
		parts[n] = text
	}
	return strings.Join(parts, "\n"), true
}

// choice is an option of a field, or an account.
type choice struct {
	Type         string  `json:"type"`
	Value        string  `json:"value"`
	Name         string  `json:"name"`
	EmailAddress string  `json:"emailAddress"`
	Child        *choice `json:"child"`
}

// text is what the option says; of an account it is what finds its person.
func (c choice) text() (string, bool) {
	text := cmp.Or(c.Value, c.EmailAddress, c.Name)
	if c.Child == nil {
		return text, text != ""
	}
	child, readable := c.Child.text()
	return text + "/" + child, readable && text != ""
}

// Mark implements desk.Asker. Labels are added, so that those of people stay.
func (d *driver) Mark(ctx context.Context, op string, id access.TicketID, marker access.Marker) error {
	body := map[string]any{}
	if d.config.useLabel() {
		body["update"] = map[string]any{"labels": []map[string]string{{"add": string(marker)}, {"add": d.config.label()}}}
	}
	if d.config.MarkerField != "" {
		body["fields"] = map[string]any{d.config.MarkerField: marker}
	}
	return d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: issuePath(id, ""), Body: body})
}
