package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// Doctor asks every connector, on its own queue, whether it can do its work, and if told to tries a ticket. It finds
// what is wrong; it is never itself a failure.
func Doctor(ctx workflow.Context, p DoctorParams) (DoctorReport, error) {
	var policy *activities.Policy
	var names activities.Connectors
	if err := workflow.ExecuteLocalActivity(onThisWorker(ctx), policy.ListConnectors).Get(ctx, &names); err != nil {
		return DoctorReport{}, err
	}
	var report DoctorReport
	var records *activities.Records
	var desk *activities.Desk
	var port *activities.Target
	var src *activities.Source
	report.Lines = append(report.Lines, ask(ctx, "ledger", TaskQueue, records.CheckLedger))
	for _, name := range names.Sources {
		report.Lines = append(report.Lines, ask(ctx, "source/"+string(name), SourceQueue(name), src.CheckSource))
	}
	for _, name := range names.Targets {
		report.Lines = append(report.Lines, ask(ctx, "target/"+string(name), TargetQueue(name), port.CheckTarget))
	}
	for _, name := range names.Desks {
		report.Lines = append(report.Lines, ask(ctx, "desk/"+string(name), DeskQueue(name), desk.CheckDesk))
	}
	if p.TryTicket != "" {
		report.Lines = append(report.Lines, tryTicket(ctx, p.TryTicket))
	}
	return report, nil
}

// ask puts one question to one connector.
func ask(ctx workflow.Context, connector, queue string, check any) DoctorLine {
	var result activities.CheckResult
	line := DoctorLine{Connector: connector}
	if err := workflow.ExecuteActivity(checkup(ctx, queue), check).Get(ctx, &result); err != nil {
		line.Problem = "no answer from the worker that serves " + queue + ": " + sayError(err)
		return line
	}
	line.Problem, line.Findings = result.Problem, result.Findings
	return line
}

// tryTicket opens a ticket that says that it is a trial, comments on it and closes it as won't do.
func tryTicket(ctx workflow.Context, name access.DeskName) DoctorLine {
	line := DoctorLine{Connector: "desk/" + string(name) + " (trial ticket)"}
	marker := access.Marker("usher-trial-" + workflow.GetInfo(ctx).OriginalRunID)
	call := activities.OpenCall{Ticket: access.NewTicket{
		Marker:  marker,
		Summary: "usher: trial ticket, please ignore",
		Body:    "usher opened this ticket to try whether it can. It closes it at once. Nobody gets any access by it.",
		Fields:  map[access.TicketField]string{},
	}}
	for _, field := range access.TicketFields() {
		call.Ticket.Fields[field] = "trial"
	}
	var desk *activities.Desk
	var opened activities.Opened
	if err := workflow.ExecuteActivity(openTicket(ctx, name), desk.OpenTicket, call).Get(ctx, &opened); err != nil {
		line.Problem = sayError(err)
		return line
	}
	update := activities.TicketUpdate{
		Ticket:  opened.Ref.ID,
		Comment: &access.Comment{Marker: marker + "-1", Text: "The trial worked: usher can open, comment on and close tickets here."},
		MoveTo:  access.TicketWontDo,
	}
	if err := workflow.ExecuteActivity(checkup(ctx, DeskQueue(name)), desk.UpdateTicket, update).Get(ctx, nil); err != nil {
		line.Problem = fmt.Sprintf("%s was opened, but: %s", opened.Ref.Key, sayError(err))
		return line
	}
	line.Note = fmt.Sprintf("opened, commented on and closed %s %s", opened.Ref.Key, opened.Ref.URL)
	return line
}
