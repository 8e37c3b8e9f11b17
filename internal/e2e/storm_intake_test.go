package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/connectors/servicenow/servicenowtest"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

const (
	// stormAsked is how many tickets people open before usher looks at them.
	stormAsked = 25
	// stormRests is how long nothing may change after the end: longer than the desk's search lags.
	stormRests = stormLag + 3*time.Second
	// keptTicket is how usher's first comment begins on a ticket that has become a request.
	keptTicket = "usher keeps this ticket"
)

// stormTicket is a ticket by which somebody asks in the storm. Its row is the request that comes of it; where it gives access back, the
// one that gave the access.
type stormTicket struct {
	row
	// opens opens the ticket.
	opens func(context.Context, *intakeStorm, *stormTicket) (access.TicketID, error)
	// verdict is what the approver says about the request that comes of the ticket; "" where none comes of it.
	verdict access.Verdict
	// answer stands in the one comment of a ticket of which no request comes, and status is the one it must end in.
	answer, status string
	// holds is true for somebody who has the access before.
	holds bool

	ticket access.TicketID
}

// intakeStorm is the desk, and those who ask there.
type intakeStorm struct {
	*crowd
	hands askingHands
	all   []*stormTicket
}

// writes opens a ticket of that text as the row's person.
func writes(text string) func(context.Context, *intakeStorm, *stormTicket) (access.TicketID, error) {
	return func(ctx context.Context, s *intakeStorm, one *stormTicket) (access.TicketID, error) {
		return s.OpenTicket(ctx, one.who, "I need the wiki", text)
	}
}

// intakeKinds are the ways that a ticket goes in the storm.
func intakeKinds() []stormTicket {
	asks := writes("Access: wiki/editor\nReason: the handbook")
	return []stormTicket{
		{row: row{name: "asked and approved", ask: "wiki/editor", want: granted}, opens: asks, verdict: access.Approve},
		{row: row{name: "asked and denied", ask: "wiki/editor", want: denied}, opens: asks, verdict: access.Deny},
		{row: row{name: "asked for what there is not"}, opens: writes("Access: wiki/nothing"), answer: "wiki/nothing", status: statusWaiting},
		{
			row: row{name: "opened by a stranger", who: "eve"}, answer: "is nobody's whom usher knows", status: statusWaiting,
			opens: func(ctx context.Context, s *intakeStorm, _ *stormTicket) (access.TicketID, error) {
				return s.hands.stranger(ctx, "Access: wiki/editor\nFor: ana")
			},
		},
		{
			row:   row{name: "given back", ask: "wiki/editor", want: ending{outcome: access.OutcomeGranted, status: statusDone, ended: true}},
			opens: writes("Give back: wiki/editor"), answer: "Given back, and gone: wiki/editor", status: statusDone, holds: true,
		},
	}
}

// badServiceNow is as bad as badDesk where usher writes. Of the calls that read it spoils every fifteenth: a look at one ticket is five to ten of them
// here, and each try of usher's needs all of them.
func badServiceNow() jiratest.Faults {
	bad := badDesk()
	writes, reads := bad.Rules[0], bad.Rules[0]
	writes.Only = []fakewire.Operation{servicenowtest.OpInsert, servicenowtest.OpUpdate}
	reads.Every, reads.Only = 15, []fakewire.Operation{servicenowtest.OpList, servicenowtest.OpRead}
	bad.Rules = []fakewire.Rule{writes, reads}
	return bad
}

// TestDeskStorm_intake: people ask on a desk that usher does not look at, and that is bad when usher looks again.
func TestDeskStorm_intake(t *testing.T) {
	for _, desk := range []struct {
		name  string
		kind  stack.DeskKind
		bad   jiratest.Faults
		hands func(*system) askingHands
	}{
		{"Jira cloud", stack.Jira, badDesk(), func(s *system) askingHands { return jiraHands{url: s.jira.url} }},
		{"ServiceNow", stack.ServiceNow, badServiceNow(), func(s *system) askingHands { return serviceNowHands{s.jira.url} }},
	} {
		t.Run(desk.name, func(t *testing.T) {
			t.Parallel()
			more := stormSettings(desk.kind)
			more.simulatorArgs = []string{"-staff", fmt.Sprint(stormAsked)}
			s := start(t, more)
			ctx, cancel := context.WithTimeout(t.Context(), startWithin+stormWithin)
			defer cancel()
			c, quit := s.follow(ctx)
			defer quit()
			storm := &intakeStorm{crowd: c, hands: desk.hands(s)}
			storm.open(ctx, t)
			require.NoError(t, s.misfire(ctx, desk.bad))
			require.NoError(t, s.stack.StartWorker(ctx))
			storm.play(ctx, t)
		})
	}
}

// open opens all tickets while nobody looks at the desk.
func (s *intakeStorm) open(ctx context.Context, t *testing.T) {
	kinds := intakeKinds()
	for n := range stormAsked {
		one := kinds[n%len(kinds)]
		one.name = fmt.Sprintf("%s spoils calls: %s #%d", s.DeskName(), one.name, n/len(kinds)+1)
		if one.who == "" {
			one.who = access.PersonID(fmt.Sprintf("staff-%d", n+1))
		}
		require.NoError(t, one.on(ctx, s.system, fmt.Sprintf("storm-held-%d", n+1)))
		s.all = append(s.all, &one)
	}
	require.NoError(t, each(s.all, func(one *stormTicket) error { return s.getsBefore(ctx, one) }))
	s.stack.StopWorker()
	for _, one := range s.all {
		var err error
		one.ticket, err = one.opens(ctx, s, one)
		require.NoError(t, err, one.name)
		if !one.holds {
			one.id = s.AskedRequest(one.ticket)
		}
	}
}

// getsBefore has somebody get the access before, over HTTP.
func (s *intakeStorm) getsBefore(ctx context.Context, one *stormTicket) error {
	if !one.holds {
		return nil
	}
	if err := one.submit(ctx); err != nil {
		return err
	}
	if err := one.approve(ctx); err != nil {
		return err
	}
	if err := s.crowd.status(ctx, &one.row, statusDone); err != nil {
		return err
	}
	return slowly(ctx, func(ctx context.Context) error { return one.runEnds(ctx) })
}

// play has the approvers decide, waits until all is as it must be, looks once more after a while, and prints the rows.
func (s *intakeStorm) play(ctx context.Context, t *testing.T) {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, stormWithin)
	defer cancel()
	err := each(s.all, func(one *stormTicket) error {
		if err := s.decided(within, one); err != nil {
			return fmt.Errorf("%s (request %s): %w", one.name, one.id, err)
		}
		return nil
	})
	requests, wrong := s.settled(within)
	if err == nil && len(wrong) == 0 {
		t.Logf("%d tickets were right after %s", len(s.all), time.Since(began).Round(time.Second))
		err = pause(within, stormRests)
		requests, wrong = s.settled(within)
	}
	s.print(t)
	calls, callsErr := s.deskCalls(ctx)
	t.Logf("the desk was called %d times", calls.Total)
	t.Logf("intake storm: tickets %d, requests %d, violations %d", len(s.all), requests, len(wrong))
	require.NoError(t, errors.Join(err, callsErr))
	require.Empty(t, wrong)
}

// settled looks until all is as it must be, or until the context ends: a ticket may be looked into once more at any time.
func (s *intakeStorm) settled(ctx context.Context) (requests int, wrong []string) {
	_ = slowly(ctx, func(ctx context.Context) error {
		if requests, wrong = s.judged(context.WithoutCancel(ctx)); len(wrong) > 0 {
			return errors.New(strings.Join(wrong, "; "))
		}
		return nil
	})
	return requests, wrong
}

// print prints a line for each ticket.
func (s *intakeStorm) print(t *testing.T) {
	width := 0
	for _, one := range s.all {
		width = max(width, len(one.name))
	}
	for _, one := range s.all {
		found := fmt.Sprint(one.found)
		if one.verdict == "" && !one.holds {
			found = "no request"
		}
		t.Logf("row %-*s  %s", width, one.name, found)
	}
}

// pause waits so long.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// decided has the approver decide about the request that comes of a ticket, on the desk, once it says that it has become one and what people do
// is younger than that by the desk's clock. Somebody whose answer was put back gives it again.
func (s *intakeStorm) decided(ctx context.Context, one *stormTicket) error {
	if one.verdict == "" {
		return nil
	}
	err := slowly(ctx, func(context.Context) error {
		tickets := s.evidence(one.id).tickets
		if len(tickets) != 1 || !says(tickets[0], keptTicket) {
			return fmt.Errorf("no comment says that it is a request's: %+v", tickets)
		}
		return nil
	})
	if err == nil {
		err = pause(ctx, 2*time.Second)
	}
	if err != nil {
		return err
	}
	return s.decidedOnDesk(ctx, one.id, one.ticket, one.verdict)
}

// decidedOnDesk has mia answer on the desk until the request has a decision.
func (s *system) decidedOnDesk(ctx context.Context, id access.RequestID, ticket access.TicketID, v access.Verdict) error {
	return slowly(ctx, func(ctx context.Context) error {
		detail, err := s.Show(ctx, stack.Auditor, id)
		if err != nil || len(detail.Decisions) > 0 {
			return err
		}
		return errors.Join(errors.New("usher has seen no decision"), s.answers(ctx, ticket, "mia", v))
	})
}

// answers has somebody answer on the desk's pages, which are not spoilt: by the approval of the desk's own, or where there is none by moving
// the ticket.
func (s *system) answers(ctx context.Context, ticket access.TicketID, by access.PersonID, v access.Verdict) error {
	all, err := s.Tickets(ctx)
	if err != nil {
		return err
	}
	for _, one := range all {
		switch {
		case one.Fields["sysapproval"] == string(ticket) && one.Status == "requested":
			return s.TransitionTicket(ctx, by, access.TicketKey(one.Key), map[access.Verdict]string{access.Approve: "approved", access.Deny: "rejected"}[v])
		case one.ID == string(ticket) && one.Status == statusWaiting && s.DeskName() == stack.Jira.Name():
			to := map[access.Verdict]string{access.Approve: statusApproved, access.Deny: statusDenied}[v]
			return s.TransitionTicket(ctx, by, access.TicketKey(one.Key), to)
		}
	}
	return fmt.Errorf("nobody is asked about ticket %s", ticket)
}

// judged counts the requests that came of tickets, and returns everything that is not as it must be.
func (s *intakeStorm) judged(ctx context.Context) (requests int, wrong []string) {
	tickets, err := s.Tickets(ctx)
	if err != nil {
		return 0, []string{err.Error()}
	}
	byID := map[string]stack.Ticket{}
	for _, ticket := range tickets {
		byID[ticket.ID] = ticket
	}
	for _, one := range s.all {
		for _, what := range s.wrong(ctx, one, byID[string(one.ticket)]) {
			wrong = append(wrong, fmt.Sprintf("%s (ticket %s): %s", one.name, one.ticket, what))
		}
	}
	requests, others := s.runsAre(ctx)
	return requests, slices.Concat(wrong, others, s.strange(tickets))
}

// wrong returns what is not right about one ticket.
func (s *intakeStorm) wrong(ctx context.Context, one *stormTicket, ticket stack.Ticket) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if one.ask != "" {
		if err := s.inspect(ctx, &one.row); err != nil {
			say("%v", err)
		}
	}
	if one.verdict != "" {
		if tickets := s.evidence(one.id).tickets; len(tickets) != 1 || tickets[0].ID != ticket.ID {
			say("the request's tickets are %+v", tickets)
		}
		return wrong
	}
	if _, err := s.Show(ctx, stack.Auditor, s.AskedRequest(one.ticket)); stack.StatusOf(err) != http.StatusNotFound {
		say("a request came of it (%v)", err)
	}
	if ticket.Status != one.status {
		say("it is in %q, expected %q", ticket.Status, one.status)
	}
	if len(ticket.Comments) != 1 || !says(ticket, one.answer) {
		say("expected one comment with %q, found %+v", one.answer, ticket.Comments)
	}
	return wrong
}

// runsAre counts the requests that came of tickets. It is wrong that there are others than those that must be, and that something runs.
func (s *intakeStorm) runsAre(ctx context.Context) (requests int, wrong []string) {
	must := map[string]bool{}
	for _, one := range s.all {
		must[workflows.RequestWorkflowID(one.id)] = one.ask != ""
	}
	found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType IN (%q, %q)", workflows.AccessRequestType, workflows.AskedTicketType),
	})
	if err != nil {
		return 0, []string{err.Error()}
	}
	seen := map[string]bool{}
	for _, run := range found.Executions {
		id := run.Execution.WorkflowId
		if status := run.Status; status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED && status != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			wrong = append(wrong, fmt.Sprintf("the run of %s is %s", id, status))
		}
		if run.Type.Name != workflows.AccessRequestType || seen[id] {
			continue
		}
		seen[id] = true
		if !must[id] {
			wrong = append(wrong, "nobody may have asked for "+id)
		}
		if strings.HasPrefix(id, workflows.RequestPrefix+string(s.AskedRequest(""))) {
			requests++
		}
	}
	return requests, wrong
}

// strange returns the tickets that nobody has opened and that are of no request, and the memberships of people who were given nothing.
func (s *intakeStorm) strange(tickets []stack.Ticket) (wrong []string) {
	known, may := map[string]bool{}, map[access.PersonID]bool{}
	for _, one := range s.all {
		known[string(one.ticket)] = true
		may[one.who] = may[one.who] || one.want.outcome == access.OutcomeGranted
		if one.holds {
			for _, ticket := range s.evidence(one.id).tickets {
				known[ticket.ID] = true
			}
		}
	}
	for _, ticket := range tickets {
		if !known[ticket.ID] && ticket.Fields["sysapproval"] == "" {
			wrong = append(wrong, "there is a ticket besides: "+ticket.Key)
		}
	}
	for _, c := range s.evidence("").changes {
		if c.Kind == "added" && !may[c.User] {
			wrong = append(wrong, fmt.Sprintf("%s was added to %s", c.User, c.Group))
		}
	}
	return wrong
}
