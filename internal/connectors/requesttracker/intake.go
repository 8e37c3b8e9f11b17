package requesttracker

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Asked implements desk.Asker, by TicketSQL: tickets of a queue that others than usher created and that carry no marker. Forbidden too:
// RT has not kept to the queue, so nothing that it found is believed.
func (d *driver) Asked(ctx context.Context, op string, in desk.Intake, s desk.Search) (desk.Page, error) {
	since := s.Since.Truncate(time.Second)
	query := "Type = 'ticket' AND Queue = " + quote(in.Kind) + " AND Creator != " + d.config.account() +
		" AND CF.{" + d.config.MarkerField + "} IS NULL AND " + changedSince(since)
	got, answer, err := d.find(ctx, op, query, "LastUpdated,Queue", s)
	if err != nil {
		return desk.Page{}, err
	}
	out := pageOf(got, answer, s)
	for _, t := range got.Items {
		if !strings.EqualFold(t.Queue.Name, in.Kind) {
			return desk.Page{}, access.Errorf(access.Forbidden, op, "%s: RT was asked for queue %q and answered with ticket %s of queue %q; usher's"+
				" account may lack the right SeeQueue", desk.Key(d.name, "intake.kind"), in.Kind, t.ID, t.Queue.Name)
		}
		if !t.LastUpdated.Before(since) {
			out.Tickets = append(out.Tickets, desk.Ticket{Ref: d.ref(string(t.ID), t.Queue.Name), Updated: t.LastUpdated})
		}
	}
	return out, nil
}

// AskedTicket implements desk.Asker: five calls, and one more for each hundred transactions. Who opened the ticket is the account of the
// transaction that created it. RT lets its callers write another one into the ticket itself, as an import does.
func (d *driver) AskedTicket(ctx context.Context, op string, in desk.Intake, id access.TicketID) (desk.Asked, error) {
	if _, err := d.load(ctx, op, id); err != nil {
		return desk.Asked{}, err
	}
	changes, created, err := d.changes(ctx, op, id)
	if err != nil {
		return desk.Asked{}, err
	}
	// Subject and fields are read after the history: what was changed in between counts as a later change.
	t, err := d.load(ctx, op, id)
	if err != nil {
		return desk.Asked{}, err
	}
	asked := desk.Asked{
		Ticket: d.of(t), OfKind: t.Type == "ticket" && strings.EqualFold(t.Queue.Name, in.Kind), Summary: t.Subject,
		CreatorName: t.Creator.RealName, Unproven: unknownWay, Values: map[string]string{},
		By: desk.User{
			ID: t.Creator.ID, Name: string(t.Creator.ID), Email: t.Creator.EmailAddress, Usable: t.Creator.ID != nobody && t.Creator.ID != system,
		},
	}
	asked.Changes, asked.Whole = changes, true
	if created == nil {
		asked.Changes = append(asked.Changes, desk.Older())
		return asked, nil
	}
	parts, err := d.parts(ctx, op, *created)
	if err != nil {
		return desk.Asked{}, err
	}
	if len(parts) > 0 && created.Creator.ID == t.Creator.ID {
		asked.Unproven = wayOf(parts[0].Headers)
	}
	asked.Text, err = d.textOf(ctx, op, parts)
	fieldsOf(&asked, t, in)
	return asked, err
}

// fieldsOf reads the custom fields that hold what is asked for. Several values are lines. An image or a file is no text.
func fieldsOf(asked *desk.Asked, t ticket, in desk.Intake) {
	for _, f := range t.CustomFields {
		if _, mapped := in.Fields[f.Name]; !mapped {
			continue
		}
		var lines []string
		for _, value := range f.Values {
			if text, is := value.(string); is {
				lines = append(lines, text)
			}
		}
		switch {
		case len(lines) < len(f.Values):
			asked.Unreadable = append(asked.Unreadable, f.Name)
		case len(lines) > 0:
			asked.Values[f.Name] = strings.Join(lines, "\n")
		}
	}
}

// part is an attachment of a transaction: the message itself, or a part of it.
type part struct {
	ID            scalar
	ContentType   string
	Filename      string
	Headers       string
	ContentLength scalar
}

// parts are the attachments of the transaction that created a ticket, without what they hold. The first is the message itself. RT shows a
// hundred at most, which is enough to find the text.
func (d *driver) parts(ctx context.Context, op string, created transaction) ([]part, error) {
	var got list[part]
	_, err := d.get(ctx, op, "transaction/"+string(created.ID)+"/attachments", url.Values{
		"fields": {"ContentType,Filename,Headers,ContentLength"}, "orderby": {"id"}, "per_page": {strconv.Itoa(mostRows)},
	}, &got)
	return got.Items, err
}

// longestText is how many bytes of a first message are read: a longer one says nothing that a person wrote to ask for access.
const longestText = 256 << 10

// short reports whether RT says that the part is short enough to be read.
func (p part) short() bool {
	length, err := strconv.Atoi(string(p.ContentLength))
	return err == nil && length <= longestText
}

// textOf returns the text of a message: its first part that is one and no file. "" for none, and for one that is too long.
func (d *driver) textOf(ctx context.Context, op string, parts []part) (string, error) {
	n := slices.IndexFunc(parts, func(p part) bool {
		return p.Filename == "" && (p.ContentType == "text/plain" || p.ContentType == "text/html")
	})
	if n < 0 || !parts[n].short() {
		return "", nil
	}
	var got struct{ Content *string }
	if _, err := d.get(ctx, op, "attachment/"+url.PathEscape(string(parts[n].ID)), nil, &got); err != nil {
		return "", err
	}
	if got.Content == nil {
		return "", access.Errorf(access.Transient, op, "the answer is no attachment")
	}
	text, err := base64.StdEncoding.DecodeString(*got.Content)
	if err != nil {
		return "", access.Errorf(access.Transient, op, "the text of the ticket cannot be read: %w", err)
	}
	if parts[n].ContentType == "text/html" {
		return plainText(string(text)), nil
	}
	return string(text), nil
}

// The ways that do not prove who opened a ticket, by name.
const (
	byMail     = "email"
	unknownWay = "an unknown way"
)

// wayOf returns by which way a message came that does not prove who sent it; "" for one that does. RT notes it in a header. A mail that
// brings such a header of its own keeps it behind RT's, so only a single one counts.
func wayOf(headers string) string {
	var ways []string
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, found := strings.Cut(line, ":"); found && strings.EqualFold(strings.TrimSpace(name), "X-RT-Interface") {
			ways = append(ways, strings.TrimSpace(value))
		}
	}
	switch {
	case slices.Contains(ways, "Email"):
		return byMail
	case len(ways) == 1 && slices.Contains([]string{"Web", "Mobile", "REST", "REST2"}, ways[0]):
		return ""
	}
	return unknownWay
}

// Mark implements desk.Asker. It overwrites nothing that somebody has written since it read the ticket. Invalid: another marker of usher's is
// there. Forbidden too: RT has not kept the marker.
func (d *driver) Mark(ctx context.Context, op string, id access.TicketID, marker access.Marker) error {
	t, err := d.load(ctx, op, id)
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(d.markers(t), marker):
		return nil
	case d.marked(t):
		return access.Errorf(access.Invalid, op, "ticket %s belongs to another request", id)
	}
	after, said, err := d.change(ctx, op, id, t.etag, map[string]any{"CustomFields": map[string]string{d.config.MarkerField: string(marker)}})
	if err != nil {
		return err
	}
	if !slices.Contains(d.markers(after), marker) {
		return access.Errorf(access.Forbidden, op, "%s: RT did not keep the marker of ticket %s and said: %s; usher's account needs the right"+
			" ModifyCustomField for %q in queue %q", desk.Key(d.name, "marker_field"), id, said, d.config.MarkerField, after.Queue.Name)
	}
	return nil
}

// marked reports whether a ticket carries a marker of usher's: it is the ticket of a request.
func (d *driver) marked(t ticket) bool {
	return slices.ContainsFunc(d.markers(t), func(m access.Marker) bool { return strings.HasPrefix(string(m), "usher-") })
}
