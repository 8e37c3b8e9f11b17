package servicenow

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

const journalTable = "sys_journal_field"

var errUnseen = errors.New("rows are left out")

// PublicComments implements desk.Driver, as one page: what others wrote into the journal that usher itself writes to. They are read from the
// table of all journals, because a ticket shows them without accounts, and with times that only people can read.
func (d *driver) PublicComments(ctx context.Context, op string, id access.TicketID, since time.Time, _ string) (desk.PublicPage, error) {
	me, err := d.self(ctx, op)
	if err != nil {
		return desk.PublicPage{}, err
	}
	rows, err := d.journalSince(ctx, op, id, since)
	if err != nil {
		return desk.PublicPage{}, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return strings.EqualFold(r.get("sys_created_by"), me.userName) })
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(b.at("sys_created_on").Compare(a.at("sys_created_on")), cmp.Compare(b.get("sys_id"), a.get("sys_id")))
	})
	rows = rows[:min(len(rows), access.MaxTicketComments)]
	authors := map[access.TicketID][]desk.Change{id: make([]desk.Change, len(rows))}
	for n, r := range rows {
		authors[id][n].By = access.AccountID(r.get("sys_created_by"))
	}
	if err := d.nameAll(ctx, op, authors); err != nil {
		return desk.PublicPage{}, err
	}
	var out desk.PublicPage
	for n, r := range rows {
		by := authors[id][n]
		out.Comments = append(out.Comments, desk.PublicComment{Author: by.By, TicketComment: access.TicketComment{
			ID: r.get("sys_id"), By: by.By, ByName: by.ByName, At: r.at("sys_created_on"),
			Text: strings.TrimSpace(strings.Join(lines(r.get("value")), "\n")),
		}})
	}
	return out, nil
}

// journalSince reads the entries of a ticket's journal from a time on; zero for all.
func (d *driver) journalSince(ctx context.Context, op string, id access.TicketID, since time.Time) ([]row, error) {
	where := query{{"element_id", equal, string(id)}, {"element", equal, d.config.journal()}}
	if !since.IsZero() {
		if err := d.readsUTC(ctx, op); err != nil {
			return nil, err
		}
		where = append(where, condition{"sys_created_on", atLeast, since.UTC().Format(time.DateTime)})
	}
	rows, hidden, err := d.all(ctx, op, listing{table: journalTable, fields: []string{"value", "sys_created_by", "sys_created_on"}, where: where})
	unseen := hidden || (len(rows) == 0 && d.journal.Load() == journalInTicket)
	if rest.StatusOf(err) == http.StatusForbidden || (err == nil && unseen) {
		err = access.Errorf(access.Forbidden, op, "comments of people are read from %s, and usher's account may not read all rows of it that are"+
			" about its tickets: %w", journalTable, cmp.Or(err, errUnseen))
	}
	return rows, err
}
