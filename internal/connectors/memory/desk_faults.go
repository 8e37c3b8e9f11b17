package memory

import (
	"context"
	"errors"
	"time"

	"usher/internal/access"
)

// The operations that faults are scripted for.
const (
	OpFindTicket       = "FindTicket"
	OpCreateTicket     = "CreateTicket"
	OpReadTicket       = "ReadTicket"
	OpReadTickets      = "ReadTickets"
	OpReadComments     = "ReadComments"
	OpChangedTickets   = "ChangedTickets"
	OpAskedTickets     = "AskedTickets"
	OpReadAsked        = "ReadAsked"
	OpBindTicket       = "BindTicket"
	OpAddComments      = "AddComments"
	OpTransitionTicket = "TransitionTicket"
	OpAssignTicket     = "AssignTicket"
	OpSetApprovals     = "SetApprovals"
	OpFindAccount      = "FindAccount"
	OpCheck            = "Check"
)

// deskFaults is what a test has scripted, by operation.
type deskFaults struct {
	down   bool
	denied bool
	fail   map[string][]error
	drop   map[string]int
	calls  map[string]int
}

func newDeskFaults() deskFaults {
	return deskFaults{fail: map[string][]error{}, drop: map[string]int{}, calls: map[string]int{}}
}

// FailNext makes the next calls of an operation fail with these errors, one each, in order, before they do anything. A
// nil among them lets that call pass.
func (d *Desk) FailNext(op string, errs ...error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.fail[op] = append(d.faults.fail[op], errs...)
}

// DropAnswerNext makes the next call of an operation do its work and then lose the answer: Unknown for CreateTicket,
// Transient for the others. Called n times, it drops n answers.
func (d *Desk) DropAnswerNext(op string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.drop[op]++
}

// Down makes every operation fail with Transient, until it is called with false.
func (d *Desk) Down(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.down = down
}

// RefuseCredentials makes every operation fail with Forbidden, until it is called with false.
func (d *Desk) RefuseCredentials(refuse bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.denied = refuse
}

// SearchLags hides from FindTicket and ChangedTickets everything that happens from now on, until it is called with false.
func (d *Desk) SearchLags(lags bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.frozenAt = time.Time{}
	if lags {
		d.feed.frozenAt = d.clock.hold()
	}
}

// SearchLag makes FindTicket and ChangedTickets see the tickets as they were that long ago, by the desk's own clock; 0
// is no lag. The desk's first clock goes on with changes alone, so a lag needs SetClock or Advance. What is deleted or
// hidden is not seen at once.
func (d *Desk) SearchLag(lag time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.lag = lag
}

// CoarseGrain lets ChangedTickets compare times in whole grains, as a desk does whose search knows minutes only: Since
// is rounded down to the beginning of its grain. 0 is exact.
func (d *Desk) CoarseGrain(grain time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.grain = grain
}

// PageCap is how many tickets a page of ChangedTickets holds at most, whatever the limit of the call; 0 is no cap.
func (d *Desk) PageCap(most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.pageCap = most
}

// ForgetPages lets ChangedTickets answer Invalid to every page that it has named so far.
func (d *Desk) ForgetPages() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.generation++
}

// HideClock keeps the desk from telling its clock in ChangedTickets, until it is called with false.
func (d *Desk) HideClock(hide bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feed.noClock = hide
}

// CloseOff takes away the transitions that lead to a phase; TransitionTicket then answers Conflict.
func (d *Desk) CloseOff(to access.TicketPhase) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed[to] = true
}

// ReopenOnlyInto takes away every transition from a closed phase to an open one, but those to this phase.
func (d *Desk) ReopenOnlyInto(phase access.TicketPhase) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reopen = phase
}

// DemandField makes the transitions that lead to a phase demand a field that nothing provides; TransitionTicket then answers
// Invalid and names it.
func (d *Desk) DemandField(to access.TicketPhase, field string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.demanded[to] = field
}

// Calls is how often an operation was called, failed calls included.
func (d *Desk) Calls(op string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.faults.calls[op]
}

// Writes is how many changes usher has made to the desk: calls that failed before they did anything, and repeated ones
// that found everything so already, do not count.
func (d *Desk) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// begin counts a call and gives the fault that stops it, if any.
func (d *Desk) begin(ctx context.Context, name, op string) error {
	d.faults.calls[name]++
	if err := ctx.Err(); err != nil {
		return &access.Error{Kind: access.Transient, Op: op, Err: err}
	}
	if scripted := d.faults.fail[name]; len(scripted) > 0 {
		d.faults.fail[name] = scripted[1:]
		if scripted[0] != nil {
			return scripted[0]
		}
	}
	switch {
	case d.faults.down:
		return &access.Error{Kind: access.Transient, Op: op, Err: errDown}
	case d.faults.denied:
		return &access.Error{Kind: access.Forbidden, Op: op, Err: errCredentials}
	}
	return nil
}

// end loses the answer of a call that has done its work, if a test wants that.
func (d *Desk) end(name, op string) error {
	if d.faults.drop[name] == 0 {
		return nil
	}
	d.faults.drop[name]--
	kind := access.Transient
	if name == OpCreateTicket {
		kind = access.Unknown
	}
	return &access.Error{Kind: kind, Op: op, Err: errAnswerLost}
}

var (
	errDown        = errors.New("the desk is down")
	errCredentials = errors.New("the desk refuses the credentials")
	errAnswerLost  = errors.New("the answer was lost")
)
