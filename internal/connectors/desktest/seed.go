package desktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/fakewire"
)

// Seed is many tickets that are opened at once, without a webhook and without a lag of the search. In Labels, Summary, and
// the text of Properties "{n}" stands for the number of the ticket within the seed, from From on.
type Seed struct {
	Count int `json:"count"`
	// From is the first number; 1 when 0.
	From int `json:"from,omitempty"`
	// Project is a key, that of the first project when empty.
	Project string `json:"project,omitempty"`
	// Labels are "usher" and "usher-seed-{n}" when nil.
	Labels []string `json:"labels,omitempty"`
	// Summary is "Seeded {n}" when empty.
	Summary string `json:"summary,omitempty"`
	// Properties are what a desk keeps beside a ticket, each any JSON.
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	// Status is a status by name, the first one when empty; Assignee is an account (id, e-mail address or name), "" for nobody.
	Status   string `json:"status,omitempty"`
	Assignee string `json:"assignee,omitempty"`
	// SpreadSeconds spreads the times of creation evenly over so long a time that ends now; 0 creates all now.
	SpreadSeconds float64 `json:"spread_seconds,omitempty"`
}

// Seeded is one ticket of a seed.
type Seeded struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// seedLimit is how many tickets one seed may have.
const seedLimit = 200_000

// WithDefaults returns the seed with what it leaves open filled in, or what is wrong with it.
func (s Seed) WithDefaults() (Seed, error) {
	if s.Count < 1 || s.Count > seedLimit {
		return s, fmt.Errorf("count: expected 1 to %d", seedLimit)
	}
	if s.Labels == nil {
		s.Labels = []string{"usher", "usher-seed-{n}"}
	}
	if s.Summary == "" {
		s.Summary = "Seeded {n}"
	}
	s.From = max(s.From, 1)
	return s, nil
}

// SeedTicket is what differs between the tickets of a seed.
type SeedTicket struct {
	Summary    string
	Labels     []string
	Properties map[string]json.RawMessage
	Created    time.Time
}

// Ticket returns the n-th ticket of a seed that has its defaults, counted from 0, when the last one is created at now.
func (s Seed) Ticket(n int, now time.Time) SeedTicket {
	number := strconv.Itoa(s.From + n)
	fill := func(text string) string { return strings.ReplaceAll(text, "{n}", number) }
	spread := time.Duration(s.SpreadSeconds * float64(time.Second))
	age := spread * time.Duration(s.Count-1-n) / time.Duration(max(s.Count-1, 1))
	t := SeedTicket{Summary: fill(s.Summary), Created: now.Add(-age).Truncate(time.Millisecond)}
	for _, label := range s.Labels {
		t.Labels = append(t.Labels, fill(label))
	}
	for key, value := range s.Properties {
		if t.Properties == nil {
			t.Properties = map[string]json.RawMessage{}
		}
		t.Properties[key] = json.RawMessage(fill(string(value)))
	}
	return t
}

// seedBatch is how many tickets are written to the state file at once.
const seedBatch = 1000

// Seed opens tickets and returns them in the order of their numbers. They belong to the site's first account. An error
// leaves those that are there already.
func (d *Desk) Seed(seed Seed) ([]Seeded, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.Store
	seed, err := seed.WithDefaults()
	if err != nil {
		return nil, err
	}
	pattern, p, err := s.seedPattern(seed)
	if err != nil {
		return nil, err
	}
	out := make([]Seeded, 0, seed.Count)
	batch := make([]*Ticket, 0, seedBatch)
	now := s.Moment()
	for n := range seed.Count {
		t, differs := pattern.Clone(), seed.Ticket(n, now)
		t.Summary, t.Labels, t.Properties, t.Created, t.Updated = differs.Summary, differs.Labels, differs.Properties, differs.Created, differs.Created
		s.number(t, p)
		s.put(t, time.Time{})
		out = append(out, Seeded{ID: t.ID, Key: t.Key})
		if batch = append(batch, t); len(batch) == seedBatch || n == seed.Count-1 {
			if err := s.save(batch...); err != nil {
				return out, err
			}
			batch = batch[:0]
		}
	}
	return out, nil
}

// seedPattern returns what all tickets of a seed have in common, and their project.
func (s *Store) seedPattern(seed Seed) (*Ticket, *Project, error) {
	p := &s.projects[0]
	if seed.Project != "" {
		named, known := s.Project(seed.Project)
		if !known {
			return nil, nil, fmt.Errorf("project: there is no project %q", seed.Project)
		}
		p = named
	}
	status := p.Statuses[0]
	if seed.Status != "" {
		named, known := p.StatusNamed(seed.Status)
		if !known {
			return nil, nil, fmt.Errorf("status: there is no status %q", seed.Status)
		}
		status = named
	}
	first := s.people.list[0].ID
	pattern := &Ticket{Project: p.Key, Status: status.ID, Reporter: first, Creator: first, UpdatedBy: first, Revision: 1}
	if seed.Assignee != "" {
		a := s.Account(seed.Assignee)
		if a == nil {
			return nil, nil, fmt.Errorf("assignee: there is no account %q", seed.Assignee)
		}
		pattern.Assignee = a.ID
	}
	return pattern, p, nil
}

func (d *Desk) postSeed(w http.ResponseWriter, r *http.Request) {
	var s Seed
	if !fakewire.ReadControl(w, r, &s, "seed: expected a JSON object with count and, if need be, the other keys of a seed") {
		return
	}
	tickets, err := d.Seed(s)
	if err != nil {
		http.Error(w, "seed: "+err.Error(), http.StatusBadRequest)
		return
	}
	fakewire.WriteJSON(w, map[string]any{"count": len(tickets), d.Store.dialect.Noun + "s": tickets})
}
