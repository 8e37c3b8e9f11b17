package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
)

func (s *Server) getTransitions(c *call, i *issue) (*answer, error) {
	p := s.store.ProjectOf(i)
	list := []any{}
	available := p.Available(p.Status(i.Status).Name)
	if s.store.ReadOnly(i) || i.Archived {
		available = nil
	}
	for _, t := range available {
		if only := c.query("transitionId"); only != "" && only != t.ID {
			continue
		}
		to, _ := p.StatusNamed(t.To)
		item := map[string]any{"id": t.ID, "name": t.Name, "to": renderStatus(c, to)}
		if c.edition == Cloud {
			item["hasScreen"], item["isGlobal"], item["isInitial"] = len(t.Screen) > 0, len(t.From) == 0, false
			item["isConditional"], item["isAvailable"], item["looped"] = false, true, false
		}
		if c.expands("transitions.fields") {
			item["fields"] = renderScreen(c, p, t)
		}
		list = append(list, item)
	}
	return ok(map[string]any{"expand": "transitions", "transitions": list})
}

func renderScreen(c *call, p *Project, t desktest.Transition) map[string]any {
	fields := map[string]any{}
	for _, on := range t.Screen {
		f, known := p.ScreenField(on.ID)
		if !known {
			continue
		}
		meta := fieldMeta(c, p, f)
		meta["required"] = on.Required
		if c.edition != Cloud {
			delete(meta, "key")
			meta["fieldId"] = f.ID
		}
		fields[f.ID] = meta
	}
	return fields
}

func (s *Server) transition(c *call, i *issue) (*answer, error) {
	if i.Archived {
		return nil, refuse(http.StatusBadRequest, archivedIssue)
	}
	var in input
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t, err := s.pickTransition(i, in)
	if err != nil {
		return nil, err
	}
	if take(&s.faults.TransitionConflicts) {
		return nil, refuse(http.StatusConflict, "The issue is being transitioned by another request. Please try again.")
	}
	if err := s.move(c, i, t, in); err != nil {
		return nil, err
	}
	return noContent()
}

// pickTransition finds the transition by its id, never by a name, and checks that it leaves the present status.
func (s *Server) pickTransition(i *issue, in input) (desktest.Transition, error) {
	var given struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(in.Transition, &given) != nil || len(given.ID) == 0 {
		return desktest.Transition{}, refuse(http.StatusBadRequest, "Missing 'transition' identifier")
	}
	id := strings.Trim(string(given.ID), `"`)
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return desktest.Transition{}, refuse(http.StatusBadRequest, "'transition' identifier must be an integer")
	}
	p := s.store.ProjectOf(i)
	t, known := p.Transition(id)
	if !known && s.cfg.Edition == DataCenter {
		return desktest.Transition{}, refuse(http.StatusInternalServerError, "Internal server error")
	}
	if !known || s.store.ReadOnly(i) {
		return desktest.Transition{}, refuse(http.StatusBadRequest, fmt.Sprintf("Transition id '%s' is not valid for this issue.", id))
	}
	if !t.Leaves(p.Status(i.Status).Name) {
		return desktest.Transition{}, refuse(http.StatusBadRequest, fmt.Sprintf("It seems that you have tried to perform a workflow operation (%s)"+
			" that is not valid for the current state of this issue (%s). The likely cause is that somebody has changed the issue recently,"+
			" please look at the issue history for details.", t.Name, i.Key))
	}
	return t, nil
}

// move takes an issue through a transition, with the fields of its screen and a comment if there is one.
func (s *Server) move(c *call, before *issue, t desktest.Transition, in input) error {
	after := before.Clone()
	problems := s.applyScreen(c, after, t, in)
	for _, f := range s.store.Missing(after, t) {
		problems[f.ID] = cmp.Or(problems[f.ID], missing(f))
	}
	if len(problems) > 0 {
		return refuseFields(problems)
	}
	s.store.Enter(after, t)
	var added *desktest.Comment
	for _, o := range in.Update["comment"] {
		given, err := readComment(o["add"], c.version)
		if err != nil {
			return err
		}
		added = s.store.AppendComment(after, given, c.account)
	}
	if err := s.store.Change(before, after, c.account, desktest.EventMoved); err != nil {
		return err
	}
	if added != nil {
		s.store.Announce(desktest.Event{Kind: desktest.EventCommented, Ticket: after, By: c.account, Comment: added})
	}
	return nil
}

func (s *Server) applyScreen(c *call, i *issue, t desktest.Transition, given input) map[string]string {
	p := s.store.ProjectOf(i)
	in := input{Fields: map[string]json.RawMessage{}, Update: given.Update}
	problems := map[string]string{}
	for id, value := range given.Fields {
		_, on := t.ScreenField(id)
		switch {
		case id == "resolution" && on:
			if problem := setResolution(i, p, value); problem != "" {
				problems[id] = problem
			}
		default:
			in.Fields[id] = value
		}
	}
	allowed := func(id string) (desktest.Field, bool) {
		f, known := p.Field(id)
		_, on := t.ScreenField(id)
		return f, known && on
	}
	for id, problem := range s.apply(i, in, c.version, allowed) {
		problems[id] = problem
	}
	return problems
}

// setResolution takes {"name":..} or {"id":..}, never a string.
func setResolution(i *issue, p *Project, raw json.RawMessage) string {
	if string(raw) == "null" {
		i.Resolution = ""
		return ""
	}
	var given struct{ ID, Name string }
	if json.Unmarshal(raw, &given) != nil {
		return "data was not an object"
	}
	for n, name := range p.Resolutions {
		if given.ID == resolutionID(n) || (given.ID == "" && strings.EqualFold(given.Name, name)) {
			i.Resolution = name
			return ""
		}
	}
	return fmt.Sprintf("Resolution with id '%s' or name '%s' is not valid", given.ID, given.Name)
}
