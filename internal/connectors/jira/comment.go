package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// What a driver knows about comment properties on Cloud. Jira's document does not promise that a comment shows them, so the
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
	// UpdateAuthor wrote the text as it is, at Updated.
	UpdateAuthor user     `json:"updateAuthor"`
	Created      jiraTime `json:"created"`
	Updated      jiraTime `json:"updated"`
	// Visibility is whom the comment is restricted to; nil or null for nobody. JSDPublic is false for a comment that Jira Service
	// Management keeps from customers; nil where Jira does not say.
	Visibility json.RawMessage `json:"visibility"`
	JSDPublic  *bool           `json:"jsdPublic"`
}

// newComment is the body of POST and PUT comment.
type newComment struct {
	Body       any        `json:"body"`
	Properties []property `json:"properties,omitempty"`
}

// Comments implements desk.Driver. A page is named by the position at which it starts.
func (d *driver) Comments(ctx context.Context, op string, id access.TicketID, page string) (desk.CommentPage, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return desk.CommentPage{}, err
	}
	all, next, err := d.comments(ctx, op, id, page)
	if err != nil {
		return desk.CommentPage{}, err
	}
	out := desk.CommentPage{Next: next}
	for _, c := range all {
		one := desk.Comment{By: c.Author.id(), Lines: api.lines(c.Body)}
		for _, p := range c.Properties {
			if p.Key == stampKey {
				one.Markers = append(one.Markers, stampsIn(p.Value)...)
			}
		}
		out.Comments = append(out.Comments, one)
	}
	return out, nil
}

// comments reads one page of comments, those created last first, and names the next one.
func (d *driver) comments(ctx context.Context, op string, id access.TicketID, page string) ([]comment, string, error) {
	var got struct {
		Comments []comment `json:"comments"`
		Total    int       `json:"total"`
	}
	start := position(page)
	query := fmt.Sprintf("?startAt=%d&maxResults=100&orderBy=-created&expand=properties", start)
	if err := d.get(ctx, op, issuePath(id, "/comment"+query), &got); err != nil {
		return nil, "", err
	}
	if err := listed(op, "comments", got.Comments); err != nil {
		return nil, "", err
	}
	if slices.ContainsFunc(got.Comments, func(c comment) bool { return c.ID == "" }) {
		return nil, "", access.Errorf(access.Transient, op, "the answer lists a comment without an id")
	}
	if end := start + len(got.Comments); len(got.Comments) > 0 && end < got.Total {
		return got.Comments, strconv.Itoa(end), nil
	}
	return got.Comments, "", nil
}

// AddComment implements desk.Driver. In a Jira Service Management project the comments are such that customers see.
func (d *driver) AddComment(ctx context.Context, op string, id access.TicketID, c desk.CommentDraft) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	visible := !api.showsStamps() || d.stamps.Load() == stampsHidden
	var added struct {
		ID string `json:"id"`
	}
	path := issuePath(id, "/comment")
	err = d.write(ctx, op, rest.Call{Method: http.MethodPost, Path: path, Body: commentOf(api, c, visible), Into: &added})
	if err == nil && added.ID == "" {
		err = access.Errorf(access.Transient, op, "the answer names no comment")
	}
	if err != nil || visible || d.stamps.Load() != stampsUnknown {
		return err
	}
	shown, err := c.Carried(ctx)
	switch {
	case err != nil:
		return err
	case shown:
		d.stamps.Store(stampsShow)
		return nil
	}
	d.stamps.Store(stampsHidden)
	return d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: path + "/" + added.ID, Body: commentOf(api, c, true)})
}

func commentOf(api dialect, c desk.CommentDraft, visible bool) newComment {
	tail := ""
	if visible {
		tail = c.Reference
	}
	body := newComment{Body: api.text(c.Text, tail)}
	if api.showsStamps() {
		body.Properties = []property{{Key: stampKey, Value: stamp{Marker: c.Markers[0], Also: c.Markers[1:]}}}
	}
	return body
}
