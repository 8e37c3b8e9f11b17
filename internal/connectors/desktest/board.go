package desktest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// page is what a template gets.
type page struct {
	Title, Here, Project string
	// As is the id of the account that the visitor acts as.
	As       string
	Revision int64
	Projects []Project
	// Accounts are all; Assignable are those that a ticket can be assigned to.
	Accounts, Assignable []Account
	// Columns are the board's.
	OnBoard, Empty bool
	Columns        []column
	// Ticket has its own page, with its Fields that have a value, its History with the newest change first, and the projects
	// Elsewhere that it can be moved to.
	Ticket    *Ticket
	Fields    []shownField
	History   []Change
	Elsewhere []Project
}

// column is a status. Count is all its tickets, of which some are shown as cards.
type column struct {
	Name  string
	Count int
	Cards []*Ticket
}

// columnLimit is how many cards a column shows at most, the youngest.
const columnLimit = 100

// More returns how many tickets are not shown.
func (c column) More() int { return c.Count - len(c.Cards) }

// shownField is a field that has a value. Link: the value is an address.
type shownField struct {
	Name, Value string
	Link        bool
}

// shownMoves are the moves that can be made now.
type shownMoves []shownMove

// shownMove is a move to the status To, with what its screen asks for.
type shownMove struct {
	Name, To string
	// Resolutions are those to choose from; Resolution is the usual one.
	Resolutions []string
	Resolution  string
	Fields      []Field
}

// To returns the JSON list of the statuses that are reached.
func (m shownMoves) To() string {
	to := []string{}
	for _, one := range m {
		to = append(to, one.To)
	}
	// A list of texts can be encoded.
	raw, _ := json.Marshal(to)
	return string(raw)
}

// page returns what every page shows. A new visitor is the first person who is not an integration.
func (s *Store) page() page {
	out := page{Revision: s.revision, Projects: s.projects, Accounts: s.people.list, As: s.people.list[0].ID}
	for _, a := range slices.Backward(s.people.list) {
		if !s.Assignable(&a) {
			continue
		}
		out.Assignable = append(out.Assignable, a)
		if a.Token == "" {
			out.As = a.ID
		}
	}
	slices.Reverse(out.Assignable)
	return out
}

// showBoard fills in a project, the first one when there is none of that key, and its tickets by their statuses. Hidden tickets
// are shown: the pages are no API.
func (s *Store) showBoard(out *page, project string) {
	p, known := s.Project(project)
	if !known {
		p = &s.projects[0]
	}
	out.Title, out.Project, out.OnBoard, out.Empty = p.Name, p.Key, true, true
	byStatus := map[string][]*Ticket{}
	for t := range s.Tickets() {
		if t.Project == p.Key && !t.Archived {
			byStatus[t.Status] = append(byStatus[t.Status], t)
		}
	}
	for _, st := range p.Statuses {
		all := byStatus[st.ID]
		out.Columns = append(out.Columns, column{Name: st.Name, Count: len(all), Cards: all[max(0, len(all)-columnLimit):]})
		out.Empty = out.Empty && len(all) == 0
	}
}

// showTicket fills in a ticket on its own page.
func (s *Store) showTicket(out *page, t *Ticket) {
	p := s.ProjectOf(t)
	out.Title, out.Project, out.Ticket = t.Key+" "+t.Summary, p.Key, t
	for _, id := range s.customFields(p, t) {
		if value := t.Fields[id]; len(value) > 0 {
			f, known := p.Field(id)
			if !known {
				f.Name = id
			}
			out.Fields = append(out.Fields, shownField{Name: f.Name, Value: s.Text(value), Link: f.Type == URLField})
		}
	}
	out.History = slices.Clone(t.History)
	slices.Reverse(out.History)
	out.Elsewhere = slices.DeleteFunc(slices.Clone(s.projects), func(other Project) bool { return other.Key == p.Key })
}

// moves returns the moves that can be made with a ticket.
func (s *Store) moves(t *Ticket) shownMoves {
	p := s.ProjectOf(t)
	var out shownMoves
	for _, way := range p.Available(s.StatusOf(t).Name) {
		m := shownMove{Name: way.Name, To: way.To}
		for _, on := range way.Screen {
			if on.ID == "resolution" {
				m.Resolutions, m.Resolution = p.Resolutions, p.UsualResolution(way)
			} else if f, known := p.Field(on.ID); known {
				m.Fields = append(m.Fields, f)
			}
		}
		out = append(out, m)
	}
	return out
}

// InWords returns what was changed, for people.
func (c Change) InWords() string {
	shown := func(text string) string {
		if text == "" {
			return "none"
		}
		return text
	}
	var parts []string
	for _, i := range c.Items {
		parts = append(parts, i.Name+": "+shown(i.FromText)+" → "+shown(i.ToText))
	}
	return strings.Join(parts, "; ")
}

func (s *Store) shownTime(t time.Time) string {
	return t.In(s.cfg.Zone).Format("2 Jan 2006 15:04:05 -07:00")
}

// formChange changes a ticket by what a form says.
type formChange func(t *Ticket, form url.Values, by *Account) error

func (d *Desk) formMove(t *Ticket, form url.Values, by *Account) error {
	typed := map[string]string{}
	for name := range form {
		id, isField := strings.CutPrefix(name, "field_")
		if text := form.Get(name); text != "" && (isField || name == "resolution") {
			typed[id] = text
		}
	}
	return d.move(t, form.Get("to"), typed, by)
}

func (d *Desk) formComment(t *Ticket, form url.Values, by *Account) error {
	return d.comment(t, strings.ReplaceAll(form.Get("text"), "\r\n", "\n"), by)
}

func (d *Desk) formAssign(t *Ticket, form url.Values, by *Account) error {
	return d.assign(t, form.Get("to"), by)
}

func (d *Desk) formDelete(t *Ticket, _ url.Values, by *Account) error { return d.Store.Delete(t, by) }

func (d *Desk) formProject(t *Ticket, form url.Values, by *Account) error {
	_, err := d.rekey(t, form.Get("to"), by)
	return err
}
