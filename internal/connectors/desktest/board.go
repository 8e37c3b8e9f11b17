package desktest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// frame is what every page shows.
type frame struct {
	Projects []Project
	// Accounts are all; Assignable are those that a ticket can be assigned to.
	Accounts, Assignable []shownAccount
	// Visitor is the id of the account that a new visitor acts as.
	Visitor string
}

type shownAccount struct {
	ID, DisplayName string
	Inactive        bool
}

// column is a status. Count is all its tickets, of which some are shown as cards.
type column struct {
	Name  string
	Count int
	Cards []card
}

// columnLimit is how many cards a column shows at most, the youngest.
const columnLimit = 100

// More returns how many tickets are not shown.
func (c column) More() int { return c.Count - len(c.Cards) }

// card is a ticket on the board.
type card struct {
	Key, Summary, Assignee string
	Moves                  []shownMove
}

// To returns the JSON list of the statuses that the card can be moved to.
func (c card) To() string {
	to := []string{}
	for _, m := range c.Moves {
		to = append(to, m.To)
	}
	// A list of texts can be encoded.
	raw, _ := json.Marshal(to)
	return string(raw)
}

// shownMove is a move to the status To that can be made now, with what its screen asks for.
type shownMove struct {
	Name, To string
	// Resolutions are those to choose from; Resolution is the usual one.
	Resolutions []string
	Resolution  string
	Fields      []Field
}

// shownTicket is a ticket on its own page, in words. Category is the style of its status.
type shownTicket struct {
	Snapshot
	Updated, Created string
	Project          Project
	Fields           []shownField
	Moves            []shownMove
	Comments         []line
	History          []line
	// Elsewhere are the projects that it can be moved to.
	Elsewhere []Project
}

// shownField is a field that has a value. Link: the value is an address.
type shownField struct {
	Name, Value string
	Link        bool
}

// line is something that somebody wrote or did.
type line struct{ Author, At, Text string }

func (d *Desk) revision() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Store.Revision()
}

// accountID returns the id of an account by a name that people know it by; "" when there is none.
func (d *Desk) accountID(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.Store.Account(name); a != nil {
		return a.ID
	}
	return ""
}

// frame returns what every page shows. A new visitor is the first person who is not an integration.
func (d *Desk) frame() frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.Store
	f := frame{Visitor: s.people.list[0].ID, Projects: s.projects}
	found := false
	for _, a := range s.people.list {
		one := shownAccount{ID: a.ID, DisplayName: a.DisplayName, Inactive: a.Inactive}
		f.Accounts = append(f.Accounts, one)
		if !s.Assignable(&a) {
			continue
		}
		f.Assignable = append(f.Assignable, one)
		if a.Token == "" && !found {
			f.Visitor, found = a.ID, true
		}
	}
	return f
}

// board returns a project, the first one when there is none of that key, and its tickets by their statuses. Hidden tickets are
// shown: the pages are no API.
func (d *Desk) board(project string) (*Project, []column) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.Store
	p, known := s.Project(project)
	if !known {
		p = &s.projects[0]
	}
	byStatus := map[string][]*Ticket{}
	for t := range s.Tickets() {
		if t.Project == p.Key && !t.Archived {
			byStatus[t.Status] = append(byStatus[t.Status], t)
		}
	}
	var columns []column
	for _, st := range p.Statuses {
		all := byStatus[st.ID]
		c := column{Name: st.Name, Count: len(all)}
		for _, t := range all[max(0, len(all)-columnLimit):] {
			c.Cards = append(c.Cards, card{Key: t.Key, Summary: t.Summary, Assignee: s.NameOf(t.Assignee), Moves: s.moves(t)})
		}
		columns = append(columns, c)
	}
	return p, columns
}

// moves are the transitions that can be made, with what their screens ask for.
func (s *Store) moves(t *Ticket) []shownMove {
	p := s.ProjectOf(t)
	var out []shownMove
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

// shownTicket returns a ticket for its page; false when there is none. The oldest comment and the newest change come first.
func (d *Desk) shownTicket(key string) (shownTicket, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.Store
	t, exists := s.Find(key)
	if !exists {
		return shownTicket{}, false
	}
	p := s.ProjectOf(t)
	out := shownTicket{
		Snapshot: s.snapshot(t), Project: *p, Moves: s.moves(t), Created: s.shownTime(t.Created), Updated: s.shownTime(t.Updated),
	}
	out.Assignee, out.Reporter = s.NameOf(t.Assignee), s.NameOf(t.Reporter)
	for _, id := range s.customFields(p, t) {
		if value := t.Fields[id]; len(value) > 0 {
			f, known := p.Field(id)
			if !known {
				f.Name = id
			}
			out.Fields = append(out.Fields, shownField{Name: f.Name, Value: s.Text(value), Link: f.Type == URLField})
		}
	}
	for n := range s.projects {
		if other := &s.projects[n]; other.Key != p.Key {
			out.Elsewhere = append(out.Elsewhere, *other)
		}
	}
	for _, c := range t.Comments {
		out.Comments = append(out.Comments, line{Author: s.NameOf(c.Author), At: s.shownTime(c.Created), Text: s.Text(c.Body)})
	}
	for _, c := range slices.Backward(t.History) {
		out.History = append(out.History, line{Author: s.NameOf(c.By), At: s.shownTime(c.At), Text: c.inWords()})
	}
	out.History = append(out.History, line{Author: s.NameOf(t.Creator), At: s.shownTime(t.Created), Text: "opened the ticket"})
	return out, true
}

func (c Change) inWords() string {
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
