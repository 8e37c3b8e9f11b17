package requesttracker

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// PublicComments implements desk.Driver: correspondence, which requestors get. What RT calls a comment is for those who work on the
// ticket. It costs a call for each hundred transactions, and two for each message. What was written on another ticket before that
// was merged into this one is left out.
func (d *driver) PublicComments(ctx context.Context, op string, id access.TicketID, since time.Time, page string) (desk.PublicPage, error) {
	var got list[transaction]
	number := pageNumber(page)
	_, err := d.get(ctx, op, "ticket/"+string(id)+"/history", url.Values{
		"fields": {"Type,ObjectId,Creator,Created"}, "fields[Creator]": {"RealName"},
		"orderby": {"id"}, "order": {"DESC"}, "page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(mostRows)},
	}, &got)
	if err != nil {
		return desk.PublicPage{}, err
	}
	var out desk.PublicPage
	if got.more(number) {
		out.Next = strconv.Itoa(number + 1)
	}
	for _, one := range got.Items {
		own := string(one.ObjectID) == string(id)
		if one.Created.Before(since) || (own && one.Type == "Create") {
			out.Next = ""
		}
		if !own || one.Type != "Correspond" || one.Created.Before(since) {
			continue
		}
		reply, err := d.reply(ctx, op, one)
		if err != nil {
			return desk.PublicPage{}, err
		}
		out.Comments = append(out.Comments, reply)
	}
	return out, nil
}

// reply reads what a transaction says.
func (d *driver) reply(ctx context.Context, op string, one transaction) (desk.PublicComment, error) {
	parts, err := d.parts(ctx, op, one)
	if err != nil {
		return desk.PublicComment{}, err
	}
	text, err := d.textOf(ctx, op, parts)
	return desk.PublicComment{Author: one.Creator.ID, TicketComment: access.TicketComment{
		ID: string(one.ID), By: one.Creator.ID, ByName: one.Creator.RealName, At: one.Created,
		Text: strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")),
	}}, err
}
