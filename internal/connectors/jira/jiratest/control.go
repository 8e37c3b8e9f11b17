package jiratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
)

// Issue is an issue as the control methods and GET /_sim/issues show it. Accounts are account ids, "" for nobody; texts
// are plain; Fields holds the custom fields that have a value, as people read them.
type Issue struct {
	ID          string            `json:"id"`
	Key         string            `json:"key"`
	OldKeys     []string          `json:"old_keys"`
	Project     string            `json:"project"`
	Summary     string            `json:"summary"`
	Description string            `json:"description"`
	Labels      []string          `json:"labels"`
	Status      string            `json:"status"`
	Category    desktest.Category `json:"status_category"`
	Resolution  string            `json:"resolution"`
	Assignee    string            `json:"assignee"`
	Reporter    string            `json:"reporter"`
	Creator     string            `json:"creator"`
	// Archived issues are found by no search and cannot be changed.
	Archived   bool                       `json:"archived"`
	Fields     map[string]string          `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
	Comments   []Comment                  `json:"comments"`
	Created    time.Time                  `json:"created"`
	Updated    time.Time                  `json:"updated"`
}

// Comment is a comment of an issue. Author is an account id.
type Comment struct {
	ID         string                     `json:"id"`
	Author     string                     `json:"author"`
	Body       string                     `json:"body"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	Created    time.Time                  `json:"created"`
}

// Issues returns every issue that exists, oldest first.
func (s *Server) Issues() []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Issue{}
	for i := range s.each {
		out = append(out, s.show(i))
	}
	return out
}

// Issue returns the issue of an id, or of a key that it has or had; false when there is none.
func (s *Server) Issue(idOrKey string) (Issue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, exists := s.find(idOrKey)
	if !exists {
		return Issue{}, false
	}
	return s.show(i), true
}

// Comments returns an issue's comments, oldest first; none for an issue that does not exist.
func (s *Server) Comments(idOrKey string) []Comment {
	i, _ := s.Issue(idOrKey)
	return i.Comments
}

// CountLabel is how many issues carry the label, letter for letter.
func (s *Server) CountLabel(label string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.view.Labelled(label) {
		if !e.Now.Deleted && slices.Contains(e.Now.Labels, label) {
			n++
		}
	}
	return n
}

// The control methods below change an issue as a person would. Their errors say in words what is wrong, for tests and
// pages; they have no kinds.

// MoveAs takes an issue to the status of that name, as that account (id or e-mail address), by the first transition that
// leads there. What its screen requires is filled in: a resolution that is called like the status, else the first one.
// The error names the statuses that can be reached.
func (s *Server) MoveAs(account, idOrKey, status string) error {
	return s.as(account, idOrKey, func(a *Account, i *issue) error {
		return s.moveTo(i, status, move{actor: a, version: 2})
	})
}

// CommentAs adds a plain comment.
func (s *Server) CommentAs(account, idOrKey, text string) error {
	return s.as(account, idOrKey, func(a *Account, before *issue) error {
		return s.commentOn(before, text, a)
	})
}

// Edit sets fields, in the form of version 2 of the API, on the screen or not; nil clears a field.
func (s *Server) Edit(account, idOrKey string, fields map[string]any) error {
	return s.as(account, idOrKey, func(a *Account, before *issue) error {
		in := input{Fields: map[string]json.RawMessage{}}
		for id, value := range fields {
			raw, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("field %s: %w", id, err)
			}
			in.Fields[id] = raw
		}
		after := before.clone()
		if problems := s.apply(after, in, 2, s.projectOf(before).field); len(problems) > 0 {
			return refuseFields(problems)
		}
		return s.change(before, after, a, "issue_updated")
	})
}

// AssignAs assigns an issue to an account (id or e-mail address); "" assigns nobody.
func (s *Server) AssignAs(account, idOrKey, to string) error {
	return s.as(account, idOrKey, func(a *Account, before *issue) error {
		return s.assignTo(before, to, a)
	})
}

// Delete deletes an issue, as the first account of the site.
func (s *Server) Delete(idOrKey string) error {
	return s.asFirst(idOrKey, s.remove)
}

// Hide takes an issue out of everybody's sight in the API, as a lost permission does; false shows it again.
func (s *Server) Hide(idOrKey string, hidden bool) error {
	return s.asFirst(idOrKey, func(i *issue, _ *Account) error {
		after := i.clone()
		after.Hidden = hidden
		return s.commit(after)
	})
}

// MoveToProject moves an issue to another project of the site and gives the new key. The id stays, and the old key
// still finds the issue. The status stays where the other project has one of that id, else it is the first one.
func (s *Server) MoveToProject(idOrKey, project string) (string, error) {
	key := ""
	err := s.asFirst(idOrKey, func(i *issue, a *Account) error {
		after, err := s.rekey(i, project, a)
		if err == nil {
			key = after.key()
		}
		return err
	})
	return key, err
}

// as runs a change of an issue by an account, under the lock.
func (s *Server) as(account, idOrKey string, run func(*Account, *issue) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accountOf(account)
	if a == nil || account == "" {
		return refuse(http.StatusBadRequest, fmt.Sprintf("There is no account %q.", account))
	}
	if s.inactive(a) {
		return refuse(http.StatusForbidden, fmt.Sprintf("The account %q is not active.", account))
	}
	i, exists := s.find(idOrKey)
	if !exists {
		return refuse(http.StatusNotFound, invisible)
	}
	if i.Archived {
		return refuse(http.StatusBadRequest, archivedIssue)
	}
	return run(a, i)
}

func (s *Server) asFirst(idOrKey string, run func(*issue, *Account) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, exists := s.find(idOrKey)
	if !exists {
		return refuse(http.StatusNotFound, invisible)
	}
	return run(i, &s.people.list[0])
}

func (s *Server) moveTo(i *issue, status string, m move) error {
	p := s.projectOf(i)
	here := p.Status(i.Status).Name
	t, err := p.Way(here, status)
	if err != nil {
		return refuse(http.StatusConflict, fmt.Sprintf("%s is in %q and %v.", i.key(), here, err))
	}
	m.in.Fields = withDefaults(p, t, m.in.Fields)
	return s.move(i, t, m)
}

// withDefaults returns the screen's required resolution a value when there is none.
func withDefaults(p *Project, t desktest.Transition, fields map[string]json.RawMessage) map[string]json.RawMessage {
	on, needed := t.ScreenField("resolution")
	usual := p.usualResolution(t)
	if _, given := fields["resolution"]; given || !needed || !on.Required || usual == "" {
		return fields
	}
	out := map[string]json.RawMessage{"resolution": json.RawMessage(`{"id":"` + p.resolutionID(usual) + `"}`)}
	for id, value := range fields {
		out[id] = value
	}
	return out
}

// usualResolution is the resolution that is called like the transition's status, else the first one.
func (p *Project) usualResolution(t desktest.Transition) string {
	if len(p.Resolutions) == 0 {
		return ""
	}
	n := slices.IndexFunc(p.Resolutions, func(name string) bool { return strings.EqualFold(name, t.To) })
	return p.Resolutions[max(n, 0)]
}

func (s *Server) commentOn(before *issue, text string, a *Account) error {
	raw, err := json.Marshal(map[string]string{"body": text})
	if err != nil {
		return fmt.Errorf("comment: %w", err)
	}
	after := before.clone()
	added, err := s.appendComment(after, raw, move{version: 2, actor: a})
	if err != nil {
		return err
	}
	if err := s.touch(after); err != nil {
		return err
	}
	s.announceComment("comment_created", after, a, added)
	return nil
}

func (s *Server) assignTo(before *issue, to string, a *Account) error {
	after := before.clone()
	after.Assignee = ""
	if to != "" {
		assignee := s.accountOf(to)
		if assignee == nil || !s.assignable(assignee) {
			return refuse(http.StatusBadRequest, fmt.Sprintf("The account %q cannot be assigned.", to))
		}
		after.Assignee = assignee.ID
	}
	return s.change(before, after, a, "issue_assigned")
}

func (s *Server) rekey(before *issue, project string, a *Account) (*issue, error) {
	p, known := s.project(project)
	if !known || p.Key == before.Project {
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("%s cannot be moved to the project %q.", before.key(), project))
	}
	after := before.clone()
	after.OldKeys = append(after.OldKeys, before.key())
	s.numbers[p.Key]++
	after.Project, after.Number = p.Key, s.numbers[p.Key]
	if p.Status(after.Status).ID == "" {
		after.Status = p.Statuses[0].ID
	}
	return after, s.change(before, after, a, "issue_moved")
}

func (s *Server) show(i *issue) Issue {
	p := s.projectOf(i)
	st := p.Status(i.Status)
	out := Issue{
		ID: i.id(), Key: i.key(), OldKeys: append([]string{}, i.OldKeys...), Project: i.Project, Summary: i.Summary,
		Description: i.Description.text(), Labels: append([]string{}, i.Labels...), Status: st.Name, Category: st.Category,
		Resolution: i.Resolution, Assignee: i.Assignee, Reporter: i.Reporter, Creator: i.Creator, Archived: i.Archived, Fields: map[string]string{},
		Properties: map[string]json.RawMessage{}, Comments: []Comment{}, Created: i.Created, Updated: i.Updated,
	}
	maps.Copy(out.Properties, i.Properties)
	for id, raw := range i.Fields {
		out.Fields[id] = fieldText(raw)
	}
	for _, c := range i.Comments {
		out.Comments = append(out.Comments, Comment{
			ID: (&issue{ID: c.ID}).id(), Author: c.Author, Body: c.Body.text(), Properties: c.Properties, Created: c.Created,
		})
	}
	return out
}
