package gateway_test

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

func newRequest(reason string) access.Request {
	return access.Request{
		ID: access.RequestID(uuid.NewString()), Requester: "ana", Subject: "ana", Reason: reason,
		Items:       []access.Item{{ID: "1", Entitlement: "wiki/editor", Duration: access.Duration(time.Hour)}},
		SubmittedAt: time.Now().UTC(), Evidence: "development header",
	}
}

func newGateway(t *testing.T) *gateway.Gateway {
	t.Helper()
	return gateway.New(server(t).temporal, gateway.Config{CallTimeout: access.Duration(30 * time.Second)})
}

// impatient is a gateway that waits no longer than a slow answer takes.
func impatient(c client.Client) *gateway.Gateway {
	return gateway.New(c, gateway.Config{
		CallTimeout: access.Duration(time.Second), DoctorTimeout: access.Duration(time.Second),
	})
}

func submit(t *testing.T, g *gateway.Gateway, r access.Request) {
	t.Helper()
	_, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
}

func TestSubmit_created_once(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	first, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.True(t, first.Created)
	require.False(t, first.Pending)
	require.Equal(t, access.StateAwaitingApproval, first.View.State)
	require.Equal(t, r.Digest(), first.View.Request.Digest())

	r.SubmittedAt = r.SubmittedAt.Add(time.Second)
	again, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.False(t, again.Created)
	require.Equal(t, access.StateAwaitingApproval, again.View.State)
}

func TestSubmit_repeated(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	before, err := server(t).temporal.DescribeWorkflow(t.Context(), workflows.RequestWorkflowID(r.ID), "")
	require.NoError(t, err)
	for range 3 {
		submit(t, g, r)
	}
	after, err := server(t).temporal.DescribeWorkflow(t.Context(), workflows.RequestWorkflowID(r.ID), "")
	require.NoError(t, err)
	require.Equal(t, before.HistoryLength, after.HistoryLength)
}

func TestSubmit_at_the_same_time(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	const posts = 8
	answers := make([]gateway.Submission, posts)
	failures := make([]error, posts)
	var group sync.WaitGroup
	for i := range posts {
		mine := r
		mine.SubmittedAt = r.SubmittedAt.Add(time.Duration(i) * time.Millisecond)
		group.Go(func() { answers[i], failures[i] = g.Submit(t.Context(), mine) })
	}
	group.Wait()
	created := 0
	for i := range posts {
		require.NoError(t, failures[i])
		if answers[i].Created {
			created++
		}
	}
	require.Equal(t, 1, created)
}

func TestSubmit_search_attributes(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	found, err := server(t).temporal.DescribeWorkflow(t.Context(), workflows.RequestWorkflowID(r.ID), "")
	require.NoError(t, err)
	summary, err := found.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "wiki/editor for ana", summary)
	var digest string
	require.NoError(t, found.GetMemoValue("digest", &digest))
	require.Equal(t, r.Digest(), digest)
	said := map[string]any{}
	for key, value := range found.TypedSearchAttributes.GetUntypedValues() {
		said[key.GetName()] = value
	}
	require.Equal(t, "evaluating", said[workflows.AttributeState])
	require.Equal(t, "ana", said[workflows.AttributeRequester])
	require.Equal(t, "ana", said[workflows.AttributeSubject])
	require.WithinDuration(t, r.SubmittedAt, said[workflows.AttributeSince].(time.Time), time.Millisecond)
}

func TestSummary_cut(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	r.Items = nil
	for range 30 {
		r.Items = append(r.Items, access.Item{ID: "1", Entitlement: "wikiü/rédacteur"})
	}
	submit(t, g, r)
	found, err := server(t).temporal.DescribeWorkflow(t.Context(), workflows.RequestWorkflowID(r.ID), "")
	require.NoError(t, err)
	summary, err := found.GetStaticSummary()
	require.NoError(t, err)
	require.True(t, utf8.ValidString(summary))
	require.LessOrEqual(t, len(summary), 200)
	require.True(t, strings.HasSuffix(summary, "…"))
}

func TestSubmit_same_id_other_request(t *testing.T) {
	g := newGateway(t)
	for name, end := range map[string]func(access.Request){
		"while the first runs": func(access.Request) {},
		"after the first has ended": func(r access.Request) {
			_, err := g.Decide(t.Context(), r.ID, access.Decision{ID: "d", By: "boss", Verdict: access.Deny})
			require.NoError(t, err)
			waitForEnd(t, r.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRequest("docs")
			submit(t, g, r)
			end(r)
			r.Reason = "something else"
			_, err := g.Submit(t.Context(), r)
			var refused *gateway.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, access.Invalid, access.KindOf(err))
			require.Equal(t, "Idempotency-Key", refused.Refusals[0].Field)
		})
	}
}

func TestSubmit_repeated_after_the_end(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	_, err := g.Decide(t.Context(), r.ID, access.Decision{ID: "d", By: "boss", Verdict: access.Approve})
	require.NoError(t, err)
	waitForEnd(t, r.ID)

	r.SubmittedAt = r.SubmittedAt.Add(time.Minute)
	again, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.False(t, again.Created)
	require.Equal(t, access.OutcomeGranted, again.View.State)
}

func TestSubmit_refused_by_policy(t *testing.T) {
	g, r := newGateway(t), newRequest(policySaysNo)
	answer, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.True(t, answer.Created)
	require.Equal(t, access.OutcomeRefused, answer.View.State)
}

func TestSubmit_slow_policy(t *testing.T) {
	r := newRequest(policyIsSlow)
	g := impatient(server(t).temporal)
	answer, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.True(t, answer.Pending)
	require.True(t, answer.Created)
	require.Equal(t, access.StateEvaluating, answer.View.State)

	r.SubmittedAt = r.SubmittedAt.Add(time.Second)
	again, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.True(t, again.Pending)
	require.False(t, again.Created, "the repeated POST did not start it")
}

func TestWithoutAWorker(t *testing.T) {
	g, r := impatient(server(t).idle), newRequest("docs")

	answer, err := g.Submit(t.Context(), r)
	require.NoError(t, err)
	require.True(t, answer.Pending, "the request is recorded: the next worker takes it up")

	_, err = g.Decide(t.Context(), r.ID, access.Decision{ID: "d", By: "boss", Verdict: access.Approve})
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "may have been taken")

	_, err = g.View(t.Context(), r.ID)
	require.Equal(t, access.Transient, access.KindOf(err))

	_, err = g.Doctor(t.Context(), workflows.DoctorParams{})
	require.Equal(t, access.Transient, access.KindOf(err))

	require.NoError(t, g.Hint(t.Context(), r.ID, workflows.Hint{Ticket: "10001"}), "a signal needs no worker")
	require.NoError(t, g.Ready(t.Context()))
}

func TestDecide_twice(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	d := access.Decision{ID: "boss:1", By: "boss", Verdict: access.Approve, Reason: "fine"}
	_, err := g.Decide(t.Context(), r.ID, d)
	require.NoError(t, err)
	waitForEnd(t, r.ID)

	view, err := g.Decide(t.Context(), r.ID, d)
	require.NoError(t, err, "even after the end")
	require.Len(t, view.Decisions, 1)

	d.Verdict = access.Deny
	_, err = g.Decide(t.Context(), r.ID, d)
	require.Equal(t, access.Invalid, access.KindOf(err))
}

func TestDecide_refusal_names_reasons(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	_, err := g.Decide(t.Context(), r.ID, access.Decision{ID: "d", By: "ana", Verdict: access.Approve})
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.Forbidden, refused.Kind)
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.Equal(t, "only the manager may decide this", refused.Message)
	require.Equal(t, []access.Refusal{{Field: "items[0]", Problem: "is decided by boss"}}, refused.Refusals)
}

func TestNotTaken_ended(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	_, err := g.Withdraw(t.Context(), r.ID, workflows.WithdrawInput{ID: "w", By: "ana"})
	require.NoError(t, err)
	waitForEnd(t, r.ID)

	_, err = g.Decide(t.Context(), r.ID, access.Decision{ID: "late", By: "boss", Verdict: access.Approve})
	require.Equal(t, access.Conflict, access.KindOf(err), "ended")
	_, err = g.Withdraw(t.Context(), "no-such-request", workflows.WithdrawInput{ID: "w", By: "ana"})
	require.Equal(t, access.NotFound, access.KindOf(err), "never was")
	_, err = g.View(t.Context(), "no-such-request")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func TestAnswer_too_slow(t *testing.T) {
	g, r := impatient(server(t).temporal), newRequest("docs")
	submit(t, newGateway(t), r)
	_, err := g.Withdraw(t.Context(), r.ID, workflows.WithdrawInput{ID: "w", By: "slow"})
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "may have been taken")
}

func TestShow_stopped_by_an_operator(t *testing.T) {
	g, r := impatient(server(t).temporal), newRequest(policyIsSlow)
	submit(t, g, r)
	require.NoError(t, server(t).temporal.TerminateWorkflow(t.Context(), workflows.RequestWorkflowID(r.ID), "", "test"))
	_, err := g.Submit(t.Context(), r)
	require.Equal(t, access.Conflict, access.KindOf(err))
}

func TestHint_reaches_the_request(t *testing.T) {
	g, r := newGateway(t), newRequest("docs")
	submit(t, g, r)
	require.NoError(t, g.Hint(t.Context(), r.ID, workflows.Hint{Ticket: "10001"}))
	require.Eventually(t, func() bool {
		view, err := g.View(t.Context(), r.ID)
		return err == nil && view.Ticket != nil && view.Ticket.ID == "10001"
	}, 10*time.Second, 20*time.Millisecond)

	_, err := g.Withdraw(t.Context(), r.ID, workflows.WithdrawInput{ID: "w", By: "ana"})
	require.NoError(t, err)
	waitForEnd(t, r.ID)
	for range 2 {
		require.NoError(t, g.Hint(t.Context(), r.ID, workflows.Hint{Ticket: "10001"}))
	}
	run := server(t).temporal.GetWorkflow(t.Context(), workflows.ReopenedWorkflowID(r.ID), "")
	require.NoError(t, run.Get(t.Context(), nil))
}

func TestHint_reaches_the_watch(t *testing.T) {
	g, temporal := newGateway(t), server(t).temporal
	desk := access.DeskName(uuid.NewString())
	hint := workflows.Hint{Ticket: "10001"}

	watched, err := g.HintWatch(t.Context(), desk, hint)
	require.NoError(t, err)
	require.False(t, watched, "no watch has ever run")

	run, err := temporal.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: workflows.WatchWorkflowID(desk), TaskQueue: workflows.TaskQueue},
		workflows.TicketWatchType, workflows.TicketWatchParams{Desk: desk})
	require.NoError(t, err)
	watched, err = g.HintWatch(t.Context(), desk, hint)
	require.NoError(t, err)
	require.True(t, watched)
	var heard workflows.Hint
	require.NoError(t, run.Get(t.Context(), &heard))
	require.Equal(t, hint, heard)

	watched, err = g.HintWatch(t.Context(), desk, hint)
	require.NoError(t, err)
	require.False(t, watched, "the watch has ended")
}

func TestDoctor_report(t *testing.T) {
	report, err := newGateway(t).Doctor(t.Context(), workflows.DoctorParams{TestTicket: "jira"})
	require.NoError(t, err)
	require.True(t, report.Healthy())
	require.Equal(t, "desk/jira", report.Lines[0].Connector)
}

func TestDoctor_unknown_desk(t *testing.T) {
	_, err := newGateway(t).Doctor(t.Context(), workflows.DoctorParams{TestTicket: "nowhere"})
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.Invalid, refused.Kind)
	require.Equal(t, []access.Refusal{{Field: "test_ticket", Problem: `there is no desk "nowhere"`}}, refused.Refusals)
}

// TestDoctor_within_the_call compares what the three of them wait for: the workflow less than the call, and the call
// less than the server that writes its answer.
func TestDoctor_within_the_call(t *testing.T) {
	require.Less(t, workflows.DoctorLongest(gateway.DefaultDoctorTimeout), gateway.DefaultDoctorTimeout)
	require.LessOrEqual(t, gateway.DefaultDoctorTimeout, gateway.MaxDoctorTimeout)
	require.NoError(t, gateway.Config{DoctorTimeout: access.Duration(gateway.MaxDoctorTimeout)}.Validate())
	require.ErrorContains(t, gateway.Config{DoctorTimeout: access.Duration(gateway.MaxDoctorTimeout + 1)}.Validate(), "doctor_timeout")

	const within = 30 * time.Second
	g := gateway.New(server(t).temporal, gateway.Config{DoctorTimeout: access.Duration(within)})
	report, err := g.Doctor(t.Context(), workflows.DoctorParams{TestTicket: "jira"})
	require.NoError(t, err)
	require.Equal(t, "30s", report.Lines[0].Note, "the workflow is told how long the call waits")
}

func TestTemporal_unavailable(t *testing.T) {
	away, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	require.NoError(t, err)
	t.Cleanup(away.Close)
	g, r := impatient(away), newRequest("docs")

	_, err = g.Submit(t.Context(), r)
	require.Equal(t, access.Transient, access.KindOf(err))
	require.NotContains(t, err.Error(), "127.0.0.1", "addresses are for the log")
	_, err = g.Decide(t.Context(), r.ID, access.Decision{ID: "d"})
	require.Equal(t, access.Transient, access.KindOf(err))
	require.Equal(t, access.Transient, access.KindOf(g.Hint(t.Context(), r.ID, workflows.Hint{})))
	watched, err := g.HintWatch(t.Context(), "jira", workflows.Hint{Ticket: "10001"})
	require.Equal(t, access.Transient, access.KindOf(err))
	require.False(t, watched)
	require.Equal(t, access.Transient, access.KindOf(g.Ready(t.Context())))
}

func TestConfig_names_the_key(t *testing.T) {
	require.NoError(t, gateway.Config{}.Validate())
	require.ErrorContains(t, gateway.Config{CallTimeout: access.Duration(time.Hour)}.Validate(), "call_timeout")
	require.ErrorContains(t, gateway.Config{DoctorTimeout: -1}.Validate(), "doctor_timeout")
}

func waitForEnd(t *testing.T, id access.RequestID) {
	t.Helper()
	require.NoError(t, server(t).temporal.GetWorkflow(t.Context(), workflows.RequestWorkflowID(id), "").Get(t.Context(), nil))
}
