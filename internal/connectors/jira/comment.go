package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

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

// AddComments implements access.TicketWriter. It looks through usher's own comments for the markers first, once for all of
// them; what is missing goes out as one comment, as far as Jira takes so long a text. Invalid: a comment without a marker,
// which could not be repeated. In a Jira Service Management project the comments are such that customers see.
func (d *Desk) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	const op = "add comments"
	for i, c := range all {
		if c.Marker == "" {
			return access.Errorf(access.Invalid, op, "comments[%d].marker: expected one", i)
		}
	}
	path, ok := issuePath(id, "/comment")
	if !ok {
		return d.confirmNotFound(ctx, op, access.Errorf(access.NotFound, op, "%q is not the id of an issue", id))
	}
	missing, err := d.missingOf(ctx, op, path, all)
	if err != nil {
		return d.confirmNotFound(ctx, op, err)
	}
	for len(missing) > 0 {
		n := fitting(missing)
		if err := d.addTogether(ctx, op, path, missing[:n]); err != nil {
			return d.confirmNotFound(ctx, op, err)
		}
		missing = missing[n:]
	}
	return nil
}

// fitting is how many of the first texts go into one comment whole; a text that is too long even alone goes alone.
func fitting(all []access.Comment) int {
	// Room for an edition's frame around the text.
	room := textLimit - 64
	for n, c := range all {
		room -= units(c.Text) + units(markerLine(c.Marker)) + len("\n\n\n")
		if room < 0 {
			return max(n, 1)
		}
	}
	return len(all)
}

// addTogether adds one comment that says all of the texts and carries all of their markers.
func (d *Desk) addTogether(ctx context.Context, op, path string, all []access.Comment) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return err
	}
	visible := !api.showsStamps() || d.stamps.Load() == stampsHidden
	var added struct {
		ID string `json:"id"`
	}
	err = d.write(ctx, op, rest.Call{Method: http.MethodPost, Path: path, Body: commentOf(api, all, visible), Into: &added})
	if err != nil || visible || d.stamps.Load() != stampsUnknown {
		return err
	}
	hidden, err := d.missingOf(ctx, op, path, all)
	switch {
	case err != nil:
		return err
	case len(hidden) == 0:
		d.stamps.Store(stampsShow)
		return nil
	}
	d.stamps.Store(stampsHidden)
	return d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: path + "/" + added.ID, Body: commentOf(api, all, true)})
}

func commentOf(api dialect, all []access.Comment, visible bool) newComment {
	var texts, lines []string
	var markers []access.Marker
	for _, c := range all {
		texts = append(texts, referenceInside.ReplaceAllString(c.Text, "> $0"))
		lines, markers = append(lines, markerLine(c.Marker)), append(markers, c.Marker)
	}
	tail := ""
	if visible {
		tail = strings.Join(lines, "\n")
	}
	body := newComment{Body: api.text(strings.Join(texts, "\n\n"), tail)}
	if api.showsStamps() {
		body.Properties = []property{{Key: stampKey, Value: stamp{Marker: markers[0], Also: markers[1:]}}}
	}
	return body
}

// referenceInside is what a line of somebody's words must not begin with: it would pass for a marker, and usher would not
// say what it has still to say.
var referenceInside = regexp.MustCompile(`(?m)^\(reference `)

// markerLine is how a comment carries a marker where properties do not show.
func markerLine(marker access.Marker) string { return fmt.Sprintf("(reference %s)", marker) }

// missingOf returns those of the comments that usher has not added. The newest comments of the ticket come first, because
// what is repeated was tried a moment ago. Comments of others do not count: nobody else can silence usher.
func (d *Desk) missingOf(ctx context.Context, op, path string, all []access.Comment) ([]access.Comment, error) {
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	missing := slices.Clone(all)
	for start, pages := 0, 0; pages < maxPages; pages++ {
		var page struct {
			Comments []comment `json:"comments"`
			Total    int       `json:"total"`
		}
		query := fmt.Sprintf("?startAt=%d&maxResults=100&orderBy=-created&expand=properties", start)
		if err := d.get(ctx, op, path+query, &page); err != nil {
			return nil, err
		}
		for _, there := range page.Comments {
			if there.Author.id() == me {
				missing = slices.DeleteFunc(missing, func(c access.Comment) bool { return there.carries(api, c.Marker) })
			}
		}
		start += len(page.Comments)
		if len(missing) == 0 || len(page.Comments) == 0 || start >= page.Total {
			return missing, nil
		}
	}
	return nil, access.Errorf(access.Transient, op, "the ticket has more than %d pages of comments", maxPages)
}

func (c comment) carries(api dialect, marker access.Marker) bool {
	for _, p := range c.Properties {
		if p.Key == stampKey && isStamp(p.Value, marker) {
			return true
		}
	}
	return api.holds(c.Body, markerLine(marker))
}
