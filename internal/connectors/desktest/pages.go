package desktest

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

// page is what a template gets.
type page struct {
	frame
	Title, Here, Project, As string
	Revision                 int64
	OnBoard, Empty           bool
	Columns                  []column
	Ticket                   shownTicket
}

// pages serves the pages of a desk.
type pages struct {
	desk      *Desk
	templates *template.Template
}

// routePages serves the pages for people, and their forms, which change a ticket as a person. A form of another site is
// refused by its origin. The values of a form are key, as (who does it), and
//
//	POST /board/move      to (a status), resolution, and field_<id> for each field of the screen on the way
//	POST /board/comment   text
//	POST /board/assign    to (an account, or nobody)
//	POST /board/project   to (a project)
//	POST /board/delete    nothing
func (d *Desk) routePages() {
	mux := d.Mux
	p := pages{desk: d, templates: template.Must(template.ParseFS(pageFiles, "pages/*.html"))}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/board", http.StatusSeeOther) })
	mux.HandleFunc("GET /board", p.showBoard)
	mux.HandleFunc("GET /browse/{key}", p.showTicket)
	for _, file := range []string{"style.css", "page.js"} {
		mux.HandleFunc("GET /board/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	guard := http.NewCrossOriginProtection()
	for name, change := range map[string]formChange{
		"move": d.formMove, "comment": d.formComment, "assign": d.formAssign, "delete": d.formDelete, "project": d.formProject,
	} {
		mux.Handle("POST /board/"+name, guard.Handler(p.form(change)))
	}
	mux.HandleFunc("GET /_sim/revision", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(strconv.FormatInt(d.revision(), 10)))
	})
}

func (p pages) showBoard(w http.ResponseWriter, r *http.Request) {
	shown := p.page(w, r)
	project, columns := p.desk.board(r.URL.Query().Get("project"))
	shown.Title, shown.Project, shown.OnBoard, shown.Columns = project.Name, project.Key, true, columns
	shown.Empty = !slices.ContainsFunc(columns, func(c column) bool { return c.Count > 0 })
	p.show(w, "board.html", shown)
}

func (p pages) showTicket(w http.ResponseWriter, r *http.Request) {
	shown := p.page(w, r)
	t, exists := p.desk.shownTicket(r.PathValue("key"))
	if !exists {
		http.Error(w, "There is no such ticket.", http.StatusNotFound)
		return
	}
	shown.Title, shown.Project, shown.Ticket = t.Key+" "+t.Summary, t.Project.Key, t
	p.show(w, "ticket.html", shown)
}

// page returns what every page shows. Its revision is that of before, so that a page is never taken for newer than it is.
func (p pages) page(w http.ResponseWriter, r *http.Request) page {
	revision := p.desk.revision()
	f := p.desk.frame()
	return page{frame: f, Here: r.URL.Path, Revision: revision, As: p.visitor(w, r, f.Visitor)}
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
	if id := p.desk.accountID(r.URL.Query().Get("as")); id != "" {
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
	return p.desk.accountID(name)
}

// formLimit is how many bytes of a form are read.
const formLimit = 1 << 20

// form does what a posted form says: as the account in the form, else in the cookie. It answers 303 to a page, or
// plain text that says what is wrong.
func (p pages) form(change formChange) http.Handler {
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
		var seq int64
		err := p.desk.as(as, r.PostForm.Get("key"), func(t *Ticket, by *Account) error {
			seq = t.Seq
			return change(t, r.PostForm, by)
		})
		if err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		http.Redirect(w, r, p.after(r, seq), http.StatusSeeOther)
	})
}

// after returns the page that shows what a form has done.
func (p pages) after(r *http.Request, seq int64) string {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	t := p.desk.Store.view.Entry(seq).Now
	onBoard := strings.HasSuffix(r.URL.Path, "/move") && r.PostForm.Get("from") != "ticket"
	if t.Deleted || onBoard {
		return "/board?project=" + url.QueryEscape(t.Project)
	}
	return "/browse/" + url.PathEscape(t.Key)
}
