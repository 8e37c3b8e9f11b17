package servicenow

import (
	"cmp"
	"context"
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// approvalTable has the approvals: a row asks one account about one ticket.
const approvalTable = "sysapproval_approver"

// approvalFields are what an approval is made of.
func approvalFields() []string {
	return []string{
		"sys_id", "sysapproval", "approver", "approver.user_name", "state", "sys_created_by", "sys_created_on", "sys_updated_by", "sys_updated_on",
	}
}

// approvalValues are what ServiceNow calls the states. It has others, which all mean that no answer is awaited.
func approvalValues() map[access.ApprovalState]string {
	return map[access.ApprovalState]string{
		access.ApprovalRequested: "requested", access.ApprovalApproved: "approved", access.ApprovalDenied: "rejected",
		access.ApprovalNotRequired: "not_required",
	}
}

// Approvals implements desk.Approver. Forbidden too: whoever may write an approval can write another account into it as the one that has
// answered it.
func (d *driver) Approvals(ctx context.Context, op string, tickets []access.TicketID) (map[access.TicketID][]desk.Approval, error) {
	me, err := d.self(ctx, op)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(tickets))
	for n, id := range tickets {
		ids[n] = string(id)
	}
	rows, err := d.each(ctx, op, listing{table: approvalTable, whole: true, fields: approvalFields()}, "sysapproval", ids)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.get("sys_created_on"), b.get("sys_created_on")) })
	out := map[access.TicketID][]desk.Approval{}
	var answered []string
	believed := false
	for _, r := range rows {
		a, err := d.approval(op, r, me)
		if err != nil {
			return nil, err
		}
		// What was answered when it was opened has no history.
		asOpened := r.get("sys_created_on") == r.get("sys_updated_on") && r.get("sys_created_by") == r.get("sys_updated_by")
		if a.State.Answered() && string(a.By) != me.userName {
			believed = true
			if !asOpened {
				answered = append(answered, a.ID)
			}
		}
		id := access.TicketID(r.get("sysapproval"))
		out[id] = append(out[id], a)
	}
	if !believed {
		return out, nil
	}
	if err := d.accountsAreTrue(ctx, op, "approvals"); err != nil {
		return nil, err
	}
	return out, d.addAnswerers(ctx, op, out, answered)
}

// unaudited takes an answer of which sys_audit does not say who gave it: while it is young the audit may come, and it waits; later it is one of
// nobody who is known.
func unaudited(a *desk.Approval, now time.Time) {
	if now.Sub(a.At) < historyRests {
		a.State = access.ApprovalRequested
		return
	}
	a.By = ""
}

// addAnswerers fills in who gave which answer, and when, by sys_audit. Where that does not tell, nobody knows: who changed the row last may have
// changed something else.
func (d *driver) addAnswerers(ctx context.Context, op string, all map[access.TicketID][]desk.Approval, answered []string) error {
	audits, err := d.audits(ctx, op, answered, []string{"state"})
	if err != nil {
		return err
	}
	last := map[string]row{}
	for _, r := range audits {
		if r.get("fieldname") == "state" {
			last[r.get("documentkey")] = r
		}
	}
	var accounts []access.AccountID
	for _, approvals := range all {
		for n := range approvals {
			a := &approvals[n]
			if r := last[a.ID]; r.get("newvalue") == approvalValues()[a.State] {
				a.By, a.At = access.AccountID(r.get("user")), r.at("sys_created_on")
			} else if slices.Contains(answered, a.ID) {
				unaudited(a, time.Now())
			}
			accounts = append(accounts, a.By)
		}
	}
	err = d.loadNames(ctx, op, accounts...)
	for _, approvals := range all {
		for n, a := range approvals {
			approvals[n].ByName = d.nameOf(a.By)
		}
	}
	return err
}

// approval is a row in the desk's words. Forbidden: usher's account does not see all of it.
func (d *driver) approval(op string, r row, me account) (desk.Approval, error) {
	for _, field := range approvalFields() {
		if _, shown := r[field]; !shown {
			return desk.Approval{}, access.Errorf(access.Forbidden, op, "%s: usher's account may not read the field %s of the table %s",
				d.key("approvals"), field, approvalTable)
		}
	}
	if r.at("sys_updated_on").IsZero() {
		return desk.Approval{}, access.Errorf(access.Transient, op, "the answer is no approval with a time of its last change in UTC")
	}
	a := desk.Approval{
		ID: r.get("sys_id"), Own: r.get("sys_created_by") == me.userName, State: access.ApprovalNotRequired,
		// Somebody whose name is hidden is not nobody.
		Approver: access.AccountID(cmp.Or(r.get("approver.user_name"), r.get("approver"))),
		By:       access.AccountID(r.get("sys_updated_by")), At: r.at("sys_updated_on"),
	}
	for state, value := range approvalValues() {
		if value == r.get("state") {
			a.State = state
		}
	}
	return a, nil
}

// ApprovalsChanged implements desk.Approver.
func (d *driver) ApprovalsChanged(ctx context.Context, op string, since time.Time, limit int) ([]access.TicketID, error) {
	ours, err := d.ours(ctx, op, "sysapproval.")
	if err != nil {
		return nil, err
	}
	l := listing{
		table: approvalTable, fields: []string{"sysapproval"}, byTime: true, limit: manyRows, either: ours,
		where: query{{"sys_updated_on", atLeast, since.UTC().Format(time.DateTime)}},
	}
	var ids []access.TicketID
	from := ""
	for range desk.MaxPages {
		got, err := d.page(ctx, op, l, from)
		if err != nil {
			return nil, err
		}
		for _, r := range got.rows {
			if id := access.TicketID(r.get("sysapproval")); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if from = got.next; from == "" || len(ids) >= limit {
			break
		}
	}
	return ids[:min(len(ids), limit)], nil
}
