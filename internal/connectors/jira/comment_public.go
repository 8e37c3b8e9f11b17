package jira

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// publicKey is the key of the comment property by which Jira Service Management on Data Center keeps a comment from customers.
const publicKey = "sd.public.comment"

// PublicComments implements desk.Driver. An edit of a comment is found as long as the comment stands on a page that is read for newer
// ones: Jira sorts by the time of creation only.
func (d *driver) PublicComments(ctx context.Context, op string, id access.TicketID, since time.Time, page string) (desk.PublicPage, error) {
	if _, err := d.loadDialect(ctx, op); err != nil {
		return desk.PublicPage{}, err
	}
	all, next, err := d.comments(ctx, op, id, page)
	if err != nil {
		return desk.PublicPage{}, err
	}
	out := desk.PublicPage{Next: next}
	if last := len(all) - 1; last >= 0 && all[last].Created.Before(since) {
		out.Next = ""
	}
	for _, c := range all {
		if c.public() {
			out.Comments = append(out.Comments, c.people())
		}
	}
	return out, nil
}

// public reports whether whoever may see the issue, a customer too, may read the comment.
func (c comment) public() bool {
	if restricted := len(c.Visibility) > 0 && string(c.Visibility) != "null" && string(c.Visibility) != "{}"; restricted {
		return false
	}
	if c.JSDPublic != nil && !*c.JSDPublic {
		return false
	}
	return !slices.ContainsFunc(c.Properties, func(p keptProperty) bool {
		var value struct {
			Internal json.RawMessage `json:"internal"`
		}
		unread := json.Unmarshal(p.Value, &value) != nil
		return p.Key == publicKey && (unread || !slices.Contains([]string{"false", `"false"`}, string(value.Internal)))
	})
}

// people is the comment as people read it.
func (c comment) people() desk.PublicComment {
	by, at := c.Author, c.Created.Time
	if c.Updated.After(at) {
		at = c.Updated.Time
		if c.UpdateAuthor.id() != "" {
			by = c.UpdateAuthor
		}
	}
	return desk.PublicComment{Author: c.Author.id(), TicketComment: access.TicketComment{
		ID: c.ID, By: by.id(), ByName: by.DisplayName, At: at, Text: commentText(c.Body),
	}}
}

// spoken is a node of an Atlassian document with what a person reads of a mention, an emoji or a link.
type spoken struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Attrs struct {
		Text string `json:"text"`
		URL  string `json:"url"`
	} `json:"attrs"`
	Content []spoken `json:"content"`
}

// node is the node with nothing in it but plain text.
func (s spoken) node() node {
	out := node{Type: s.Type, Text: s.Text}
	if text := s.Attrs.Text + s.Attrs.URL; len(s.Content) == 0 && s.Type != "text" && text != "" {
		out = node{Type: "text", Text: text}
	}
	for _, child := range s.Content {
		out.Content = append(out.Content, child.node())
	}
	return out
}

// commentText is a comment as plain text: of a document what it says, wiki text as it is written.
func commentText(body json.RawMessage) string {
	var text string
	var document spoken
	switch {
	case json.Unmarshal(body, &text) == nil:
		return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	case json.Unmarshal(body, &document) == nil:
		return strings.TrimSpace(document.node().plain())
	}
	return ""
}
