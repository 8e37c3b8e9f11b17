package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/access"
)

// deskApproval is an approval as it lies in the desk. By gave it its state, at At; "" while nobody has.
type deskApproval struct {
	ticket   access.TicketID
	number   int
	approver access.AccountID
	own      bool
	state    access.ApprovalState
	by       access.AccountID
	at       time.Time
}

// SetApprovals implements access.TicketApprovals. Who cannot be assigned cannot be asked.
func (d *Desk) SetApprovals(ctx context.Context, id access.TicketID, wanted access.DeskApprovals) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "set approvals"
	t, err := d.open(ctx, OpSetApprovals, op, id)
	if err != nil {
		return nil, err
	}
	if !d.approvals {
		return nil, access.Errorf(access.Invalid, op, "approvals: this desk has none")
	}
	claimed := map[string]bool{}
	for _, w := range wanted.All {
		claimed[w.ID] = true
	}
	if err := d.inTime(ctx, op); err != nil {
		return nil, err
	}
	ids, refused := map[string]string{}, access.AccountID("")
	for _, w := range wanted.All {
		have := t.approvalOf(w, claimed)
		if have == nil && w.State == access.ApprovalRequested {
			if !d.assignable(w.Approver) {
				refused = w.Approver
				continue
			}
			have = t.addApproval(w.Approver, true)
			d.set(t, have, w.State)
		}
		if have != nil {
			claimed[have.id()], ids[w.Key] = true, have.id()
			d.bring(t, have, w)
		}
	}
	d.dismiss(t, claimed, wanted.Over)
	if refused != "" {
		return ids, access.Errorf(access.Conflict, op, "account %q cannot be asked", refused)
	}
	if err := d.end(OpSetApprovals, op); err != nil {
		return nil, err
	}
	return ids, nil
}

// dismiss ends usher's open questions that are not claimed, and with over those that people have answered.
func (d *Desk) dismiss(t *DeskTicket, claimed map[string]bool, over bool) {
	for _, old := range t.approvals {
		late := over && old.state.Answered() && old.by != DeskSelf
		if old.own && !claimed[old.id()] && (old.state == access.ApprovalRequested || late) {
			d.set(t, old, access.ApprovalNotRequired)
		}
	}
}

// bring brings an approval into the state that is wanted, save where a person's answer stands.
func (d *Desk) bring(t *DeskTicket, have *deskApproval, w access.DeskApproval) {
	answered := have.by != DeskSelf && have.state.Answered()
	if have.state != w.State && (!answered || !w.Keeps(have.move(d.nameOf).Name())) {
		d.set(t, have, w.State)
	}
}

// set brings an approval into a state, as usher does.
func (d *Desk) set(t *DeskTicket, a *deskApproval, to access.ApprovalState) {
	a.state, a.by = to, DeskSelf
	d.changed(t, true)
	a.at = t.UpdatedAt
}

// approvalOf returns the approval of a question; nil for none.
func (t *DeskTicket) approvalOf(w access.DeskApproval, claimed map[string]bool) *deskApproval {
	for _, a := range t.approvals {
		if a.own && a.id() == w.ID {
			return a
		}
	}
	for _, a := range t.approvals {
		if a.own && w.State == access.ApprovalRequested && a.approver == w.Approver && a.state == access.ApprovalRequested && !claimed[a.id()] {
			return a
		}
	}
	return nil
}

// UseApprovals lets the desk have approvals.
func (d *Desk) UseApprovals() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.approvals = true
}

// AnswerAs answers usher's question of a round to an account as a human does who may: the account's own, or somebody else.
func (d *Desk) AnswerAs(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return err
	}
	have := t.approval(asked, round)
	if have == nil {
		return fmt.Errorf("account %q was not asked %d times on ticket %q", asked, round, id)
	}
	d.answer(t, have, by, state)
	return nil
}

// ApproveAs opens an approval as others than usher do, and answers it as a human does.
func (d *Desk) ApproveAs(by access.AccountID, id access.TicketID, asked access.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err == nil {
		d.answer(t, t.addApproval(asked, false), by, access.ApprovalApproved)
	}
	return err
}

func (d *Desk) answer(t *DeskTicket, a *deskApproval, by access.AccountID, state access.ApprovalState) {
	a.state, a.by = state, by
	// The ticket itself does not change by it, but a search for changes finds it.
	t.approvalsAt = d.clock.tick()
	a.at = t.approvalsAt
	d.remember(t)
}

// DeleteApproval deletes all approvals of an account on a ticket, as a human does who may.
func (d *Desk) DeleteApproval(id access.TicketID, asked access.AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, err := d.ticket(id); err == nil {
		t.approvals = slices.DeleteFunc(t.approvals, func(a *deskApproval) bool { return a.approver == asked })
	}
}

// ApproverOf returns whom the approval of a number asks; "" for none.
func (d *Desk) ApproverOf(id access.TicketID, number int) access.AccountID {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, err := d.ticket(id); err == nil {
		for _, a := range t.approvals {
			if a.number == number {
				return a.approver
			}
		}
	}
	return ""
}

// Approvals returns the states of usher's questions to an account on a ticket, in the order in which they were asked.
func (d *Desk) Approvals(id access.TicketID, asked access.AccountID) []access.ApprovalState {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.ticket(id)
	if err != nil {
		return nil
	}
	var states []access.ApprovalState
	for round := 1; t.approval(asked, round) != nil; round++ {
		states = append(states, t.approval(asked, round).state)
	}
	return states
}

func (t *DeskTicket) addApproval(asked access.AccountID, own bool) *deskApproval {
	t.approvalsMade++
	a := &deskApproval{ticket: t.Ref.ID, number: t.approvalsMade, approver: asked, own: own, state: access.ApprovalRequested}
	t.approvals = append(t.approvals, a)
	return a
}

// approval returns usher's question of a round to an account; nil for none.
func (t *DeskTicket) approval(asked access.AccountID, round int) *deskApproval {
	n := 0
	for _, a := range t.approvals {
		if a.own && a.approver == asked {
			if n++; n == round {
				return a
			}
		}
	}
	return nil
}

// deskMoves returns moves and answers, the oldest first.
func deskMoves(moves, answers []access.TicketMove) []access.TicketMove {
	all := slices.Concat(moves, answers)
	slices.SortStableFunc(all, func(a, b access.TicketMove) int { return a.At.Compare(b.At) })
	return all
}

// id is what the desk calls an approval.
func (a *deskApproval) id() string { return fmt.Sprintf("approval-%s-%d", a.ticket, a.number) }

// move is what was done to an approval last, as a move.
func (a *deskApproval) move(name func(access.AccountID) string) access.TicketMove {
	phase := map[access.ApprovalState]access.TicketPhase{access.ApprovalApproved: access.TicketApproved, access.ApprovalDenied: access.TicketDenied}[a.state]
	return access.TicketMove{
		ID: a.id(), At: a.at, By: a.by, ByName: name(a.by), Status: string(a.state), Phase: cmp.Or(phase, access.TicketOther),
		Asked: a.approver, Approval: a.id(), Own: a.own,
	}
}

// answers are the answers of others than usher, and what they have set to not required.
func (t *DeskTicket) answers(name func(access.AccountID) string) []access.TicketMove {
	var moves []access.TicketMove
	for _, a := range t.approvals {
		if (a.state.Answered() || (a.own && a.state == access.ApprovalNotRequired)) && a.by != DeskSelf {
			moves = append(moves, a.move(name))
		}
	}
	return moves
}
