// Package outbox keeps what a workflow has to tell: facts for the ledger, and the messages to other workflows that rest on
// them. A message goes out only when the ledger has every fact that came before it.
//
// Facts are written in order, one batch at a time. A ledger that is unavailable makes them wait; a ledger that refuses one
// for good sets that one aside, so that the workflow goes on and can end.
package outbox

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Fact is one thing to record, and the messages that rest on it. It is small, because it is carried while the ledger is
// unavailable: what the workflow's state holds anyway is filled in when the fact is sent (Owner.Complete).
type Fact struct {
	Events []access.Event                  `json:"events,omitempty"`
	Ticket *access.TicketLink              `json:"ticket,omitempty"`
	Leases []access.LeaseID                `json:"leases,omitempty"`
	View   bool                            `json:"view,omitempty"`
	Apply  []activities.ApplyLeaseMessage  `json:"apply,omitempty"`
	Status []activities.LeaseStatusMessage `json:"status,omitempty"`
}

// Refusal is a fact that the ledger refused for good.
type Refusal struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// State is what is carried.
type State struct {
	Pending []Fact `json:"pending,omitempty"`
	// Unavailable is true while the ledger does not answer: the facts are safe in the workflow's history meanwhile.
	Unavailable bool `json:"unavailable,omitempty"`
	// Single is how many of the first facts go out one at a time, after they were refused together.
	Single int `json:"single,omitempty"`
	// Refused are the first of the facts that the ledger refused for good, and RefusedCount is how many there were.
	Refused      []Refusal `json:"refused,omitempty"`
	RefusedCount int       `json:"refused_count,omitempty"`
}

// maxBatch is how many facts go out together: the server terminates a run that gives an activity more than 2 MB, and the
// longest facts are decisions of 24 kB, each of which stands in the view that goes with them once more.
const maxBatch = 25

// maxDelegated is how many facts go along with another call, which has inputs of its own.
const maxDelegated = 8

// maxRefusals is how many refused facts are kept for people to read.
const maxRefusals = 5

// Owner is the workflow whose facts these are.
type Owner interface {
	// Complete returns what is to be written for facts: their events with their texts, and after them the present views that
	// the facts ask for. It is called right before the facts are sent.
	Complete(facts []Fact) []access.Entry
	// Refused takes a fact that the ledger refuses for good. Its messages are never sent.
	Refused(f Fact, why string)
	// Undelivered takes the leases whose request no longer runs, so that its status found nobody.
	Undelivered(leases []access.LeaseID)
}

// Outbox is one workflow's outbox.
type Outbox struct {
	*State
	loop  *durable.Loop
	owner Owner
	// added and written count the facts of this run; sending is how many of the first are in flight.
	added, written, sending int
}

// New returns an outbox over a state.
func New(l *durable.Loop, s *State, owner Owner) *Outbox {
	return &Outbox{State: s, loop: l, owner: owner, added: len(s.Pending)}
}

// Add takes a fact, and returns its number for Recorded.
func (o *Outbox) Add(f Fact) int {
	o.Pending = append(o.Pending, f)
	o.added++
	return o.added
}

// Empty reports whether everything has been recorded or refused.
func (o *Outbox) Empty() bool { return len(o.Pending) == 0 }

// Recorded reports whether a caller need not wait any longer for a fact: it is recorded or refused, or the ledger is
// unavailable.
func (o *Outbox) Recorded(number int) bool { return o.written >= number || o.Unavailable }

// Written reports whether a fact is recorded, or refused for good.
func (o *Outbox) Written(number int) bool { return o.written >= number }

// Holds reports whether a message about a lease has not gone out yet.
func (o *Outbox) Holds(lease access.LeaseID) bool {
	return slices.ContainsFunc(o.Pending, func(f Fact) bool {
		return slices.ContainsFunc(f.Apply, func(a activities.ApplyLeaseMessage) bool { return a.Spec.Lease.ID == lease })
	})
}

// Withdraw takes back the messages about a lease that are not on their way.
func (o *Outbox) Withdraw(lease access.LeaseID) {
	for i := o.sending; i < len(o.Pending); i++ {
		o.Pending[i].Apply = slices.DeleteFunc(o.Pending[i].Apply, func(a activities.ApplyLeaseMessage) bool { return a.Spec.Lease.ID == lease })
	}
}

// WithdrawStatus takes back the statuses of a lease that are not on their way.
func (o *Outbox) WithdrawStatus(lease access.LeaseID) {
	for i := o.sending; i < len(o.Pending); i++ {
		o.Pending[i].Status = slices.DeleteFunc(o.Pending[i].Status, func(a activities.LeaseStatusMessage) bool { return a.Status.Lease == lease })
	}
}

// Step sends the next batch, if none is in flight.
func (o *Outbox) Step() {
	if o.sending > 0 || o.Empty() {
		return
	}
	o.sending = min(len(o.Pending), maxBatch)
	if o.Single > 0 {
		o.sending = 1
	}
	batch := o.Pending[:o.sending:o.sending]
	options := workflows.RecordSoon()
	if o.Unavailable {
		options = workflows.RecordLater()
	}
	var records *activities.Records
	durable.Start(o.loop, options, records.Record, o.call(batch), func(done activities.RecordResult, err error) { o.sent(batch, done, err) })
}

// Delegate returns the entries of all facts that wait, for another call to record them; nil when that is not possible: there is a
// message among them, there are many, something is in flight, or the ledger has just refused something. Delegated must follow.
func (o *Outbox) Delegate() []access.Entry {
	hasMessages := func(f Fact) bool { return len(f.Apply)+len(f.Status) > 0 }
	if o.sending > 0 || o.Single > 0 || o.Unavailable || o.Empty() || len(o.Pending) > maxDelegated || slices.ContainsFunc(o.Pending, hasMessages) {
		return nil
	}
	o.sending = len(o.Pending)
	return o.owner.Complete(o.Pending)
}

// Delegated takes whether what was delegated is recorded. If it is not, it is sent as everything else is.
func (o *Outbox) Delegated(recorded bool) {
	count := o.sending
	o.sending = 0
	if recorded {
		o.drop(count)
	}
}

func (o *Outbox) call(batch []Fact) activities.RecordInput {
	call := activities.RecordInput{Entries: o.owner.Complete(batch)}
	for _, f := range batch {
		call.Specs = append(call.Specs, f.Apply...)
		call.Statuses = append(call.Statuses, f.Status...)
	}
	return call
}

// sent takes what came of a batch.
func (o *Outbox) sent(batch []Fact, done activities.RecordResult, err error) {
	o.sending = 0
	switch kind := workflows.KindOf(err); {
	case err == nil:
		o.Unavailable = false
		o.drop(len(batch))
		if len(done.Undelivered) > 0 {
			o.owner.Undelivered(done.Undelivered)
		}
	case o.loop.Leaving():
		// It is sent again by the next run: recording twice is harmless.
	case kind != access.Invalid && kind != access.Conflict:
		o.becomeUnavailable(batch, err)
	case len(batch) > 1:
		o.Single = len(batch)
	default:
		o.refuse(batch[0], workflows.ErrorText(err))
	}
}

// drop forgets facts that are done with.
func (o *Outbox) drop(count int) {
	o.Pending = slices.Clone(o.Pending[count:])
	o.written += count
	o.Single = max(0, o.Single-count)
}

// becomeUnavailable lets nobody wait any longer. A status says where a lease stands and rests on no fact of its own, so it
// is sent ahead; it is sent again with its fact.
func (o *Outbox) becomeUnavailable(batch []Fact, err error) {
	if o.Unavailable {
		return
	}
	o.Unavailable = true
	workflow.GetLogger(o.loop.Context()).Warn("facts or messages wait", "error", err)
	var ahead []activities.LeaseStatusMessage
	for _, f := range batch {
		ahead = append(ahead, f.Status...)
	}
	o.Send(activities.RecordInput{Statuses: ahead}, "send a status that is not recorded yet", nil)
}

func (o *Outbox) refuse(f Fact, why string) {
	o.drop(1)
	o.RefusedCount++
	workflow.GetLogger(o.loop.Context()).Error("the ledger refuses a fact for good", "why", why)
	if len(o.State.Refused) < maxRefusals {
		what := "a view"
		if len(f.Events) > 0 {
			what = f.Events[0].ID
		}
		o.State.Refused = append(o.State.Refused, Refusal{What: what, Reason: why})
	}
	o.owner.Refused(f, why)
}

// Send sends messages that rest on no fact, at once. What did not arrive is for failed to repeat; nil leaves it.
func (o *Outbox) Send(call activities.RecordInput, summary string, failed func()) {
	if len(call.Specs)+len(call.Statuses) == 0 {
		return
	}
	var records *activities.Records
	durable.Start(o.loop, workflows.SendMessage(summary), records.Record, call, func(done activities.RecordResult, err error) {
		switch {
		case err != nil && failed != nil:
			failed()
		case err == nil && len(done.Undelivered) > 0:
			o.owner.Undelivered(done.Undelivered)
		}
	})
}

// Details returns what operators must know of the outbox, in Markdown; "" for nothing.
func (s State) Details() string {
	if s.RefusedCount == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n**The ledger refuses %d facts for good.** They are in this run's history only:\n\n", s.RefusedCount)
	for _, r := range s.Refused {
		fmt.Fprintf(&b, "- %s: %s\n", workflows.Inline(r.What), workflows.Inline(r.Reason))
	}
	if more := s.RefusedCount - len(s.Refused); more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	return b.String()
}
