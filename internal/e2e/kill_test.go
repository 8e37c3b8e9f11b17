package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// killPoint is a row that stands at a chosen point when a process is killed.
type killPoint struct {
	row
	// before brings the request to just before the point; nil: nothing has been asked.
	before func(context.Context, *killPoint) error
	// holds names the call that is to be under way; nil for none.
	holds func(context.Context, *killPoint) (hold, error)
	// provoke makes the call happen, and does not wait for it.
	provoke func(context.Context, *killPoint) error
	// last is done when everything else is in its place, right before the kill.
	last func(context.Context, *killPoint) error
	// after is what people do afterwards.
	after func(context.Context, *killPoint) error

	held *hold
	// provoked ends when what provoke began has ended.
	provoked chan error
}

func (k *killPoint) open(ctx context.Context) error { return k.row.open(ctx) }

// The steps that points are made of.
var (
	open    = func(ctx context.Context, k *killPoint) error { return k.open(ctx) }
	submit  = func(ctx context.Context, k *killPoint) error { return k.submit(ctx) }
	approve = func(ctx context.Context, k *killPoint) error { return k.approve(ctx) }
	// holding opens, approves, and waits until the access is held.
	holding = func(ctx context.Context, k *killPoint) error {
		return errors.Join(k.open(ctx), k.approve(ctx), k.state(ctx, access.OutcomeGranted))
	}
)

func (s *system) deskCall(op, when string, match ...string) hold {
	return hold{at: s.jira.url, Op: op, When: when, Match: match}
}

func (s *system) directoryCall(op, when string, match ...string) hold {
	return hold{at: s.directory.url, Op: op, When: when, Match: match}
}

// onTicket is a hold of a call about the row's ticket.
func onTicket(op, when string, match ...string) func(context.Context, *killPoint) (hold, error) {
	return func(ctx context.Context, k *killPoint) (hold, error) {
		ticket, err := k.ticket(ctx)
		return k.deskCall(op, when, append(match, "/issue/"+ticket.ID+"/")...), err
	}
}

// creating is a hold of the call that creates the ticket.
func creating(when string) func(context.Context, *killPoint) (hold, error) {
	return func(_ context.Context, k *killPoint) (hold, error) {
		return k.deskCall("create_issue", when, `"`+string(access.MarkerOf(k.id))+`:`), nil
	}
}

// changing is a hold of the call that adds the row's person to the group, or removes it.
func changing(when, op string) func(context.Context, *killPoint) (hold, error) {
	return func(_ context.Context, k *killPoint) (hold, error) {
		// In a removal the person's id stands in a path, within escaped quotes.
		quoted := map[string]string{"add": `"` + string(k.who) + `"`, "remove": `\"` + string(k.who) + `\"`}[op]
		return k.directoryCall("PATCH", when, `"op":"`+op+`"`, quoted), nil
	}
}

// lookingUp is a hold of the call that reads the row's person, made by the activity that follows the first, short question.
func lookingUp(_ context.Context, k *killPoint) (hold, error) {
	h := k.directoryCall("GET", beforeCommit, "/Users/"+string(k.who)+"?")
	h.earlier = 1
	return h, nil
}

// gone is how a row ends whose access was granted for a time.
var gone = ending{outcome: access.OutcomeGranted, status: statusDone, ended: true}

func workerKills() []*killPoint {
	ask := func(name string) row { return row{name: name, ask: "wiki/editor", want: granted} }
	lasting := func(name, lasts string) row { return row{name: name, ask: "wiki/editor", lasts: lasts, want: gone} }
	return []*killPoint{
		{row: ask("kill -9 worker: people are being looked up"), holds: lookingUp, provoke: submit, after: approve},
		{row: ask("kill -9 worker: ticket create sent, not committed"), holds: creating(beforeCommit), provoke: submit, after: approve},
		{row: ask("kill -9 worker: ticket created, answer not read"), holds: creating(afterCommit), provoke: submit, after: approve},
		{row: row{name: "kill -9 worker: idle, waiting for the second stage", ask: "wiki/admin", want: granted}, before: firstStage, after: approve},
		{row: ask("kill -9 worker: right after a decision was answered"), before: open, last: approve},
		{
			row:    ask("kill -9 worker: ticket comment stored, answer not read"),
			before: open, holds: onTicket("add_comment", afterCommit), provoke: approve,
		},
		{
			row:    ask("kill -9 worker: grant sent, not committed"),
			before: open, holds: changing(beforeCommit, "add"), provoke: approve,
		},
		{
			row:    ask("kill -9 worker: grant committed, answer not read"),
			before: open, holds: changing(afterCommit, "add"), provoke: approve,
		},
		{
			row:    ask("kill -9 worker: ticket closed, answer not read"),
			before: open, holds: onTicket("transition", afterCommit, `"id":"41"`), provoke: approve,
		},
		{row: lasting("kill -9 worker: lease held, its timer survives", "45s"), before: holding},
		{
			row:    lasting("kill -9 worker: revoke committed, answer not read", "8s"),
			before: holding, holds: changing(afterCommit, "remove"), provoke: nothing,
		},
	}
}

func nothing(context.Context, *killPoint) error { return nil }

// firstStage opens a request of two stages, and lets mia pass the first.
func firstStage(ctx context.Context, k *killPoint) error {
	return errors.Join(k.open(ctx), k.decide(ctx, "mia", access.Approve), k.until(ctx, func(d stack.Detail) error {
		if len(d.WaitingOn) != 1 || d.WaitingOn[0].Person != "omar" {
			return fmt.Errorf("it waits for %v", d.WaitingOn)
		}
		return nil
	}))
}

// TestKillTable kills processes while requests stand at chosen points, and says equal things at once. Whatever happens,
// each request ends as it should, with one ticket, no grant without a decision, no member without a lease, and a whole
// audit trail.
func TestKillTable(t *testing.T) {
	s := start(t, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	// The first people who are hired get the ids that the catalog names.
	for n := range owners {
		id, err := s.hire(ctx)
		require.NoError(t, err)
		require.Equal(t, ownerID(n+1), id)
	}
	var rows []*row
	rows = append(rows, s.killWorker(ctx, t)...)
	rows = append(rows, s.killTemporal(ctx, t)...)
	rows = append(rows, s.equalPosts(ctx, t), s.equalDecisions(ctx, t), s.manyDecisions(ctx, t))
	table(ctx, t, rows)
}

// killWorker kills the worker once, while a request stands at every one of the points.
func (s *system) killWorker(ctx context.Context, t *testing.T) []*row {
	points := workerKills()
	s.bringTo(ctx, t, "worker", points)
	pid, err := s.stack.KillWorker()
	require.NoError(t, err)
	_, err = s.stack.AwaitWorker(ctx, pid)
	require.NoError(t, err)
	return finish(ctx, t, points)
}

func temporalKills() []*killPoint {
	ask := func(name string) row { return row{name: name, ask: "wiki/editor", want: granted} }
	return []*killPoint{
		{row: ask("kill -9 Temporal: waiting for a decision"), before: open, after: approve},
		{row: ask("kill -9 Temporal: ticket created, answer not read"), holds: creating(afterCommit), provoke: submit, after: approve},
		{
			row:    ask("kill -9 Temporal: grant committed, answer not read"),
			before: open, holds: changing(afterCommit, "add"), provoke: approve,
		},
		{
			row:    row{name: "kill -9 Temporal: lease held, its timer survives", ask: "wiki/editor", lasts: "20s", want: gone},
			before: holding,
		},
	}
}

// killTemporal kills the server, lets the calls that are under way be answered while it is away, and starts it again on the
// same database. One decision is sent while it is away.
func (s *system) killTemporal(ctx context.Context, t *testing.T) []*row {
	points := temporalKills()
	s.bringTo(ctx, t, "temporal", points)
	s.stack.KillTemporal()
	require.NoError(t, s.release(ctx))
	_, err := s.Decide(ctx, "mia", points[0].id, stack.Verdict{ID: "row-mia", Verdict: access.Approve})
	require.Equal(t, 503, stack.StatusOf(err), "nobody can take a decision while Temporal is away: %v", err)
	require.NoError(t, s.stack.RestartTemporal(ctx))
	return finish(ctx, t, points)
}

// bringTo brings every request to its point, and returns when all are there.
func (s *system) bringTo(ctx context.Context, t *testing.T, name string, points []*killPoint) {
	t.Helper()
	for n, k := range points {
		require.NoError(t, k.on(ctx, s, fmt.Sprintf("kill-%s-%d", name, n+1)))
	}
	began := time.Now()
	require.NoError(t, each(points, func(k *killPoint) error { return k.approach(ctx) }))
	require.NoError(t, each(points, func(k *killPoint) error { return k.step(ctx, k.last) }))
	for _, k := range points {
		if k.held != nil {
			require.NoError(t, k.held.check(ctx), "a call was not held long enough: %s", k.name)
		}
	}
	t.Logf("%d requests stand at their points after %s", len(points), time.Since(began).Round(time.Millisecond))
}

// approach brings one request to its point.
func (k *killPoint) approach(ctx context.Context) error {
	if err := k.step(ctx, k.before); err != nil || k.holds == nil {
		return err
	}
	h, err := k.holds(ctx, k)
	if err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if err := h.arm(ctx); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	k.held, k.provoked = &h, make(chan error, 1)
	go func() { k.provoked <- k.step(ctx, k.provoke) }()
	if err := h.await(ctx); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	return nil
}

func (k *killPoint) step(ctx context.Context, do func(context.Context, *killPoint) error) error {
	if do == nil {
		return nil
	}
	if err := do(ctx, k); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	return nil
}

// finish lets people go on, and waits for the right end of every row.
func finish(ctx context.Context, t *testing.T, points []*killPoint) []*row {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, rowWithin)
	defer cancel()
	began := time.Now()
	err := each(points, func(k *killPoint) error {
		if k.provoked != nil {
			if err := <-k.provoked; err != nil {
				return err
			}
		}
		if err := k.step(ctx, k.after); err != nil {
			return err
		}
		return k.ends(ctx)
	})
	require.NoError(t, err)
	t.Logf("%d requests ended %s after the kill", len(points), time.Since(began).Round(time.Second))
	rows := make([]*row, len(points))
	for i, k := range points {
		rows[i] = &k.row
	}
	return rows
}
