package desktest

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

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
	p := pages{desk: d, templates: template.Must(template.New("").Funcs(template.FuncMap{
		"name": d.Store.NameOf, "when": d.Store.shownTime, "text": d.Store.Text, "status": d.Store.StatusOf, "moves": d.Store.moves,
	}).ParseFS(pageFiles, "pages/*.html"))}
	d.Mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/board", http.StatusSeeOther) })
	d.Mux.HandleFunc("GET /board", func(w http.ResponseWriter, r *http.Request) {
		p.show(w, r, "board.html", func(shown *page) error {
			d.Store.showBoard(shown, r.URL.Query().Get("project"))
			return nil
		})
	})
	d.Mux.HandleFunc("GET /browse/{key}", func(w http.ResponseWriter, r *http.Request) {
		p.show(w, r, "ticket.html", func(shown *page) error {
			t, err := d.find(r.PathValue("key"))
			if err == nil {
				d.Store.showTicket(shown, t)
			}
			return err
		})
	})
	for _, file := range []string{"style.css", "page.js"} {
		d.Mux.HandleFunc("GET /board/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	d.Mux.HandleFunc("GET /_sim/revision", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(strconv.FormatInt(d.Store.Revision(), 10)))
	})
	guard := http.NewCrossOriginProtection()
	for name, change := range map[string]formChange{
		"move": d.formMove, "comment": d.formComment, "assign": d.formAssign, "delete": d.formDelete, "project": d.formProject,
	} {
		d.Mux.Handle("POST /board/"+name, guard.Handler(p.form(change)))
	}
}

// show answers with a page, which is rendered under the desk's lock.
func (p pages) show(w http.ResponseWriter, r *http.Request, name string, fill func(*page) error) {
	var b bytes.Buffer
	err := p.desk.With(func() error {
		shown := p.desk.Store.page()
		shown.Here, shown.As = r.URL.Path, p.visitor(w, r, shown.As)
		if err := fill(&shown); err != nil {
			return err
		}
		return p.templates.ExecuteTemplate(&b, name, shown)
	})
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
	_, _ = w.Write(b.Bytes())
}

const asCookie = "desk_as"

// visitor returns whom the visitor of a page acts as: what the address says, else the cookie, else a standard.
func (p pages) visitor(w http.ResponseWriter, r *http.Request, standard string) string {
	if a := p.desk.Store.Account(r.URL.Query().Get("as")); a != nil {
		http.SetCookie(w, &http.Cookie{Name: asCookie, Value: url.QueryEscape(a.ID), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return a.ID
	}
	if a := p.desk.Store.Account(cookie(r)); a != nil {
		return a.ID
	}
	return standard
}

// cookie returns the account in the cookie, "" for none.
func cookie(r *http.Request) string {
	c, err := r.Cookie(asCookie)
	if err != nil {
		return ""
	}
	// What cannot be read is nobody.
	name, _ := url.QueryUnescape(c.Value)
	return name
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
			as = cookie(r)
		}
		page := ""
		err := p.desk.as(as, r.PostForm.Get("key"), func(t *Ticket, by *Account) error {
			if err := change(t, r.PostForm, by); err != nil {
				return err
			}
			page = pageAfter(r, p.desk.Store.view.Entry(t.Seq).Now)
			return nil
		})
		if err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		http.Redirect(w, r, page, http.StatusSeeOther)
	})
}

// pageAfter returns the page that shows what a form has done with a ticket.
func pageAfter(r *http.Request, t *Ticket) string {
	if t.Deleted || (strings.HasSuffix(r.URL.Path, "/move") && r.PostForm.Get("from") != "ticket") {
		return "/board?project=" + url.QueryEscape(t.Project)
	}
	return "/browse/" + url.PathEscape(t.Key)
}
