// Package usersync is the workflow UserSync: one run over the users of a desk, by its schedule or by hand. It has the desk list its users, plans
// what each person's user has to be, and applies what no brake holds. Users never travel through it: the ledger has them.
package usersync

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Workflow returns the run as it ended. It fails where the desk could not be listed or did not take the rows for hours, another run goes on, or the
// ledger refuses the run: the ledger has why.
func Workflow(ctx workflow.Context, p workflows.UserSyncParams) (access.SyncRun, error) {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	run := access.SyncRun{
		Desk: p.Desk, ID: workflows.UserSyncRunID(p.Desk, id), Workflow: id, BeganAt: workflow.Now(ctx), Scope: p.Scope, Dry: p.Dry,
		By: p.By, Evidence: p.Evidence, Release: p.Release,
	}
	begun, err := begin(ctx, run)
	if err == nil && !begun.NotBefore.IsZero() {
		run.Problem, run.NeverBegan = workflows.NotBefore(begun.NotBefore), true
		details(ctx, run, "does not begin now")
		return run, nil
	}
	if err == nil {
		run, err = goOn(ctx, begun)
	} else {
		run.NeverBegan = true
	}
	if err != nil {
		run.Problem, run.Cancelled = workflows.ErrorText(err), temporal.IsCanceledError(err)
		details(ctx, run, "failed")
		// A run that was cancelled is recorded as well.
		clean, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		fail := workflow.ExecuteActivity(workflow.WithActivityOptions(clean, workflows.RunStep("record why the run failed")), records.FailSync, run)
		recorded := fail.Get(clean, nil)
		attend(clean, run, begun)
		return run, workflows.WithRecording(err, recorded)
	}
	attend(ctx, run, begun)
	details(ctx, run, "ended")
	return run, nil
}

// begin records the run.
func begin(ctx workflow.Context, run access.SyncRun) (activities.BeginSyncResult, error) {
	begun := activities.BeginSyncResult{SyncRun: run}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RunStep("begin")), records.BeginSync, run).Get(ctx, &begun)
	return begun, err
}

// attend has people look where they have to.
func attend(ctx workflow.Context, run access.SyncRun, begun activities.BeginSyncResult) {
	if !begun.Attends {
		return
	}
	var a activities.Attention
	call := activities.SyncInput{Desk: run.Desk, Run: run.ID, Plan: run.Plan}
	ctx = workflow.WithActivityOptions(ctx, workflows.RunStep("see whether people have to look"))
	if err := workflow.ExecuteActivity(ctx, records.SyncAttention, call).Get(ctx, &a); err != nil {
		workflow.GetLogger(ctx).Error("cannot see whether people have to look", "error", err)
	}
	workflows.Attend(ctx, a)
}

// records and desk name the activities.
var (
	records *activities.UserSync
	desk    *activities.DeskUsers
)

// goOn lists, plans, applies and hands over.
func goOn(ctx workflow.Context, begun activities.BeginSyncResult) (access.SyncRun, error) {
	run := begun.SyncRun
	step := func(summary string, activity, input, result any) error {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RunStep(summary)), activity, input).Get(ctx, result)
	}
	details(ctx, run, "lists users")
	var listed activities.ListUsersResult
	list := activities.ListUsersInput{Desk: run.Desk, Run: run.ID}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.ListUsers(run.Desk)), desk.ListUsers, list).Get(ctx, &listed); err != nil {
		return run, err
	}
	run.Plan, run.Schema, run.Counts.Users, run.Counts.Active = listed.ID, listed.Schema, listed.Users, listed.Active
	details(ctx, run, "plans")
	planned := run
	if err := step("plan", records.PlanSync, activities.PlanSyncInput{Run: run}, &planned); err != nil {
		return run, err
	}
	run = planned
	plan := activities.SyncInput{Desk: run.Desk, Run: run.ID, Plan: run.Plan}
	if err := step("hold what a brake holds", records.HoldSync, plan, &run.States); err != nil {
		return run, err
	}
	if err := apply(ctx, &run, plan); err != nil {
		return run, err
	}
	if begun.HandsOver {
		if err := handOver(ctx, &run, plan); err != nil {
			return run, err
		}
	}
	var ended access.SyncRun
	if err := step("end", records.EndSync, plan, &ended); err != nil {
		return run, err
	}
	return ended, nil
}

// apply applies the rows of a plan, some at a time, and shows how far it has come.
func apply(ctx workflow.Context, run *access.SyncRun, plan activities.SyncInput) error {
	began, first := workflow.Now(ctx), left(run.States)
	for left(run.States) > 0 {
		doing := fmt.Sprintf("applies: %d of %d rows are left", left(run.States), first)
		if minutes := workflow.Now(ctx).Sub(began).Minutes(); minutes >= 1 {
			doing += fmt.Sprintf(", %.0f a minute", float64(first-left(run.States))/minutes)
		}
		details(ctx, *run, doing)
		var done activities.ApplyUsersResult
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.ApplyUsers(run.Desk)), desk.ApplyUsers, plan).Get(ctx, &done); err != nil {
			return err
		}
		run.States = done.States
	}
	return nil
}

// handOver hands over what leavers own, for some of them at a time, and shows how far it has come.
func handOver(ctx workflow.Context, run *access.SyncRun, plan activities.SyncInput) error {
	for run.HandOver == nil || !run.HandOver.Done {
		details(ctx, *run, "hands over what leavers own")
		var done access.HandOver
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.HandOver(run.Desk)), desk.HandOver, plan).Get(ctx, &done); err != nil {
			return err
		}
		run.HandOver = &done
	}
	return nil
}

// left is how many rows are to be applied.
func left(states map[access.SyncState]int) int {
	return states[access.SyncReady] + states[access.SyncRetry] + states[access.SyncManager]
}

// details shows where the run stands.
func details(ctx workflow.Context, run access.SyncRun, doing string) {
	first := fmt.Sprintf("The run over the users of %s %s.", workflows.Inline(string(run.Desk)), doing)
	var lines []string
	if run.Dry {
		lines = append(lines, "It is a dry run: nothing is applied.")
	}
	if n := run.Counts.Users; n > 0 {
		lines = append(lines, fmt.Sprintf("Users: %d, of which %d are active. People: %d.", n, run.Counts.Active, run.Counts.People))
	}
	if text := counted(run.Counts.Operations, operations); text != "" {
		lines = append(lines, "Plan: "+text+".")
	}
	if text := counted(run.States, states); text != "" {
		lines = append(lines, "Rows: "+text+".")
	}
	for _, note := range run.Schema.Notes {
		lines = append(lines, "**Left out:** "+workflows.Inline(note))
	}
	for _, h := range run.Holds {
		lines = append(lines, "**"+workflows.Inline(h.Name())+":** "+workflows.Inline(h.Sentence))
	}
	if run.HandOver != nil {
		for _, line := range run.HandOver.Lines(workflow.DeterministicKeys(run.HandOver.Kinds)) {
			lines = append(lines, workflows.Inline(line))
		}
	}
	if run.Problem != "" {
		lines = append(lines, "**Problem:** "+workflows.Inline(run.Problem))
	}
	workflow.SetCurrentDetails(ctx, workflows.Details(first, lines))
}

var (
	operations = []access.UserOperation{
		access.UserCreate, access.UserLink, access.UserUpdate, access.UserReactivate, access.UserDeactivate, access.UserSkip,
	}
	states = []access.SyncState{
		access.SyncPlanned, access.SyncReady, access.SyncRetry, access.SyncManager, access.SyncApplied, access.SyncFailed, access.SyncSkipped, access.SyncHeld, access.SyncObserved,
	}
)

// counted are counts in the order of their names.
func counted[T ~string](counts map[T]int, order []T) string {
	var parts []string
	for _, name := range order {
		if n := counts[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	return strings.Join(parts, ", ")
}
