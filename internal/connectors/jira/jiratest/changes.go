package jiratest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// change changes an issue: it commits the after state with a history entry of what differs, by that account, and tells
// the webhooks. No difference: nothing is committed. The caller holds the lock.
func (s *Server) change(before, after *issue, actor *Account, eventType string) error {
	items := s.changes(before, after)
	if len(items) == 0 {
		return nil
	}
	now := s.moment()
	after.Updated = now
	h := history{ID: s.nextID(), Author: actor.ID, Created: now, Items: items}
	after.History = append(after.History, h)
	if err := s.commit(after); err != nil {
		return err
	}
	s.announce(event{name: "jira:issue_updated", kind: eventType, issue: after, actor: actor, history: &h})
	return nil
}

// touch commits a change that the history does not tell.
func (s *Server) touch(after *issue) error {
	after.Updated = s.moment()
	return s.commit(after)
}

func (s *Server) moment() time.Time { return s.now().Truncate(time.Millisecond) }

// changes lists what differs between two states of an issue.
func (s *Server) changes(before, after *issue) []change {
	p := s.projectOf(after)
	var out []change
	add := func(c change, from, to labelled) {
		if from == to {
			return
		}
		c.FieldType, c.FieldID = "jira", cmp.Or(c.FieldID, c.Field)
		if strings.HasPrefix(c.FieldID, "customfield_") {
			c.FieldType = "custom"
		}
		c.From, c.FromString, c.To, c.ToString = pointer(from.id), pointer(from.name), pointer(to.id), pointer(to.name)
		out = append(out, c)
	}
	add(change{Field: "summary"}, labelled{name: before.Summary}, labelled{name: after.Summary})
	add(change{Field: "description"}, labelled{name: before.Description.text()}, labelled{name: after.Description.text()})
	add(change{Field: "labels"}, labelled{name: strings.Join(before.Labels, " ")}, labelled{name: strings.Join(after.Labels, " ")})
	add(change{Field: "reporter"}, s.labelledAccount(before.Reporter), s.labelledAccount(after.Reporter))
	add(change{Field: "assignee"}, s.labelledAccount(before.Assignee), s.labelledAccount(after.Assignee))
	add(change{Field: "resolution"}, p.labelledResolution(before.Resolution), p.labelledResolution(after.Resolution))
	add(change{Field: "status"}, s.projectOf(before).labelledStatus(before.Status), p.labelledStatus(after.Status))
	add(change{Field: "project"}, labelledProject(s.projectOf(before)), labelledProject(p))
	add(change{Field: "Key"}, labelled{name: before.key()}, labelled{name: after.key()})
	for _, f := range p.Fields {
		from, to := before.Fields[f.ID], after.Fields[f.ID]
		if string(from) != string(to) {
			add(change{Field: f.Name, FieldID: f.ID}, labelled{name: fieldText(from)}, labelled{name: fieldText(to)})
		}
	}
	return out
}

// labelled is a value with its id and what people read; "" for none.
type labelled struct{ id, name string }

func (s *Server) labelledAccount(id string) labelled {
	if a := s.accountOf(id); a != nil && id != "" {
		return labelled{s.shownID(id), a.DisplayName}
	}
	return labelled{id, id}
}

func (p *Project) labelledStatus(id string) labelled { return labelled{id, p.Status(id).Name} }

func (p *Project) labelledResolution(name string) labelled {
	return labelled{p.resolutionID(name), name}
}

func labelledProject(p *Project) labelled { return labelled{p.ID, p.Name} }

func (p *Project) resolutionID(name string) string {
	n := slices.Index(p.Resolutions, name)
	if n < 0 {
		return ""
	}
	return resolutionID(n)
}

// fieldText is a stored custom value as people read it.
func fieldText(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var option struct{ Value string }
	if raw[0] == '{' && json.Unmarshal(raw, &option) == nil && option.Value != "" {
		return option.Value
	}
	if raw[0] == '{' || raw[0] == '"' {
		return rich(raw).text()
	}
	return string(raw)
}

func pointer(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
