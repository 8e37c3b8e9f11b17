package jiratest

import (
	"encoding/json"
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
		"created": s.stamp(one.Created), "updated": s.stamp(one.Created), "jsdPublic": true,
	}
	if c.expands("properties") {
		list := []any{}
		for key, value := range one.Properties {
			list = append(list, map[string]any{"key": key, "value": value})
		}
		out["properties"] = list
	}
	return out
}

func (s *Server) addComment(c *call) (*answer, error) {
	before, err := s.visible(c)
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
	s.announce(event{name: "comment_created", issue: after, actor: c.account, comment: added})
	return created(s.renderComment(c, after, *added))
}

// appendComment reads {"body":..,"properties":[..]} and adds it to the issue, which is not committed yet.
func (s *Server) appendComment(i *issue, raw json.RawMessage, m move) (*comment, error) {
	var in struct {
		Body       json.RawMessage `json:"body"`
		Properties []property      `json:"properties"`
	}
	if err := (&call{body: raw}).decode(&in); err != nil {
		return nil, err
	}
	body, problem := setting{version: m.version, value: in.Body}.rich()
	switch {
	case problem == tooLong:
		return nil, refuseFields(map[string]string{"comment": tooLong})
	case problem != "":
		return nil, refuse(http.StatusBadRequest, "Comment body is not valid!")
	case body.text() == "":
		return nil, refuseFields(map[string]string{"comment": "Comment body can not be empty!"})
	}
	var carrier issue
	if err := setProperties(&carrier, in.Properties); err != nil {
		return nil, err
	}
	added := comment{ID: s.nextID(), Author: m.actor.ID, Body: body, Properties: carrier.Properties, Created: s.moment()}
	i.Comments = append(i.Comments, added)
	return &added, nil
}
