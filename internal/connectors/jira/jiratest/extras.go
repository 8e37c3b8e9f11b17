package jiratest

import (
	"encoding/json"
	"net/http"
	"slices"
)

func (s *Server) getProperty(c *call) (*answer, error) {
	i, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	key := c.r.PathValue("property")
	value, exists := i.Properties[key]
	if c.r.PathValue("part") != "properties" || !exists {
		return nil, refuse(http.StatusNotFound, "The property with key '"+key+"' does not exist.")
	}
	return ok(map[string]any{"key": key, "value": value})
}

// putProperty answers 201 for a new property and 200 for a replaced one.
func (s *Server) putProperty(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	key := c.r.PathValue("property")
	after := before.clone()
	if err := setProperties(after, []property{{Key: key, Value: json.RawMessage(c.body)}}); err != nil {
		return nil, err
	}
	if err := s.commit(after); err != nil {
		return nil, err
	}
	s.announce(event{name: "issue_property_set", issue: after, actor: c.account})
	if _, had := before.Properties[key]; had {
		return &answer{Status: http.StatusOK, Body: map[string]any{}}, nil
	}
	return created(map[string]any{})
}

func (s *Server) getRemoteLinks(c *call) (*answer, error) {
	i, err := s.visible(c)
	if err != nil {
		return nil, err
	}
	global := c.query("globalId")
	links := []any{}
	for _, l := range i.Links {
		if global == "" || l.GlobalID == global {
			links = append(links, renderLink(c, i, l))
		}
	}
	if global == "" {
		return ok(links)
	}
	if len(links) == 0 {
		return nil, refuse(http.StatusNotFound, "The remote link with the global ID '"+global+"' does not exist.")
	}
	return ok(links[0])
}

func renderLink(c *call, i *issue, l remoteLink) map[string]any {
	out := map[string]any{}
	// What was stored was an object when it came.
	_ = json.Unmarshal(l.Body, &out)
	out["id"], out["self"] = l.ID, linkSelf(c, i, l)
	return out
}

func linkSelf(c *call, i *issue, l remoteLink) string {
	return selfOf(c, i) + "/remotelink/" + (&issue{ID: l.ID}).id()
}

// putRemoteLink creates a link, or replaces the one of the same globalId whole.
func (s *Server) putRemoteLink(c *call) (*answer, error) {
	before, err := s.changeable(c)
	if err != nil {
		return nil, err
	}
	var in struct {
		GlobalID string `json:"globalId"`
		Object   struct{ URL, Title string }
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	problems := map[string]string{}
	if in.Object.Title == "" {
		problems["title"] = "'title' is required."
	}
	if in.Object.URL == "" {
		problems["url"] = "'url' is required."
	}
	if len(in.GlobalID) > lineLimit {
		problems["globalId"] = "The global ID must not be longer than 255 characters."
	}
	if len(problems) > 0 {
		return nil, refuseFields(problems)
	}
	after := before.clone()
	link := remoteLink{GlobalID: in.GlobalID, Body: slices.Clone(c.body)}
	n := slices.IndexFunc(after.Links, func(l remoteLink) bool { return l.GlobalID == in.GlobalID && in.GlobalID != "" })
	status := http.StatusOK
	if n >= 0 {
		link.ID = after.Links[n].ID
		after.Links[n] = link
	} else {
		status, link.ID = http.StatusCreated, s.nextID()
		after.Links = append(after.Links, link)
	}
	if err := s.commit(after); err != nil {
		return nil, err
	}
	return &answer{Status: status, Body: map[string]any{"id": link.ID, "self": linkSelf(c, after, link)}}, nil
}
