package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

func diagnose(t *testing.T, w *world, p workflows.DoctorParams) workflows.DoctorReport {
	t.Helper()
	w.env.ExecuteWorkflow(workflows.DoctorType, p)
	require.True(t, w.env.IsWorkflowCompleted())
	require.NoError(t, w.env.GetWorkflowError())
	var report workflows.DoctorReport
	require.NoError(t, w.env.GetWorkflowResult(&report))
	return report
}

func TestDoctor_test_ticket(t *testing.T) {
	w := newWorld(t)
	report := diagnose(t, w, workflows.DoctorParams{TestTicket: "jira"})
	require.True(t, report.Healthy())
	require.Len(t, report.Lines, 5)
	require.Contains(t, report.Lines[4].Note, string(w.ticket().Ref.Key))
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	require.Contains(t, w.ticket().New.Summary, "please ignore")
}

func TestDoctor_findings(t *testing.T) {
	w := newWorld(t)
	w.target.RefuseCredentials(true)
	w.desk.FailNext(memory.OpCreateTicket, access.Errorf(access.Invalid, "create ticket", "desks.jira.fields.customfield_1: no such field"))
	report := diagnose(t, w, workflows.DoctorParams{TestTicket: "jira"})
	require.False(t, report.Healthy())
	problems := map[string]string{}
	for _, line := range report.Lines {
		problems[line.Connector] = line.Problem
	}
	require.NotEmpty(t, problems["target/directory"])
	require.Contains(t, problems["desk/jira (trial ticket)"], "customfield_1")
	require.Empty(t, problems["source/directory"])
}

func TestDoctor_unknown_desk(t *testing.T) {
	w := newWorld(t)
	report := diagnose(t, w, workflows.DoctorParams{TestTicket: "jiira"})
	require.False(t, report.Healthy())
	require.Equal(t, []access.Refusal{{Field: "test_ticket", Problem: `there is no desk "jiira"; there are: jira`}}, report.Refusals)
	require.Empty(t, report.Lines, "it is said at once, and nobody is asked")
	require.Zero(t, w.desk.Writes())
}

// TestDoctor_one_desk: only that desk is asked, and shown.
func TestDoctor_one_desk(t *testing.T) {
	w := newWorld(t)
	w.target.RefuseCredentials(true)
	report := diagnose(t, w, workflows.DoctorParams{Desk: "jira", TestTicket: "jira"})
	require.True(t, report.Healthy())
	require.Len(t, report.Lines, 2)
	require.Equal(t, "desk/jira", report.Lines[0].Connector)
	require.Equal(t, &access.DeskView{Account: memory.DeskSelf, Place: "list of tickets"}, report.Lines[0].Desk)
	require.Contains(t, report.Lines[1].Note, string(w.ticket().Ref.Key))

	w.newRun()
	w.desk.RefuseCredentials(true)
	report = diagnose(t, w, workflows.DoctorParams{Desk: "jira"})
	require.False(t, report.Healthy())
	require.NotEmpty(t, report.Lines[0].Problem)

	w.newRun()
	report = diagnose(t, w, workflows.DoctorParams{Desk: "jiira"})
	require.Equal(t, []access.Refusal{{Field: "desk", Problem: `there is no desk "jiira"; there are: jira`}}, report.Refusals)
}

// TestDoctor_approvers: a desk is asked whether it knows the owners who decide there.
func TestDoctor_approvers(t *testing.T) {
	line := func(w *world) workflows.DoctorLine {
		w.newRun()
		report := diagnose(t, w, workflows.DoctorParams{Desk: "jira"})
		require.Equal(t, "desk/jira (approvers)", report.Lines[1].Connector)
		return report.Lines[1]
	}
	w := newWorld(t)
	require.Equal(t, workflows.DoctorLine{Connector: "desk/jira (approvers)", Note: "2 owners were looked for; managers are not"}, line(w))

	// Two accounts with one address are nobody's.
	w.desk.AddAccount(access.Person{ID: "olga", DisplayName: "Olga", Email: "olga@example.test"})
	require.Equal(t, "2 owners were looked for; managers are not; without an account there, and so with usher only, decide: Olga (olga)", line(w).Note)
	w.decidedOn(access.ChannelTicket)
	require.Equal(t, []access.Finding{{
		Key:     "desks.jira.accounts",
		Problem: "Olga (olga) has no account there that usher finds, and the catalog has them decide on this desk only",
	}}, line(w).Findings)
	w.decidedOn(access.ChannelAPI)
	require.Equal(t, "no owner decides on tickets of this desk", line(w).Note)

	w.decidedOn(access.ChannelTicket)
	w.newRun()
	w.replace("LookupPeople", func(context.Context, activities.LookupPeopleInput) ([]access.Person, error) {
		return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	})
	report := diagnose(t, w, workflows.DoctorParams{Desk: "jira"})
	require.Contains(t, report.Lines[1].Problem, "no answer from the worker that serves")
}

func TestDoctor_list(t *testing.T) {
	w := newWorld(t)
	w.desk.Down(true)
	report := diagnose(t, w, workflows.DoctorParams{List: true})
	require.Equal(t, []workflows.DoctorLine{{Connector: "desk/jira", Note: "each request reads its own ticket"}}, report.Lines)
}

// TestDoctor_connector_without_worker: nobody takes the questions for one connector.
func TestDoctor_connector_without_worker(t *testing.T) {
	w := newWorld(t)
	nobody := temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	w.replace("CheckTarget", func(context.Context) (activities.CheckResult, error) { return activities.CheckResult{}, nobody })
	report := diagnose(t, w, workflows.DoctorParams{TestTicket: "jira"})
	require.Len(t, report.Lines, 5)
	for _, line := range report.Lines {
		if line.Connector == "target/directory" {
			require.Contains(t, line.Problem, "is a worker polling the queue?")
			continue
		}
		require.Empty(t, line.Problem, line.Connector)
	}
}

func TestDoctor_in_time(t *testing.T) {
	for _, within := range []time.Duration{time.Second, 10 * time.Second, workflows.DoctorTimeout, 5 * time.Minute} {
		longest := workflows.DoctorLongest(within)
		require.Less(t, longest, within)
		t.Logf("within %s it waits for %s at most", within, longest)
	}
}

func TestReopened_after_the_end(t *testing.T) {
	rows := []struct {
		name     string
		contract access.TicketActions
		phase    access.TicketPhase
		comments int
	}{
		{"is closed again with a comment", nil, access.TicketDone, 1},
		{"is left open where that is only noted", access.TicketActions{access.EventReopened: access.ActionRecordOnly}, access.TicketWaiting, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorldWith(t, func(settings *access.RequestSettings) { settings.TicketActions = row.contract })
			w.at(time.Hour, func() { w.decide("mia", access.Approve) })
			w.run(w.request("wiki/editor"))
			before := len(w.desk.Comments(w.ticket().Ref.ID))
			w.move("ben", access.TicketWaiting)
			for range 2 {
				w.newRun()
				w.env.ExecuteWorkflow(workflows.ReopenedTicketType, workflows.ReopenedTicketParams{Request: "r1"})
				require.NoError(t, w.env.GetWorkflowError())
			}
			require.Equal(t, row.phase, w.ticket().Phase)
			require.Len(t, w.desk.Comments(w.ticket().Ref.ID), before+row.comments, "a repeated hint says nothing twice")
			require.Equal(t, 1, has(w.events("r1"), access.EventTicketChanged))
		})
	}
}
