package desktest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"usher/internal/connectors/fakewire"
)

// Snapshot is a ticket as the control surface shows it. Accounts are account ids, "" for nobody; the status is a name; texts
// are plain; Fields holds the fields beside the ticket's own that have a value, as people read them.
type Snapshot struct {
	ID          string                     `json:"id"`
	Key         string                     `json:"key"`
	OldKeys     []string                   `json:"old_keys"`
	Project     string                     `json:"project"`
	Parent      string                     `json:"parent,omitempty"`
	Summary     string                     `json:"summary"`
	Description string                     `json:"description"`
	Labels      []string                   `json:"labels"`
	Status      string                     `json:"status"`
	Category    Category                   `json:"status_category"`
	Resolution  string                     `json:"resolution"`
	Assignee    string                     `json:"assignee"`
	Reporter    string                     `json:"reporter"`
	Creator     string                     `json:"creator"`
	Archived    bool                       `json:"archived"`
	Fields      map[string]string          `json:"fields"`
	Properties  map[string]json.RawMessage `json:"properties"`
	Comments    []SnapshotComment          `json:"comments"`
	Created     time.Time                  `json:"created"`
	Updated     time.Time                  `json:"updated"`
}

// SnapshotComment is a comment of a Snapshot. Author is an account id.
type SnapshotComment struct {
	ID         string                     `json:"id"`
	Author     string                     `json:"author"`
	Body       string                     `json:"body"`
	Internal   bool                       `json:"internal,omitempty"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	Created    time.Time                  `json:"created"`
}

func (s *Store) snapshot(t *Ticket) Snapshot {
	st := s.StatusOf(t)
	out := Snapshot{
		ID: t.ID, Key: t.Key, OldKeys: append([]string{}, t.OldKeys...), Project: t.Project, Parent: t.Parent, Summary: t.Summary,
		Description: s.Text(t.Description), Labels: append([]string{}, t.Labels...), Status: st.Name, Category: st.Category,
		Resolution: t.Resolution, Assignee: t.Assignee, Reporter: t.Reporter, Creator: t.Creator, Archived: t.Archived,
		Fields: map[string]string{}, Properties: map[string]json.RawMessage{}, Comments: []SnapshotComment{},
		Created: t.Created, Updated: t.Updated,
	}
	maps.Copy(out.Properties, t.Properties)
	for id, value := range t.Fields {
		out.Fields[id] = s.Text(value)
	}
	for _, c := range t.Comments {
		out.Comments = append(out.Comments, SnapshotComment{
			ID: s.ID(c.Seq), Author: c.Author, Body: s.Text(c.Body), Internal: c.Internal, Properties: c.Properties, Created: c.Created,
		})
	}
	return out
}

// Tickets returns every ticket that exists, the oldest first.
func (d *Desk) Tickets() []Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []Snapshot{}
	for t := range d.Store.Tickets() {
		out = append(out, d.Store.snapshot(t))
	}
	return out
}

// Ticket returns the ticket of an id, or of a key that it has or had; false when there is none.
func (d *Desk) Ticket(idOrKey string) (Snapshot, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, exists := d.Store.Find(idOrKey)
	if !exists {
		return Snapshot{}, false
	}
	return d.Store.snapshot(t), true
}

// Comments returns a ticket's comments, the oldest first; none for a ticket that does not exist.
func (d *Desk) Comments(idOrKey string) []SnapshotComment {
	t, _ := d.Ticket(idOrKey)
	return t.Comments
}

// CountLabel returns how many tickets carry the label, letter for letter.
func (d *Desk) CountLabel(label string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.Store.view.Labelled(label) {
		if !e.Now.Deleted && slices.Contains(e.Now.Labels, label) {
			n++
		}
	}
	return n
}

// AddAccount adds an account, or replaces the one of the same id. Accounts are not kept in the state file.
func (d *Desk) AddAccount(a Account) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Store.AddAccount(a)
}

// Accounts returns the accounts, in the order in which they were added, with what they left open filled in.
func (d *Desk) Accounts() []Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.Store.Accounts())
}

// routeControl serves what outsiders look at and switch with a plain HTTP client, under the vendor's noun for a ticket. The
// faults are the vendor's to serve: see fakewire.ControlFaults.
func (d *Desk) routeControl() {
	root := "/_sim/" + d.Store.dialect.Noun + "s"
	d.Control(d.Mux)
	d.Mux.HandleFunc("GET "+root, func(w http.ResponseWriter, _ *http.Request) { fakewire.WriteJSON(w, d.Tickets()) })
	d.Mux.HandleFunc("POST "+root+"/{key}/archive", d.postArchive(true))
	d.Mux.HandleFunc("POST "+root+"/{key}/restore", d.postArchive(false))
	d.Mux.HandleFunc("POST /_sim/seed", d.postSeed)
}

func (d *Desk) postArchive(archived bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := d.Archive(r.PathValue("key"), archived); err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		fakewire.WriteJSON(w, struct{}{})
	}
}
