package desk

import (
	"cmp"
	"context"

	"usher/internal/access"
)

// CreateTicket implements access.TicketOpener. Before the first ticket it compares the configuration with the desk (see
// check.go), and wrong keys are Invalid until that comparison is clean. A reporter or an assignee whom the desk refuses is
// left out.
func (d *Desk) CreateTicket(ctx context.Context, n access.NewTicket) (access.TicketRef, error) {
	const op = "create ticket"
	if n.Marker == "" {
		return access.TicketRef{}, access.Errorf(access.Invalid, op, "marker: expected one")
	}
	schema, err := d.loadSchema(ctx, op)
	if err != nil {
		return access.TicketRef{}, notCreated(op, err)
	}
	reporter, err := d.reporterOf(ctx, n.Requester)
	if err != nil {
		return access.TicketRef{}, notCreated(op, err)
	}
	draft := Draft{
		Marker: n.Marker, Body: n.Body, Fields: map[string]string{}, Fixed: d.config.OpeningFields, Reporter: reporter, Assignee: n.Assignee, Schema: schema,
		Summary: d.traits.Unit.Shorten(OneLine(cmp.Or(n.Summary, string(n.Marker))), d.traits.SummaryLimit),
	}
	for id, name := range d.config.Fields {
		if text := n.Fields[name]; text != "" {
			draft.Fields[id] = text
		}
	}
	ref, err := d.createTolerantly(ctx, op, draft)
	if access.IsKind(err, access.Invalid) {
		// The desk may have changed since the first contact.
		d.schema.Store(nil)
	}
	if err != nil {
		return access.TicketRef{}, err
	}
	return d.ref(ref), nil
}

// createTolerantly leaves out the people whom the desk refuses. Such a refusal is certain, so nothing was created and what
// follows is no blind repetition.
func (d *Desk) createTolerantly(ctx context.Context, op string, draft Draft) (Ref, error) {
	for {
		ref, refused, err := d.driver.Create(ctx, op, draft)
		if !access.IsKind(err, access.Invalid) {
			return ref, err
		}
		dropped := false
		if refused.Reporter && draft.Reporter != "" {
			draft.Reporter, dropped = "", true
		}
		if refused.Assignee && draft.Assignee != "" {
			draft.Assignee, dropped = "", true
		}
		if !dropped {
			return ref, err
		}
	}
}

// reporterOf is the requester's account; "" when there is none to be set. A desk that does not let usher search its
// users still gets its tickets.
func (d *Desk) reporterOf(ctx context.Context, p access.Person) (access.AccountID, error) {
	if !d.config.Reporter || p.ID == "" {
		return "", nil
	}
	account, err := d.FindAccount(ctx, p)
	if err != nil && !access.IsKind(err, access.Forbidden) && !access.IsKind(err, access.Invalid) {
		return "", err
	}
	return account.ID, nil
}

// notCreated makes sure that an error from before the create means that nothing was created.
func notCreated(op string, err error) error {
	if access.IsKind(err, access.NotFound) {
		return access.Errorf(access.Invalid, op, "%w", err)
	}
	return err
}
