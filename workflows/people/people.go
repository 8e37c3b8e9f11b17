// Package people is the workflow PeopleRun: one run over the people of a source, by its schedule or by hand. It has the source list its
// people, plans what the listing means for each, and applies what no brake holds. People never travel through it: the ledger has them.
package people

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Workflow returns the run as it ended. It fails where the source could not be listed, another run goes on, or the ledger refuses the run: the
// ledger has why.
func Workflow(ctx workflow.Context, p workflows.PeopleRunParams) (access.PeopleRun, error) {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	run := access.PeopleRun{
		Source: p.Source, ID: workflows.PeopleRunID(p.Source, id), Workflow: id, BeganAt: workflow.Now(ctx),
		By: p.By, Evidence: p.Evidence, Release: p.Release,
	}
	run, begun, err := goOn(ctx, run, p.Whole)
	if err == nil && !begun.NotBefore.IsZero() {
		run.Problem, run.NeverBegan = workflows.NotBefore(begun.NotBefore), true
		details(ctx, run, "does not list people now")
		return run, notify(ctx, run)
	}
	if err != nil {
		run.Problem, run.Cancelled = workflows.ErrorText(err), temporal.IsCanceledError(err)
		details(ctx, run, "failed")
		// A run that was cancelled is recorded as well.
		clean, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		fail := workflow.ExecuteActivity(workflow.WithActivityOptions(clean, workflows.RunStep("record why the run failed")), records.FailPeople, run)
		recorded := fail.Get(clean, nil)
		attend(clean, run, begun)
		// What an earlier run has applied does not wait for a source that cannot be listed.
		return run, workflows.WithRecording(err, errors.Join(recorded, notify(clean, run)))
	}
	attend(ctx, run, begun)
	details(ctx, run, "ended")
	return run, nil
}

// attend has people look where they have to.
func attend(ctx workflow.Context, run access.PeopleRun, begun activities.BeginPeopleResult) {
	if !begun.Attends {
		return
	}
	var a activities.Attention
	call := activities.PeopleAttentionInput{Source: run.Source, Run: run.ID}
	ctx = workflow.WithActivityOptions(ctx, workflows.RunStep("see whether people have to look"))
	if err := workflow.ExecuteActivity(ctx, records.PeopleAttention, call).Get(ctx, &a); err != nil {
		workflow.GetLogger(ctx).Error("cannot see whether people have to look", "error", err)
	}
	workflows.Attend(ctx, a)
}

// records names the activities.
var records *activities.People

// goOn begins, lists, plans and applies.
func goOn(ctx workflow.Context, run access.PeopleRun, whole bool) (access.PeopleRun, activities.BeginPeopleResult, error) {
	var since activities.BeginPeopleResult
	begin := activities.BeginPeopleInput{Run: run, Whole: whole}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RunStep("begin")), records.BeginPeople, begin).Get(ctx, &since); err != nil {
		run.NeverBegan = true
		return run, since, err
	}
	if !since.NotBefore.IsZero() {
		return run, since, nil
	}
	details(ctx, run, "lists people")
	listed, err := list(ctx, run, since)
	if err != nil {
		return run, since, err
	}
	run.Listing, run.Mapping, run.Nameless, run.OutOfScope = listed.Listing, listed.Mapping, listed.Nameless, listed.OutOfScope
	run.Plan, run.WholeAt = listed.ID, since.WholeAt
	switch {
	case run.Listing.Changes:
		run.Since = since.Since
	case run.Nameless == 0:
		run.WholeAt = run.BeganAt
	}
	details(ctx, run, "plans")
	plan := activities.PlanPeopleInput{Run: run, Rows: listed.Rows}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RunStep("plan")), records.PlanPeople, plan).Get(ctx, &run); err != nil {
		return plan.Run, since, err
	}
	details(ctx, run, "applies")
	planned := run
	apply := activities.ApplyPeopleInput{Source: run.Source, Run: run.ID, Plan: run.Plan}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RunStep("apply")), records.ApplyPeople, apply).Get(ctx, &run); err != nil {
		return planned, since, err
	}
	details(ctx, run, "notifies requests and leases")
	// What is not sent here is sent by the next run.
	return run, since, notify(ctx, run)
}

// notify notifies requests and leases of what was applied, by this run or an earlier one.
func notify(ctx workflow.Context, run access.PeopleRun) error {
	ctx = workflow.WithActivityOptions(ctx, workflows.NotifyStep())
	return workflow.ExecuteActivity(ctx, records.NotifyOfPeople, workflows.NotifyOfPeopleInputOf(run.Source)).Get(ctx, nil)
}

// list has the source list its people: those who changed since a watermark, or everybody where the source does not know it any more.
func list(ctx workflow.Context, run access.PeopleRun, since activities.BeginPeopleResult) (activities.ListPeopleResult, error) {
	var source *activities.Source
	ctx = workflow.WithActivityOptions(ctx, workflows.ListPeople(run.Source))
	call := activities.ListPeopleInput{Source: run.Source, Run: run.ID, Since: since.Since, SinceMapping: since.Mapping}
	var listed activities.ListPeopleResult
	err := workflow.ExecuteActivity(ctx, source.ListPeople, call).Get(ctx, &listed)
	if since.Since != "" && workflows.KindOf(err) == access.Invalid {
		call.Since = ""
		err = workflow.ExecuteActivity(ctx, source.ListPeople, call).Get(ctx, &listed)
	}
	return listed, err
}

// details shows where the run stands.
func details(ctx workflow.Context, run access.PeopleRun, doing string) {
	first := fmt.Sprintf("The run over the people of %s %s.", workflows.Inline(string(run.Source)), doing)
	var lines []string
	if n := run.Listing.People; n > 0 {
		line := fmt.Sprintf("Listed: %d people, %d problems.", n, run.Listing.Problems)
		if run.OutOfScope > 0 {
			line += fmt.Sprintf(" Out of scope: %d of the people.", run.OutOfScope)
		}
		lines = append(lines, line)
	}
	if len(run.Counts.Classes) > 0 {
		lines = append(lines, "Plan: "+classes(run.Counts)+".")
	}
	if run.Ended() {
		lines = append(lines, fmt.Sprintf("Applied: %d. Held: %d.", run.Applied, run.Held))
	}
	for _, h := range run.Holds {
		lines = append(lines, "**"+workflows.Inline(h.Name())+":** "+workflows.Inline(h.Sentence))
	}
	if run.Problem != "" {
		lines = append(lines, "**Problem:** "+workflows.Inline(run.Problem))
	}
	workflow.SetCurrentDetails(ctx, workflows.Details(first, lines))
}

// classes are how many changes there are of each class but unchanged.
func classes(c access.PeopleCounts) string {
	var parts []string
	for _, class := range []access.PersonClass{
		access.ClassJoiner, access.ClassReturner, access.ClassMover, access.ClassChanged, access.ClassLeaver, access.ClassMissing, access.ClassRecorded,
	} {
		if n := c.Classes[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, class))
		}
	}
	if len(parts) == 0 {
		return "nothing is different"
	}
	return strings.Join(parts, ", ")
}
