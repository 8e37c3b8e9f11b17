package desktest

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

// PageDesk is a fake as its pages show it to people who click. Every method is safe for concurrent use.
type PageDesk interface {
	// Revision returns a number that grows with every change.
	Revision() int64
	// Frame returns what every page shows.
	Frame() Frame
	// Board returns the tickets of a project, by its key; of the first one when there is no such project.
	Board(project string) Board
	// Ticket returns a ticket by its key; false when there is none.
	Ticket(key string) (PageTicket, bool)
	// Account returns the id of an account by a name that people know it by; false when there is none.
	Account(name string) (string, bool)
	// ProjectOf returns the key of the project of a ticket, also of one that does not exist any more.
	ProjectOf(key string) string
	// Do does what a posted form says, as an account, and returns the key that the ticket has then. An error that has the
	// method HTTPStatus is answered so.
	Do(a Action, as, key string, form url.Values) (string, error)
}

// Action is what a posted form does with a ticket.
type Action string

// The actions, and the values of their forms beside key and as.
const (
	// ActMove takes the ticket to the status "to"; other values are those of the screen on the way.
	ActMove Action = "move"
	// ActComment adds "text".
	ActComment Action = "comment"
	// ActAssign assigns to the account "to", or to nobody.
	ActAssign Action = "assign"
	ActDelete Action = "delete"
	// ActProject moves to the project "to".
	ActProject Action = "project"
)

// Frame is what every page shows.
type Frame struct {
	Projects []PageProject
	// Accounts are all; Assignable are those that a ticket can be assigned to.
	Accounts, Assignable []PageAccount
	// Visitor is the id of the account that a new visitor acts as.
	Visitor string
}

// PageProject is a project by its key.
type PageProject struct{ Key, Name string }

// PageAccount is an account by its id.
type PageAccount struct {
	ID, DisplayName string
	Inactive        bool
}

// Board is a project with its tickets, by status.
type Board struct {
	Project PageProject
	Columns []Column
}

// Column is a status. Count is all its tickets, of which some are shown as cards.
type Column struct {
	Name  string
	Count int
	Cards []Card
}

// More returns how many tickets are not shown.
func (c Column) More() int { return c.Count - len(c.Cards) }

// Card is a ticket on the board.
type Card struct {
	Key, Summary, Assignee string
	Moves                  []Move
}

// To returns the JSON list of the statuses that the card can be moved to.
func (c Card) To() string {
	to := []string{}
	for _, m := range c.Moves {
		to = append(to, m.To)
	}
	// A list of texts can be encoded.
	raw, _ := json.Marshal(to)
	return string(raw)
}

// Move is a move to the status To that can be made now, with what its screen asks for.
type Move struct {
	Name, To string
	// Resolutions are those to choose from; Resolution is the usual one.
	Resolutions []string
	Resolution  string
	Fields      []MoveField
}

// MoveField is a field on the screen of a move; its form value is "field_" and the id.
type MoveField struct{ ID, Name string }

// PageTicket is a ticket on its own page, in words. Category is the style of its status: new, indeterminate or done.
type PageTicket struct {
	Key, Summary, Description, Status, Category, Resolution, Assignee, Reporter, Created, Updated string

	Project  PageProject
	Labels   []string
	Fields   []PageField
	Moves    []Move
	Comments []Line
	History  []Line
	// Elsewhere are the projects that it can be moved to.
	Elsewhere []PageProject
}

// PageField is a field that has a value.
type PageField struct {
	Name, Value string
	// Link: the value is an address.
	Link bool
}

// Line is something that somebody wrote or did.
type Line struct{ Author, At, Text string }

// page is what a template gets.
type page struct {
	Frame
	Title, Here, Project, As string
	Revision                 int64
	OnBoard, Empty           bool
	Columns                  []Column
	Ticket                   PageTicket
}

// pages serves the pages of a desk.
type pages struct {
	desk      PageDesk
	templates *template.Template
}

// Pages serves the pages for people, and their forms. A form of another site is refused by its origin.
//
//	GET  /board, /browse/{key}   the pages
//	POST /board/{action}         a form: key, as (who does it), and what the action takes
//	GET  /_sim/revision          a number that grows with every change
func Pages(mux *http.ServeMux, desk PageDesk) {
	p := pages{desk: desk, templates: template.Must(template.ParseFS(pageFiles, "pages/*.html"))}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/board", http.StatusSeeOther) })
	mux.HandleFunc("GET /board", p.showBoard)
	mux.HandleFunc("GET /browse/{key}", p.showTicket)
	for _, file := range []string{"style.css", "page.js"} {
		mux.HandleFunc("GET /board/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	guard := http.NewCrossOriginProtection()
	for _, a := range []Action{ActMove, ActComment, ActAssign, ActDelete, ActProject} {
		mux.Handle("POST /board/"+string(a), guard.Handler(p.form(a)))
	}
	mux.HandleFunc("GET /_sim/revision", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(strconv.FormatInt(desk.Revision(), 10)))
	})
}

func (p pages) showBoard(w http.ResponseWriter, r *http.Request) {
	shown := p.page(w, r)
	board := p.desk.Board(r.URL.Query().Get("project"))
	shown.Title, shown.Project, shown.OnBoard, shown.Columns = board.Project.Name, board.Project.Key, true, board.Columns
	shown.Empty = !slices.ContainsFunc(board.Columns, func(c Column) bool { return c.Count > 0 })
	p.show(w, "board.html", shown)
}

func (p pages) showTicket(w http.ResponseWriter, r *http.Request) {
	shown := p.page(w, r)
	t, exists := p.desk.Ticket(r.PathValue("key"))
	if !exists {
		http.Error(w, "There is no such ticket.", http.StatusNotFound)
		return
	}
	shown.Title, shown.Project, shown.Ticket = t.Key+" "+t.Summary, t.Project.Key, t
	p.show(w, "ticket.html", shown)
}

// page returns what every page shows. Its revision is that of before, so that a page is never taken for newer than it is.
func (p pages) page(w http.ResponseWriter, r *http.Request) page {
	revision := p.desk.Revision()
	frame := p.desk.Frame()
	return page{Frame: frame, Here: r.URL.Path, Revision: revision, As: p.visitor(w, r, frame.Visitor)}
}

func (p pages) show(w http.ResponseWriter, name string, data page) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
	_, _ = w.Write(b.Bytes())
}

const asCookie = "desk_as"

// visitor returns whom the visitor of a page acts as: what the address says, else the cookie, else a standard.
func (p pages) visitor(w http.ResponseWriter, r *http.Request, standard string) string {
	if id, known := p.desk.Account(r.URL.Query().Get("as")); known {
		http.SetCookie(w, &http.Cookie{Name: asCookie, Value: url.QueryEscape(id), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return id
	}
	if id := p.cookie(r); id != "" {
		return id
	}
	return standard
}

// cookie returns the account in the cookie, "" for none.
func (p pages) cookie(r *http.Request) string {
	c, err := r.Cookie(asCookie)
	if err != nil {
		return ""
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	id, _ := p.desk.Account(name)
	return id
}

// formLimit is how many bytes of a form are read.
const formLimit = 1 << 20

// form does what a posted form says: as the account in the form, else in the cookie. It answers 303 to a page, or
// plain text that says what is wrong.
func (p pages) form(a Action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "expected a form: "+err.Error(), http.StatusBadRequest)
			return
		}
		as := r.PostForm.Get("as")
		if as == "" {
			as = p.cookie(r)
		}
		key, err := p.desk.Do(a, as, r.PostForm.Get("key"), r.PostForm)
		if err != nil {
			status := http.StatusInternalServerError
			var refused interface{ HTTPStatus() int }
			if errors.As(err, &refused) {
				status = refused.HTTPStatus()
			}
			http.Error(w, err.Error(), status)
			return
		}
		http.Redirect(w, r, p.after(r, key), http.StatusSeeOther)
	})
}

// after returns the page that shows what a form has done.
func (p pages) after(r *http.Request, key string) string {
	_, exists := p.desk.Ticket(key)
	onBoard := strings.HasSuffix(r.URL.Path, "/move") && r.PostForm.Get("from") != "ticket"
	if exists && !onBoard {
		return "/browse/" + url.PathEscape(key)
	}
	return "/board?project=" + url.QueryEscape(p.desk.ProjectOf(key))
}
