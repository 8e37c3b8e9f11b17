package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
)

// board is the site as the pages of package desktest show it. Hidden issues are shown: the pages are no API.
type board struct{ s *Server }

var _ desktest.PageDesk = board{}

// columnLimit is how many cards a column shows at most, the youngest.
const columnLimit = 100

// Revision implements desktest.PageDesk.
func (b board) Revision() int64 {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	return b.s.revision
}

// Frame implements desktest.PageDesk. A new visitor is the first person who is not an integration.
func (b board) Frame() desktest.Frame {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	f := desktest.Frame{Visitor: b.s.people.list[0].ID}
	for n := range b.s.projects {
		f.Projects = append(f.Projects, b.s.projects[n].shown())
	}
	found := false
	for _, a := range b.s.people.list {
		one := desktest.PageAccount{ID: a.ID, DisplayName: a.DisplayName, Inactive: a.Inactive}
		f.Accounts = append(f.Accounts, one)
		if !b.s.assignable(&a) {
			continue
		}
		f.Assignable = append(f.Assignable, one)
		if a.Token == "" && !found {
			f.Visitor, found = a.ID, true
		}
	}
	return f
}

func (p *Project) shown() desktest.PageProject { return desktest.PageProject{Key: p.Key, Name: p.Name} }

// Board implements desktest.PageDesk.
func (b board) Board(project string) desktest.Board {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	p, known := b.s.project(project)
	if !known {
		p = &b.s.projects[0]
	}
	byStatus := map[string][]*issue{}
	for i := range b.s.each {
		if i.Project == p.Key && !i.Archived {
			byStatus[i.Status] = append(byStatus[i.Status], i)
		}
	}
	out := desktest.Board{Project: p.shown()}
	for _, st := range p.Statuses {
		all := byStatus[st.ID]
		column := desktest.Column{Name: st.Name, Count: len(all)}
		for _, i := range all[max(0, len(all)-columnLimit):] {
			column.Cards = append(column.Cards, desktest.Card{
				Key: i.key(), Summary: i.Summary, Assignee: b.s.nameOf(i.Assignee), Moves: b.s.moves(i),
			})
		}
		out.Columns = append(out.Columns, column)
	}
	return out
}

// moves are the transitions that can be made, with what their screens ask for.
func (s *Server) moves(i *issue) []desktest.Move {
	p := s.projectOf(i)
	var out []desktest.Move
	for _, t := range p.Available(p.Status(i.Status).Name) {
		m := desktest.Move{Name: t.Name, To: t.To}
		for _, on := range t.Screen {
			if on.ID == "resolution" {
				m.Resolutions, m.Resolution = p.Resolutions, p.usualResolution(t)
			} else if f, known := p.field(on.ID); known {
				m.Fields = append(m.Fields, desktest.MoveField{ID: f.ID, Name: f.Name})
			}
		}
		out = append(out, m)
	}
	return out
}

// Ticket implements desktest.PageDesk. The oldest comment and the newest change come first.
func (b board) Ticket(key string) (desktest.PageTicket, bool) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	s := b.s
	i, exists := s.find(key)
	if !exists {
		return desktest.PageTicket{}, false
	}
	p := s.projectOf(i)
	st := p.Status(i.Status)
	t := desktest.PageTicket{
		Key: i.key(), Project: p.shown(), Summary: i.Summary, Description: i.Description.text(), Status: st.Name, Category: string(st.Category),
		Resolution: i.Resolution, Assignee: s.nameOf(i.Assignee), Reporter: s.nameOf(i.Reporter), Labels: i.Labels,
		Moves: s.moves(i), Created: s.shownTime(i.Created), Updated: s.shownTime(i.Updated),
	}
	for _, f := range p.Fields {
		if raw := i.Fields[f.ID]; len(raw) > 0 {
			t.Fields = append(t.Fields, desktest.PageField{Name: f.Name, Value: fieldText(raw), Link: f.Type == URLField})
		}
	}
	for n := range s.projects {
		if other := &s.projects[n]; other.Key != p.Key {
			t.Elsewhere = append(t.Elsewhere, other.shown())
		}
	}
	for _, c := range i.Comments {
		t.Comments = append(t.Comments, desktest.Line{Author: s.nameOf(c.Author), At: s.shownTime(c.Created), Text: c.Body.text()})
	}
	for _, h := range slices.Backward(i.History) {
		t.History = append(t.History, desktest.Line{Author: s.nameOf(h.Author), At: s.shownTime(h.Created), Text: h.inWords()})
	}
	t.History = append(t.History, desktest.Line{Author: s.nameOf(i.Creator), At: s.shownTime(i.Created), Text: "opened the ticket"})
	return t, true
}

func (h history) inWords() string {
	shown := func(text *string) string {
		if text == nil {
			return "none"
		}
		return *text
	}
	var parts []string
	for _, item := range h.Items {
		parts = append(parts, item.Field+": "+shown(item.FromString)+" → "+shown(item.ToString))
	}
	return strings.Join(parts, "; ")
}

func (s *Server) nameOf(account string) string {
	if a := s.accountOf(account); a != nil && account != "" {
		return a.DisplayName
	}
	return account
}

func (s *Server) shownTime(t time.Time) string {
	return t.In(s.cfg.Zone).Format("2 Jan 2006 15:04:05 -07:00")
}

// Account implements desktest.PageDesk.
func (b board) Account(name string) (string, bool) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	a := b.s.accountOf(name)
	if a == nil {
		return "", false
	}
	return a.ID, true
}

// ProjectOf implements desktest.PageDesk.
func (b board) ProjectOf(key string) string {
	project, _, _ := splitKey(key)
	return project
}

// Do implements desktest.PageDesk.
func (b board) Do(act desktest.Action, as, key string, form url.Values) (string, error) {
	err := b.s.as(as, key, func(a *Account, i *issue) error {
		key = i.key()
		switch act {
		case desktest.ActMove:
			return b.s.formMove(form, a, i)
		case desktest.ActComment:
			return b.s.commentOn(i, strings.ReplaceAll(form.Get("text"), "\r\n", "\n"), a)
		case desktest.ActAssign:
			return b.s.assignTo(i, form.Get("to"), a)
		case desktest.ActDelete:
			return b.s.remove(i, a)
		case desktest.ActProject:
			after, err := b.s.rekey(i, form.Get("to"), a)
			if err == nil {
				key = after.key()
			}
			return err
		}
		return refuse(http.StatusNotFound, fmt.Sprintf("There is no action %q.", act))
	})
	return key, err
}

func (s *Server) formMove(form url.Values, a *Account, i *issue) error {
	p := s.projectOf(i)
	fields := map[string]json.RawMessage{}
	if name := form.Get("resolution"); name != "" {
		raw, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			return err
		}
		fields["resolution"] = raw
	}
	for name := range form {
		id, isField := strings.CutPrefix(name, "field_")
		if text := form.Get(name); isField && text != "" {
			f, _ := p.field(id)
			fields[id] = s.fromForm(f, text)
		}
	}
	return s.moveTo(i, form.Get("to"), move{actor: a, version: 2, in: input{Fields: fields}})
}

// fromForm is a form's text as the API's value of a field.
func (s *Server) fromForm(f Field, text string) json.RawMessage {
	var value any = text
	switch f.Type {
	case SelectField:
		value = map[string]string{"value": text}
	case UserField:
		if a := s.accountOf(text); a != nil {
			value = map[string]string{"accountId": a.ID, "name": a.Name}
		}
	case LabelsField:
		value = strings.Fields(text)
	case NumberField:
		return json.RawMessage(text)
	default:
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return raw
}
