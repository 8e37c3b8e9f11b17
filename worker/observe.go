package main

import (
	"context"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
	"usher/internal/telemetry"
)

// observer counts the calls of one connector. Each port's wrapper names every method of the port, so that a new one does
// not stay uncounted unnoticed.
type observer struct {
	metrics   *telemetry.Metrics
	connector telemetry.Connector
}

// observe counts one call that gives a value.
func observe[T any](ctx context.Context, o observer, operation string, call func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	value, err := call(rest.WithWaits(ctx, func(wait time.Duration) { o.metrics.TokenWaited(o.connector, wait) }))
	o.metrics.ConnectorCalled(o.connector, operation, time.Since(began), err)
	if access.IsKind(err, access.RateLimited) {
		by := telemetry.LimitedByShare
		if rest.StatusOf(err) != 0 {
			by = telemetry.LimitedByVendor
		}
		o.metrics.RateLimited(o.connector, by)
	}
	return value, err
}

// nothing is the value of a call that gives none.
type nothing struct{}

// observeDo counts one call that gives no value.
func observeDo(ctx context.Context, o observer, operation string, call func(context.Context) error) error {
	_, err := observe(ctx, o, operation, func(ctx context.Context) (nothing, error) { return nothing{}, call(ctx) })
	return err
}

// observedDesk is a desk whose calls are counted.
type observedDesk struct {
	observer
	desk access.ServiceDesk
}

var _ access.ServiceDesk = observedDesk{}

func (d observedDesk) FindTicket(ctx context.Context, marker access.Marker) (access.TicketRef, error) {
	return observe(ctx, d.observer, "find_ticket", func(ctx context.Context) (access.TicketRef, error) {
		return d.desk.FindTicket(ctx, marker)
	})
}

func (d observedDesk) CreateTicket(ctx context.Context, n access.NewTicket) (access.TicketRef, error) {
	return observe(ctx, d.observer, "create_ticket", func(ctx context.Context) (access.TicketRef, error) {
		return d.desk.CreateTicket(ctx, n)
	})
}

func (d observedDesk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	return observe(ctx, d.observer, "read_ticket", func(ctx context.Context) (access.TicketSnapshot, error) {
		return d.desk.ReadTicket(ctx, id)
	})
}

func (d observedDesk) ReadTickets(ctx context.Context, ids []access.TicketID) (access.TicketsRead, error) {
	return observe(ctx, d.observer, "read_tickets", func(ctx context.Context) (access.TicketsRead, error) {
		return d.desk.ReadTickets(ctx, ids)
	})
}

func (d observedDesk) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	return observe(ctx, d.observer, "read_comments", func(ctx context.Context) ([]access.TicketComment, error) {
		return d.desk.ReadComments(ctx, id, since)
	})
}

func (d observedDesk) ChangedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	return observe(ctx, d.observer, "changed_tickets", func(ctx context.Context) (access.ChangesPage, error) {
		return d.desk.ChangedTickets(ctx, q)
	})
}

func (d observedDesk) AskedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	return observe(ctx, d.observer, "asked_tickets", func(ctx context.Context) (access.ChangesPage, error) {
		return d.desk.AskedTickets(ctx, q)
	})
}

func (d observedDesk) ReadAsked(ctx context.Context, id access.TicketID) (access.AskedTicket, error) {
	return observe(ctx, d.observer, "read_asked", func(ctx context.Context) (access.AskedTicket, error) {
		return d.desk.ReadAsked(ctx, id)
	})
}

func (d observedDesk) BindTicket(
	ctx context.Context, id access.TicketID, creator access.AccountID, marker access.Marker,
) (access.TicketSnapshot, error) {
	return observe(ctx, d.observer, "bind_ticket", func(ctx context.Context) (access.TicketSnapshot, error) {
		return d.desk.BindTicket(ctx, id, creator, marker)
	})
}

func (d observedDesk) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	return observeDo(ctx, d.observer, "add_comments", func(ctx context.Context) error { return d.desk.AddComments(ctx, id, all...) })
}

func (d observedDesk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	return observeDo(ctx, d.observer, "transition_ticket", func(ctx context.Context) error { return d.desk.TransitionTicket(ctx, id, to) })
}

func (d observedDesk) AssignTicket(ctx context.Context, id access.TicketID, to access.AccountID) error {
	return observeDo(ctx, d.observer, "assign_ticket", func(ctx context.Context) error { return d.desk.AssignTicket(ctx, id, to) })
}

func (d observedDesk) SetApprovals(ctx context.Context, id access.TicketID, wanted access.DeskApprovals) (map[string]string, error) {
	var ids map[string]string
	err := observeDo(ctx, d.observer, "set_approvals", func(ctx context.Context) (err error) {
		ids, err = d.desk.SetApprovals(ctx, id, wanted)
		return err
	})
	return ids, err
}

func (d observedDesk) FindAccount(ctx context.Context, p access.Person) (access.Account, error) {
	return observe(ctx, d.observer, "find_account", func(ctx context.Context) (access.Account, error) {
		return d.desk.FindAccount(ctx, p)
	})
}

func (d observedDesk) Check(ctx context.Context) ([]access.Finding, error) {
	return observe(ctx, d.observer, "check", d.desk.Check)
}

func (d observedDesk) Inspect(ctx context.Context) (access.DeskView, []access.Finding, error) {
	var view access.DeskView
	findings, err := observe(ctx, d.observer, "inspect", func(ctx context.Context) (findings []access.Finding, err error) {
		view, findings, err = d.desk.Inspect(ctx)
		return findings, err
	})
	return view, findings, err
}

// observedTarget is a target whose calls are counted.
type observedTarget struct {
	observer
	target access.Provisioner
}

var _ access.Provisioner = observedTarget{}

func (t observedTarget) Grant(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return t.changed(observe(ctx, t.observer, "grant", func(ctx context.Context) (access.Verification, error) { return t.target.Grant(ctx, a) }))
}

func (t observedTarget) Revoke(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return t.changed(observe(ctx, t.observer, "revoke", func(ctx context.Context) (access.Verification, error) { return t.target.Revoke(ctx, a) }))
}

// changed counts a change during which others lost the role.
func (t observedTarget) changed(v access.Verification, err error) (access.Verification, error) {
	if v.OthersLost > 0 {
		t.metrics.OthersLost(t.connector)
	}
	return v, err
}

func (t observedTarget) Verify(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return observe(ctx, t.observer, "verify", func(ctx context.Context) (access.Verification, error) { return t.target.Verify(ctx, a) })
}

func (t observedTarget) Check(ctx context.Context) ([]access.Finding, error) {
	return observe(ctx, t.observer, "check", t.target.Check)
}

// observedSource is a source whose calls are counted.
type observedSource struct {
	observer
	source access.PeopleSource
}

var _ access.PeopleSource = observedSource{}

func (s observedSource) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	return observe(ctx, s.observer, "lookup", func(ctx context.Context) (access.Person, error) { return s.source.Lookup(ctx, id) })
}

func (s observedSource) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	return observe(ctx, s.observer, "find_person", func(ctx context.Context) (access.Person, error) { return s.source.FindPerson(ctx, q) })
}

// ListPeople observes a listing as one call, however many pages it has.
func (s observedSource) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	return observe(ctx, s.observer, "list_people", func(ctx context.Context) (access.Listing, error) { return s.source.ListPeople(ctx, since, take) })
}

func (s observedSource) Check(ctx context.Context) ([]access.Finding, error) {
	return observe(ctx, s.observer, "check", s.source.Check)
}
