package requesttracker

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Create implements desk.Driver. The marker is part of the one call that creates the ticket, and is read back. A person whom RT does
// not accept is left out by RT itself, so nobody is refused.
//
// Forbidden too: a ticket is there, but without its marker. Then no other is created for a while.
func (d *driver) Create(ctx context.Context, op string, draft desk.Draft) (desk.Ref, desk.Refused, error) {
	if err := d.gates.Check(op, time.Now(), desk.Creating); err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	var created struct {
		ID scalar `json:"id"`
	}
	_, err := d.rest.Do(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "ticket", Body: d.newTicket(draft), Into: &created,
	})
	switch {
	case access.IsKind(err, access.NotFound):
		// There is no ticket yet that could be missing.
		return desk.Ref{}, desk.Refused{}, d.noAPI(op, err)
	case err != nil:
		return desk.Ref{}, desk.Refused{}, err
	case !ticketNumber.MatchString(string(created.ID)):
		return desk.Ref{}, desk.Refused{}, access.Errorf(access.Unknown, op, "the answer names no ticket")
	}
	t, err := d.Ticket(ctx, op, access.TicketID(created.ID))
	switch {
	case err != nil:
		return desk.Ref{}, desk.Refused{}, access.Errorf(access.Unknown, op, "ticket %s was created and not seen again: %w", created.ID, err)
	case !slices.Contains(t.Markers, draft.Marker):
		return desk.Ref{}, desk.Refused{}, d.gates.Unkept(op, desk.Creating, "%s: ticket %s was created without its marker: usher's account"+
			" needs the right ModifyCustomField for %q; delete the ticket", desk.Key(d.name, "marker_field"), t.ID, d.config.MarkerField)
	}
	return t.Ref, desk.Refused{}, nil
}

// priorityField is the one field of RT's own that opening_fields may name.
const priorityField = "Priority"

// newTicket is the body of POST ticket.
func (d *driver) newTicket(draft desk.Draft) map[string]any {
	unit, fields := d.Traits().Unit, map[string]any{d.config.MarkerField: string(draft.Marker)}
	for name, text := range draft.Fields {
		fields[name] = unit.Shorten(desk.Tidy(text), textLimit)
	}
	body := map[string]any{"Queue": d.config.Queue, "Subject": draft.Summary, "CustomFields": fields}
	for name, value := range draft.Fixed {
		if name == priorityField {
			body[name] = value
			continue
		}
		fields[name] = value
	}
	if text := desk.Tidy(draft.Body); text != "" {
		body["Content"], body["ContentType"] = unit.Shorten(text, textLimit), "text/plain"
	}
	if draft.Reporter != "" {
		body["Requestor"] = []access.AccountID{draft.Reporter}
	}
	if draft.Assignee != "" {
		body["Owner"] = draft.Assignee
	}
	return body
}

// written is an attachment with what it holds, of an account that is known.
type written struct {
	ID      scalar  `json:"id"`
	Creator account `json:"Creator"`
	Content string  `json:"Content"`
}

func (w written) number() scalar { return w.ID }

// Comments implements desk.Driver. A comment's text is an attachment of its transaction. Only those of usher's own account are
// read, and only plain text: others can hold anything, and anything large. The ticket's own text comes as the oldest one.
func (d *driver) Comments(ctx context.Context, op string, id access.TicketID, page string) (desk.CommentPage, error) {
	var got list[written]
	number := pageNumber(page)
	_, err := d.get(ctx, op, "ticket/"+string(id)+"/attachments", url.Values{
		"query": {fmt.Sprintf(`[{"field":"Creator","value":%q},{"field":"ContentType","value":"text/plain"}]`, d.config.account())},
		// No field may be asked for that can be empty, such as Parent: RT 5.0.3 then answers 500.
		"fields":  {"Creator,Content"},
		"orderby": {"id"}, "order": {"DESC"}, "page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(mostRows)},
	}, &got)
	if err != nil {
		return desk.CommentPage{}, err
	}
	var out desk.CommentPage
	for _, one := range got.Items {
		text := strings.ReplaceAll(one.Content, "\r\n", "\n")
		out.Comments = append(out.Comments, desk.Comment{By: one.Creator.ID, Lines: strings.Split(text, "\n")})
	}
	if got.more(number) {
		out.Next = strconv.Itoa(number + 1)
	}
	return out, nil
}

// AddComment implements desk.Driver, with a comment that requestors do not get by mail: correspondence would open a new ticket
// by itself. The ticket is read first, because RT would add the comment to the one that it was merged into.
//
// Forbidden too: the account may not see what it has said, so usher would say it again and again. The first comment of a process is
// read back for that.
func (d *driver) AddComment(ctx context.Context, op string, id access.TicketID, c desk.CommentDraft) error {
	if err := d.gates.Check(op, time.Now(), desk.Commenting); err != nil {
		return err
	}
	t, err := d.load(ctx, op, id)
	if err != nil {
		return err
	}
	if !allows(t.Links, "comment") {
		return access.Errorf(access.Forbidden, op, "usher's account lacks the right CommentOnTicket in queue %q", t.Queue.Name)
	}
	var said []string
	_, err = d.rest.Do(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPost, Path: "ticket/" + string(id) + "/comment",
		Body: map[string]string{
			"Content": d.Traits().Unit.WithTail(desk.Tidy(c.Text), c.Reference, textLimit), "ContentType": "text/plain",
		},
		Into: &said,
	})
	if err == nil {
		err = wasSaid(op, said)
	}
	if err != nil || d.commentsShow.Load() {
		return err
	}
	shown, err := c.Carried(ctx)
	switch {
	case err != nil:
		return err
	case !shown:
		return d.gates.Unkept(op, desk.Commenting, "usher's account does not see the comment that it has just made; it needs the right"+
			" ShowTicketComments in queue %q", t.Queue.Name)
	}
	d.commentsShow.Store(true)
	return nil
}

// Transitions implements desk.Driver. RT shows no lifecycle, so these are all statuses that usher knows of, and RT may refuse one.
func (d *driver) Transitions(_ context.Context, _ string, t desk.Ticket) ([]desk.Transition, error) {
	var names []string
	for _, phase := range slices.Sorted(maps.Keys(d.config.Statuses)) {
		names = append(names, d.config.Statuses[phase]...)
	}
	var ways []desk.Transition
	for _, name := range slices.Concat(names, slices.Sorted(maps.Keys(statuses()))) {
		to := statusOf(name)
		taken := func(w desk.Transition) bool { return w.To.ID == to.ID }
		if to.ID != t.Status.ID && !slices.ContainsFunc(ways, taken) {
			ways = append(ways, desk.Transition{ID: to.ID, Name: "set " + name, To: to, DoneOnly: "closes as done"})
		}
	}
	return ways, nil
}

// Transition implements desk.Driver. It sets the closing fields, then the status. Conflict: the lifecycle has no such change.
// Invalid: it offers the change, and RT refuses it for what its sentence says, such as a field without a value.
func (d *driver) Transition(ctx context.Context, op string, m desk.Move) (bool, error) {
	revision := m.Ticket.Revision
	if fields := d.config.ClosingFields[m.To]; len(fields) > 0 {
		now, _, err := d.change(ctx, op, m.Ticket.ID, revision, map[string]any{"CustomFields": fields})
		switch {
		case err != nil:
			return faster(err), err
		case statusOf(now.Status).ID != m.Ticket.Status.ID:
			return true, access.Errorf(access.Transient, op, "somebody moved the ticket in between, to %q", now.Status)
		}
		revision = now.etag
	}
	after, said, err := d.change(ctx, op, m.Ticket.ID, revision, map[string]any{"Status": m.Way.To.Name})
	if err != nil {
		return faster(err), err
	}
	if statusOf(after.Status).ID == m.Way.To.ID {
		return false, nil
	}
	kind, offered := access.Conflict, []string{}
	for _, l := range after.Links {
		if l.Ref != "lifecycle" {
			continue
		}
		offered = append(offered, fmt.Sprintf("%q to %q", l.Label, l.To))
		if strings.EqualFold(l.To, m.Way.To.Name) {
			kind = access.Invalid
		}
	}
	return true, access.Errorf(kind, op, "RT did not change the status from %q to %q and said: %s; it offers: %s",
		after.Status, m.Way.To.Name, said, strings.Join(offered, ", "))
}

// Assign implements desk.Driver. Forbidden too: the ticket has an owner whom the account may not replace.
func (d *driver) Assign(ctx context.Context, op string, t desk.Ticket, to access.AccountID) error {
	owner := to
	if owner == "" {
		owner = nobody
	}
	after, said, err := d.change(ctx, op, t.ID, t.Revision, map[string]any{"Owner": owner})
	switch {
	case err != nil:
		return err
	case strings.EqualFold(string(after.Owner.ID), string(owner)):
		return nil
	case to == "":
		return access.Errorf(access.Forbidden, op, "RT keeps the owner and said: %s; usher's account needs the right ReassignTicket"+
			" in queue %q", said, after.Queue.Name)
	}
	return access.Errorf(access.Invalid, op, "account %q cannot be assigned in queue %q; RT said: %s", to, after.Queue.Name, said)
}

// change changes a ticket, unless somebody has changed it since that revision. It returns the ticket as it is afterwards, and what
// RT said, for people only: whether the change was made shows in nothing but the ticket.
//
// Transient too: somebody was faster.
func (d *driver) change(
	ctx context.Context, op string, id access.TicketID, revision string, body map[string]any,
) (ticket, string, error) {
	header := http.Header{}
	if revision != "" {
		header.Set("If-Match", revision)
	}
	said, err := d.put(ctx, op, "ticket/"+string(id), header, body)
	if err != nil {
		return ticket{}, "", err
	}
	after, err := d.load(ctx, op, id)
	return after, said, err
}

// put is a call that changes a record, and what RT said: it says 200 too where it has changed nothing.
func (d *driver) put(ctx context.Context, op, path string, header http.Header, body map[string]any) (string, error) {
	var said []string
	_, err := d.rest.Do(ctx, rest.Call{Op: op, Mode: rest.Write, Method: http.MethodPut, Path: path, Header: header, Body: body, Into: &said})
	if err == nil {
		err = wasSaid(op, said)
	}
	return desk.OneLine(strings.Join(said, "; ")), err
}

// wasSaid wants what RT says of a change, if only that there is nothing to be said.
func wasSaid(op string, said []string) error {
	if said == nil {
		return access.Errorf(access.Transient, op, "the answer is not what RT says of a change")
	}
	return nil
}

// faster reports whether RT refused because somebody had changed the ticket.
func faster(err error) bool { return rest.StatusOf(err) == http.StatusPreconditionFailed }
