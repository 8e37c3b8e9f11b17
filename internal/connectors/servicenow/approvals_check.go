package servicenow

import (
	"context"
	"net/http"

	"usher/internal/access"
	"usher/internal/rest"
)

// checkApprovals wants approvals that usher's account sees, and accounts in them that are true.
func (d *driver) checkApprovals(ctx context.Context, op string) ([]access.Finding, error) {
	if !d.config.Approvals {
		return nil, nil
	}
	var findings []access.Finding
	switch err := d.accountsAreTrue(ctx, op, "approvals"); {
	case access.IsKind(err, access.Forbidden):
		findings = append(findings, d.finding("approvals", "%s", forgeable))
	case err != nil:
		return nil, err
	}
	err := d.seesApprovals(ctx, op)
	if access.IsKind(err, access.Forbidden) || rest.StatusOf(err) == http.StatusBadRequest {
		findings, err = append(findings, d.finding("approvals", "usher's account must be able to read the table %s: %v", approvalTable, err)), nil
	}
	return findings, err
}

// seesApprovals reads one approval of a ticket of usher's. Without any there is nothing to see.
func (d *driver) seesApprovals(ctx context.Context, op string) error {
	me, err := d.self(ctx, op)
	if err != nil {
		return err
	}
	got, err := d.page(ctx, op, listing{
		table: approvalTable, fields: approvalFields(), limit: 1, where: query{{"sysapproval.sys_created_by", equal, me.userName}},
	}, "")
	switch {
	case err != nil:
		return err
	case len(got.rows) > 0:
		_, err = d.approval(op, got.rows[0], me)
		return err
	case got.count > 0:
		return access.Errorf(access.Forbidden, op, "no row is shown")
	}
	return nil
}
