package jiratest

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"usher/internal/connectors/fakewire"
)

const asCookie = "jira_as"

// routePages serves the pages for people, and their forms. A form of another site is refused by its origin.
func (s *Server) routePages() {
	pages := parsePages()
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/board", http.StatusSeeOther) })
	s.mux.HandleFunc("GET /board", func(w http.ResponseWriter, r *http.Request) { s.showBoard(w, r, pages) })
	s.mux.HandleFunc("GET /browse/{key}", func(w http.ResponseWriter, r *http.Request) { s.showTicket(w, r, pages) })
	for _, file := range []string{"style.css", "page.js"} {
		s.mux.HandleFunc("GET /board/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	guard := http.NewCrossOriginProtection()
	for path, act := range map[string]func(*http.Request, *Account, *issue) error{
		"move": s.formMove, "comment": s.formComment, "assign": s.formAssign, "delete": s.formDelete, "project": s.formProject,
	} {
		s.mux.Handle("POST /board/"+path, guard.Handler(s.form(act)))
	}
}

func (s *Server) showBoard(w http.ResponseWriter, r *http.Request, pages *template.Template) {
	s.mu.Lock()
	page := s.boardPage(r, s.visitor(w, r))
	s.mu.Unlock()
	s.show200(w, pages.Lookup("board.html"), page)
}

func (s *Server) showTicket(w http.ResponseWriter, r *http.Request, pages *template.Template) {
	s.mu.Lock()
	i, exists := s.find(r.PathValue("key"))
	if !exists {
		s.mu.Unlock()
		http.Error(w, invisible, http.StatusNotFound)
		return
	}
	page := s.ticketPage(r, s.visitor(w, r), i)
	s.mu.Unlock()
	s.show200(w, pages.Lookup("ticket.html"), page)
}

func (s *Server) show200(w http.ResponseWriter, page *template.Template, data any) {
	var b bytes.Buffer
	if err := page.Execute(&b, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
	_, _ = w.Write(b.Bytes())
}

// visitor is the account that the visitor of a page acts as: what the address says, else the cookie, else the first
// person who is not an integration.
func (s *Server) visitor(w http.ResponseWriter, r *http.Request) *Account {
	if asked := r.URL.Query().Get("as"); asked != "" {
		if a := s.accountOf(asked); a != nil {
			http.SetCookie(w, &http.Cookie{Name: asCookie, Value: url.QueryEscape(a.ID), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			return a
		}
	}
	if a := s.cookieAccount(r); a != nil {
		return a
	}
	n := slices.IndexFunc(s.people.list, func(a Account) bool { return a.Token == "" && s.assignable(&a) })
	return &s.people.list[max(n, 0)]
}

func (s *Server) cookieAccount(r *http.Request) *Account {
	c, err := r.Cookie(asCookie)
	if err != nil {
		return nil
	}
	id, err := url.QueryUnescape(c.Value)
	if err != nil || id == "" {
		return nil
	}
	return s.accountOf(id)
}

// form does what a posted form says: as the account in the form, else in the cookie. It answers 303 to a page, or
// plain text that says what is wrong.
func (s *Server) form(act func(*http.Request, *Account, *issue) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, fakewire.BodyLimit)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "expected a form: "+err.Error(), http.StatusBadRequest)
			return
		}
		key := r.PostForm.Get("key")
		err := s.as(s.formAccount(r), key, func(a *Account, i *issue) error {
			if err := act(r, a, i); err != nil {
				return err
			}
			key = i.key()
			return nil
		})
		if err != nil {
			status := http.StatusInternalServerError
			var refused *refusal
			if errors.As(err, &refused) {
				status = refused.status
			}
			http.Error(w, err.Error(), status)
			return
		}
		http.Redirect(w, r, s.after(r, key), http.StatusSeeOther)
	})
}

func (s *Server) formAccount(r *http.Request) string {
	if as := r.PostForm.Get("as"); as != "" {
		return as
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.cookieAccount(r); a != nil {
		return a.ID
	}
	return ""
}

// after is the page that shows what a form has done.
func (s *Server) after(r *http.Request, key string) string {
	_, exists := s.Issue(key)
	onBoard := strings.HasSuffix(r.URL.Path, "/move") && r.PostForm.Get("from") != "ticket"
	if exists && !onBoard {
		return "/browse/" + url.PathEscape(key)
	}
	project, _, _ := splitKey(key)
	return "/board?project=" + url.QueryEscape(project)
}

func (s *Server) formMove(r *http.Request, a *Account, i *issue) error {
	p := s.projectOf(i)
	fields := map[string]json.RawMessage{}
	if name := r.PostForm.Get("resolution"); name != "" {
		raw, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			return err
		}
		fields["resolution"] = raw
	}
	for name := range r.PostForm {
		id, isField := strings.CutPrefix(name, "field_")
		if text := r.PostForm.Get(name); isField && text != "" {
			f, _ := p.field(id)
			fields[id] = s.fromForm(f, text)
		}
	}
	return s.moveTo(i, r.PostForm.Get("to"), move{actor: a, version: 2, in: input{Fields: fields}})
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

func (s *Server) formComment(r *http.Request, a *Account, i *issue) error {
	return s.commentOn(i, strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n"), a)
}

func (s *Server) formAssign(r *http.Request, a *Account, i *issue) error {
	return s.assignTo(i, r.PostForm.Get("to"), a)
}

func (s *Server) formDelete(_ *http.Request, a *Account, i *issue) error { return s.remove(i, a) }

func (s *Server) formProject(r *http.Request, a *Account, i *issue) error {
	_, err := s.rekey(i, r.PostForm.Get("to"), a)
	return err
}
