package scimtest

import (
	_ "embed" // For the page's template.
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Call is one SCIM call as it came in.
type Call struct {
	Method string
	// Path begins after BasePath and is not escaped.
	Path   string
	Query  url.Values
	Header http.Header
	Body   string
}

// keptCalls is how many of the last calls are kept.
const keptCalls = 1000

type served struct {
	counts      map[string]int
	calls       []Call
	sinceFaults int
}

func (v *served) add(r *http.Request, body []byte) {
	if v.counts == nil {
		v.counts = map[string]int{}
	}
	v.counts[r.Method]++
	if len(v.calls) == keptCalls {
		v.calls = slices.Delete(v.calls, 0, keptCalls/2)
	}
	v.calls = append(v.calls, Call{
		Method: r.Method, Path: r.URL.Path[len(BasePath):], Query: r.URL.Query(),
		Header: r.Header.Clone(), Body: string(body),
	})
}

// Requests is how many SCIM calls of that HTTP method came in, those that a fault met included; "" counts all.
func (s *Server) Requests(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method != "" {
		return s.served.counts[method]
	}
	total := 0
	for _, n := range s.served.counts {
		total += n
	}
	return total
}

// Calls are the last SCIM calls, oldest first; at least the last 500 are kept.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.served.calls)
}

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

func (s *Server) inspection(mux *http.ServeMux) {
	page := template.Must(template.New("directory").Parse(directoryHTML))
	mux.HandleFunc("GET /directory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// A browser that went away is told nothing.
		_ = page.Execute(w, map[string]any{"Groups": s.Groups(), "Users": s.Users()})
	})
	mux.HandleFunc("GET /_sim/groups", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Groups()) })
	mux.HandleFunc("GET /_sim/changes", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, append([]Change{}, s.Changes()...))
	})
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.CurrentFaults()) })
	mux.HandleFunc("PUT /_sim/faults", s.putFaults)
	s.routeHolds(mux)
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	var f Faults
	if err := decoder.Decode(&f); err != nil {
		http.Error(w, "expected faults as JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	s.SetFaults(f)
	writeJSON(w, s.CurrentFaults())
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	// A client that went away is told nothing.
	_ = json.NewEncoder(w).Encode(value)
}
