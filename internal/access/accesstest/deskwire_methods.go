package accesstest

import (
	"context"
	"time"

	"usher/internal/access"
)

// deskMethod is a method of the port. op is what errors call it, and run returns all that it returns.
type deskMethod struct {
	op  string
	run func(context.Context, access.ServiceDesk, DeskWireHarness) (any, error)
}

// deskMethods are the methods of the port by name.
func deskMethods() map[string]deskMethod {
	return map[string]deskMethod{
		"FindTicket": {"find ticket", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.FindTicket(ctx, access.MarkerOf("r1"))
		}},
		"CreateTicket": {"create ticket", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.CreateTicket(ctx, deskTicketOf("r1"))
		}},
		"ReadTicket": {"read ticket", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.ReadTicket(ctx, h.Ticket)
		}},
		"ReadTickets": {"read tickets", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.ReadTickets(ctx, []access.TicketID{h.Ticket})
		}},
		"ReadComments": {"read comments", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.ReadComments(ctx, h.Ticket, time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC))
		}},
		"ChangedTickets": {"list changed tickets", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.ChangedTickets(ctx, hourAgo())
		}},
		"AddComments": {"add comments", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return nil, d.AddComments(ctx, h.Ticket, access.Comment{Marker: "c1", Text: "text"})
		}},
		"TransitionTicket": {"move ticket", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return nil, d.TransitionTicket(ctx, h.Ticket, access.TicketDone)
		}},
		"AssignTicket": {"assign ticket", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return nil, d.AssignTicket(ctx, h.Ticket, h.Account)
		}},
		"SetApprovals": {"set approvals", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.SetApprovals(ctx, h.Ticket, access.DeskApprovals{Summary: "Wiki editor", Body: "Please.", All: []access.DeskApproval{
				{Key: "k1", Approver: h.Account, State: access.ApprovalRequested},
			}})
		}},
		"AskedTickets": {"list tickets that ask for access", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.AskedTickets(ctx, hourAgo())
		}},
		"ReadAsked": {"read a ticket that asks for access", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.ReadAsked(ctx, h.Asked)
		}},
		"BindTicket": {"bind a ticket", func(ctx context.Context, d access.ServiceDesk, h DeskWireHarness) (any, error) {
			return d.BindTicket(ctx, h.Asked, h.Asker, "usher-desk.1:0123456789abcdef")
		}},
		"FindAccount": {"find account", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.FindAccount(ctx, deskBob())
		}},
		"Check": {"check desk", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			return d.Check(ctx)
		}},
		"Inspect": {"inspect desk", func(ctx context.Context, d access.ServiceDesk, _ DeskWireHarness) (any, error) {
			view, findings, err := d.Inspect(ctx)
			return []any{view, findings}, err
		}},
	}
}

func hourAgo() access.ChangesQuery {
	return access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10}
}
