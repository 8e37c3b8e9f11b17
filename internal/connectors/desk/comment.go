package desk

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"usher/internal/access"
)

// AddComments implements access.TicketWriter. It looks through usher's own comments for the markers first, once for all of
// them; what is missing goes out as one comment, as far as the desk takes so long a text. Invalid: a comment without a
// marker, which could not be repeated.
func (d *Desk) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	const op = "add comments"
	for i, c := range all {
		if c.Marker == "" {
			return access.Errorf(access.Invalid, op, "comments[%d].marker: expected one", i)
		}
	}
	if !d.traits.IsID(id) {
		return d.noID(ctx, op, id)
	}
	missing, err := d.missingOf(ctx, op, id, all)
	if err != nil {
		return d.confirmNotFound(ctx, op, err)
	}
	for len(missing) > 0 {
		n := d.fitting(missing)
		if err := d.driver.AddComment(ctx, op, id, d.commentOf(op, id, missing[:n])); err != nil {
			return d.confirmNotFound(ctx, op, err)
		}
		missing = missing[n:]
	}
	return nil
}

// fitting is how many of the first texts go into one comment whole; a text that is too long even alone goes alone.
func (d *Desk) fitting(all []access.Comment) int {
	room := d.traits.CommentRoom
	for n, c := range all {
		room -= d.traits.Unit.Len(c.Text) + d.traits.Unit.Len(markerLine(c.Marker)) + len("\n\n\n")
		if room < 0 {
			return max(n, 1)
		}
	}
	return len(all)
}

// commentOf is one comment with all of the texts and all of their markers.
func (d *Desk) commentOf(op string, id access.TicketID, all []access.Comment) CommentDraft {
	draft := CommentDraft{Carried: func(ctx context.Context) (bool, error) {
		missing, err := d.missingOf(ctx, op, id, all)
		return err == nil && len(missing) == 0, err
	}}
	var texts, lines []string
	for _, c := range all {
		texts = append(texts, referenceInside.ReplaceAllString(c.Text, "> $0"))
		lines, draft.Markers = append(lines, markerLine(c.Marker)), append(draft.Markers, c.Marker)
	}
	draft.Text, draft.Reference = strings.Join(texts, "\n\n"), strings.Join(lines, "\n")
	return draft
}

// referenceInside is what a line of somebody's words must not begin with: it would pass for a marker, and usher would not
// say what it has still to say.
var referenceInside = regexp.MustCompile(`(?m)^\(reference `)

// markerLine is how a comment carries a marker in its text.
func markerLine(marker access.Marker) string { return fmt.Sprintf("(reference %s)", marker) }

// missingOf returns those of the comments that usher has not added. The newest comments of the ticket come first, because
// what is repeated was tried a moment ago. Comments of others do not count: nobody else can silence usher.
func (d *Desk) missingOf(ctx context.Context, op string, id access.TicketID, all []access.Comment) ([]access.Comment, error) {
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	missing := slices.Clone(all)
	page := ""
	for range MaxPages {
		got, err := d.driver.Comments(ctx, op, id, page)
		if err != nil {
			return nil, err
		}
		for _, there := range got.Comments {
			if there.By == me {
				missing = slices.DeleteFunc(missing, func(c access.Comment) bool { return there.carries(c.Marker) })
			}
		}
		if len(missing) == 0 || got.Next == "" {
			return missing, nil
		}
		page = got.Next
	}
	return nil, access.Errorf(access.Transient, op, "the ticket has more than %d pages of comments", MaxPages)
}

func (c Comment) carries(marker access.Marker) bool {
	return slices.Contains(c.Markers, marker) || slices.Contains(c.Lines, markerLine(marker))
}
