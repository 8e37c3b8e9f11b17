package desk_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// The store has approvals, whose answers do not change their tickets.
var _ desk.Approver = (*store)(nil)

func (s *store) Approvals(ctx context.Context, op string, tickets []access.TicketID) (map[access.TicketID][]desk.Approval, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := map[access.TicketID][]desk.Approval{}
	for _, id := range tickets {
		if t := s.find(id); t != nil {
			all[id] = slices.Clone(t.approvals)
		}
	}
	return all, nil
}

func (s *store) ApprovalsChanged(ctx context.Context, op string, since time.Time, limit int) ([]access.TicketID, error) {
	leave, err := s.enter(ctx, op, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var ids []access.TicketID
	for _, t := range s.items {
		young := func(a desk.Approval) bool { return !a.At.Before(since.Truncate(time.Second)) }
		if len(ids) < limit && slices.ContainsFunc(t.approvals, young) {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}

func (s *store) RequestApproval(
	ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, _ desk.Question,
) (desk.Approval, error) {
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return desk.Approval{}, err
	}
	defer leave()
	if s.unfit[approver] {
		return desk.Approval{}, access.Errorf(access.Invalid, op, "no such approver")
	}
	t := s.find(ticket)
	if t == nil {
		return desk.Approval{}, missing(op)
	}
	a := desk.Approval{
		ID: fmt.Sprintf("%s-%d", ticket, len(t.approvals)), Approver: approver, Own: true, State: access.ApprovalRequested, By: me, At: now(),
	}
	t.approvals = append(t.approvals, a)
	if err := s.lost(op, access.Transient); err != nil {
		return desk.Approval{}, err
	}
	return a, nil
}

func (s *store) SetApproval(ctx context.Context, op string, a desk.Approval, to access.ApprovalState) error {
	leave, err := s.enterWrite(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	for _, t := range s.items {
		for n := range t.approvals {
			if t.approvals[n].ID == a.ID {
				t.approvals[n].State, t.approvals[n].By, t.approvals[n].At = to, me, now()
				return nil
			}
		}
	}
	return missing(op)
}

// answer answers usher's question of a round to an account.
func (s *store) answer(t *stored, by, asked access.AccountID, round int, state access.ApprovalState) {
	for n := range t.approvals {
		a := &t.approvals[n]
		if a.Approver == asked {
			if round--; round == 0 {
				a.State, a.By, a.ByName, a.At = state, by, s.names[by], now()
			}
		}
	}
}
