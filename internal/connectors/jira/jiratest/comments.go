package jiratest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"usher/internal/connectors/desktest"
)

func (s *Server) getComments(c *call, i *issue) (*answer, error) {
	start, size, err := c.page(s, 100, 5000)
	if err != nil {
		return nil, err
	}
	switch c.query("orderBy") {
	case "", "created", "+created", " created":
	case "-created":
		i = i.Clone()
		slices.Reverse(i.Comments)
	default:
		return nil, refuse(http.StatusBadRequest, "The orderBy field must be created.")
	}
	return ok(s.renderComments(c, i, start, size))
}

// renderComments is a page of comments; the list within an issue is the same without the properties.
func (s *Server) renderComments(c *call, i *issue, start, size int) map[string]any {
	list := []any{}
	for _, one := range slice(i.Comments, start, size) {
		list = append(list, s.renderComment(c, i, one))
	}
	return map[string]any{"startAt": start, "maxResults": size, "total": len(i.Comments), "comments": list}
}

func (s *Server) renderComment(c *call, i *issue, one desktest.Comment) map[string]any {
	id := s.store.ID(one.Seq)
	out := map[string]any{
		"self": selfOf(c, i) + "/comment/" + id, "id": id, "author": s.renderAccount(c, one.Author),
		"updateAuthor": s.renderAccount(c, one.Author), "body": rich(one.Body).in(c.version),
		"created": s.stamp(one.Created), "updated": s.stamp(one.Created),
	}
	if !one.Edited.IsZero() {
		out["updated"] = s.stamp(one.Edited)
	}
	if c.edition == Cloud {
		out["jsdPublic"] = !one.Internal
	} else if one.Internal {
		out["visibility"] = map[string]string{"type": "role", "value": "Service Desk Team"}
	}
	// Data Center's document knows no such expansion of a comment.
	if c.expands("properties") && c.edition == Cloud && !s.faults.HideCommentProperties {
		list := []any{}
		for key, value := range one.Properties {
			list = append(list, map[string]any{"key": key, "value": value})
		}
		out["properties"] = list
	}
	return out
}

func (s *Server) addComment(c *call, before *issue) (*answer, error) {
	given, err := readComment(c.body, c.version)
	if err != nil {
		return nil, err
	}
	after, added, err := s.store.Comment(before, given, c.account)
	if err != nil {
		return nil, err
	}
	return created(s.renderComment(c, after, *added))
}

// editComment replaces the text of the caller's own comment, and the properties that are given.
func (s *Server) editComment(c *call, before *issue) (*answer, error) {
	after, id := before.Clone(), c.r.PathValue("id")
	n := slices.IndexFunc(after.Comments, func(one desktest.Comment) bool { return s.store.ID(one.Seq) == id })
	if n < 0 {
		return nil, refuse(http.StatusNotFound, "Can not find a comment for the id: "+id+".")
	}
	given, err := readComment(c.body, c.version)
	if err != nil {
		return nil, err
	}
	edited := &after.Comments[n]
	properties := map[string]json.RawMessage{}
	maps.Copy(properties, edited.Properties)
	maps.Copy(properties, given.Properties)
	edited.Body, edited.Edited, edited.Properties = given.Body, s.store.Moment(), properties
	if err := s.store.Touch(after, c.account); err != nil {
		return nil, err
	}
	s.store.Announce(desktest.Event{Kind: desktest.EventCommentEdited, Ticket: after, By: c.account, Comment: edited})
	return ok(s.renderComment(c, after, *edited))
}

// readComment reads {"body":..,"properties":[..]}.
func readComment(raw json.RawMessage, version int) (desktest.Comment, error) {
	var in struct {
		Body       json.RawMessage `json:"body"`
		Properties []property      `json:"properties"`
	}
	if err := (&call{body: raw}).decode(&in); err != nil {
		return desktest.Comment{}, err
	}
	body, problem := setting{version: version, value: in.Body}.rich()
	switch {
	case problem == tooLong:
		return desktest.Comment{}, refuseFields(map[string]string{"comment": tooLong})
	case problem != "":
		return desktest.Comment{}, refuse(http.StatusBadRequest, "Comment body is not valid!")
	case body.text() == "":
		return desktest.Comment{}, refuseFields(map[string]string{"comment": "Comment body can not be empty!"})
	}
	var carrier issue
	if err := setProperties(&carrier, in.Properties); err != nil {
		return desktest.Comment{}, err
	}
	return desktest.Comment{Body: json.RawMessage(body), Properties: carrier.Properties}, nil
}
