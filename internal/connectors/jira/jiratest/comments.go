package jiratest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) getComments(c *call) (*answer, error) {
	i, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	start, size, err := c.page(s, 100, 5000)
	if err != nil {
		return nil, err
	}
	switch c.query("orderBy") {
	case "", "created", "+created", " created":
	case "-created":
		i = i.clone()
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

func (s *Server) renderComment(c *call, i *issue, one comment) map[string]any {
	id := strconv.FormatInt(one.ID, 10)
	out := map[string]any{
		"self": selfOf(c, i) + "/comment/" + id, "id": id, "author": s.renderAccount(c, one.Author),
		"updateAuthor": s.renderAccount(c, one.Author), "body": one.Body.in(c.version),
		"created": s.stamp(one.Created), "updated": s.stamp(one.Created),
	}
	if !one.Edited.IsZero() {
		out["updated"] = s.stamp(one.Edited)
	}
	if c.edition == Cloud {
		out["jsdPublic"] = true
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

func (s *Server) addComment(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	after := before.clone()
	added, err := s.appendComment(after, c.body, move{version: c.version, actor: c.account})
	if err != nil {
		return nil, err
	}
	if err := s.touch(after); err != nil {
		return nil, err
	}
	s.announceComment("comment_created", after, c.account, added)
	return created(s.renderComment(c, after, *added))
}

// editComment replaces the text of the caller's own comment, and the properties that are given.
func (s *Server) editComment(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	id, _ := parseID(c.r.PathValue("id"))
	after := before.clone()
	n := slices.IndexFunc(after.Comments, func(one comment) bool { return one.ID == id })
	if n < 0 {
		return nil, refuse(http.StatusNotFound, "Can not find a comment for the id: "+c.r.PathValue("id")+".")
	}
	body, properties, err := readComment(c.body, c.version)
	if err != nil {
		return nil, err
	}
	edited := after.Comments[n]
	edited.Body, edited.Edited, edited.Properties = body, s.moment(), maps.Clone(edited.Properties)
	if edited.Properties == nil {
		edited.Properties = map[string]json.RawMessage{}
	}
	maps.Copy(edited.Properties, properties)
	after.Comments[n] = edited
	if err := s.touch(after); err != nil {
		return nil, err
	}
	s.announceComment("comment_updated", after, c.account, &edited)
	return ok(s.renderComment(c, after, edited))
}

// appendComment adds the comment that raw says to the issue, which is not committed yet.
func (s *Server) appendComment(i *issue, raw json.RawMessage, m move) (*comment, error) {
	body, properties, err := readComment(raw, m.version)
	if err != nil {
		return nil, err
	}
	added := comment{ID: s.nextID(), Author: m.actor.ID, Body: body, Properties: properties, Created: s.moment()}
	i.Comments = append(i.Comments, added)
	return &added, nil
}

// readComment reads {"body":..,"properties":[..]}.
func readComment(raw json.RawMessage, version int) (rich, map[string]json.RawMessage, error) {
	var in struct {
		Body       json.RawMessage `json:"body"`
		Properties []property      `json:"properties"`
	}
	if err := (&call{body: raw}).decode(&in); err != nil {
		return nil, nil, err
	}
	body, problem := setting{version: version, value: in.Body}.rich()
	switch {
	case problem == tooLong:
		return nil, nil, refuseFields(map[string]string{"comment": tooLong})
	case problem != "":
		return nil, nil, refuse(http.StatusBadRequest, "Comment body is not valid!")
	case body.text() == "":
		return nil, nil, refuseFields(map[string]string{"comment": "Comment body can not be empty!"})
	}
	var carrier issue
	if err := setProperties(&carrier, in.Properties); err != nil {
		return nil, nil, err
	}
	return body, carrier.Properties, nil
}
