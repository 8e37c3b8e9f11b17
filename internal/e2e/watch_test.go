package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

const (
	watchInterval = time.Second
	watchLag      = 3 * time.Second
	watchStale    = 3 * time.Second
	// watchSlack is what the machine may take besides, for a round and for the request.
	watchSlack = 10 * time.Second
)

var watchID = workflows.WatchWorkflowID("jira")

// signals counts the signals of a name in all runs of a workflow.
func (s *system) signals(ctx context.Context, workflowID, name string) (int, error) {
	runs, err := s.runs(ctx, workflowID)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, run := range runs {
		events := s.temporal.GetWorkflowHistory(ctx, workflowID, run.Execution.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return 0, err
			}
			if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil && signal.SignalName == name {
				count++
			}
		}
	}
	return count, nil
}

// heard is how often the row's request was told of its ticket or woken by a hint.
func (r *row) heard(ctx context.Context) (int, error) {
	told, toldErr := r.signals(ctx, workflows.RequestWorkflowID(r.id), workflows.SignalTicketChanged)
	hinted, hintedErr := r.signals(ctx, workflows.RequestWorkflowID(r.id), workflows.SignalHint)
	return told + hinted, errors.Join(toldErr, hintedErr)
}

// watching waits until the desk's watch runs, or does not.
func (s *system) watching(ctx context.Context, want bool) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		found, err := s.temporal.DescribeWorkflowExecution(ctx, watchID, "")
		if err != nil {
			return err
		}
		if status := found.WorkflowExecutionInfo.Status; (status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING) != want {
			return fmt.Errorf("the watch is %s", status)
		}
		return nil
	})
}

// terminated is what an operator does to the watch.
func (s *system) terminated(ctx context.Context) error {
	if err := s.temporal.TerminateWorkflow(ctx, watchID, "", "an operator's mistake"); err != nil {
		return err
	}
	return s.watching(ctx, false)
}

// searched waits until the desk was searched so many times more: a search or two are a round of the watch.
func (s *system) searched(ctx context.Context, more int) error {
	before, err := s.deskCalls(ctx)
	if err != nil {
		return err
	}
	return stack.Poll(ctx, func(ctx context.Context) error {
		now, err := s.deskCalls(ctx)
		if n := now.ByOperation[jiratest.OpSearch] - before.ByOperation[jiratest.OpSearch]; err == nil && n < more {
			err = fmt.Errorf("the desk was searched %d times more, expected %d", n, more)
		}
		return err
	})
}

func watchRow(name string, want ending) *row {
	return &row{name: "watch: " + name, ask: "wiki/editor", want: want}
}

var byTicket = ending{outcome: access.OutcomeGranted, status: statusDone, events: []access.EventType{access.EventTicketChanged}}

// TestWatch leaves everything to the rounds of the desk's watch: it sweeps once an hour, and so do the requests look.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := start(t, outageTerms("USHER_DESKS_JIRA_WATCH_STALE_AFTER="+watchStale.String()))
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	rows := s.ownWrites(ctx, t)
	rows = append(rows, s.lostWebhooks(ctx, t), s.forgedWebhook(ctx, t), s.doctorHeals(ctx, t), s.workerHeals(ctx, t))
	table(ctx, t, rows)
}

// longWatch is a watch that continues as new every few seconds. Hints come besides its rounds.
func longWatch() settings {
	more := outageTerms()
	more.temporalArgs = []string{"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"}
	return more
}

// watchedForLong are played with the settings of longWatch: each goes on from one run of the watch into another.
func watchedForLong() []*ticketEvent {
	return []*ticketEvent{
		scenario("watch continued as new: approved on the ticket", "wiki/editor", byTicket, inOrder(watchRenewed, moves("mia", statusApproved))),
		scenario("watch continued as new: approved and closed by hand", "badge/lab", byTicket, inOrder(
			watchRenewed, moves("omar", statusApproved), reads(statusWorking), watchRenewed, moves("zoe", statusDone))),
	}
}

// watchRenewed waits until the desk's watch has continued as new.
func watchRenewed(ctx context.Context, e *ticketEvent) error {
	before, err := e.runs(ctx, watchID)
	if err != nil {
		return err
	}
	return stack.Poll(ctx, func(ctx context.Context) error {
		now, err := e.runs(ctx, watchID)
		if err == nil && len(now) <= len(before) {
			err = fmt.Errorf("the watch has had %d runs, as before", len(now))
		}
		return err
	})
}

func TestWatch_continues_as_new(t *testing.T) {
	t.Parallel()
	s := start(t, longWatch())
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	table(ctx, t, s.play(ctx, t, "long-watch", watchedForLong()))
}

// ownWrites: a request whose ticket only usher touches is woken by nobody, although every change is announced, twice.
func (s *system) ownWrites(ctx context.Context, t *testing.T) []*row {
	r := watchRow("usher's own writes wake nobody", granted)
	require.NoError(t, r.on(ctx, s, "watch-own"))
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{DoubleWebhooks: true}}))
	// Somebody who is told shows that the count can be another than 0.
	other := watchRow("somebody moves the card: told once", byTicket)
	require.NoError(t, other.on(ctx, s, "watch-other"))
	require.NoError(t, each([]*row{r, other}, func(r *row) error { return r.open(ctx) }))
	require.NoError(t, r.approve(ctx))
	require.NoError(t, other.move(ctx, "mia", statusApproved))
	require.NoError(t, each([]*row{r, other}, func(r *row) error { return r.ends(ctx) }))
	require.NoError(t, s.searched(ctx, 3))
	heard, err := r.heard(ctx)
	require.NoError(t, err)
	require.Zero(t, heard, "signals about a ticket that only usher has touched")
	heard, err = other.heard(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, heard, "signals about a ticket that was moved once")
	return []*row{r, other}
}

// lostWebhooks: not one webhook comes, and the search lags.
func (s *system) lostWebhooks(ctx context.Context, t *testing.T) *row {
	r := watchRow("every webhook is lost, the search lags", byTicket)
	require.NoError(t, r.on(ctx, s, "watch-lost"))
	require.NoError(t, r.open(ctx))
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}, StoreFaults: desktest.StoreFaults{IndexLagSeconds: watchLag.Seconds()}}))
	hints, err := s.signals(ctx, watchID, workflows.SignalHint)
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, r.move(ctx, "mia", statusApproved))
	require.NoError(t, r.state(ctx, access.OutcomeGranted))
	took := time.Since(began)
	t.Logf("a card that was moved was found after %s; rounds come every %s, the search lags %s", took.Round(time.Millisecond), watchInterval, watchLag)
	require.Less(t, took, watchInterval+watchLag+watchSlack)
	require.GreaterOrEqual(t, took, watchLag-time.Second, "found before the search could show it: not by a round")
	again, err := s.signals(ctx, watchID, workflows.SignalHint)
	require.NoError(t, err)
	require.Equal(t, hints, again, "a webhook has come")
	require.NoError(t, r.ends(ctx))
	return r
}

// forgedWebhook: what is not signed by the desk is refused and does nothing; the same with the right signature is a hint.
func (s *system) forgedWebhook(ctx context.Context, t *testing.T) *row {
	r := watchRow("a forged webhook changes nothing", granted)
	require.NoError(t, r.on(ctx, s, "watch-forged"))
	require.NoError(t, r.open(ctx))
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	ticket, err := r.ticket(ctx)
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{
		"webhookEvent": "jira:issue_updated", "user": map[string]any{"accountId": stack.DeskAccount("mia")},
		"issue": map[string]any{"id": ticket.ID, "fields": map[string]any{"status": map[string]any{"name": statusApproved}}},
	})
	require.NoError(t, err)
	secret, err := os.ReadFile(filepath.Join(s.stack.Dir(), "secrets", "webhook-secret"))
	require.NoError(t, err)
	posts := func(secret string) int {
		t.Helper()
		status := 0
		err := exchange(ctx, message{
			method: http.MethodPost, address: s.stack.URLs().API + "/v1/desks/jira/webhook", form: string(body),
			header: map[string]string{"X-Hub-Signature": jiratest.Signature(secret, body)}, status: &status,
		})
		require.Equal(t, status < http.StatusBadRequest, err == nil, "%v", err)
		return status
	}
	before, err := s.signals(ctx, watchID, workflows.SignalHint)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, posts("not the secret"))
	require.NoError(t, s.searched(ctx, 2))
	after, err := s.signals(ctx, watchID, workflows.SignalHint)
	require.NoError(t, err)
	require.Equal(t, before, after, "a forged webhook is no hint")
	require.Equal(t, http.StatusAccepted, posts(strings.TrimSpace(string(secret))))
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		now, err := s.signals(ctx, watchID, workflows.SignalHint)
		if err == nil && now != before+1 {
			err = fmt.Errorf("%d hints, expected %d", now, before+1)
		}
		return err
	}), "the same with the right signature is a hint")
	require.NoError(t, s.searched(ctx, 2))
	require.NoError(t, r.state(ctx, access.StateAwaitingApproval), "what a webhook says of a ticket is not believed")
	require.NoError(t, r.approve(ctx))
	require.NoError(t, r.ends(ctx))
	return r
}

// doctorHeals: an operator terminated the watch; the doctor finds it stale and starts it again.
func (s *system) doctorHeals(ctx context.Context, t *testing.T) *row {
	r := watchRow("terminated, the doctor starts it again", byTicket)
	require.NoError(t, r.on(ctx, s, "watch-doctor"))
	require.NoError(t, r.open(ctx))
	require.NoError(t, s.terminated(ctx))
	require.NoError(t, r.move(ctx, "mia", statusApproved))
	// The first question to the doctor heals already, so it must come when the watch is stale.
	require.NoError(t, passes(ctx, watchStale+time.Second))
	require.NoError(t, r.state(ctx, access.StateAwaitingApproval), "nobody may have found the move yet")
	problem, err := s.doctor(ctx)
	require.NoError(t, err)
	require.Contains(t, problem, "the watch has not completed a poll since")
	require.NoError(t, s.watching(ctx, true))
	require.NoError(t, r.ends(ctx))
	return r
}

// doctor asks for a check of everything, and gives what is wrong with the watch.
func (s *system) doctor(ctx context.Context) (string, error) {
	var report struct {
		Lines []struct{ Connector, Problem string }
	}
	err := exchange(ctx, message{
		method: http.MethodPost, address: s.stack.URLs().API + "/v1/doctor",
		header: map[string]string{"X-Usher-Person": string(stack.Auditor)}, body: map[string]any{}, into: &report,
	})
	if err != nil {
		return "", err
	}
	for _, line := range report.Lines {
		if line.Connector == "watch/jira" {
			return line.Problem, nil
		}
	}
	return "", fmt.Errorf("the doctor says nothing of the watch: %+v", report)
}

// workerHeals: an operator terminated the watch; the next worker that starts starts it again.
func (s *system) workerHeals(ctx context.Context, t *testing.T) *row {
	r := watchRow("terminated, the next worker starts it again", byTicket)
	require.NoError(t, r.on(ctx, s, "watch-worker"))
	require.NoError(t, r.open(ctx))
	require.NoError(t, s.terminated(ctx))
	require.NoError(t, r.move(ctx, "mia", statusApproved))
	pid, err := s.stack.KillWorker()
	require.NoError(t, err)
	_, err = s.stack.AwaitWorker(ctx, pid)
	require.NoError(t, err)
	require.NoError(t, s.watching(ctx, true))
	require.NoError(t, r.ends(ctx))
	return r
}

// TestWatchSweep is about what no list of changes shows, without webhooks, and about requests that look for themselves.
func TestWatchSweep(t *testing.T) {
	t.Parallel()
	s := start(t, outageTerms("USHER_DESKS_JIRA_WATCH_FULL_SCAN_INTERVAL=2s", "USHER_DESKS_JIRA_WATCH_STALE_AFTER=4s", "USHER_DESKS_JIRA_WATCH_STALENESS_CHECK_INTERVAL=3s"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	rows := s.deletedTicket(ctx, t)
	rows = append(rows, s.wrongCredentials(ctx, t)...)
	rows = append(rows, s.staleWatch(ctx, t))
	table(ctx, t, rows)
}

// deletedTicket: the sweep finds that a ticket was deleted.
func (s *system) deletedTicket(ctx context.Context, t *testing.T) []*row {
	r, other := watchRow("a deleted ticket is found by the sweep", byTicket), watchRow("its neighbour stays", granted)
	r.want.says = "replaces"
	require.NoError(t, r.on(ctx, s, "sweep-deleted"))
	require.NoError(t, other.on(ctx, s, "sweep-neighbour"))
	rows := []*row{r, other}
	require.NoError(t, each(rows, func(r *row) error { return r.open(ctx) }))
	old, err := r.ticket(ctx)
	require.NoError(t, err)
	require.NoError(t, s.jira.do(ctx, "delete", "zoe", access.TicketKey(old.Key)))
	require.NoError(t, r.until(ctx, func(d stack.Detail) error {
		if d.Ticket == nil || string(d.Ticket.ID) == old.ID {
			return fmt.Errorf("the request still knows ticket %s", old.Key)
		}
		return nil
	}))
	told, err := s.signals(ctx, workflows.RequestWorkflowID(r.id), workflows.SignalTicketChanged)
	require.NoError(t, err)
	require.Positive(t, told, "the watch must have told it")
	heard, err := other.heard(ctx)
	require.NoError(t, err)
	require.Zero(t, heard)
	require.NoError(t, each(rows, func(r *row) error { return errors.Join(r.approve(ctx), r.ends(ctx)) }))
	return rows
}

// wrongCredentials: for a while the desk takes usher for a stranger, and shows it nothing. Nobody believes that.
func (s *system) wrongCredentials(ctx context.Context, t *testing.T) []*row {
	rows := make([]*row, 3)
	for n := range rows {
		rows[n] = watchRow(fmt.Sprintf("credentials are bad for a while: no ticket is believed gone #%d", n+1), granted)
		require.NoError(t, rows[n].on(ctx, s, fmt.Sprintf("sweep-anonymous-%d", n+1)))
	}
	require.NoError(t, each(rows, func(r *row) error { return r.open(ctx) }))
	keys := make([]access.TicketKey, len(rows))
	for n, r := range rows {
		var err error
		keys[n], err = r.key(ctx)
		require.NoError(t, err)
	}
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}, Anonymous: true}))
	// Each request has found the watch stale, has looked itself, and was not let in.
	require.NoError(t, each(rows, func(r *row) error {
		return stack.Poll(ctx, func(ctx context.Context) error {
			var view access.RequestView
			answer, err := s.temporal.QueryWorkflow(ctx, workflows.RequestWorkflowID(r.id), "", workflows.QueryView)
			if err == nil {
				err = answer.Get(&view)
			}
			if err == nil && !strings.Contains(view.TicketProblem, "cannot be read") {
				err = fmt.Errorf("it says %q of its ticket", view.TicketProblem)
			}
			return err
		})
	}))
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	for n, r := range rows {
		key, err := r.key(ctx)
		require.NoError(t, err)
		require.Equal(t, keys[n], key)
		detail, err := s.Show(ctx, stack.Auditor, r.id)
		require.NoError(t, err)
		for _, event := range detail.Timeline {
			require.NotEqual(t, access.EventTicketChanged, event.Type, event.Text)
		}
	}
	require.NoError(t, each(rows, func(r *row) error { return errors.Join(r.approve(ctx), r.ends(ctx)) }))
	return rows
}

// staleWatch: an operator terminated the watch, and nobody starts it again; requests see that it is stale.
func (s *system) staleWatch(ctx context.Context, t *testing.T) *row {
	r := watchRow("terminated, the request finds it stale and looks itself", byTicket)
	require.NoError(t, r.on(ctx, s, "sweep-stale"))
	require.NoError(t, r.open(ctx))
	require.NoError(t, s.terminated(ctx))
	require.NoError(t, r.move(ctx, "mia", statusApproved))
	require.NoError(t, r.ends(ctx))
	heard, err := r.heard(ctx)
	require.NoError(t, err)
	require.Zero(t, heard, "nobody was there to tell it")
	require.NoError(t, s.watching(ctx, false))
	return r
}

// dataCenter is the other edition of Jira, with a personal access token.
func dataCenter() settings {
	more := outageTerms(
		"USHER_DESKS_JIRA_JIRA_EDITION=data_center", "USHER_DESKS_JIRA_JIRA_AUTH=pat", "USHER_DESKS_JIRA_JIRA_EMAIL=",
		"USHER_DESKS_JIRA_JIRA_REQUEST_TIMEOUT=3s",
	)
	more.simulatorArgs = []string{"-edition", string(jiratest.DataCenter)}
	return more
}

// TestDataCenter plays what is not the same on the wire with the other edition.
func TestDataCenter(t *testing.T) {
	t.Parallel()
	s := start(t, dataCenter())
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	named := func(name string, want ending) row {
		return row{name: "Data Center: " + name, ask: "wiki/editor", want: want}
	}
	hand := named("granted by hand, closed as done", byTicket)
	hand.ask = "badge/lab"
	deleted := named("deleted: opened again", byTicket)
	deleted.want.says = "replaces"
	rows := s.play(ctx, t, "dc", []*ticketEvent{
		{row: named("one stage", granted), do: approves},
		{row: named("approved by moving the card", byTicket), do: moves("mia", statusApproved)},
		{row: named("denied by moving the card", ending{outcome: access.OutcomeDenied, status: statusWontDo}), do: moves("mia", statusDenied)},
		{row: hand, do: inOrder(approves, reads(statusWorking), moves("zoe", statusDone))},
		{row: deleted, do: inOrder(anotherTicket(board("zoe", "delete")), approves)},
	})
	require.NoError(t, s.misfire(ctx, jiratest.Faults{
		HookFaults: desktest.HookFaults{LoseWebhooks: -1}, StoreFaults: desktest.StoreFaults{IndexLagSeconds: 2}, Faults: fakewire.Rules(fakewire.Rule{
			Times: 1, Only: []jiratest.Operation{jiratest.OpCreateIssue}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
		}),
	}))
	rows = append(rows, s.play(ctx, t, "dc-lost", []*ticketEvent{{
		row: named("the answer to the create is lost, the webhooks are, and the search lags", byTicket), do: moves("mia", statusApproved),
	}})...)
	table(ctx, t, rows)
}
