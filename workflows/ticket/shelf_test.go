package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// errCarried is what a shelf that continues in another run returns.
var errCarried = errors.New("carried")

// shelf is a workflow that is nothing but one ticket, over a desk in memory.
type shelf struct {
	*ticket.Keeper
	env      *testsuite.TestWorkflowEnvironment
	desk     *port
	book     *book
	state    ticket.State
	settings ticket.Settings
	loop     *durable.Loop
	plan     []func()
	over     bool
	// log is what the owner was told.
	log []string
	// closing is the fact that the closing records; nil for none.
	first     []access.Entry
	approvals access.DeskApprovals
	closing   *access.Entry
	// missing is what the owner does when the ticket is gone; nil for nothing. fresh is what it says of a read.
	missing func()
	fresh   bool
}

// port is a desk that a test can stop in the middle of a call.
type port struct {
	*memory.Desk
	mu sync.Mutex
	// during is called within the next call of an operation; update counts how many updates there were, by their texts.
	during map[string]func()
	said   [][]string
}

func (p *port) meanwhile(op string) {
	p.mu.Lock()
	do := p.during[op]
	delete(p.during, op)
	p.mu.Unlock()
	if do != nil {
		do()
	}
}

// ReadTicket implements access.TicketReader.
func (p *port) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	now, err := p.Desk.ReadTicket(ctx, id)
	p.meanwhile(memory.OpReadTicket)
	return now, err
}

// TransitionTicket implements access.TicketWriter.
func (p *port) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	err := p.Desk.TransitionTicket(ctx, id, to)
	p.meanwhile(memory.OpTransitionTicket)
	return err
}

// AddComments implements access.TicketWriter. A text that begins with "bad" is refused.
func (p *port) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	p.meanwhile(memory.OpAddComments)
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.Text
	}
	p.mu.Lock()
	p.said = append(p.said, texts)
	p.mu.Unlock()
	if slices.ContainsFunc(texts, func(text string) bool { return text[:3] == "bad" }) {
		return access.Errorf(access.Invalid, "add comments", "the desk does not take this text")
	}
	return p.Desk.AddComments(ctx, id, all...)
}

// book is a ledger that takes what is recorded along.
type book struct {
	activities.LedgerStore
	away    bool
	entries []access.Entry
}

// Record implements activities.LedgerStore.
func (b *book) Record(_ context.Context, entries ...access.Entry) error {
	if b.away {
		return access.Errorf(access.Transient, "record", "the database is away")
	}
	b.entries = append(b.entries, entries...)
	return nil
}

// human is somebody who works on the desk.
const human access.AccountID = "account-of-a-human"

// first and longest bound the intervals between two reads.
const (
	first       = time.Minute
	longest     = 8 * time.Minute
	searchDelay = 2 * time.Minute
)

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{
		desk: &port{Desk: memory.NewDesk("jira"), during: map[string]func(){}}, book: &book{}, fresh: true,
		settings: ticket.Settings{Desk: "jira", Marker: "usher-r1", SearchDelay: searchDelay, Recheck: time.Minute, Guard: true},
	}
	s.newRun()
	return s
}

// newRun sets the shelf's environment of its next run.
func (s *shelf) newRun() {
	before := s.env
	var suite testsuite.WorkflowTestSuite
	s.env = suite.NewTestWorkflowEnvironment()
	if before != nil {
		s.env.SetStartTime(before.Now())
	}
	s.plan, s.over = nil, false
	const hangs = 10 * time.Second
	s.env.SetTestTimeout(hangs)
	s.desk.SetClock(s.env.Now)
	s.env.RegisterActivity(&activities.Desk{Port: s.desk, Ledger: s.book})
}

// at has something done in the workflow at a time.
func (s *shelf) at(after time.Duration, do func()) {
	i := s.task(do)
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow("do", i) }, after)
}

// task is what the workflow does when it is told its number.
func (s *shelf) task(do func()) int {
	s.plan = append(s.plan, do)
	return len(s.plan) - 1
}

// during has something done in the workflow while a call of the desk is in flight.
func (s *shelf) during(op string, do func()) {
	done := make(chan struct{})
	i := s.task(func() {
		do()
		close(done)
	})
	s.desk.during[op] = func() {
		s.env.SignalWorkflow("do", i)
		<-done
	}
}

// ends lets the workflow end when the ticket shows everything.
func (s *shelf) ends(after time.Duration) { s.at(after, func() { s.over = true }) }

// run executes the workflow, and returns its error.
func (s *shelf) run(t *testing.T) error {
	t.Helper()
	defer func() {
		if stuck := recover(); stuck != nil {
			require.Fail(t, "the workflow hangs, or the test panics", "%.300s\nlog: %v", fmt.Sprint(stuck), s.log)
		}
	}()
	s.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		s.loop = durable.New(ctx, s)
		s.Keeper = ticket.New(s.loop, &s.state, s.settings, s)
		durable.OnSignal(s.loop, "do", func(i int) { s.plan[i]() })
		return s.loop.Run(func() error { return errCarried })
	})
	require.True(t, s.env.IsWorkflowCompleted())
	return s.env.GetWorkflowError()
}

// ticket is the one ticket of the desk.
func (s *shelf) ticket(t *testing.T) memory.DeskTicket {
	t.Helper()
	tickets := s.desk.Tickets()
	require.Len(t, tickets, 1)
	return tickets[0]
}

func (s *shelf) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

// said counts how often the owner was told something.
func (s *shelf) told(text string) int {
	n := 0
	for _, line := range s.log {
		if line == text {
			n++
		}
	}
	return n
}

// Due implements durable.Machine.
func (s *shelf) Due() (time.Time, string) { return s.Keeper.Due(), "ticket" }

// Done implements durable.Machine.
func (s *shelf) Done() bool { return s.over && s.Idle() }

// Cancelled implements durable.Machine.
func (s *shelf) Cancelled() {}

// Undecodable implements durable.Machine.
func (s *shelf) Undecodable(string, error) {}

// Order implements ticket.Owner.
func (s *shelf) Order() activities.OpenTicketInput {
	return activities.OpenTicketInput{
		Ticket: access.NewTicket{Marker: s.settings.Marker, Summary: "s", Body: "b"},
		People: []access.Person{{ID: "mia", Email: "mia@example.test"}, {ID: "ghost"}},
	}
}

// Opened implements ticket.Owner.
func (s *shelf) Opened(o activities.OpenTicketResult) {
	s.say("opened %s, found %t", o.Ref.Key, o.Found)
}

// Missing implements ticket.Owner.
func (s *shelf) Missing() {
	s.say("missing")
	if s.missing != nil {
		s.missing()
	}
}

// Dropped implements ticket.Owner.
func (s *shelf) Dropped(why string) { s.say("dropped: %s", why) }

func (s *shelf) NotAssigned(to access.AccountID, why string) {
	s.say("not assigned to %s: %s", to, why)
}

// Closed implements ticket.Owner.
func (s *shelf) Closed(recorded bool, how string) {
	if how != "" {
		s.say("stays closed")
		return
	}
	s.say("closed, recorded %t", recorded)
}

// Closing implements ticket.Owner.
func (s *shelf) Closing() *access.Entry { return s.closing }

// RecordFirst implements ticket.Owner.
func (s *shelf) RecordFirst() []access.Entry { return s.first }

// RecordedFirst implements ticket.Owner.
func (s *shelf) RecordedFirst(recorded bool) {
	s.first = nil
	s.say("recorded first: %t", recorded)
}

// Text implements ticket.Owner.
func (s *shelf) Text(w ticket.Write) string { return "text of " + w.Key }

// Approvals implements ticket.Owner.
func (s *shelf) Approvals() access.DeskApprovals { return s.approvals }

// Asked implements ticket.Owner.
func (s *shelf) Asked(map[string]string) {}

// Read implements ticket.Owner.
func (s *shelf) Read(now access.TicketSnapshot) bool {
	s.say("read %s", now.Phase)
	s.state.Seen = &now
	s.state.Fingerprint, _ = s.state.Fingerprint.After(now)
	return s.fresh
}
