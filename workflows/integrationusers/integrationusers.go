// Package integrationusers is the workflow IntegrationUsers: one change of the register of a desk's integration users, or one check of everybody in
// it. The register is in the ledger; the worker that serves the desk asks the desk.
package integrationusers

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// users names the activities.
var users *activities.IntegrationUsers

// Workflow returns what came of the change or the check. It fails where the desk or the ledger did not answer.
func Workflow(ctx workflow.Context, p workflows.IntegrationUsersParams) (workflows.IntegrationUsersResult, error) {
	change := activities.ChangeOfRegister{
		Desk: p.Desk, Change: workflow.GetInfo(ctx).WorkflowExecution.ID, At: workflow.Now(ctx).UTC(), By: p.By, Evidence: p.Evidence, Reason: p.Reason,
	}
	switch {
	case p.Add != nil:
		change.Email, change.Groups, change.Dry = p.Add.Email, p.Add.Groups, p.Add.Dry
		return add(ctx, change)
	case p.Remove != nil:
		change.User = p.Remove.User
		return remove(ctx, change)
	}
	return check(ctx, change)
}

func add(ctx workflow.Context, c activities.ChangeOfRegister) (workflows.IntegrationUsersResult, error) {
	var added activities.RegisteredUser
	options := workflow.WithActivityOptions(ctx, workflows.FindUser(c.Desk))
	if err := workflow.ExecuteActivity(options, users.AddIntegrationUser, c).Get(ctx, &added); err != nil {
		return workflows.IntegrationUsersResult{}, err
	}
	return resultOf(added), nil
}

func remove(ctx workflow.Context, c activities.ChangeOfRegister) (workflows.IntegrationUsersResult, error) {
	var removed activities.RegisteredUser
	options := workflow.WithActivityOptions(ctx, workflows.FindUser(c.Desk))
	if err := workflow.ExecuteActivity(options, users.RemoveIntegrationUser, c).Get(ctx, &removed); err != nil {
		return workflows.IntegrationUsersResult{}, err
	}
	result := resultOf(removed)
	if removed.User == nil {
		return result, nil
	}
	return notify(ctx, c, result)
}

func check(ctx workflow.Context, c activities.ChangeOfRegister) (workflows.IntegrationUsersResult, error) {
	var checked activities.CheckedUsers
	options := workflow.WithActivityOptions(ctx, workflows.CheckUsers(c.Desk))
	err := workflow.ExecuteActivity(options, users.CheckIntegrationUsers, c).Get(ctx, &checked)
	result := workflows.IntegrationUsersResult{Checked: checked.Checked, Flagged: checked.Flagged, Unread: checked.Unread}
	// Who was flagged before is still flagged, whatever the desk says now.
	result, failed := notify(ctx, c, result)
	if err == nil {
		err = failed
	}
	lines := []string{fmt.Sprintf("%d incidents were notified", result.Notified)}
	if checked.Problem != "" {
		lines = append(lines, "**Problem:** "+workflows.Inline(checked.Problem))
	}
	workflow.SetCurrentDetails(ctx, workflows.Details(fmt.Sprintf("Of the integration users of %s, %d were checked, %d are flagged, and %d were not read.",
		workflows.Inline(string(c.Desk)), checked.Checked, checked.Flagged, checked.Unread), lines))
	return result, err
}

// notify has the incidents assigned anew whose assignee is not available any more, and after a check also those that nobody has.
func notify(ctx workflow.Context, c activities.ChangeOfRegister, result workflows.IntegrationUsersResult) (workflows.IntegrationUsersResult, error) {
	options := workflow.WithActivityOptions(ctx, workflows.CheckUsers(c.Desk))
	err := workflow.ExecuteActivity(options, users.NotifyIncidents, c).Get(ctx, &result.Notified)
	return result, err
}

func resultOf(r activities.RegisteredUser) workflows.IntegrationUsersResult {
	result := workflows.IntegrationUsersResult{User: r.User, Added: r.Changed, Kind: r.Kind, Refusals: r.Refusals}
	if result.Kind == "" && len(r.Refusals) > 0 {
		result.Kind = access.Invalid
	}
	return result
}
