package jiratest

import (
	"fmt"
	"time"

	"usher/internal/connectors/desktest"
)

// seedBatch is how many issues are written to the state file at once.
const seedBatch = 1000

// Seed opens issues and returns them in the order of their numbers. They belong to the site's first account, and their
// properties are entity properties. An error leaves those that are there already.
func (s *Server) Seed(seed desktest.Seed) ([]desktest.Seeded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seed, err := seed.WithDefaults()
	if err != nil {
		return nil, err
	}
	pattern, err := s.seedPattern(seed)
	if err != nil {
		return nil, err
	}
	out := make([]desktest.Seeded, 0, seed.Count)
	batch := make([]*issue, 0, seedBatch)
	now := s.moment()
	for n := range seed.Count {
		i := s.seeded(pattern, seed.Ticket(n, now))
		out = append(out, desktest.Seeded{ID: i.id(), Key: i.key()})
		s.put(i, time.Time{})
		if batch = append(batch, i); len(batch) == seedBatch || n == seed.Count-1 {
			if err := s.save(batch...); err != nil {
				return out, err
			}
			batch = batch[:0]
		}
	}
	return out, nil
}

// seedPattern returns what all issues of a seed have in common.
func (s *Server) seedPattern(seed desktest.Seed) (*issue, error) {
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
	return pattern, nil
}

func (s *Server) seeded(pattern *issue, t desktest.SeedTicket) *issue {
	i := pattern.clone()
	s.numbers[i.Project]++
	i.ID, i.Number = s.nextID(), s.numbers[i.Project]
	i.Summary, i.Labels, i.Properties, i.Created, i.Updated = t.Summary, t.Labels, t.Properties, t.Created, t.Created
	return i
}
