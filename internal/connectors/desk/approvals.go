package desk

import (
	"cmp"
	"context"
	"fmt"
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
	// first. Invalid: the account cannot be asked. With an error it returns what was opened all the same.
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
	// By is the account that gave it its state, at At, and ByName what people read. They count for answers and for ApprovalNotRequired; "" is
	// nobody who is known.
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
func (d *Desk) SetApprovals(ctx context.Context, id access.TicketID, wanted access.DeskApprovals) (map[string]string, error) {
	const op = "set approvals"
	driver, on := d.approver()
	switch {
	case !on:
		return nil, access.Errorf(access.Invalid, op, "%s: this desk uses no approvals of its own", Key(d.name, "approvals"))
	case !d.traits.IsID(id):
		return nil, d.noID(ctx, op, id)
	}
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	have, err := driver.Approvals(ctx, op, []access.TicketID{id})
	if err != nil {
		return nil, d.confirmNotFound(ctx, op, err)
	}
	a := asking{
		driver: driver, op: op, ticket: id, me: me, ids: map[string]string{}, named: map[string]access.DeskApproval{},
		what: Question{Summary: d.traits.Unit.Shorten(OneLine(wanted.Summary), d.traits.SummaryLimit), Body: Tidy(wanted.Body)},
		have: slices.DeleteFunc(slices.Clone(have[id]), func(a Approval) bool { return !a.Own }),
	}
	return a.ids, d.confirmNotFound(ctx, op, a.setAll(ctx, wanted))
}

// asking is a call for the approvals of one ticket.
type asking struct {
	driver Approver
	op     string
	ticket access.TicketID
	me     access.AccountID
	what   Question
	// have are those of usher's that there are, ids those that were found to be a question's, by its key, and named the questions by the id that
	// they came with.
	have  []Approval
	ids   map[string]string
	named map[string]access.DeskApproval
}

// setAll brings all approvals into their states. Whoever cannot be asked keeps nobody else from being asked.
func (a asking) setAll(ctx context.Context, wanted access.DeskApprovals) error {
	claimed := map[string]bool{}
	for _, w := range wanted.All {
		claimed[w.ID] = a.byID(w) != nil
		a.named[w.ID] = w
	}
	var refused error
	opened := 0
	for _, w := range wanted.All {
		have := a.of(w, claimed)
		if have != nil {
			claimed[have.ID] = true
			a.ids[w.Key] = have.ID
		}
		switch err := a.set(ctx, have, w); {
		case err == nil && have == nil && w.State == access.ApprovalRequested:
			opened++
		case access.IsKind(err, access.Invalid) || access.IsKind(err, access.Forbidden):
			refused = fmt.Errorf("account %s cannot be asked: %w", w.Approver, err)
		case err != nil:
			return err
		}
	}
	if err := a.dismiss(ctx, claimed, wanted.Over); err != nil {
		return err
	}
	if access.IsKind(refused, access.Forbidden) && opened == 0 {
		return access.Errorf(access.Forbidden, a.op, "%w", refused)
	}
	if refused != nil {
		return access.Errorf(access.Conflict, a.op, "%w", refused)
	}
	return nil
}

// dismiss sets to not required what belongs to no question: what is open, what others have answered to a question that was for somebody else,
// and with over all that people have answered.
func (a asking) dismiss(ctx context.Context, claimed map[string]bool, over bool) error {
	for _, old := range a.have {
		was, reassigned := a.named[old.ID]
		late := (over || (reassigned && !was.Keeps(old.move().Name()))) && old.State.Answered() && !sameAccount(a.me, old.By)
		if claimed[old.ID] || (old.State != access.ApprovalRequested && !late) {
			continue
		}
		if err := a.driver.SetApproval(ctx, a.op, old, access.ApprovalNotRequired); err != nil {
			return err
		}
	}
	return nil
}

// byID returns the approval with the id of a question; nil for none. One that asks somebody else by now is not the question's any more.
func (a asking) byID(w access.DeskApproval) *Approval {
	i := slices.IndexFunc(a.have, func(have Approval) bool { return have.ID == w.ID && sameAccount(have.Approver, w.Approver) })
	if i < 0 {
		return nil
	}
	return &a.have[i]
}

// of returns the approval of a question: that with its id, or, where there is none, one that waits for the account and is no other question's,
// from a call whose answer was lost. nil for none.
func (a asking) of(w access.DeskApproval, claimed map[string]bool) *Approval {
	if have := a.byID(w); have != nil || w.State != access.ApprovalRequested {
		return have
	}
	i := slices.IndexFunc(a.have, func(have Approval) bool {
		_, named := a.named[have.ID]
		return have.Approver == w.Approver && have.State == access.ApprovalRequested && !claimed[have.ID] && !named
	})
	if i < 0 {
		return nil
	}
	return &a.have[i]
}

// set brings one approval into its state. What is not to be answered is not opened for that.
func (a asking) set(ctx context.Context, have *Approval, w access.DeskApproval) error {
	if have == nil {
		if w.State != access.ApprovalRequested {
			return nil
		}
		id, err := a.request(ctx, w.Approver)
		if id != "" {
			a.ids[w.Key] = id
		}
		return err
	}
	answered := have.State.Answered() && !sameAccount(a.me, have.By)
	if have.State == w.State || (answered && w.Keeps(have.move().Name())) {
		return nil
	}
	return a.driver.SetApproval(ctx, a.op, *have, w.State)
}

// request opens an approval, and returns its id. Whoever is asked may answer before the next call, and what has been answered is not known by then
// as the answer to this question. So if the desk's answer is lost, the approvals are read once more in this call: what was not there before is
// what it opened.
func (a asking) request(ctx context.Context, approver access.AccountID) (string, error) {
	opening, cancel := half(ctx)
	opened, err := a.driver.RequestApproval(opening, a.op, a.ticket, approver, a.what)
	cancel()
	lost := opened.ID == "" && (access.IsKind(err, access.Transient) || access.IsKind(err, access.Unknown) || access.IsKind(err, access.RateLimited))
	if !lost {
		return opened.ID, err
	}
	now, readErr := a.driver.Approvals(ctx, a.op, []access.TicketID{a.ticket})
	if readErr != nil {
		return "", err
	}
	for _, one := range now[a.ticket] {
		if one.Own && one.Approver == approver && !a.knows(one.ID) {
			return one.ID, nil
		}
	}
	return "", err
}

// knows reports whether an approval was there before this call, or is of a question already.
func (a asking) knows(id string) bool {
	for _, known := range a.ids {
		if known == id {
			return true
		}
	}
	return slices.ContainsFunc(a.have, func(have Approval) bool { return have.ID == id })
}

// half returns a context with half the time that is left.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	until, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(until)/2) //nolint:mnd // half
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
		for _, a := range approvals {
			dropped := a.Own && a.State == access.ApprovalNotRequired && a.By != ""
			if a.Approver != "" && (a.State.Answered() || dropped) && !sameAccount(me, a.By) {
				moves[id] = append(moves[id], a.move())
			}
		}
	}
	return moves, nil
}

// move returns what was done to an approval last, as a move.
func (a Approval) move() access.TicketMove {
	phase := map[access.ApprovalState]access.TicketPhase{access.ApprovalApproved: access.TicketApproved, access.ApprovalDenied: access.TicketDenied}[a.State]
	return access.TicketMove{
		ID: "approval " + a.ID, At: a.At, By: a.By, ByName: a.ByName, Status: string(a.State), Phase: cmp.Or(phase, access.TicketOther),
		Asked: a.Approver, Approval: a.ID, Own: a.Own,
	}
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
