package scimtest

import (
	_ "embed" // For the page's template.
	"html/template"
	"net/http"
	"slices"
	"time"

	"usher/internal/connectors/fakewire"
)

// Members are the ids of a group's members in the order in which they came; nil for none and for no such group.
func (s *Server) Members(groupID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, found := s.state.groups.get(groupID); found {
		return g.members.ids()
	}
	return nil
}

// Changes are all changes of memberships since the directory was first made, oldest first. Every member of a group was
// either seeded or is explained by one of them.
func (s *Server) Changes() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.changes)
}

// Put adds a user or replaces the one with its ID. An ID that is "" is made up; the user is given as it is kept.
func (s *Server) Put(u User) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putUser(u)
}

// Deactivate makes a user inactive; a user that does not exist stays so.
func (s *Server) Deactivate(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, found := s.state.users.get(id)
	if !found {
		return nil
	}
	u.Inactive = true
	return s.commit(update{User: &u})
}

// Remove deletes a user and its memberships; a user that does not exist stays so.
func (s *Server) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(update{DropUser: &id})
}

// PutGroup adds a group or replaces the one with its ID, members included, without a change in the log. An ID that
// is "" is made up, and given back.
func (s *Server) PutGroup(g Group) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putGroup(g)
}

// RemoveGroup deletes a group; one that does not exist stays so.
func (s *Server) RemoveGroup(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(update{DropGroup: &id})
}

// GroupView is a group as GET /_sim/groups shows it.
type GroupView struct {
	ID          string       `json:"id"`
	DisplayName string       `json:"display_name"`
	Members     []MemberView `json:"members"`
}

// MemberView is a member of a GroupView.
type MemberView struct {
	ID          string `json:"id"`
	UserName    string `json:"user_name"`
	DisplayName string `json:"display_name"`
	Active      bool   `json:"active"`
	// Since is when the user became a member; for a seed, when the directory was made.
	Since time.Time `json:"since"`
}

// Groups is what GET /_sim/groups shows.
func (s *Server) Groups() []GroupView {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := []GroupView{}
	for g := range s.state.groups.values() {
		view := GroupView{ID: g.ID, DisplayName: g.DisplayName, Members: []MemberView{}}
		for m := range g.members.values() {
			shown := MemberView{ID: m.ID, Since: m.Since}
			if u, found := s.state.users.get(m.ID); found {
				shown.UserName, shown.DisplayName, shown.Active = u.UserName, u.DisplayName, !u.Inactive
			}
			view.Members = append(view.Members, shown)
		}
		views = append(views, view)
	}
	return views
}

// Users are all accounts.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(s.state.users.values())
}

//go:embed directory.html
var directoryHTML string

func (s *Server) routeInspection(mux *http.ServeMux) {
	page := template.Must(template.New("directory").Parse(directoryHTML))
	mux.HandleFunc("GET /directory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// A browser that went away is told nothing.
		_ = page.Execute(w, map[string]any{"Groups": s.Groups(), "Users": s.Users()})
	})
	mux.HandleFunc("GET /_sim/groups", func(w http.ResponseWriter, _ *http.Request) { fakewire.WriteJSON(w, s.Groups()) })
	mux.HandleFunc("GET /_sim/changes", func(w http.ResponseWriter, _ *http.Request) {
		fakewire.WriteJSON(w, append([]Change{}, s.Changes()...))
	})
	fakewire.ControlFaults(mux, s.Faults, s.SetFaults)
	s.Control(mux)
}
