package desk

import (
	"context"
	"slices"
	"time"

	"usher/internal/access"
)

// Approver is a driver of a desk that has approvals of its own.
type Approver interface {
	// Approvals returns the approvals of up to 100 tickets, those of one ticket in the order in which they were opened. A ticket
	// without any may be left out of the map. Not to see all of them is Forbidden.
	Approvals(ctx context.Context, op string, tickets []access.TicketID) (map[access.TicketID][]Approval, error)
	// ApprovalsChanged returns usher's tickets of which an approval changed at a time or later, by the desk's clock, each once; as far
	// as it looks, at most limit. It may find too many.
	ApprovalsChanged(ctx context.Context, op string, since time.Time, limit int) ([]access.TicketID, error)
	// RequestApproval opens an approval in the state access.ApprovalRequested. It is not safe to repeat by itself: the Desk looks
	// first. Invalid: the account cannot be asked.
	RequestApproval(ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, what Question) (Approval, error)
	// SetApproval brings an approval, as it was read a moment ago, into a state.
	SetApproval(ctx context.Context, op string, a Approval, to access.ApprovalState) error
}

// Question is what an approval asks for. Summary is one line.
type Question struct{ Summary, Body string }

// Approval is an approval of the desk's own.
type Approval struct {
	ID       string
	Approver access.AccountID
	// Own is true when usher's account opened it.
	Own   bool
	State access.ApprovalState
	// By is the account that gave it its state, at At, and ByName what people read. They count for answers only.
	By     access.AccountID
	ByName string
	At     time.Time
}

// maxAnswered is how many tickets with changed approvals one page of changes brings: the full scan finds others.
const maxAnswered = 5 * manyTickets

// approver returns what serves approvals; false where the configuration does not use them.
func (d *Desk) approver() (Approver, bool) {
	driver, can := d.driver.(Approver)
	return driver, can && d.config.Approvals
}

// SetApprovals implements access.TicketApprovals: a read, and a write for each approval that is not as it shall be.
func (d *Desk) SetApprovals(ctx context.Context, id access.TicketID, wanted access.DeskApprovals) error {
	const op = "set approvals"
	driver, on := d.approver()
	switch {
	case !on:
		return access.Errorf(access.Invalid, op, "%s: this desk uses no approvals of its own", Key(d.name, "approvals"))
	case !d.traits.IsID(id):
		return d.noID(ctx, op, id)
	}
	me, err := d.me(ctx, op)
	if err != nil {
		return err
	}
	have, err := driver.Approvals(ctx, op, []access.TicketID{id})
	if err != nil {
		return d.confirmNotFound(ctx, op, err)
	}
	asking := asking{
		driver: driver, op: op, ticket: id, me: me,
		what: Question{Summary: d.traits.Unit.Shorten(OneLine(wanted.Summary), d.traits.SummaryLimit), Body: Tidy(wanted.Body)},
	}
	// Whoever cannot be asked keeps nobody else from being asked.
	var refused error
	for _, w := range wanted.All {
		err := asking.set(ctx, ownOf(have[id], w.Approver), w)
		if access.IsKind(err, access.Invalid) {
			refused = access.Errorf(access.Conflict, op, "account %s cannot be asked: %w", w.Approver, err)
			continue
		}
		if err != nil {
			return d.confirmNotFound(ctx, op, err)
		}
	}
	return refused
}

// asking is what all approvals of one ticket have in common.
type asking struct {
	driver Approver
	op     string
	ticket access.TicketID
	me     access.AccountID
	what   Question
}

// set brings one approval into its state. own are those that usher has opened for its account.
func (a asking) set(ctx context.Context, own []Approval, w access.DeskApproval) error {
	if len(own) < w.Round {
		opened, err := a.driver.RequestApproval(ctx, a.op, a.ticket, w.Approver, a.what)
		if err != nil || w.State == access.ApprovalRequested {
			return err
		}
		return a.driver.SetApproval(ctx, a.op, opened, w.State)
	}
	have := own[w.Round-1]
	answered := have.State.Answered() && !sameAccount(a.me, have.By)
	if have.State == w.State || (answered && !w.Void) {
		return nil
	}
	return a.driver.SetApproval(ctx, a.op, have, w.State)
}

// ownOf returns those approvals of an account that usher has opened.
func ownOf(all []Approval, approver access.AccountID) []Approval {
	return slices.DeleteFunc(slices.Clone(all), func(a Approval) bool { return !a.Own || a.Approver != approver })
}

// answers returns, by ticket, the answers of others than usher to the approvals of tickets, as the moves of a snapshot.
func (d *Desk) answers(ctx context.Context, op string, me access.AccountID, tickets []Ticket) (map[access.TicketID][]access.TicketMove, error) {
	driver, on := d.approver()
	if !on || len(tickets) == 0 {
		return nil, nil
	}
	ids := make([]access.TicketID, len(tickets))
	for n, t := range tickets {
		ids[n] = t.ID
	}
	all, err := driver.Approvals(ctx, op, ids)
	if err != nil {
		return nil, err
	}
	moves := map[access.TicketID][]access.TicketMove{}
	for id, approvals := range all {
		rounds := map[access.AccountID]int{}
		for _, a := range approvals {
			round := 0
			if a.Own {
				rounds[a.Approver]++
				round = rounds[a.Approver]
			}
			if a.State.Answered() && !sameAccount(me, a.By) {
				moves[id] = append(moves[id], a.move(round))
			}
		}
	}
	return moves, nil
}

func (a Approval) move(round int) access.TicketMove {
	m := access.TicketMove{
		ID: "approval " + a.ID, At: a.At, By: a.By, ByName: a.ByName, Status: string(a.State), Phase: access.TicketApproved,
		Asked: a.Approver, Round: round,
	}
	if a.State == access.ApprovalDenied {
		m.Phase = access.TicketDenied
	}
	return m
}

// withAnswers returns what a snapshot shows of moves and answers.
func withAnswers(moves, answers []access.TicketMove) []access.TicketMove {
	if len(answers) == 0 {
		return moves
	}
	all := slices.Concat(moves, answers)
	slices.SortStableFunc(all, func(a, b access.TicketMove) int { return a.At.Compare(b.At) })
	return access.DecisionMoves(all)
}

// answeredTickets returns the tickets of which an approval changed, save those that a page has already: an answer does not change its
// ticket, so the search for changed tickets does not show it.
func (d *Desk) answeredTickets(ctx context.Context, op string, since time.Time, page []access.TicketSnapshot) ([]access.TicketSnapshot, error) {
	driver, on := d.approver()
	if !on {
		return nil, nil
	}
	ids, err := driver.ApprovalsChanged(ctx, op, since, maxAnswered)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id access.TicketID) bool {
		return slices.ContainsFunc(page, func(s access.TicketSnapshot) bool { return s.Ref.ID == id })
	})
	var more []access.TicketSnapshot
	for some := range slices.Chunk(ids, manyTickets) {
		read, err := d.ReadTickets(ctx, some)
		if err != nil {
			return nil, err
		}
		more = append(more, read.Tickets...)
	}
	return more, nil
}
