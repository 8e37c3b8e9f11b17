package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"usher/internal/access"
	"usher/internal/rest"
)

// What a Desk knows about comment properties on Cloud. Jira's document does not promise that a comment shows them, so the
// first comment of a process is read back; where they do not show, a line in the text carries the marker instead, as
// always on Data Center.
const (
	stampsUnknown int32 = iota
	stampsShow
	stampsHidden
)

// comment is a comment as Jira shows it.
type comment struct {
	ID         string          `json:"id"`
	Author     user            `json:"author"`
	Body       json.RawMessage `json:"body"`
	Properties []keptProperty  `json:"properties"`
}

// newComment is the body of POST and PUT comment.
type newComment struct {
	Body       any        `json:"body"`
	Properties []property `json:"properties,omitempty"`
}

// AddComment implements access.TicketWriter. It looks through usher's own comments for the marker first. Invalid: a
// comment without a marker, which could not be repeated. In a Jira Service Management project the comment is one that
// customers see.
func (d *Desk) AddComment(ctx context.Context, id access.TicketID, c access.Comment) error {
	const op = "add comment"
	if c.Marker == "" {
		return access.Errorf(access.Invalid, op, "marker: expected one")
	}
	path, ok := issuePath(id, "/comment")
	if !ok {
		return d.gone(ctx, op, access.Errorf(access.NotFound, op, "%q is not the id of an issue", id))
	}
	already, err := d.findComment(ctx, op, path, c.Marker)
	if err != nil {
		return d.gone(ctx, op, err)
	}
	if already {
		return nil
	}
	say, err := d.speak(ctx, op)
	if err != nil {
		return err
	}
	visible := !say.showsStamps() || d.stamps.Load() == stampsHidden
	var added struct {
		ID string `json:"id"`
	}
	err = d.write(ctx, op, rest.Call{
		Method: http.MethodPost, Path: path, Body: commentOf(say, c, visible), Into: &added,
	})
	if err != nil {
		return d.gone(ctx, op, err)
	}
	if visible || d.stamps.Load() != stampsUnknown {
		return nil
	}
	shows, err := d.findComment(ctx, op, path, c.Marker)
	switch {
	case err != nil:
		return d.gone(ctx, op, err)
	case shows:
		d.stamps.Store(stampsShow)
		return nil
	}
	d.stamps.Store(stampsHidden)
	return d.write(ctx, op, rest.Call{
		Method: http.MethodPut, Path: path + "/" + added.ID, Body: commentOf(say, c, true),
	})
}

func commentOf(say dialect, c access.Comment, visible bool) newComment {
	tail := ""
	if visible {
		tail = markerLine(c.Marker)
	}
	body := newComment{Body: say.text(c.Text, tail)}
	if say.showsStamps() {
		body.Properties = []property{{Key: stampKey, Value: say.stamp(c.Marker)}}
	}
	return body
}

// markerLine is how a comment carries its marker where properties do not show.
func markerLine(marker access.Marker) string { return fmt.Sprintf("(reference %s)", marker) }

// findComment tells whether usher has added a comment with that marker. The newest comments come first, because what is
// repeated was tried a moment ago. Comments of others do not count: nobody else can silence usher.
func (d *Desk) findComment(ctx context.Context, op, path string, marker access.Marker) (bool, error) {
	me, err := d.me(ctx, op)
	if err != nil {
		return false, err
	}
	say, err := d.speak(ctx, op)
	if err != nil {
		return false, err
	}
	for start, pages := 0, 0; pages < maxPages; pages++ {
		var page struct {
			Comments []comment `json:"comments"`
			Total    int       `json:"total"`
		}
		query := fmt.Sprintf("?startAt=%d&maxResults=100&orderBy=-created&expand=properties", start)
		if err := d.get(ctx, op, path+query, &page); err != nil {
			return false, err
		}
		for _, c := range page.Comments {
			if c.Author.id() == me && c.carries(say, marker) {
				return true, nil
			}
		}
		start += len(page.Comments)
		if len(page.Comments) == 0 || start >= page.Total {
			return false, nil
		}
	}
	return false, access.Errorf(access.Transient, op, "the ticket has more than %d pages of comments", maxPages)
}

func (c comment) carries(say dialect, marker access.Marker) bool {
	for _, p := range c.Properties {
		if p.Key == stampKey && isStamp(p.Value, marker) {
			return true
		}
	}
	return say.holds(c.Body, markerLine(marker))
}
