package desk

import (
	"context"
	"slices"
	"time"

	"usher/internal/access"
)

// ReadComments implements access.TicketReader. It reads from the newest comment back. New comments between two pages push others
// onto the next one, so what is met twice is taken once.
func (d *Desk) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	const op = "read comments"
	if !d.traits.IsID(id) {
		return nil, d.noID(ctx, op, id)
	}
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	var found []access.TicketComment
	page := ""
	for range MaxPages {
		got, err := d.driver.PublicComments(ctx, op, id, since, page)
		if err != nil {
			return nil, d.confirmNotFound(ctx, op, err)
		}
		for _, c := range got.Comments {
			if c.ID == "" || c.At.IsZero() {
				return nil, access.Errorf(access.Transient, op, "the answer has a comment without an id or a time")
			}
			met := slices.ContainsFunc(found, func(one access.TicketComment) bool { return one.ID == c.ID })
			if c.Author != me && !c.At.Before(since) && !met {
				found = append(found, c.TicketComment)
			}
		}
		if page = got.Next; page == "" || len(found) >= access.MaxTicketComments {
			break
		}
	}
	slices.Reverse(found)
	slices.SortStableFunc(found, func(a, b access.TicketComment) int { return a.At.Compare(b.At) })
	return found[max(0, len(found)-access.MaxTicketComments):], nil
}
