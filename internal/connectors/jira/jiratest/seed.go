package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/fakewire"
)

// Seed is many issues that are opened at once, without a webhook and without an index lag. In Labels, Summary, and the
// text of Properties "{n}" stands for the number of the issue within the seed, from From on.
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
	// Properties are entity properties, each any JSON.
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	// Status is a status by name, the first one when empty; Assignee is an account (id, e-mail address or name), "" for nobody.
	Status   string `json:"status,omitempty"`
	Assignee string `json:"assignee,omitempty"`
	// SpreadSeconds spreads the times of creation evenly over so long a time that ends now; 0 creates all now.
	SpreadSeconds float64 `json:"spread_seconds,omitempty"`
}

// Seeded is one issue of a seed.
type Seeded struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// seedLimit is how many issues one seed may have.
const seedLimit = 200_000

// seedBatch is how many issues are written to the state file at once.
const seedBatch = 1000

// Seed opens issues and gives them in the order of their numbers. They belong to the site's first account. An error leaves
// those that are there already.
func (s *Server) Seed(seed Seed) ([]Seeded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pattern, err := s.seedPattern(&seed)
	if err != nil {
		return nil, err
	}
	out := make([]Seeded, 0, seed.Count)
	batch := make([]*issue, 0, seedBatch)
	now := s.moment()
	for n := range seed.Count {
		age := seconds(seed.SpreadSeconds) * time.Duration(seed.Count-1-n) / time.Duration(max(seed.Count-1, 1))
		i := s.seeded(pattern, seed, n)
		i.Created = now.Add(-age).Truncate(time.Millisecond)
		i.Updated = i.Created
		out = append(out, Seeded{ID: i.id(), Key: i.key()})
		if batch = append(batch, i); len(batch) == seedBatch || n == seed.Count-1 {
			for _, one := range batch {
				s.put(one, time.Time{})
			}
			if err := s.save(batch...); err != nil {
				return out, err
			}
			batch = batch[:0]
		}
	}
	return out, nil
}

// seedPattern checks the seed, fills in what it leaves open, and gives what all its issues have in common.
func (s *Server) seedPattern(seed *Seed) (*issue, error) {
	if seed.Count < 1 || seed.Count > seedLimit {
		return nil, fmt.Errorf("count: expected 1 to %d", seedLimit)
	}
	p := &s.projects[0]
	if seed.Project != "" {
		named, known := s.project(seed.Project)
		if !known {
			return nil, fmt.Errorf("project: there is no project %q", seed.Project)
		}
		p = named
	}
	status := p.Statuses[0]
	if seed.Status != "" {
		named, known := p.StatusNamed(seed.Status)
		if !known {
			return nil, fmt.Errorf("status: there is no status %q", seed.Status)
		}
		status = named
	}
	pattern := &issue{Project: p.Key, Status: status.ID, Reporter: s.people.list[0].ID, Creator: s.people.list[0].ID}
	if seed.Assignee != "" {
		a := s.accountOf(seed.Assignee)
		if a == nil {
			return nil, fmt.Errorf("assignee: there is no account %q", seed.Assignee)
		}
		pattern.Assignee = a.ID
	}
	if seed.Labels == nil {
		seed.Labels = []string{"usher", "usher-seed-{n}"}
	}
	if seed.Summary == "" {
		seed.Summary = "Seeded {n}"
	}
	seed.From = max(seed.From, 1)
	return pattern, nil
}

func (s *Server) seeded(pattern *issue, seed Seed, n int) *issue {
	number := strconv.Itoa(seed.From + n)
	fill := func(text string) string { return strings.ReplaceAll(text, "{n}", number) }
	i := pattern.clone()
	s.numbers[i.Project]++
	i.ID, i.Number, i.Summary = s.nextID(), s.numbers[i.Project], fill(seed.Summary)
	for _, label := range seed.Labels {
		i.Labels = append(i.Labels, fill(label))
	}
	if len(seed.Properties) > 0 {
		i.Properties = map[string]json.RawMessage{}
		for key, value := range seed.Properties {
			i.Properties[key] = json.RawMessage(fill(string(value)))
		}
	}
	return i
}

// postSeed answers with the issues that it opened.
func (s *Server) postSeed(w http.ResponseWriter, r *http.Request) {
	var seed Seed
	if !fakewire.ReadControl(w, r, &seed, "seed: expected a JSON object with count and, if need be, the other keys of a seed") {
		return
	}
	issues, err := s.Seed(seed)
	if err != nil {
		http.Error(w, "seed: "+err.Error(), http.StatusBadRequest)
		return
	}
	fakewire.WriteJSON(w, map[string]any{"count": len(issues), "issues": issues})
}
