package servicenow

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// What a driver knows about the reading of comments. They are rows of sys_journal_field, which many accounts may not read;
// the ticket shows them too, but as one text, as people read it.
const (
	journalUnknown int32 = iota
	journalInTable
	journalInTicket
)

// Comments implements desk.Driver: those of usher's own account, as one page.
func (d *driver) Comments(ctx context.Context, op string, id access.TicketID, _ string) (desk.CommentPage, error) {
	var out desk.CommentPage
	me, err := d.self(ctx, op)
	if err != nil {
		return out, err
	}
	place := d.journal.Load()
	if place == journalInTicket {
		return d.shownComments(ctx, op, id, me)
	}
	rows, hidden, err := d.all(ctx, op, listing{
		table: journalTable, fields: []string{"value"},
		where: query{
			{"element_id", equal, string(id)}, {"element", equal, d.config.journal()}, {"sys_created_by", equal, me.userName},
		},
	})
	unsure := hidden || (place == journalUnknown && len(rows) == 0)
	if rest.StatusOf(err) == http.StatusForbidden || (err == nil && unsure) {
		return d.shownComments(ctx, op, id, me)
	}
	for _, r := range rows {
		out.Comments = append(out.Comments, desk.Comment{By: access.AccountID(me.userName), Lines: lines(r.get("value"))})
	}
	return out, err
}

func lines(text string) []string { return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") }

// entry begins an entry of a journal as a ticket shows it: "2026-06-01 09:00:00 - Ada Lovelace (Additional comments)". How the
// time is written is a setting of the account.
var entry = regexp.MustCompile(`^\d\S* .*?- (.+) \([^()]+\)$`)

// shownComments reads the comments from the ticket itself. It goes by what the accounts are called, so an account of the same
// name as usher's could keep a comment back whose marker it knows, and nothing else.
func (d *driver) shownComments(ctx context.Context, op string, id access.TicketID, me account) (desk.CommentPage, error) {
	var out desk.CommentPage
	ask := plain("sys_id", d.config.journal())
	ask.Set("sysparm_display_value", "true")
	r, err := d.record(ctx, op, d.config.table(), string(id), ask)
	for _, line := range lines(r.get(d.config.journal())) {
		last := len(out.Comments) - 1
		if found := entry.FindStringSubmatch(line); found != nil {
			by := found[1]
			if by == me.name {
				by = me.userName
			}
			out.Comments = append(out.Comments, desk.Comment{By: access.AccountID(by)})
		} else if last >= 0 {
			out.Comments[last].Lines = append(out.Comments[last].Lines, line)
		}
	}
	return out, err
}

// markup is what journal fields show as HTML: what is between two of these.
var markup = regexp.MustCompile(`(?i)\[(/?code)\]`)

// AddComment implements desk.Driver. Forbidden too: the account may not see what it has said, so usher would say it again and
// again. The first comment of a process is read back for that.
func (d *driver) AddComment(ctx context.Context, op string, id access.TicketID, c desk.CommentDraft) error {
	if err := d.gates.Check(op, time.Now(), desk.Commenting); err != nil {
		return err
	}
	text := d.Traits().Unit.WithTail(markup.ReplaceAllString(desk.Tidy(c.Text), "[ $1]"), c.Reference, textLimit)
	_, err := d.patch(ctx, op, d.config.table(), string(id), map[string]any{d.config.journal(): text})
	if err != nil || d.journal.Load() != journalUnknown {
		return err
	}
	for _, place := range []int32{journalInTable, journalInTicket} {
		d.journal.Store(place)
		shown, err := c.Carried(ctx)
		if err != nil || shown {
			return err
		}
	}
	d.journal.Store(journalUnknown)
	return d.gates.Unkept(op, desk.Commenting, "usher's account does not see the comment that it has just made; it must be able to read"+
		" sys_journal_field, or the field %s of the table %s", d.config.journal(), d.config.table())
}
