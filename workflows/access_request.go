package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// requestState is all that a request must remember: what it carries when it continues as new.
type requestState struct {
	View        access.RequestView  `json:"view"`
	Requirement *access.Requirement `json:"requirement,omitempty"`
	Ticket      mirrorState         `json:"ticket"`
	Grants      []itemGrant         `json:"grants,omitempty"`
	// Unrecorded is what the ledger has not got yet.
	Unrecorded []note `json:"unrecorded,omitempty"`
	Events     int    `json:"events"`
	// Stop is what ended the request before its course; nil while nothing has.
	Stop *stop `json:"stop,omitempty"`
	// RemindAt, LookAt: when the next reminder and the next look are due; zero for none. Quiet counts looks in a row
	// that found nothing new.
	RemindAt time.Time `json:"remind_at,omitzero"`
	LookAt   time.Time `json:"look_at,omitzero"`
	Quiet    int       `json:"quiet,omitempty"`
	// LookNow carries a hint that has not been followed yet.
	LookNow bool `json:"look_now,omitempty"`
	// HeardEarly is true when the watch told of a ticket that the request did not know yet.
	HeardEarly bool `json:"heard_early,omitempty"`
	// StageSince is since when the stages that are open now have been open.
	StageSince time.Time `json:"stage_since,omitzero"`
	// Opening and Closing are the events that a step on the ticket was to record along, while nobody knows whether it has:
	// recording the same again is harmless.
	Opening *access.Event `json:"opening,omitempty"`
	Closing *access.Event `json:"closing,omitempty"`
	// Shown is what the search attributes say.
	Shown shown `json:"shown"`
}

// stop is why a request ends before its course.
type stop struct {
	Outcome access.RequestState `json:"outcome"`
	By      access.PersonID     `json:"by,omitempty"`
	Name    string              `json:"name,omitempty"`
	Channel access.Channel      `json:"channel"`
	Proof   string              `json:"proof,omitempty"`
	Reason  string              `json:"reason,omitempty"`
	// ID is the withdraw call's, so that repeating it is harmless.
	ID string `json:"id,omitempty"`
}

// accessRequest is one running request. It is the single writer of its state; everything else sends it messages.
type accessRequest struct {
	request  access.Request
	s        requestState
	recorder *recorder
	mirror   *ticketMirror
	// looking is true while a look at the ticket is under way; lookNow asks for one at once.
	looking, lookNow bool
	// evaluated is true when policy has answered.
	evaluated bool
	// timer is the one that runs; nil when none does.
	timer *runningTimer
}

// errContinue says that the run has grown long and the request goes on in a new one.
var errContinue = errors.New("continue as new")

// AccessRequest takes one access request from the question to the closed ticket. A business outcome is its result; it
// fails only when an operator cancels it, after it has tidied up.
func AccessRequest(ctx workflow.Context, p AccessRequestParams) (RequestResult, error) {
	r := newAccessRequest(ctx, p)
	// What tidies up must outlive a cancellation, so the whole story runs on a context that a cancellation does not
	// reach; the cancellation itself is one more message.
	work, _ := workflow.NewDisconnectedContext(ctx)
	if r.s.Requirement != nil {
		r.mirror = r.newMirror(work)
	}
	// What the ledger hears first goes along with the opening of the ticket.
	r.recorder.held = p.Carried == nil
	if err := r.listen(ctx, work); err != nil {
		return RequestResult{}, err
	}
	workflow.Go(work, r.recorder.run)
	err := r.run(work)
	if errors.Is(err, errContinue) {
		return RequestResult{}, r.continueAsNew(work)
	}
	if err != nil {
		return RequestResult{}, err
	}
	return r.finish()
}

// run is the story of a request.
func (r *accessRequest) run(ctx workflow.Context) error {
	if err := r.evaluate(ctx); err != nil {
		return err
	}
	if r.s.Requirement != nil {
		r.openTicket(ctx)
		if err := r.collectDecisions(ctx); err != nil {
			return err
		}
		if err := r.fulfil(ctx); err != nil {
			return err
		}
		if err := r.takeBack(ctx); err != nil {
			return err
		}
	}
	r.end(ctx)
	return r.settle(ctx)
}

func newAccessRequest(ctx workflow.Context, p AccessRequestParams) *accessRequest {
	r := &accessRequest{request: p.Request}
	if p.Carried != nil {
		r.s = *p.Carried
		r.evaluated = true
		r.lookNow, r.s.LookNow = r.s.LookNow, false
	} else {
		r.s.View = access.RequestView{
			Request: p.Request,
			State:   access.StateEvaluating,
			Since:   workflow.Now(ctx).UTC(),
			Next:    "Policy is being asked what this request demands.",
			Items:   make([]access.ItemView, len(p.Request.Items)),
		}
		for i, item := range p.Request.Items {
			r.s.View.Items[i] = access.ItemView{Item: item, State: access.ItemPending}
		}
	}
	r.recorder = &recorder{}
	for _, n := range r.s.Unrecorded {
		r.recorder.add(n)
	}
	r.s.Unrecorded = nil
	return r
}

// finish gives the result. There is nothing after it: a message that comes now finds the request ended.
func (r *accessRequest) finish() (RequestResult, error) {
	if r.s.Stop != nil && r.s.Stop.Channel == access.ChannelOperator && r.s.View.State == access.OutcomeCancelled {
		return RequestResult{}, temporal.NewCanceledError(r.s.View)
	}
	return RequestResult{Outcome: r.s.View.State, View: r.s.View}, nil
}

// until waits for a condition, and meanwhile keeps the request's clocks: it looks at the ticket, reminds, and lets the
// deadline pass. It gives errContinue when the run has grown long.
func (r *accessRequest) until(ctx workflow.Context, alarms func() []alarm, ring func(alarmName), met func() bool) error {
	for !met() {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return errContinue
		}
		set := append(alarms(), alarm{r.lookDue(), alarmLook})
		next, some := nextAlarm(set...)
		if r.timerRang() {
			r.timer = nil
		}
		if some && !next.at.After(workflow.Now(ctx)) {
			r.rung(ctx, next.what, ring)
			continue
		}
		// What is under way for moments brings the next alarm with it: no timer is spent on it.
		soon := r.soon()
		if some && !soon {
			r.wakeBy(ctx, next)
		}
		err := workflow.Await(ctx, func() bool {
			return met() || r.hinted() || soon != r.soon() || r.timerRang() || !sameAlarms(set, append(alarms(), alarm{r.lookDue(), alarmLook}))
		})
		if err != nil {
			return err
		}
		if r.hinted() {
			r.startLook(ctx)
		}
	}
	return nil
}

// hinted reports whether a look is asked for. A hint that comes during a look is followed when the look is over; waking up
// for it earlier would spin.
func (r *accessRequest) hinted() bool { return r.lookNow && !r.looking }

func (r *accessRequest) rung(ctx workflow.Context, name alarmName, ring func(alarmName)) {
	if name != alarmLook {
		ring(name)
		return
	}
	if r.watched() && r.mirror.Misses == 0 {
		r.startSafetyLook(ctx)
		return
	}
	r.startLook(ctx)
}

// runningTimer is a durable timer. A request has at most one: it is kept as long as it rings in time for the next alarm,
// for every timer is an entry in the history.
type runningTimer struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

func (r *accessRequest) timerRang() bool { return r.timer != nil && r.timer.future.IsReady() }

// soon reports whether a look, or the first attempt to open the ticket, is under way.
func (r *accessRequest) soon() bool {
	return r.looking || (r.mirror.Ref == nil && r.recorder.held)
}

// wakeBy sees to it that the run wakes up when the alarm is due, or earlier.
func (r *accessRequest) wakeBy(ctx workflow.Context, next alarm) {
	if r.timer != nil {
		if !r.timer.at.After(next.at) {
			return
		}
		r.timer.cancel()
	}
	ctx, cancel := workflow.WithCancel(ctx)
	wait := next.at.Sub(workflow.Now(ctx))
	r.timer = &runningTimer{
		at: next.at, cancel: cancel,
		future: workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: string(next.what)}),
	}
}

func sameAlarms(a, b []alarm) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].what != b[i].what || !a[i].at.Equal(b[i].at) {
			return false
		}
	}
	return true
}

// settle waits until everything that happened stands in the ledger and on the ticket, and every caller has its
// answer. Its last look at the messages is the last thing the request does.
func (r *accessRequest) settle(ctx workflow.Context) error {
	grown := func() bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }
	for {
		if err := workflow.Await(ctx, func() bool { return r.quiet(ctx) || r.hinted() || grown() }); err != nil {
			return err
		}
		switch {
		case grown() && !r.quiet(ctx):
			return errContinue
		case r.hinted():
			// Somebody may have opened the ticket again already.
			r.startLook(ctx)
		case r.tellTicketClosed(ctx), r.drain(ctx):
		default:
			return nil
		}
	}
}

// quiet reports whether nothing is under way.
func (r *accessRequest) quiet(ctx workflow.Context) bool {
	return r.recorder.done() && r.mirrorDone() && !r.looking && !r.lookNow && workflow.AllHandlersFinished(ctx)
}

// tellTicketClosed records, once, that the ticket shows the outcome.
func (r *accessRequest) tellTicketClosed(ctx workflow.Context) bool {
	if r.s.View.Ticket == nil || r.s.Shown.Closed {
		return false
	}
	r.s.Shown.Closed = true
	if r.s.Closing != nil {
		r.recorder.add(note{Entry: access.Entry{Events: []access.Event{*r.s.Closing}}})
	} else {
		r.record(ctx, access.Event{Type: access.EventTicketClosed, Channel: access.ChannelSystem, Text: r.closedText()})
	}
	r.show(ctx)
	return true
}

func (r *accessRequest) closedText() string {
	return fmt.Sprintf("Ticket %s shows the outcome.", r.s.View.Ticket.Key)
}

func (r *accessRequest) mirrorDone() bool { return r.mirror == nil || r.mirror.upToDate() }

// continueAsNew parks what is under way, takes every message that has come, and goes on in a new run. The drain is
// the last thing before the return.
func (r *accessRequest) continueAsNew(ctx workflow.Context) error {
	r.recorder.park = true
	if r.mirror != nil {
		r.mirror.park = true
	}
	if err := workflow.Await(ctx, func() bool {
		return r.recorder.parked && (r.mirror == nil || r.mirror.parked) && !r.looking && workflow.AllHandlersFinished(ctx)
	}); err != nil {
		return err
	}
	if r.mirror != nil {
		r.s.Ticket = r.mirror.mirrorState
	}
	r.drain(ctx)
	r.s.Unrecorded, r.s.LookNow = r.recorder.pending, r.lookNow
	carried := r.s
	return workflow.NewContinueAsNewError(ctx, AccessRequestType, AccessRequestParams{Request: r.request, Carried: &carried})
}
