package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// ticketWrite is one step of bringing the ticket up to date. N numbers the steps of one request: it makes the marker of
// the comment, so that a repeated step adds no second comment.
type ticketWrite struct {
	N       int                `json:"n"`
	Comment string             `json:"comment,omitempty"`
	MoveTo  access.TicketPhase `json:"move_to,omitempty"`
	Assign  *access.AccountID  `json:"assign,omitempty"`
}

// mirrorState is what the mirror carries when the workflow continues as new.
type mirrorState struct {
	Ref      *access.TicketRef      `json:"ref,omitempty"`
	Accounts []access.Account       `json:"accounts,omitempty"`
	Pending  []ticketWrite          `json:"pending,omitempty"`
	Count    int                    `json:"count,omitempty"`
	Seen     *access.TicketSnapshot `json:"seen,omitempty"`
	// Mark is what of the ticket's changes has been taken in.
	Mark access.TicketMark `json:"mark,omitzero"`
	// Misses counts reads in a row that found no ticket: one miss proves nothing.
	Misses int `json:"misses,omitempty"`
	// Old is the ticket that this one replaces.
	Old     *access.TicketRef `json:"old,omitempty"`
	Problem string            `json:"problem,omitempty"`
	// Off ends the mirroring: the contract says to go on without a ticket.
	Off bool `json:"off,omitempty"`
}

// ticketMirror keeps one ticket in step with its request. It opens the ticket, then makes the queued writes in order.
// The desk may be away for days: the queue waits, and the request goes on.
type ticketMirror struct {
	mirrorState
	desk   access.DeskName
	order  access.NewTicket
	people []access.Person
	// assign lists whom a new ticket may be assigned to, the first choice first.
	assign  func() []access.PersonID
	settles time.Duration
	glance  time.Duration

	// opened and gone tell the owner what happened; changed that there is something new to show.
	opened  func(opened activities.Opened, along *ride)
	gone    func()
	changed func()
	dropped func(why string)
	// overtaken hears that a move was not made because somebody else had moved the ticket; nil moves it in any case.
	overtaken func()
	// openAlong and closeAlong give what the first round of opening, and of the last write, records along; nil for nothing.
	openAlong  func(workflow.Context) *ride
	closeAlong func(workflow.Context) *ride
	// closed hears that the ticket shows the outcome, and the ledger knows; failed what a round came to that recorded along.
	closed func(along *ride)
	failed func(access.Kind)

	// busy is true while a step is under way.
	busy bool
	// held keeps the writes back while the next thing to say is moments away.
	held bool
	// single makes one write at a time, after a batch was refused.
	single bool
	// made counts the writes of this run: a look that a write overtook shows a ticket that no longer is.
	made int

	park, parked bool
}

// missesProve is how many reads in a row must find no ticket before usher believes that it is gone.
const missesProve = 2

// write queues a step.
func (m *ticketMirror) write(w ticketWrite) {
	if m.Off {
		return
	}
	m.Count++
	w.N = m.Count
	m.Pending = append(m.Pending, w)
}

// upToDate reports whether the ticket shows all that was queued.
func (m *ticketMirror) upToDate() bool { return m.Off || (m.Ref != nil && len(m.Pending) == 0) }

// run mirrors until the workflow ends. It is a coroutine of its own.
func (m *ticketMirror) run(ctx workflow.Context) {
	for round := 0; ; {
		due := func() bool { return !m.park && !m.upToDate() && (m.Ref == nil || !m.held) }
		m.parked = true
		_ = workflow.Await(ctx, due)
		if afterTheOthers(ctx); !due() {
			continue
		}
		m.parked = false
		m.busy = true
		wait := m.step(ctx, round)
		m.busy = false
		if wait == 0 {
			round = 0
			continue
		}
		round++
		m.changed()
		_, _ = workflow.AwaitWithTimeout(ctx, wait, func() bool { return m.park || m.Off })
	}
}

// step opens the ticket or makes the next write, and says how long to wait before the next step: 0 when it succeeded.
func (m *ticketMirror) step(ctx workflow.Context, round int) time.Duration {
	if m.Ref == nil {
		return m.open(ctx, round)
	}
	return m.bringUpToDate(ctx, round)
}

// open finds or creates the ticket. After an outcome that is unknown, the desk is left to settle before it is asked
// again, so that the search of the next round shows a ticket that was created.
func (m *ticketMirror) open(ctx workflow.Context, round int) time.Duration {
	var desk *activities.Desk
	var opened activities.Opened
	call := activities.OpenCall{Ticket: m.order, People: m.people}
	if m.assign != nil {
		call.Assign = m.assign()
	}
	var along *ride
	if round == 0 && m.openAlong != nil {
		if along = m.openAlong(ctx); along != nil {
			call.Record = &along.entry
		}
	}
	err := workflow.ExecuteActivity(openTicket(ctx, m.desk, round), desk.OpenTicket, call).Get(ctx, &opened)
	if err == nil {
		m.Ref, m.Accounts, m.Problem, m.Misses = &opened.Ref, opened.Accounts, "", 0
		m.Seen = &access.TicketSnapshot{Ref: opened.Ref, Phase: access.TicketWaiting}
		m.Mark = access.TicketMark{Key: opened.Ref.Key}
		m.opened(opened, along)
		return 0
	}
	if along != nil {
		m.failed(kindOf(err))
	}
	m.Problem = "no ticket yet: " + sayError(err)
	if kindOf(err) == access.Unknown {
		return m.settles
	}
	return betweenRounds.after(round)
}

// batchAtMost is how many writes go out together: one activity must be done with them in its time.
const batchAtMost = 10

// bringUpToDate makes the next writes: all that wait together, for what comes later says more than what came before.
func (m *ticketMirror) bringUpToDate(ctx workflow.Context, round int) time.Duration {
	size := min(len(m.Pending), batchAtMost)
	if m.single {
		size = 1
	}
	update := m.updateOf(m.Pending[:size], m.Pending[size:])
	opts := ticket(ctx, m.desk, "update "+string(m.Ref.Key))
	var along *ride
	if round == 0 && size == len(m.Pending) {
		along = m.rideOf(ctx, update)
	}
	if along != nil {
		update.Record = &along.entry
		opts = ticketOnce(ctx, m.desk, "close "+string(m.Ref.Key))
	}
	var desk *activities.Desk
	var updated activities.Updated
	err := workflow.ExecuteActivity(opts, desk.UpdateTicket, update).Get(ctx, &updated)
	switch {
	case err != nil && along != nil:
		m.failed(kindOf(err))
	case err == nil && along != nil && updated.Recorded:
		m.closed(along)
	}
	if err == nil {
		m.accept(update, updated, size)
		return 0
	}
	return m.refused(ctx, err, size, round, update.MoveTo)
}

// rideOf is what the last write of all records along; nil for nothing.
func (m *ticketMirror) rideOf(ctx workflow.Context, update activities.TicketUpdate) *ride {
	if !update.MoveTo.Closed() || m.closeAlong == nil {
		return nil
	}
	return m.closeAlong(ctx)
}

// refused says how long to wait after writes that failed.
func (m *ticketMirror) refused(ctx workflow.Context, err error, size, round int, to access.TicketPhase) time.Duration {
	m.Problem = "ticket is behind: " + sayError(err)
	switch kindOf(err) {
	case access.NotFound:
		return m.missed()
	case access.Conflict, access.Invalid:
		if size > 1 {
			// One of them is refused: which one shows when they go one by one.
			m.single = true
			m.changed()
			return 0
		}
		if !to.Closed() || m.closedAnyway(ctx) {
			m.dropped(m.Problem)
			m.pop(1)
			return 0
		}
	case access.Transient, access.RateLimited, access.Forbidden, access.Unknown:
	}
	return betweenRounds.after(round)
}

// updateOf makes one update of several writes. It moves the ticket nowhere if a later write moves it elsewhere.
func (m *ticketMirror) updateOf(batch, later []ticketWrite) activities.TicketUpdate {
	update := activities.TicketUpdate{Ticket: m.Ref.ID}
	for _, w := range batch {
		if w.Comment != "" {
			update.Comments = append(update.Comments, access.Comment{Marker: m.commentMarker(w), Text: w.Comment})
		}
		if w.Assign != nil {
			update.Assign = w.Assign
		}
		if w.MoveTo != "" {
			update.MoveTo = w.MoveTo
		}
	}
	if slices.ContainsFunc(later, func(w ticketWrite) bool { return w.MoveTo != "" }) {
		update.MoveTo = ""
	}
	// What closes the ticket shows the outcome, whatever anybody has done to it.
	if m.overtaken != nil && update.MoveTo != "" && !update.MoveTo.Closed() {
		known := m.Mark
		update.Known = &known
	}
	return update
}

func (m *ticketMirror) commentMarker(w ticketWrite) access.Marker {
	return access.Marker(fmt.Sprintf("%s-%d", m.order.Marker, w.N))
}

// accept takes a step as done, and remembers how the ticket looks now.
func (m *ticketMirror) accept(u activities.TicketUpdate, done activities.Updated, size int) {
	switch {
	case done.Overtaken:
		m.overtaken()
	case u.MoveTo != "":
		m.Seen.Phase = u.MoveTo
	}
	if u.Assign != nil && done.AssignRefused == "" {
		m.Seen.Assignee = *u.Assign
	}
	m.Misses = 0
	m.made++
	m.pop(size)
}

func (m *ticketMirror) pop(size int) {
	// A ticket that is let go meanwhile has taken its writes with it.
	m.Pending = m.Pending[min(size, len(m.Pending)):]
	if len(m.Pending) == 0 {
		m.Problem, m.single = "", false
	}
	m.changed()
}

// closedAnyway reports whether the ticket is closed, if not in the way that was asked for: a human was faster.
func (m *ticketMirror) closedAnyway(ctx workflow.Context) bool {
	var desk *activities.Desk
	var look activities.Look
	call := activities.LookCall{Ticket: m.Ref.ID}
	err := workflow.ExecuteActivity(ticket(ctx, m.desk, "look at "+string(m.Ref.Key)), desk.LookAtTicket, call).Get(ctx, &look)
	return err == nil && look.Snapshot.Phase.Closed()
}

// missed counts a read that found no ticket; when they prove that it is gone, the owner says what that means.
func (m *ticketMirror) missed() time.Duration {
	m.Misses++
	if m.Misses < missesProve {
		return m.glance
	}
	m.Misses = 0
	m.gone()
	return m.glance
}

// recreate lets go of a ticket that is gone; the next step opens another.
func (m *ticketMirror) recreate() {
	m.Old, m.Ref = m.Ref, nil
}

// account is the desk account of a person; "" when the desk knows none.
func (m *ticketMirror) account(person access.PersonID) access.AccountID {
	for _, a := range m.Accounts {
		if a.Person == person {
			return a.ID
		}
	}
	return ""
}

// person is whose account it is; "" for somebody else's.
func (m *ticketMirror) person(account access.AccountID) access.PersonID {
	for _, a := range m.Accounts {
		if a.ID != "" && a.ID == account {
			return a.Person
		}
	}
	return ""
}
