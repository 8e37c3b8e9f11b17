package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/connectors/servicenow/servicenowtest"
	"usher/internal/devstack/stack"
)

const (
	// stormRequests are how many ask at once, fewer on the other desks; stormWithin is how long they may take to their
	// ends.
	stormRequests           = 200
	stormRequestsDataCenter = 80
	stormRequestsServiceNow = 40
	stormWithin             = 150 * time.Second
	// stormLag is how long the desk's search does not see a change.
	stormLag = 5 * time.Second
)

// badDesk is a desk that spoils every fifth call, each time in another way, delivers every event twice, and whose search
// lags.
func badDesk() jiratest.Faults {
	return jiratest.Faults{
		Faults: fakewire.Rules(fakewire.Rule{Every: 5, Of: []fakewire.Fault{
			{Kind: fakewire.Drop},
			{Kind: fakewire.Drop, Committed: true},
			{Kind: fakewire.Status, Status: http.StatusInternalServerError},
			{Kind: fakewire.Status, Status: http.StatusServiceUnavailable, Committed: true, Body: "html"},
			{Kind: fakewire.RateLimit, RetryAfter: "1", Reason: "jira-burst-based"},
			{Kind: fakewire.HTML},
			{Kind: fakewire.Truncate, Committed: true},
			{Kind: fakewire.Status, Status: http.StatusServiceUnavailable, RetryAfter: "1"},
			{Kind: fakewire.RateLimit, Body: "empty"},
			{Kind: fakewire.Cut, Committed: true},
			{Kind: fakewire.HTML, Committed: true},
			{Kind: fakewire.Hang},
			{Kind: fakewire.Hang, Committed: true},
		}}),
		HookFaults: desktest.HookFaults{DoubleWebhooks: true}, StoreFaults: desktest.StoreFaults{IndexLagSeconds: stormLag.Seconds()},
	}
}

// stormSettings suit a desk with that lag: usher waits longer than the lag and a call's time-out together before it looks for a
// ticket of unknown outcome again.
func stormSettings(desk stack.DeskKind) settings {
	name := "USHER_DESKS_" + strings.ToUpper(string(desk)) + "_"
	more := settings{desk: desk}
	for _, term := range []string{
		strings.ToUpper(string(desk)) + "_REQUEST_TIMEOUT=4s", strings.ToUpper(string(desk)) + "_RATE=1000", "SEARCH_INDEX_DELAY=10s",
		"WATCH_INTERVAL=2s", "WATCH_OVERLAP=1m", "WATCH_FULL_SCAN_INTERVAL=20s", "WATCH_STALE_AFTER=60s", "WATCH_STALENESS_CHECK_INTERVAL=1m",
	} {
		more.workerEnv = append(more.workerEnv, name+term)
	}
	return more
}

// stormKinds are the ways that a request goes in the storm.
func stormKinds() []crowdRow {
	kind := func(name string, ask access.EntitlementID, want ending, do crowdStep) crowdRow {
		return crowdRow{row: row{name: name, ask: ask, want: want}, do: do}
	}
	return []crowdRow{
		kind("approved over HTTP", "wiki/editor", granted, asked(func(ctx context.Context, _ *crowd, r *row) error {
			return r.approve(ctx)
		})),
		kind("approved by moving the card", "wiki/editor", granted, asked(moved(statusWaiting, "mia", statusApproved))),
		kind("denied by moving the card", "wiki/editor", denied, asked(moved(statusWaiting, "mia", statusDenied))),
		kind("granted by hand, closed as done", "badge/lab", granted, asked(func(ctx context.Context, c *crowd, r *row) error {
			if err := r.approve(ctx); err != nil {
				return err
			}
			return moved(statusWorking, "zoe", statusDone)(ctx, c, r)
		})),
		kind("withdrawn", "wiki/editor", withdrawn, asked(func(ctx context.Context, _ *crowd, r *row) error {
			// What is withdrawn before policy has answered gets no ticket.
			err := slowly(ctx, func(ctx context.Context) error {
				detail, err := r.Show(ctx, stack.Auditor, r.id)
				if err == nil && detail.State != access.StateAwaitingApproval {
					err = fmt.Errorf("it is %s", detail.State)
				}
				return err
			})
			if err != nil {
				return err
			}
			return takesBack(ctx, r)
		})),
	}
}

// answeredOnDesk is approved by an approval of the desk's own.
func answeredOnDesk() crowdRow {
	return crowdRow{
		row: row{name: "approved by an approval of the desk", ask: "wiki/editor", want: granted},
		do: asked(func(ctx context.Context, c *crowd, r *row) error {
			if err := c.status(ctx, r, statusWaiting); err != nil {
				return err
			}
			ticket := access.TicketID(c.evidence(r.id).tickets[0].ID)
			return c.decidedOnDesk(ctx, r.id, ticket, access.Approve)
		}),
	}
}

// asked submits first.
func asked(then crowdStep) crowdStep {
	return func(ctx context.Context, c *crowd, r *row) error {
		if err := r.submit(ctx); err != nil {
			return err
		}
		return then(ctx, c, r)
	}
}

// moved waits until the ticket is in a status, and then has somebody move it.
func moved(from string, by access.PersonID, to string) crowdStep {
	return func(ctx context.Context, c *crowd, r *row) error {
		if err := c.status(ctx, r, from); err != nil {
			return err
		}
		return r.TransitionTicket(ctx, by, access.TicketKey(c.evidence(r.id).tickets[0].Key), to)
	}
}

// TestDeskStorm brings 200 requests through a desk that spoils every fifth call, doubles every webhook and delays its search.
func TestDeskStorm(t *testing.T) {
	t.Parallel()
	storm(t, "desk", stormSettings(stack.Jira), stormRequests)
}

// TestDeskStorm_data_center does the same with the other edition.
func TestDeskStorm_data_center(t *testing.T) {
	t.Parallel()
	more, terms := dataCenter(), stormSettings(stack.Jira)
	more.workerEnv = append(more.workerEnv, terms.workerEnv...)
	storm(t, "Data Center", more, stormRequestsDataCenter)
}

// TestDeskStorm_servicenow does the same with ServiceNow, which has no webhooks here.
func TestDeskStorm_servicenow(t *testing.T) {
	t.Parallel()
	storm(t, "ServiceNow", stormSettings(stack.ServiceNow), stormRequestsServiceNow)
}

func storm(t *testing.T, where string, more settings, requests int) {
	s := start(t, more)
	ctx, cancel := context.WithTimeout(t.Context(), stormWithin)
	defer cancel()
	kinds := stormKinds()
	if more.desk == stack.ServiceNow {
		kinds = append(kinds, answeredOnDesk())
	}
	all := make([]*crowdRow, requests)
	for n := range all {
		one := kinds[n%len(kinds)]
		one.name = fmt.Sprintf("%s spoils every fifth call: %s #%d", where, one.name, n/len(kinds)+1)
		require.NoError(t, one.on(ctx, s, fmt.Sprintf("storm-%d", n+1)))
		all[n] = &one
	}
	require.NoError(t, s.misfire(ctx, badDesk()))
	c, quit := s.follow(ctx)
	defer quit()
	c.play(ctx, t, all)
	calls, err := s.deskCalls(ctx)
	require.NoError(t, err)
	t.Logf("the desk was called %d times and spoilt every fifth call; %d calls created %d tickets",
		calls.Total, creates(calls), requests)
	require.Greater(t, creates(calls), requests, "some creates must have been spoilt")
}

// creates counts the calls that create tickets, on whichever desk.
func creates(calls fakewire.Calls) int {
	return calls.ByOperation[jiratest.OpCreateIssue] + calls.ByOperation[servicenowtest.OpInsert]
}

// misfire sets the faults of the desk.
func (s *system) misfire(ctx context.Context, f jiratest.Faults) error {
	return exchange(ctx, message{method: http.MethodPut, address: s.jira.url + "/_sim/faults", body: f})
}

// deskCalls counts what the desk's API was asked.
func (s *system) deskCalls(ctx context.Context) (fakewire.Calls, error) {
	var calls fakewire.Calls
	err := exchange(ctx, message{method: http.MethodGet, address: s.jira.url + "/_sim/calls", into: &calls})
	return calls, err
}

// TestHumanIsFaster: while usher does not know yet that its own move was made, a human moves the ticket on. What usher
// repeats must not undo that.
func TestHumanIsFaster(t *testing.T) {
	t.Parallel()
	s := start(t, outageTerms("USHER_DESKS_JIRA_JIRA_REQUEST_TIMEOUT=3s", "USHER_DESKS_JIRA_WATCH_INTERVAL=10s"))
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	// Nobody notifies usher of the human's move before it repeats its own.
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	r := &row{name: "a human closes the ticket before usher's own move is answered", ask: "badge/lab", want: byTicket}
	require.NoError(t, r.on(ctx, s, "faster"))
	require.NoError(t, r.open(ctx))
	ticket, err := r.ticket(ctx)
	require.NoError(t, err)
	h := s.deskCall("transition", afterCommit, "/issue/"+ticket.ID+"/")
	require.NoError(t, h.arm(ctx))
	require.NoError(t, r.approve(ctx))
	require.NoError(t, h.await(ctx))
	require.NoError(t, r.move(ctx, "zoe", statusDone))
	require.NoError(t, r.ends(ctx))
	table(ctx, t, []*row{r})
}
