package jiratest

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// frame is what every page shows.
type frame struct {
	Title, Here, Project, As string
	OnBoard                  bool
	Revision                 int64
	Projects                 []Project
	Accounts, Assignable     []Account
}

type boardPage struct {
	frame
	Columns []column
	Empty   bool
}

// column is a status. Count is all its issues, of which at most columnLimit are shown as cards, the youngest.
type column struct {
	Name  string
	Count int
	Cards []card
}

// More is how many issues are not shown.
func (c column) More() int { return c.Count - len(c.Cards) }

const columnLimit = 100

type card struct {
	Key, Summary, Assignee string
	// To is the JSON list of the statuses that the card can be moved to.
	To    string
	Moves []moveButton
}

// moveButton is a transition that can be made, with what its screen asks for.
type moveButton struct {
	Name, To    string
	Resolutions []string
	Resolution  string
	Fields      []Field
}

type ticketPage struct {
	frame
	Ticket ticketView
}

type ticketView struct {
	Key, Summary, Description, Status, Resolution, Assignee, Reporter, Created, Updated string

	Category  Category
	Labels    []string
	Fields    []fieldView
	Moves     []moveButton
	Comments  []line
	History   []line
	Elsewhere []Project
}

type fieldView struct {
	Name, Value string
	Link        bool
}

// line is something that somebody wrote or did.
type line struct{ Author, At, Text string }

func parsePages() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "pages/*.html"))
}

// frame fills what every page shows. The caller holds the lock.
func (s *Server) frame(r *http.Request, as *Account, project string) frame {
	f := frame{Here: r.URL.Path, Project: project, Revision: s.revision, Projects: s.projects, Accounts: slices.Clone(s.people.list)}
	if as != nil {
		f.As = as.ID
	}
	for _, a := range s.people.list {
		if s.assignable(&a) {
			f.Assignable = append(f.Assignable, a)
		}
	}
	return f
}

func (s *Server) boardPage(r *http.Request, as *Account) boardPage {
	p, known := s.project(r.URL.Query().Get("project"))
	if !known {
		p = &s.projects[0]
	}
	page := boardPage{frame: s.frame(r, as, p.Key), Empty: true}
	page.Title, page.OnBoard = p.Name, true
	byStatus := map[string][]*issue{}
	for i := range s.each {
		if i.Project == p.Key && !i.Archived {
			byStatus[i.Status] = append(byStatus[i.Status], i)
			page.Empty = false
		}
	}
	for _, st := range p.Statuses {
		all := byStatus[st.ID]
		col := column{Name: st.Name, Count: len(all)}
		for _, i := range all[max(0, len(all)-columnLimit):] {
			col.Cards = append(col.Cards, s.card(i))
		}
		page.Columns = append(page.Columns, col)
	}
	return page
}

func (s *Server) card(i *issue) card {
	c := card{Key: i.key(), Summary: i.Summary, Assignee: s.nameOf(i.Assignee), Moves: s.buttons(i)}
	to := []string{}
	for _, m := range c.Moves {
		to = append(to, m.To)
	}
	if raw, err := json.Marshal(to); err == nil {
		c.To = string(raw)
	}
	return c
}

func (s *Server) buttons(i *issue) []moveButton {
	p := s.projectOf(i)
	var out []moveButton
	for _, t := range p.available(p.status(i.Status).Name) {
		b := moveButton{Name: t.Name, To: t.To}
		for _, on := range t.Screen {
			if on.ID == "resolution" {
				b.Resolutions, b.Resolution = p.Resolutions, p.usualResolution(t)
			} else if f, known := p.field(on.ID); known {
				b.Fields = append(b.Fields, f)
			}
		}
		out = append(out, b)
	}
	return out
}

func (s *Server) ticketPage(r *http.Request, as *Account, i *issue) ticketPage {
	p := s.projectOf(i)
	page := ticketPage{frame: s.frame(r, as, p.Key)}
	page.Title = i.key() + " " + i.Summary
	st := p.status(i.Status)
	page.Ticket = ticketView{
		Key: i.key(), Summary: i.Summary, Description: i.Description.text(), Status: st.Name, Category: st.Category,
		Resolution: i.Resolution, Assignee: s.nameOf(i.Assignee), Reporter: s.nameOf(i.Reporter), Labels: i.Labels,
		Moves: s.buttons(i), Created: s.shownTime(i.Created), Updated: s.shownTime(i.Updated),
	}
	for _, f := range p.Fields {
		if raw := i.Fields[f.ID]; len(raw) > 0 {
			text := fieldText(raw)
			page.Ticket.Fields = append(page.Ticket.Fields, fieldView{Name: f.Name, Value: text, Link: f.Type == URLField})
		}
	}
	for _, other := range s.projects {
		if other.Key != p.Key {
			page.Ticket.Elsewhere = append(page.Ticket.Elsewhere, other)
		}
	}
	s.tell(&page.Ticket, i)
	return page
}

// tell fills comments, history and links: the oldest comment and the newest change come first.
func (s *Server) tell(v *ticketView, i *issue) {
	for _, c := range i.Comments {
		v.Comments = append(v.Comments, line{Author: s.nameOf(c.Author), At: s.shownTime(c.Created), Text: c.Body.text()})
	}
	for _, h := range slices.Backward(i.History) {
		var parts []string
		for _, item := range h.Items {
			parts = append(parts, item.Field+": "+shown(item.FromString)+" → "+shown(item.ToString))
		}
		v.History = append(v.History, line{Author: s.nameOf(h.Author), At: s.shownTime(h.Created), Text: strings.Join(parts, "; ")})
	}
	v.History = append(v.History, line{Author: s.nameOf(i.Creator), At: s.shownTime(i.Created), Text: "opened the ticket"})
}

func shown(text *string) string {
	if text == nil {
		return "none"
	}
	return *text
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
