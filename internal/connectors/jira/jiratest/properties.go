package jiratest

import (
	"encoding/json"
	"net/http"

	"usher/internal/connectors/desktest"
)

func (s *Server) getProperty(c *call, i *issue) (*answer, error) {
	key := c.r.PathValue("property")
	value, exists := i.Properties[key]
	if c.r.PathValue("part") != "properties" || !exists {
		return nil, refuse(http.StatusNotFound, "The property with key '"+key+"' does not exist.")
	}
	return ok(map[string]any{"key": key, "value": value})
}

// putProperty answers 201 for a new property and 200 for a replaced one.
func (s *Server) putProperty(c *call, before *issue) (*answer, error) {
	key := c.r.PathValue("property")
	after := before.Clone()
	if err := setProperties(after, []property{{Key: key, Value: json.RawMessage(c.body)}}); err != nil {
		return nil, err
	}
	if err := s.store.Commit(after); err != nil {
		return nil, err
	}
	s.store.Announce(desktest.Event{Kind: desktest.EventPropertySet, Ticket: after, By: c.account})
	if _, had := before.Properties[key]; had {
		return &answer{Status: http.StatusOK, Body: map[string]any{}}, nil
	}
	return created(map[string]any{})
}
