// Package doctor is the workflow Doctor, which asks every connector whether it can do its work.
package doctor

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Workflow asks every connector, on its own queue, whether it can do its work, and if told to tries a ticket. It finds
// what is wrong; it is never itself a failure. A desk that does not exist is said at once. A connector that does not answer
// costs its own line.
func Workflow(ctx workflow.Context, p workflows.DoctorParams) (workflows.DoctorReport, error) {
	var policy *activities.Policy
	var names activities.Connectors
	times := workflows.DoctorTimesOf(p.Timeout.Std())
	if err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflows.LocalQuestionWithin(times.Own)), policy.ListConnectors).Get(ctx, &names); err != nil {
		return workflows.DoctorReport{}, err
	}
	for _, asked := range []struct {
		field string
		name  access.DeskName
	}{{"desk", p.Desk}, {"test_ticket", p.TestTicket}} {
		if asked.name != "" && !slices.Contains(names.Desks, asked.name) {
			return workflows.DoctorReport{Refusals: []access.Refusal{noSuchDesk(asked.field, asked.name, names.Desks)}}, nil
		}
	}
	if p.List {
		return list(names), nil
	}
	var report workflows.DoctorReport
	var asked []func(workflow.Context) workflows.DoctorLine
	if p.Desk == "" {
		ledger := askLedger(ctx, times)
		asked = askAll(ctx, names, times)
		report.Lines = ledger(ctx)
	} else {
		asked = append(asked, inspect(ctx, p.Desk, times))
		names.Watched = only(names.Watched, p.Desk)
	}
	for _, line := range asked {
		report.Lines = append(report.Lines, line(ctx))
	}
	if p.Desk != "" && p.TestTicket == "" {
		report.Lines = append(report.Lines, approvers(ctx, p.Desk, times))
	}
	report.Lines = append(report.Lines, askWatches(ctx, names.Watched, times)...)
	if p.TestTicket != "" {
		report.Lines = append(report.Lines, testTicket(ctx, p.TestTicket, times))
	}
	return report, nil
}

// only returns what of the watched desks is about one.
func only(watched map[access.DeskName]access.Duration, name access.DeskName) map[access.DeskName]access.Duration {
	if stale, is := watched[name]; is {
		return map[access.DeskName]access.Duration{name: stale}
	}
	return nil
}

// list names the desks.
func list(names activities.Connectors) workflows.DoctorReport {
	var report workflows.DoctorReport
	for _, desk := range names.Desks {
		line := workflows.DoctorLine{Connector: "desk/" + string(desk), Note: "each request reads its own ticket"}
		if stale, watched := names.Watched[desk]; watched {
			line.Note = "watched; a last poll of more than " + stale.String() + " ago is too old"
		}
		report.Lines = append(report.Lines, line)
	}
	return report
}

// inspect asks how one desk is set up, and gives the function that waits for the answer.
func inspect(ctx workflow.Context, name access.DeskName, times workflows.DoctorTimes) func(workflow.Context) workflows.DoctorLine {
	var desk *activities.Desk
	queue := workflows.DeskQueue(name)
	answer := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.Checkup(queue, times.Connectors)), desk.InspectDesk)
	return func(ctx workflow.Context) workflows.DoctorLine {
		line := workflows.DoctorLine{Connector: "desk/" + string(name)}
		var result activities.InspectResult
		if err := answer.Get(ctx, &result); err != nil {
			line.Problem = noAnswer(queue, err)
			return line
		}
		line.Problem, line.Findings, line.Desk = result.Problem, result.Findings, &result.Desk
		return line
	}
}

// approvers returns which owners have no account on a desk.
func approvers(ctx workflow.Context, name access.DeskName, times workflows.DoctorTimes) workflows.DoctorLine {
	line := workflows.DoctorLine{Connector: "desk/" + string(name) + " (approvers)"}
	var policy *activities.Policy
	var owners activities.Approvers
	local := workflow.WithLocalActivityOptions(ctx, workflows.LocalQuestionWithin(times.Own))
	if err := workflow.ExecuteLocalActivity(local, policy.ListApprovers, name).Get(ctx, &owners); err != nil {
		line.Problem = workflows.ErrorText(err)
		return line
	}
	if len(owners.People) == 0 {
		line.Note = "no owner decides on tickets of this desk"
		return line
	}
	var source *activities.Source
	var people []access.Person
	queue := workflows.SourceQueue(owners.Source)
	lookup := workflow.WithActivityOptions(ctx, workflows.Checkup(queue, times.Close))
	if err := workflow.ExecuteActivity(lookup, source.LookupPeople, activities.LookupPeopleInput{People: owners.People}).Get(ctx, &people); err != nil {
		line.Problem = noAnswer(queue, err)
		return line
	}
	var desk *activities.Desk
	var without []access.Person
	queue = workflows.DeskQueue(name)
	find := workflow.WithActivityOptions(ctx, workflows.Checkup(queue, times.Open))
	if err := workflow.ExecuteActivity(find, desk.FindAccounts, activities.FindAccountsInput{People: people}).Get(ctx, &without); err != nil {
		line.Problem = noAnswer(queue, err)
		return line
	}
	return withoutAccount(line, name, owners, without)
}

// withoutAccount returns the line with those who have no account. It is a finding where they can decide nowhere else.
func withoutAccount(line workflows.DoctorLine, name access.DeskName, owners activities.Approvers, without []access.Person) workflows.DoctorLine {
	line.Note = fmt.Sprintf("%d owners were looked for; managers are not", len(owners.People))
	if owners.More > 0 {
		line.Note += fmt.Sprintf(", nor are %d more owners", owners.More)
	}
	var others []string
	for _, p := range without {
		who := p.Name() + " (" + string(p.ID) + ")"
		if !slices.Contains(owners.Only, p.ID) {
			others = append(others, who)
			continue
		}
		line.Findings = append(line.Findings, access.Finding{
			Key:     "desks." + string(name) + ".accounts",
			Problem: who + " has no account there that usher finds, and the catalog has them decide on this desk only",
		})
	}
	if len(others) > 0 {
		line.Note += "; without an account there, and so with usher only, decide: " + strings.Join(others, ", ")
	}
	return line
}

func noAnswer(queue string, err error) string {
	return "no answer from the worker that serves " + queue + ": " + workflows.ErrorText(err)
}

func noSuchDesk(field string, name access.DeskName, there []access.DeskName) access.Refusal {
	known := make([]string, len(there))
	for i, desk := range there {
		known[i] = string(desk)
	}
	return access.Refusal{Field: field, Problem: fmt.Sprintf("there is no desk %q; there are: %s", name, strings.Join(known, ", "))}
}

// askLedger asks the ledger, and gives the function that waits for the answer: its line, and one for each pause.
func askLedger(ctx workflow.Context, times workflows.DoctorTimes) func(workflow.Context) []workflows.DoctorLine {
	var records *activities.Records
	answer := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.Checkup(workflows.TaskQueue, times.Connectors)), records.CheckLedger)
	return func(ctx workflow.Context) []workflows.DoctorLine {
		var result activities.CheckLedgerResult
		if err := answer.Get(ctx, &result); err != nil {
			return []workflows.DoctorLine{{Connector: "ledger", Problem: noAnswer(workflows.TaskQueue, err)}}
		}
		lines := []workflows.DoctorLine{{Connector: "ledger", Problem: result.Problem, Findings: result.Findings}}
		for _, p := range result.Paused {
			lines = append(lines, workflows.DoctorLine{Connector: "paused " + string(p.What) + " (" + p.Where() + ")", Warning: p.Text()})
		}
		return lines
	}
}

// askAll asks every connector but the ledger at once; each answer is waited for by its function.
func askAll(ctx workflow.Context, names activities.Connectors, times workflows.DoctorTimes) []func(workflow.Context) workflows.DoctorLine {
	var desk *activities.Desk
	var port *activities.Target
	var src *activities.Source
	question := func(connector, queue string, check any) func(workflow.Context) workflows.DoctorLine {
		return ask(workflow.WithActivityOptions(ctx, workflows.Checkup(queue, times.Connectors)), connector, queue, check)
	}
	var asked []func(workflow.Context) workflows.DoctorLine
	for _, name := range names.Sources {
		asked = append(asked, question("source/"+string(name), workflows.SourceQueue(name), src.CheckSource))
	}
	for _, name := range names.Targets {
		asked = append(asked, question("target/"+string(name), workflows.TargetQueue(name), port.CheckTarget))
	}
	for _, name := range names.Desks {
		asked = append(asked, question("desk/"+string(name), workflows.DeskQueue(name), desk.CheckDesk))
	}
	return asked
}

// ask puts one question to one connector, and gives the function that waits for the answer.
func ask(ctx workflow.Context, connector, queue string, check any) func(workflow.Context) workflows.DoctorLine {
	answer := workflow.ExecuteActivity(ctx, check)
	return func(ctx workflow.Context) workflows.DoctorLine {
		var result activities.CheckResult
		if err := answer.Get(ctx, &result); err != nil {
			return workflows.DoctorLine{Connector: connector, Problem: noAnswer(queue, err)}
		}
		return workflows.DoctorLine{Connector: connector, Problem: result.Problem, Findings: result.Findings}
	}
}

// askWatches asks how old the last poll of each desk's watch is, and starts a watch that does not run: all at once. watched are
// the desks with a watch, and how old its last poll may be.
func askWatches(ctx workflow.Context, watched map[access.DeskName]access.Duration, times workflows.DoctorTimes) []workflows.DoctorLine {
	var watch *activities.Watch
	ctx = workflow.WithActivityOptions(ctx, workflows.Checkup(workflows.TaskQueue, times.Watch))
	desks := workflow.DeterministicKeys(watched)
	asked, ensured := make([]workflow.Future, len(desks)), make([]workflow.Future, len(desks))
	for i, desk := range desks {
		asked[i] = workflow.ExecuteActivity(ctx, watch.CheckWatch, activities.CheckWatchInput{Desk: desk, At: workflow.Now(ctx), StaleAfter: watched[desk]})
	}
	lines := make([]workflows.DoctorLine, len(desks))
	problems := make([]error, len(desks))
	for i, desk := range desks {
		var result activities.CheckResult
		problems[i] = asked[i].Get(ctx, &result)
		lines[i] = workflows.DoctorLine{Connector: "watch/" + string(desk), Problem: result.Problem}
	}
	for i, desk := range desks {
		if problems[i] == nil {
			ensured[i] = workflow.ExecuteActivity(ctx, watch.EnsureWatch, workflows.EnsureWatchInputOf(desk))
		}
	}
	for i, desk := range desks {
		if problems[i] == nil {
			problems[i] = ensured[i].Get(ctx, nil)
		}
		switch {
		case problems[i] != nil:
			lines[i].Problem = workflows.ErrorText(problems[i])
		case lines[i].Problem != "":
			lines[i].Problem += "; it was started again if it did not run, so ask again in a minute"
		default:
			lines[i].Note = "its last poll was less than " + watched[desk].String() + " ago"
		}
	}
	return lines
}

// testTicket opens a ticket that says that it is a trial, comments on it and closes it as won't do.
func testTicket(ctx workflow.Context, name access.DeskName, times workflows.DoctorTimes) workflows.DoctorLine {
	line := workflows.DoctorLine{Connector: "desk/" + string(name) + " (trial ticket)"}
	marker := access.Marker("usher-trial-" + workflow.GetInfo(ctx).OriginalRunID)
	call := activities.OpenTicketInput{Ticket: access.NewTicket{
		Marker:  marker,
		Summary: "usher: trial ticket, please ignore",
		Body:    "usher opened this ticket to try whether it can. It closes it at once. Nobody gets any access by it.",
		Fields:  map[access.TicketField]string{},
	}}
	for _, field := range access.TicketFields() {
		call.Ticket.Fields[field] = "trial"
	}
	// A desk may check that a URL is one.
	call.Ticket.Fields[access.FieldRequestURL] = "https://usher.invalid/trial"
	var desk *activities.Desk
	var opened activities.OpenTicketResult
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.Checkup(workflows.DeskQueue(name), times.Open)), desk.OpenTicket, call).Get(ctx, &opened); err != nil {
		line.Problem = workflows.ErrorText(err)
		return line
	}
	update := activities.UpdateTicketInput{
		Ticket:       opened.Ref.ID,
		Comments:     []access.Comment{{Marker: marker + "-1", Text: "The trial worked: usher can open, comment on and close tickets here."}},
		TransitionTo: access.TicketWontDo,
	}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.Checkup(workflows.DeskQueue(name), times.Close)), desk.UpdateTicket, update).Get(ctx, nil); err != nil {
		line.Problem = fmt.Sprintf("%s was opened, but: %s", opened.Ref.Key, workflows.ErrorText(err))
		return line
	}
	line.Note = fmt.Sprintf("opened, commented on and closed %s %s", opened.Ref.Key, opened.Ref.URL)
	return line
}
