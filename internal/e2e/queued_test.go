package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/devstack/stack"
)

const (
	// firstThreshold and lastThreshold bound the lengths of a history from which on the server suggests to continue as new.
	firstThreshold = 4
	lastThreshold  = 70
	// queuedThresholds and queuedRows are the size of the sample: servers, and rows on each.
	queuedThresholds = 4
	queuedRows       = 20
	// queuedAtOnce is how many servers of a full run run side by side: most of the time they wait for time-outs.
	queuedAtOnce = 2
	// queuedServerWithin is how long all of one server may take.
	queuedServerWithin = 6 * time.Minute
)

// TestQueued stops the worker while requests and people's workflows stand in each of their states, sends each message and
// pairs of two, and starts the worker again: all are delivered in one workflow task. One server for each length of a
// history at which runs are to continue as new; on every second one a timer fires as well while the worker is stopped.
func TestQueued(t *testing.T) {
	build(t)
	from := drawing(t)
	servers := queuedServers(t, from)
	places := make(chan struct{}, queuedThresholds)
	if full() {
		places = make(chan struct{}, queuedAtOnce)
	}
	t.Run("play", func(t *testing.T) {
		for _, one := range servers {
			t.Run(one.name, func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				one.play(t)
			})
		}
	})
	total := &sweep{name: "queued"}
	for _, one := range servers {
		report(t, total, one.name, one.rows)
	}
	total.total(t)
}

// queuedServer is one server, and the rows that are played on it.
type queuedServer struct {
	name      string
	threshold int
	timed     bool
	rows      []*queued
}

// queuedServers are those of this run, with their rows.
func queuedServers(t *testing.T, from *rand.Rand) []*queuedServer {
	t.Helper()
	var kinds [2][]*queuedServer
	for n := firstThreshold; n <= lastThreshold; n++ {
		one := &queuedServer{name: fmt.Sprintf("threshold_%d", n), threshold: n, timed: n%2 == 1}
		if one.timed {
			one.name += "_with_timer"
		}
		kinds[n%2] = append(kinds[n%2], one)
	}
	var all []*queuedServer
	for _, kind := range kinds {
		for _, one := range sample(from, kind, queuedThresholds/len(kinds)) {
			if one.rows = only(t, one.name, sample(from, one.plan(), queuedRows)); len(one.rows) > 0 {
				all = append(all, one)
			}
		}
	}
	return all
}

// plan is every row of the server: each message in each state, and every second pair of two. The next server of its kind has
// the other pairs.
func (one *queuedServer) plan() []*queued {
	var all []*queued
	pairs := one.threshold / 2
	add := func(states []*queuedState, messages []*queuedMessage) {
		for _, state := range states {
			for i, m := range messages {
				if m.name != sayStale {
					all = append(all, newQueued(one.timed, state, m))
				}
				for _, other := range messages[i+1:] {
					q := newQueued(one.timed, state, m, other)
					if q.impossible() {
						continue
					}
					if pairs++; pairs%2 == 0 {
						all = append(all, q)
					}
				}
			}
		}
	}
	add(requestStates(), requestMessages())
	add(subjectStates(), subjectMessages())
	return all
}

// impossible reports whether two messages are not worth a row: one is about what the state does not have, or the old answer
// comes without the new one.
func (q *queued) impossible() bool {
	if q.says(sayStale) && !q.says(sayLeaseState) {
		return true
	}
	return q.state.name == inEvaluating && q.says(sayTicket, sayHint, sayLeaseState)
}

func newQueued(timed bool, state *queuedState, messages ...*queuedMessage) *queued {
	q := &queued{state: state, messages: messages, timed: timed}
	names := make([]string, len(messages))
	for i, m := range messages {
		names[i] = m.name
	}
	q.ask, q.lasts, q.name = state.ask, state.lasts, state.name+"/"+strings.Join(names, "_and_")
	if state.name == inHeld && timed {
		q.lasts = leaseLasts
	}
	return q
}

// settings let nothing but what a row does wake its workflows, save one timer where there is to be one: a request then looks
// how old the watch's last round is.
func (one *queuedServer) settings() settings {
	look := "1h"
	if one.timed {
		look = "12s"
	}
	return settings{
		workerEnv: []string{
			"USHER_DESKS_JIRA_WATCH_INTERVAL=1h", "USHER_DESKS_JIRA_WATCH_OVERLAP=1m", "USHER_DESKS_JIRA_WATCH_FULL_SCAN_INTERVAL=2h",
			"USHER_DESKS_JIRA_WATCH_STALE_AFTER=2h", "USHER_DESKS_JIRA_WATCH_STALENESS_CHECK_INTERVAL=" + look,
			// Every row may hold a call.
			"USHER_LIMITS_ACTIVITIES=400", "USHER_LIMITS_POLLERS_ACTIVITIES=8",
		},
		temporalArgs: []string{"--dynamic-config-value", fmt.Sprintf("limit.historyCount.suggestContinueAsNew=%d", one.threshold)},
	}
}

// play plays the server's rows side by side.
func (one *queuedServer) play(t *testing.T) {
	s := start(t, one.settings())
	ctx, cancel := context.WithTimeout(t.Context(), queuedServerWithin)
	defer cancel()
	require.NoError(t, s.misfire(ctx, jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: -1}}))
	c, quit := s.follow(ctx)
	defer quit()
	began := time.Now()
	reader := s.reader(t)
	rows := one.rows
	for round := 1; len(rows) > 0; round++ {
		for n, q := range rows {
			require.NoError(t, q.on(ctx, s, fmt.Sprintf("queued-%d-%d-%d", one.threshold, round, n+1)))
			q.reader = reader
		}
		var again []*queued
		rows, again = one.stand(ctx, c, rows, round)
		t.Logf("%s: round %d: %d rows stand in their states after %s, %d came too late", one.name, round, len(rows),
			time.Since(began).Round(time.Second), len(again))
		s.stack.StopWorker()
		require.NoError(t, s.release(ctx))
		side(rows, func(q *queued) error { return q.sendAll(ctx) })
		late := again
		rows, again = one.stayed(rows, round)
		again = append(late, again...)
		require.NoError(t, s.stack.StartWorker(ctx))
		side(rows, func(q *queued) error { return q.ends(ctx, c) })
		rows = again
	}
	wrong := slices.DeleteFunc(slices.Clone(one.rows), func(q *queued) bool { return q.wrong == nil })
	t.Logf("%s: %d rows ended after %s, %d of them wrong", one.name, len(one.rows), time.Since(began).Round(time.Second), len(wrong))
	tellStories(ctx, one.rows)
}

// queuedRounds is how often a row may be played that did not stay in its state until the worker was stopped.
const queuedRounds = 3

// stand brings rows to their states, and returns those that stand there and those to play again: a held call ends after its
// time-out, and on a slow machine other rows may need longer than that. Each of those is a new row, of another request.
func (one *queuedServer) stand(ctx context.Context, c *crowd, rows []*queued, round int) (there, again []*queued) {
	side(rows, func(q *queued) error { return q.approach(ctx, c, q.state.before) })
	side(rows, func(q *queued) error { return q.approach(ctx, c, q.state.reach) })
	side(rows, func(q *queued) error { return q.remember(ctx) })
	return one.stayed(rows, round)
}

// stayed returns the rows that are in their states, and makes those that are not new rows, to be played again.
func (one *queuedServer) stayed(rows []*queued, round int) (there, again []*queued) {
	for _, q := range rows {
		if errors.Is(q.wrong, errLeftState) && round < queuedRounds {
			*q = *newQueued(q.timed, q.state, q.messages...)
			again = append(again, q)
			continue
		}
		there = append(there, q)
	}
	return there, again
}

// approachWithin is how long a row may take to its state.
const approachWithin = 45 * time.Second

// approach brings the row closer to its state. One that does not come to it on a slow machine is played again, as one that left it.
func (q *queued) approach(ctx context.Context, c *crowd, how func(context.Context, *crowd, *queued) error) error {
	if how == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, approachWithin)
	defer cancel()
	if err := how(ctx, c, q); err != nil {
		return fmt.Errorf("it never came to its state: %w (%w)", err, errLeftState)
	}
	return nil
}

// sendAll sends the row's messages, and returns when the server has them.
func (q *queued) sendAll(ctx context.Context) error {
	q.timers = q.firedTimers(ctx)
	if q.moved() {
		if err := q.humanMoves(ctx); err != nil {
			return err
		}
	}
	for n, m := range q.messages {
		err := m.send(ctx, q)
		var ended *serviceerror.NotFound
		switch {
		case n == 0 && errors.As(err, &ended):
			return fmt.Errorf("%w: send %s: %w", errLeftState, m.name, err)
		case err != nil:
			return fmt.Errorf("send %s: %w", m.name, err)
		}
	}
	if q.timed {
		return q.awaitTimer(ctx)
	}
	return nil
}

// humanMoves has a human do with the ticket what brings the request on.
func (q *queued) humanMoves(ctx context.Context) error {
	if q.state.name == inByHand {
		return q.move(ctx, "zoe", statusDone)
	}
	return q.move(ctx, q.approver(), statusApproved)
}

// reader reads tickets as usher does.
func (s *system) reader(t *testing.T) access.TicketReader {
	t.Helper()
	c := jira.Config{
		BaseURL: s.jira.url, Email: "usher-bot@example.test", Token: simulatorToken, Project: "ACCESS", IssueType: "Access request",
	}
	c.Statuses = map[access.TicketPhase][]string{
		access.TicketWaiting: {statusWaiting}, access.TicketApproved: {statusApproved}, access.TicketDenied: {statusDenied},
		access.TicketWorking: {statusWorking}, access.TicketDone: {statusDone}, access.TicketWontDo: {statusWontDo},
	}
	c.FulfilledBy = []access.AccountID{access.AccountID(stack.DeskAccount("zoe"))}
	desk, err := jira.New(c, "jira")
	require.NoError(t, err)
	return desk
}

// removalOf is the ticket that asks a human to take the row's access away; the zero Ticket when there is none.
func (c *crowd) removalOf(r *row) stack.Ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ticket := range c.tickets[access.RemovalMarkerOf(access.LeaseIDOf(r.id, "1"))] {
		return ticket
	}
	return stack.Ticket{}
}

// ticketStatus is the status of the row's ticket; "" when there is none.
func (c *crowd) ticketStatus(r *row) string {
	for _, ticket := range c.evidence(r.id).tickets {
		return ticket.Status
	}
	return ""
}
