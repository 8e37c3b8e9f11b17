package requesttracker

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// The beginnings of the subjects of approvals that are closed without an answer. RT has no status for them that a search shows.
const (
	notNeeded     = "Not needed: "
	cannotBeAsked = "Cannot be asked: "
)

// asking is the scope of the calls that open approvals.
const asking desk.Scope = "ask"

// approvalStatus is the status of an approval in a state.
func approvalStatus(s access.ApprovalState) string {
	switch s {
	case access.ApprovalApproved:
		return "resolved"
	case access.ApprovalDenied, access.ApprovalNotRequired:
		return "rejected"
	case access.ApprovalRequested:
	}
	return "open"
}

// RequestApproval implements desk.Approver. RT opens an approval without an owner for an account that may not own it. Such a one is closed under
// the account's name, and the next try begins with that one, so that no heap of them grows.
//
// Forbidden too: RT does not show the approval, or has not linked it. Then no other is opened for a while.
func (d *driver) RequestApproval(
	ctx context.Context, op string, id access.TicketID, approver access.AccountID, what desk.Question,
) (desk.Approval, error) {
	if err := d.gates.Check(op, time.Now(), asking); err != nil {
		return desk.Approval{}, err
	}
	body := d.newApproval(id, approver, what)
	if err := d.askable(ctx, op, approver, body); err != nil {
		return desk.Approval{}, err
	}
	var created struct {
		ID scalar `json:"id"`
	}
	_, err := d.rest.Do(ctx, rest.Call{Op: op, Mode: rest.Create, Method: http.MethodPost, Path: "ticket", Body: body, Into: &created})
	switch {
	case access.IsKind(err, access.NotFound) || access.IsKind(err, access.Invalid) || access.IsKind(err, access.Forbidden):
		// NotFound is about the ticket and Invalid about the account, and this is neither.
		return desk.Approval{}, access.Errorf(access.Forbidden, op, "%s: RT opens no approval in queue %q: %w", desk.Key(d.name, "approvals_queue"),
			d.approvalsQueue(), err)
	case err != nil:
		return desk.Approval{}, err
	case !ticketNumber.MatchString(string(created.ID)):
		return desk.Approval{}, access.Errorf(access.Unknown, op, "the answer names no approval")
	}
	t, err := d.load(ctx, op, access.TicketID(created.ID))
	switch {
	case access.IsKind(err, access.NotFound):
		return desk.Approval{}, d.gates.Unkept(op, asking, "%s: usher's account does not see approval %s, which it has just opened; it needs"+
			" the right ShowTicket in queue %q", desk.Key(d.name, "approvals_queue"), created.ID, d.approvalsQueue())
	case err != nil:
		return desk.Approval{}, access.Errorf(access.Unknown, op, "approval %s was opened and not seen again: %w", created.ID, err)
	case !slices.Contains(linkedBy(t.Links, "refers-to"), id):
		return desk.Approval{}, d.gates.Unkept(op, asking, "approval %s was opened without its link to ticket %s: usher's account needs the"+
			" right ModifyTicket in queue %q and in that of the ticket; delete the approval", created.ID, id, d.approvalsQueue())
	case t.Owner.ID != approver:
		_, err := d.closeUnasked(ctx, op, t, approver)
		return desk.Approval{}, err
	}
	return desk.Approval{ID: string(t.ID), Approver: t.Owner.ID, Own: true, State: access.ApprovalRequested, By: t.Creator.ID, At: t.LastUpdated}, nil
}

// newApproval is the body of POST ticket. The number of the ticket is in the subject as well, see opening.
func (d *driver) newApproval(id access.TicketID, approver access.AccountID, what desk.Question) map[string]any {
	unit, tail := d.Traits().Unit, " (#"+string(id)+")"
	body := map[string]any{
		"Queue": d.approvalsQueue(), "Type": "approval", "Owner": approver, "RefersTo": []access.TicketID{id},
		"Subject": unit.Shorten(desk.OneLine(what.Summary), subjectLimit-unit.Len(tail)) + tail,
	}
	// RT's page of approvals does not show the link.
	body["Content"], body["ContentType"] = unit.WithTail(desk.Tidy(what.Body), d.ref(string(id), "").URL, textLimit), "text/plain"
	return body
}

// askable is nil when the account may be asked, as far as that shows before. Invalid: it may not, or RT writes its name in another way, by which
// usher would not know its approvals again. An approval that never had an owner, by an earlier try for the account or for this question, is given
// to the account, because only that shows whether it may own one. What somebody has disowned is left alone.
func (d *driver) askable(ctx context.Context, op string, approver access.AccountID, body map[string]any) error {
	var account struct{ Name access.AccountID }
	_, err := d.get(ctx, op, "user/"+url.PathEscape(string(approver)), nil, &account)
	switch {
	case err == nil && account.Name == "":
		return access.Errorf(access.Transient, op, "the answer is no account with a name")
	case access.IsKind(err, access.Invalid):
		// That is about the call, not about the account.
		return access.Errorf(access.Forbidden, op, "RT does not show account %q: %w", approver, err)
	case err != nil && !access.IsKind(err, access.NotFound):
		return err
	case account.Name != approver:
		return access.Errorf(access.Invalid, op, "RT has no account %q; it names %q", approver, account.Name)
	}
	subject, _ := body["Subject"].(string)
	query := d.ownApprovals() + " AND Queue = " + quote(d.approvalsQueue()) + " AND Owner = " + quote(nobody) + " AND (Subject = " +
		quote(d.unasked(approver)) + " OR Subject = " + quote(subject) + ")"
	got, _, err := d.find(ctx, op, query, "Status,Owner,Creator,Subject", desk.Search{Limit: 1})
	if access.IsKind(err, access.Invalid) {
		// That is about the search, not about the account.
		err = access.Errorf(access.Forbidden, op, "%s: RT does not search for approvals: %w", desk.Key(d.name, "approvals_queue"), err)
	}
	if err != nil || len(got.Items) == 0 {
		return err
	}
	if old, _, err := d.approval(ctx, op, got.Items[0]); err != nil || old.Approver != nobody {
		return err
	}
	taken, err := d.closeUnasked(ctx, op, got.Items[0], approver)
	if taken {
		return nil
	}
	return err
}

// unasked is the subject of an approval whose account may not own it.
func (d *driver) unasked(approver access.AccountID) string {
	return d.Traits().Unit.Shorten(cannotBeAsked+string(approver), subjectLimit)
}

// closeUnasked closes an approval that nobody owns, and reports whether the account may own it all the same. Invalid: it may not.
func (d *driver) closeUnasked(ctx context.Context, op string, t ticket, approver access.AccountID) (bool, error) {
	after, said, err := d.change(ctx, op, access.TicketID(t.ID), t.etag, map[string]any{
		"Owner": approver, "Subject": d.unasked(approver), "Status": approvalStatus(access.ApprovalNotRequired),
	})
	if err != nil {
		return false, err
	}
	return after.Owner.ID == approver, access.Errorf(access.Invalid, op, "account %q may not own tickets in queue %q;"+
		" RT said: %s", approver, d.approvalsQueue(), said)
}

// SetApproval implements desk.Approver. What is not needed is rejected as well, and its subject says so: a state is usher's when the last change
// of the status is. Where a person has rejected it, it is opened before, so that there is such a change.
func (d *driver) SetApproval(ctx context.Context, op string, a desk.Approval, to access.ApprovalState) error {
	t, err := d.load(ctx, op, access.TicketID(a.ID))
	if err != nil {
		return err
	}
	status, subject := approvalStatus(to), strings.TrimPrefix(t.Subject, notNeeded)
	if to == access.ApprovalNotRequired {
		subject = d.Traits().Unit.Shorten(notNeeded+subject, subjectLimit)
	}
	var said string
	if statusOf(t.Status).ID == status {
		if t, _, err = d.change(ctx, op, access.TicketID(t.ID), t.etag, map[string]any{"Status": approvalStatus(access.ApprovalRequested)}); err != nil {
			return err
		}
	}
	t, said, err = d.change(ctx, op, access.TicketID(t.ID), t.etag, map[string]any{"Status": status, "Subject": subject})
	switch {
	case err != nil:
		return err
	case statusOf(t.Status).ID != status || t.Subject != subject:
		return access.Errorf(access.Forbidden, op, "RT did not set approval %s to %q and said: %s; usher's account needs the right ModifyTicket"+
			" in queue %q, and its lifecycle the statuses open, resolved and rejected", t.ID, status, said, d.approvalsQueue())
	}
	return nil
}
