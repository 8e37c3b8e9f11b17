package desktest

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"usher/internal/connectors/fakewire"
)

// StoreFaults are the ways in which tickets, projects and accounts of every fake misbehave; the zero value is none. A fake
// embeds them in its own faults, beside those of the wire and of the webhooks.
type StoreFaults struct {
	// IndexLagSeconds is how long the search does not see a change.
	IndexLagSeconds float64 `json:"index_lag_seconds,omitempty"`
	// ClockSkewSeconds is how far the site's own clock is ahead: in Date, in all its times and in its queries.
	ClockSkewSeconds float64 `json:"clock_skew_seconds,omitempty"`
	// ExpireTokens treats all tokens as expired. InactiveAccounts are switched off, by id or e-mail address.
	ExpireTokens     bool     `json:"expire_tokens,omitempty"`
	InactiveAccounts []string `json:"inactive_accounts,omitempty"`
	// HiddenProjects (by key) and HiddenIssues (by id or key) cannot be seen in the API any more; ReadOnlyProjects can be
	// read, and no longer be changed.
	HiddenProjects   []string `json:"hidden_projects,omitempty"`
	HiddenIssues     []string `json:"hidden_issues,omitempty"`
	ReadOnlyProjects []string `json:"read_only_projects,omitempty"`
	// RequiredFields are demanded, beside those of the project, when a ticket is opened or closed.
	RequiredFields []string `json:"required_fields,omitempty"`
	// TwoStepClose puts a status before each closed one; NoResolutionScreen takes the resolution from all screens.
	TwoStepClose       bool `json:"two_step_close,omitempty"`
	NoResolutionScreen bool `json:"no_resolution_screen,omitempty"`
}

func (f StoreFaults) clone() StoreFaults {
	f.InactiveAccounts, f.RequiredFields = slices.Clone(f.InactiveAccounts), slices.Clone(f.RequiredFields)
	f.HiddenProjects, f.HiddenIssues = slices.Clone(f.HiddenProjects), slices.Clone(f.HiddenIssues)
	f.ReadOnlyProjects = slices.Clone(f.ReadOnlyProjects)
	return f
}

// projects returns the projects as the faults change them; the originals stay as they are.
func (f StoreFaults) projects(originals []Project) []Project {
	out := make([]Project, 0, len(originals))
	for _, p := range originals {
		if f.TwoStepClose {
			p.Workflow = p.WithTwoStepClose()
		}
		if f.NoResolutionScreen {
			p.Workflow = p.WithoutField("resolution")
		}
		for _, id := range f.RequiredFields {
			p = p.withRequired(id)
		}
		out = append(out, p)
	}
	return out
}

// StoreConfig is what a Store starts with.
type StoreConfig struct {
	Dialect  Dialect
	Projects []Project
	Accounts []Account
	// StateFile keeps the tickets over a restart (see Store.Restore); "" keeps them in memory only.
	StateFile string
	// Zone is that of the times that people see; UTC when nil.
	Zone *time.Location
	// Grain is what all times of tickets are whole numbers of; a millisecond when 0.
	Grain time.Duration
	// Now is the clock of the machine; time.Now when nil.
	Now func() time.Time
}

// Store is the memory of a fake desk: its tickets in several projects, each with a workflow; its accounts; and what its search
// sees, which is each change some time after it was made. It says nothing on a wire, and refuses nothing that only a vendor
// refuses: a Dialect reads a call, changes a clone of a ticket, and gives it back to Change, which finds out what differs,
// writes the history, counts the revision, saves, and announces.
//
//	before, found := store.Find(key)
//	after := before.Clone()
//	after.Assignee = account.ID
//	err := store.Change(before, after, caller, desktest.EventAssigned)
//
// A store is not safe for concurrent use, but for Now: a Desk runs every operation under its lock.
type Store struct {
	cfg     StoreConfig
	dialect Dialect
	people  people
	// projects are those of the configuration, as the faults have changed them.
	projects []Project
	faults   StoreFaults
	// skew is how far the site's clock is ahead of the machine's, in nanoseconds.
	skew atomic.Int64

	view *View
	// names finds tickets by ids and, in upper case, by present and former keys.
	names map[string]int64
	// numbers is the last number of each project; last is the last number of all.
	numbers  map[string]int
	last     int64
	revision int64
	// journal is nil while nothing keeps the tickets: see Restore.
	journal *fakewire.Journal
}

// NewStore makes a store without tickets. It reads no state file: see Restore.
func NewStore(cfg StoreConfig) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Grain == 0 {
		cfg.Grain = time.Millisecond
	}
	s := &Store{
		cfg: cfg, dialect: cfg.Dialect.withDefaults(), view: NewView(), names: map[string]int64{}, numbers: map[string]int{},
		last: cfg.Dialect.FirstID,
	}
	for _, a := range cfg.Accounts {
		s.AddAccount(a)
	}
	s.SetFaults(StoreFaults{})
	return s
}

// SetFaults replaces the faults. A shorter lag of the search applies to earlier changes as well; a longer one does not.
func (s *Store) SetFaults(f StoreFaults) {
	s.faults = f.clone()
	s.skew.Store(int64(seconds(f.ClockSkewSeconds)))
	s.projects = f.projects(s.cfg.Projects)
	s.view.ShowBy(s.visibleAt())
}

// Faults returns what is switched on.
func (s *Store) Faults() StoreFaults { return s.faults.clone() }

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// Now returns the site's own time, which all its answers tell. It is safe for concurrent use.
func (s *Store) Now() time.Time { return s.cfg.Now().Add(time.Duration(s.skew.Load())) }

// Moment returns the time that a change of this moment gets.
func (s *Store) Moment() time.Time { return s.Now().Truncate(s.cfg.Grain) }

// visibleAt is when the search sees a change of this moment.
func (s *Store) visibleAt() time.Time { return s.cfg.Now().Add(seconds(s.faults.IndexLagSeconds)) }

// Revision returns a number that grows with every change of any ticket.
func (s *Store) Revision() int64 { return s.revision }

// ID returns the id that belongs to a number: that of a comment or of a change.
func (s *Store) ID(number int64) string { return s.dialect.ID(number) }

// NextSeq returns a number that nothing in the store has.
func (s *Store) NextSeq() int64 {
	s.last++
	return s.last
}

// Text returns a stored value as people read it.
func (s *Store) Text(value json.RawMessage) string { return s.dialect.Text(value) }

// Find returns the ticket of an id, or of a key that it has or had in any case of letters; false when there is none, and for
// one that was deleted.
func (s *Store) Find(idOrKey string) (*Ticket, bool) {
	e := s.Entry(idOrKey)
	if e == nil || e.Now.Deleted {
		return nil, false
	}
	return e.Now, true
}

// Entry returns the ticket of an id or a key as it is and as the search sees it, also a deleted one; nil when there is none.
func (s *Store) Entry(idOrKey string) *Entry {
	seq, known := s.names[idOrKey]
	if !known {
		seq, known = s.names[strings.ToUpper(idOrKey)]
	}
	if !known {
		return nil
	}
	return s.view.Entry(seq)
}

// Tickets returns every ticket that exists, the oldest first.
func (s *Store) Tickets() iter.Seq[*Ticket] {
	return func(yield func(*Ticket) bool) {
		for e := range s.view.Oldest() {
			if !e.Now.Deleted && !yield(e.Now) {
				return
			}
		}
	}
}

// Children returns every ticket that belongs to another, by its id, the oldest first.
func (s *Store) Children(id string) iter.Seq[*Ticket] {
	return func(yield func(*Ticket) bool) {
		for t := range s.Tickets() {
			if t.Parent == id && !yield(t) {
				return
			}
		}
	}
}

// View returns the tickets in the orders and by the labels in which a query looks for them, for the queries of a vendor.
// Seen takes the machine's time, which Clock returns.
func (s *Store) View() *View { return s.view }

// Clock returns the machine's time, by which the search lags.
func (s *Store) Clock() time.Time { return s.cfg.Now() }

// Seen returns the tickets that the search sees now, of those entries, in their order.
func (s *Store) Seen(entries iter.Seq[*Entry]) iter.Seq[*Ticket] {
	now := s.Clock()
	return func(yield func(*Ticket) bool) {
		for e := range entries {
			if t, seen := e.Seen(now); seen && !t.Deleted && !t.Archived && !yield(t) {
				return
			}
		}
	}
}

// Projects returns the projects. The caller changes none.
func (s *Store) Projects() []Project { return s.projects }

// Project returns the project of a key, in any case of letters, or of an id; false when there is none.
func (s *Store) Project(keyOrID string) (*Project, bool) {
	for n := range s.projects {
		p := &s.projects[n]
		if strings.EqualFold(p.Key, keyOrID) || p.ID == keyOrID {
			return p, true
		}
	}
	return nil, false
}

// ProjectOf returns the project of a ticket. Tickets of projects that are not configured do not exist.
func (s *Store) ProjectOf(t *Ticket) *Project {
	p, _ := s.Project(t.Project)
	return p
}

// StatusOf returns the status of a ticket.
func (s *Store) StatusOf(t *Ticket) Status { return s.ProjectOf(t).Status(t.Status) }

// HidesProject reports whether nobody sees the project in the API.
func (s *Store) HidesProject(p *Project) bool {
	return slices.ContainsFunc(s.faults.HiddenProjects, func(key string) bool { return strings.EqualFold(key, p.Key) })
}

// Hides reports whether nobody sees the ticket in the API.
func (s *Store) Hides(t *Ticket) bool {
	return t.Hidden || s.HidesProject(s.ProjectOf(t)) || slices.ContainsFunc(s.faults.HiddenIssues, func(idOrKey string) bool {
		return idOrKey == t.ID || strings.EqualFold(idOrKey, t.Key)
	})
}

// ReadOnly reports whether the API changes no ticket of this one's project.
func (s *Store) ReadOnly(t *Ticket) bool {
	return slices.ContainsFunc(s.faults.ReadOnlyProjects, func(key string) bool { return strings.EqualFold(key, t.Project) })
}
