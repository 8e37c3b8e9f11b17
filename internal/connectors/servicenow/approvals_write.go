package servicenow

import (
	"context"
	"net/http"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// asking is the scope of the calls that open an approval.
const asking desk.Scope = "approval"

// RequestApproval implements desk.Approver. NotFound: there is no such ticket.
func (d *driver) RequestApproval(
	ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, what desk.Question,
) (desk.Approval, error) {
	if err := d.gates.Check(op, time.Now(), asking); err != nil {
		return desk.Approval{}, err
	}
	if err := d.accountsAreTrue(ctx, op, "approvals"); err != nil {
		return desk.Approval{}, err
	}
	id, err := d.reference(ctx, op, approver)
	switch {
	case err != nil:
		return desk.Approval{}, err
	case id == "":
		return desk.Approval{}, access.Errorf(access.Invalid, op, "account %q does not exist, is not active, or is hidden from usher's account", approver)
	}
	about, err := d.record(ctx, op, d.config.table(), string(ticket), plain("sys_id", "sys_class_name"))
	if err != nil {
		return desk.Approval{}, err
	}
	text := d.Traits().Unit.Shorten(markup.ReplaceAllString(desk.Tidy(what.Summary+"\n\n"+what.Body), "[ $1]"), textLimit)
	return d.insertApproval(ctx, op, map[string]string{
		"sysapproval": about.get("sys_id"), "document_id": about.get("sys_id"), "source_table": about.get("sys_class_name"), "approver": id,
		"state": approvalValues()[access.ApprovalRequested], "comments": text,
	})
}

// insertApproval writes a row, and reads in the answer what was kept of it.
func (d *driver) insertApproval(ctx context.Context, op string, body map[string]string) (desk.Approval, error) {
	me, err := d.self(ctx, op)
	if err != nil {
		return desk.Approval{}, err
	}
	var made row
	_, err = d.call(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPost, Path: tablePath(approvalTable), Query: plain(approvalFields()...), Body: body,
	}, &made)
	d.marked.Add(1)
	switch {
	case access.IsKind(err, access.NotFound):
		// There is no approval yet that could be missing.
		return desk.Approval{}, access.Errorf(access.Invalid, op, "%s: %w", d.key("base_url"), err)
	case err != nil:
		return desk.Approval{}, err
	case !sysID.MatchString(made.get("sys_id")):
		return desk.Approval{}, access.Errorf(access.Transient, op, "the answer names no approval")
	}
	a, err := d.approval(op, made, me)
	switch {
	case err != nil:
		return a, err
	case made.get("sysapproval") != body["sysapproval"] || made.get("approver") != body["approver"] || !a.Own:
		return desk.Approval{}, d.gates.Unkept(op, asking, "%s: an approval was opened that is of another ticket or account, or not of usher's own: usher's"+
			" account must be able to write and to read sysapproval and approver of the table %s; delete %s", d.key("approvals"), approvalTable, a.ID)
	}
	return a, becameState(op, made, access.ApprovalRequested)
}

// SetApproval implements desk.Approver. Invalid: a rule of the instance refuses the state.
func (d *driver) SetApproval(ctx context.Context, op string, a desk.Approval, to access.ApprovalState) error {
	after, err := d.patch(ctx, op, approvalTable, a.ID, map[string]any{"state": approvalValues()[to]})
	switch {
	case access.IsKind(err, access.NotFound):
		return access.Errorf(access.Transient, op, "the approval is gone: %w", err)
	case err != nil:
		return err
	}
	return becameState(op, after, to)
}

// becameState wants a row in a state.
func becameState(op string, r row, state access.ApprovalState) error {
	if r.get("state") != approvalValues()[state] {
		return access.Errorf(access.Invalid, op, "a rule of the instance did not let the approval become %q", approvalValues()[state])
	}
	return nil
}
