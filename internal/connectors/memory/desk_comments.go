package memory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
)

// ReadComments implements access.TicketReader.
func (d *Desk) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "read comments"
	t, err := d.open(ctx, OpReadComments, op, id)
	if err != nil {
		return nil, err
	}
	var found []access.TicketComment
	for _, c := range t.said {
		if !c.At.Before(since) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b access.TicketComment) int { return a.At.Compare(b.At) })
	return found[max(0, len(found)-access.MaxTicketComments):], d.end(OpReadComments, op)
}

// CommentBy adds a comment as that account's human does; it carries no marker.
func (d *Desk) CommentBy(by access.AccountID, id access.TicketID, text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return err
	}
	t.Comments = append(t.Comments, access.Comment{Text: text})
	d.changed(t, false)
	t.said = append(t.said, access.TicketComment{
		ID: strconv.Itoa(len(t.Comments)), By: by, ByName: d.nameOf(by), At: t.UpdatedAt, Text: text,
	})
	return nil
}

// EditComment replaces the text of a human's comment, the first of them being 1, as that human does.
func (d *Desk) EditComment(id access.TicketID, number int, text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	switch {
	case err != nil:
		return err
	case number < 1 || number > len(t.said):
		return fmt.Errorf("ticket %q has no comment %d of a human", id, number)
	}
	d.changed(t, false)
	t.said[number-1].Text, t.said[number-1].At = text, t.UpdatedAt
	return nil
}
