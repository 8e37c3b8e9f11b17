package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/policy"
)

// How incidents are notified, in the workflows' spelling.
const (
	IncidentPrefix = "incident/"
	SignalAssignee = "assignee"
)

// IncidentLedger is what incidents and the register of integration users need of the ledger; *ledger.Store is one.
type IncidentLedger interface {
	SaveIntegrationUser(ctx context.Context, u access.IntegrationUser, e access.DeskEvent) error
	UpdateIntegrationUser(ctx context.Context, u access.IntegrationUser, events ...access.DeskEvent) error
	RemoveIntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID, e access.DeskEvent) error
	IntegrationUser(ctx context.Context, desk access.DeskName, id access.UserID) (access.IntegrationUser, error)
	IntegrationUsers(ctx context.Context, q access.IntegrationUsersQuery) ([]access.IntegrationUser, error)
	AssignIncident(ctx context.Context, id access.IncidentID, c access.Assignees) (access.IntegrationUser, error)
	SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error
	Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error)
	IncidentsOf(ctx context.Context, desk access.DeskName, user access.UserID, after access.IncidentID, limit int) ([]access.IncidentID, error)
}

// IncidentSettings are how the incidents of one desk are kept.
type IncidentSettings struct {
	Rules policy.AssignmentRules
	// KeepAssignee is true to leave open tickets with a user who has been flagged or removed.
	KeepAssignee bool
	// Ticket is how the tickets are read.
	Ticket IncidentReads
}

// IncidentReads are how the ticket of an incident is read.
type IncidentReads struct {
	// SearchDelay is how long after a create of unknown outcome the desk's search must find the ticket. First and Max are the interval between
	// two reads that find nothing new; Recheck is how soon a ticket is read again that was not found.
	SearchDelay access.Duration `json:"search_delay"`
	First       access.Duration `json:"first"`
	Max         access.Duration `json:"max"`
	Recheck     access.Duration `json:"recheck"`
}

// Incidents are the activities of incidents that need the ledger alone. They run on the usher queue.
type Incidents struct {
	Ledger IncidentLedger
	// Desk is where tickets are opened of which the caller names no desk; "" for none. Settings are those of the desks that take incidents.
	Desk     access.DeskName
	Settings map[access.DeskName]IncidentSettings
}

// TakenIncident is where the ticket of an incident is opened, and how it is read; or why none is.
type TakenIncident struct {
	Desk     access.DeskName  `json:"desk,omitempty"`
	Ticket   IncidentReads    `json:"ticket,omitzero"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// TakeIncident returns where the ticket of an incident is opened, or why none is. It changes nothing.
func (a *Incidents) TakeIncident(ctx context.Context, i access.Incident) (TakenIncident, error) {
	desk := i.Desk
	if desk == "" {
		desk = a.usual()
	}
	settings, known := a.Settings[desk]
	if !known {
		problem := fmt.Sprintf("found %q, expected one of the desks that take incidents: %s", desk, a.desks())
		return TakenIncident{Refusals: []access.Refusal{{Field: "desk", Problem: problem}}}, nil
	}
	taken := TakenIncident{Desk: desk, Ticket: settings.Ticket}
	if i.Assignee == "" {
		return taken, nil
	}
	registered, err := a.find(ctx, desk, func(u access.IntegrationUser) bool { return sameAddress(u.Email, i.Assignee) })
	if err == nil && registered == nil {
		taken.Refusals = append(taken.Refusals, access.Refusal{
			Field: "assignee", Problem: fmt.Sprintf("found %q, expected the e-mail address of an integration user of the desk %q", i.Assignee, desk),
		})
	}
	return taken, translate(err)
}

// usual returns where tickets are opened of which the caller names no desk: where requests have theirs, else the only desk that takes incidents.
func (a *Incidents) usual() access.DeskName {
	if _, takes := a.Settings[a.Desk]; !takes && len(a.Settings) == 1 {
		for only := range a.Settings {
			return only
		}
	}
	return a.Desk
}

// desks lists the desks that take incidents.
func (a *Incidents) desks() string {
	if len(a.Settings) == 0 {
		return "(none is configured)"
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.Settings)) {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}

// find returns the first user of a desk's register of whom is is true; nil for none.
func (a *Incidents) find(ctx context.Context, desk access.DeskName, is func(access.IntegrationUser) bool) (*access.IntegrationUser, error) {
	register := registerOf(ctx, a.Ledger, desk)
	for {
		u, err := register.next()
		if err != nil || u == nil || is(*u) {
			return u, err
		}
	}
}

// sameAddress reports whether two texts are the same address, as access.FoldKey compares them.
func sameAddress(a, b string) bool { return access.FoldKey(a) == access.FoldKey(b) }

// AssignIncidentInput is an incident that needs an assignee.
type AssignIncidentInput struct {
	View access.IncidentView `json:"view"`
	// Events are recorded before.
	Events []access.DeskEvent `json:"events,omitempty"`
	// Except are users to whom the desk lets nobody assign the ticket.
	Except []access.UserID `json:"except,omitempty"`
}

// AssignedIncident is who was picked. Ended is how the incident ended as the ledger has it, as after a reset; nil for one that goes on. Other is true
// where the ledger has another incident of the same id: nothing was done then, and nothing of that one is shown.
type AssignedIncident struct {
	Assignee access.IncidentAssignee `json:"assignee"`
	Ended    *access.IncidentView    `json:"ended,omitempty"`
	Other    bool                    `json:"other,omitempty"`
}

// AssignIncident records an incident and picks an integration user for it: the one whom it has, if tickets may still be assigned to that one; else by
// the rules. Nobody is an assignee without an account. Safe to repeat: who was picked stays picked.
func (a *Incidents) AssignIncident(ctx context.Context, c AssignIncidentInput) (AssignedIncident, error) {
	known, err := a.recorded(ctx, c.View.Incident)
	switch {
	case access.IsKind(err, access.Conflict):
		return AssignedIncident{Other: true}, nil
	case err != nil:
		return AssignedIncident{}, translate(err)
	case known != nil && known.State.Ended():
		return AssignedIncident{Ended: known}, nil
	}
	if err := a.Ledger.SaveIncident(ctx, c.View, c.Events...); err != nil {
		return AssignedIncident{}, translate(err)
	}
	assignee, err := a.pick(ctx, c)
	return AssignedIncident{Assignee: assignee}, translate(err)
}

// recorded returns an incident as the ledger has it; nil for one that it does not have. Conflict where it has another one of the same id: Temporal forgets
// who has ended, so an id may be taken a second time, by another caller.
func (a *Incidents) recorded(ctx context.Context, i access.Incident) (*access.IncidentView, error) {
	known, err := a.Ledger.Incident(ctx, i.ID)
	switch {
	case access.IsKind(err, access.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case known.Incident.Digest() != i.Digest():
		return nil, access.Errorf(access.Conflict, "record an incident", "incident.id: another incident has the id %q", i.ID)
	}
	return &known, nil
}

// pick picks an integration user for an incident that is recorded.
func (a *Incidents) pick(ctx context.Context, c AssignIncidentInput) (access.IncidentAssignee, error) {
	desk := c.View.Desk
	settings, known := a.Settings[desk]
	if !known {
		return access.IncidentAssignee{}, access.Errorf(access.Transient, "assign an incident",
			"desk: this worker's configuration has no incidents of %q; expected that of every worker which serves workflows to have them", desk)
	}
	if has := c.View.Assignee; has != nil && has.User != "" && !slices.Contains(c.Except, has.User) {
		u, err := a.Ledger.IntegrationUser(ctx, desk, has.User)
		switch {
		case err == nil && u.Available():
			return *has, nil
		case err != nil && !access.IsKind(err, access.NotFound):
			return access.IncidentAssignee{}, err
		}
	}
	failed := ""
	for _, step := range settings.Rules.Steps(desk, c.View.Incident) {
		step.Assignees.Except = c.Except
		u, err := a.Ledger.AssignIncident(ctx, c.View.Incident.ID, step.Assignees)
		switch {
		case err == nil:
			why := step.Why
			if failed != "" {
				why = failed + "so it is " + why
			}
			return access.IncidentAssignee{
				User: u.ID, Account: u.Account, Name: u.Name, Email: u.Email, Why: why, Fallback: failed != "",
			}, nil
		case !access.IsKind(err, access.NotFound):
			return access.IncidentAssignee{}, err
		}
		failed += step.Why + " has nobody to whom tickets can be assigned, "
	}
	return access.IncidentAssignee{Why: strings.TrimSuffix(failed, ", "), Fallback: true}, nil
}

// RecordIncidentInput is what the ledger gets of an incident.
type RecordIncidentInput struct {
	View   access.IncidentView `json:"view"`
	Events []access.DeskEvent  `json:"events,omitempty"`
}

// RecordIncident records an incident as it stands, and returns it: an assignee by the account alone is looked up in the register. Safe to repeat.
// Conflict, and nothing is recorded, where the ledger has another incident of the same id.
func (a *Incidents) RecordIncident(ctx context.Context, c RecordIncidentInput) (access.IncidentView, error) {
	if _, err := a.recorded(ctx, c.View.Incident); err != nil {
		return c.View, translate(err)
	}
	if has := c.View.Assignee; has != nil && has.User == "" && has.Account != "" {
		u, err := a.find(ctx, c.View.Desk, func(u access.IntegrationUser) bool { return u.Account == has.Account })
		if err != nil {
			return c.View, translate(err)
		}
		if u != nil {
			known := *has
			known.User, known.Name, known.Email = u.ID, u.Name, u.Email
			c.View.Assignee = &known
		}
	}
	return c.View, translate(a.Ledger.SaveIncident(ctx, c.View, c.Events...))
}

// registerReader reads the register of a desk, page by page.
type registerReader struct {
	ctx    context.Context
	ledger IncidentLedger
	query  access.IntegrationUsersQuery
	page   []access.IntegrationUser
	last   bool
}

func registerOf(ctx context.Context, ledger IncidentLedger, desk access.DeskName) *registerReader {
	return &registerReader{ctx: ctx, ledger: ledger, query: access.IntegrationUsersQuery{Desk: desk, AfterDesk: desk, Limit: access.MaxIntegrationUsers}}
}

// next returns the next user; nil behind the last.
func (r *registerReader) next() (*access.IntegrationUser, error) {
	if len(r.page) == 0 && !r.last {
		page, err := r.ledger.IntegrationUsers(r.ctx, r.query)
		if err != nil {
			return nil, err
		}
		r.page, r.last = page, len(page) < r.query.Limit
		if len(page) > 0 {
			r.query.After = page[len(page)-1].ID
		}
	}
	if len(r.page) == 0 {
		return nil, nil
	}
	u := r.page[0]
	r.page = r.page[1:]
	return &u, nil
}
