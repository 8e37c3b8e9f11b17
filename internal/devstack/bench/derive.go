package bench

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// Record is the history of one workflow.
type Record struct {
	ID      string
	History *historypb.History
}

// Types is the sequence of event types.
func (r Record) Types() []string {
	types := make([]string, len(r.History.GetEvents()))
	for i, event := range r.History.GetEvents() {
		types[i] = event.GetEventType().String()
	}
	return types
}

// Derive makes a play of the histories of one request. The first record is that of the workflow that a client started.
// Errors name the event that the floor cannot play: a task that failed, or a kind of event that it does not know.
func Derive(name string, records []Record) (Play, error) {
	play := Play{Name: name}
	readers := make([]*reader, len(records))
	for i, record := range records {
		readers[i] = newReader(i, record)
		if err := readers[i].read(); err != nil {
			return play, fmt.Errorf("derive a floor from %s: %w", record.ID, err)
		}
	}
	for i, r := range readers {
		if err := r.connect(readers); err != nil {
			return play, fmt.Errorf("derive a floor from %s: %w", records[i].ID, err)
		}
	}
	for _, r := range readers {
		r.prolong()
		play.Parts = append(play.Parts, r.part)
	}
	play.Call = readers[0].call
	return play, nil
}

// received is a message that a workflow received.
type received struct {
	at   time.Time
	from string
	// workflow is true when a workflow sent it.
	workflow bool
	delivery Delivery
}

// interval is the time in which an activity or a workflow task ran.
type interval struct{ from, to time.Time }

func (i interval) holds(t time.Time) bool { return !t.Before(i.from) && !t.After(i.to) }

// reader turns one history into a part.
type reader struct {
	index  int
	record Record
	part   Part
	// call is the update that came with the start.
	call *Delivery
	// turn is the turn that is being read. Arrivals belong to the next one.
	turn     int
	arrivals []Arrival
	signals  map[string]int
	received []received
	// where is where the command of an event id stands: turn and place.
	where map[int64][2]int
	// ran is when the command of an event id ran, for those that can send.
	ran map[int64]interval
	// began is when the present workflow task began, worker who ran it.
	began  time.Time
	worker string
	// freeUpsert is true when the next change of search attributes comes with a version marker.
	freeUpsert bool
}

func newReader(index int, record Record) *reader {
	return &reader{
		index: index, record: record, turn: -1, part: Part{Types: record.Types()},
		signals: map[string]int{}, where: map[int64][2]int{}, ran: map[int64]interval{},
	}
}

func (r *reader) read() error {
	for _, event := range r.record.History.GetEvents() {
		if err := r.event(event); err != nil {
			return fmt.Errorf("event %d (%s): %w", event.GetEventId(), event.GetEventType(), err)
		}
	}
	return nil
}

// event reads one event that is no command.
func (r *reader) event(e *historypb.HistoryEvent) error {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		r.started(e)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		r.began, r.worker = e.GetEventTime().AsTime(), e.GetWorkflowTaskStartedEventAttributes().GetIdentity()
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		r.turn++
		r.part.Turns = append(r.part.Turns, Turn{Arrivals: r.arrivals})
		r.arrivals = nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		r.signaled(e)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		r.ran[e.GetActivityTaskStartedEventAttributes().GetScheduledEventId()] = interval{from: e.GetEventTime().AsTime()}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		r.completed(e)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		r.arrive(Arrival{Kind: ArriveActivity, Of: e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId()})
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		r.arrive(Arrival{Kind: ArriveTimer, Of: e.GetTimerFiredEventAttributes().GetStartedEventId()})
	case enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
		r.arrive(Arrival{Kind: ArriveSent, Of: e.GetExternalWorkflowExecutionSignaledEventAttributes().GetInitiatedEventId()})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		r.part.Ends = true
		r.part.Result = valuesOf(e.GetWorkflowExecutionCompletedEventAttributes().GetResult())
	default:
		return r.command(e)
	}
	return nil
}

func (r *reader) arrive(a Arrival) { r.arrivals = append(r.arrivals, a) }

func (r *reader) started(e *historypb.HistoryEvent) {
	a := e.GetWorkflowExecutionStartedEventAttributes()
	r.part.Type = a.GetWorkflowType().GetName()
	r.part.Start = Start{
		Input:      valuesOf(a.GetInput()),
		Attributes: fieldsOf(a.GetSearchAttributes().GetIndexedFields()),
		Memo:       fieldsOf(a.GetMemo().GetFields()),
		Summary:    summaryOf(e.GetUserMetadata()),
	}
}

func (r *reader) signaled(e *historypb.HistoryEvent) {
	a := e.GetWorkflowExecutionSignaledEventAttributes()
	name := a.GetSignalName()
	r.signals[name]++
	r.arrive(Arrival{Kind: ArriveSignal, Name: name, Nth: r.signals[name]})
	r.received = append(r.received, received{
		at: e.GetEventTime().AsTime(), from: a.GetIdentity(), workflow: a.GetExternalWorkflowExecution() != nil,
		delivery: Delivery{
			To: r.index, Name: name, Input: valuesOf(a.GetInput()), Turn: r.turn + 1,
			Start: e.GetEventId() == 2 && withStart(r.record.History),
		},
	})
}

func (r *reader) completed(e *historypb.HistoryEvent) {
	a := e.GetActivityTaskCompletedEventAttributes()
	id := a.GetScheduledEventId()
	r.ran[id] = interval{from: r.ran[id].from, to: e.GetEventTime().AsTime()}
	r.arrive(Arrival{Kind: ArriveActivity, Of: id})
	c := r.at(id)
	c.Result, c.Turn = valuesOf(a.GetResult()), r.turn+1
}

// at is the command of an event id.
func (r *reader) at(id int64) *Command {
	place := r.where[id]
	return &r.part.Turns[place[0]].Commands[place[1]]
}

// connect finds out who sent what this workflow received.
func (r *reader) connect(all []*reader) error {
	for _, got := range r.received {
		if got.workflow {
			r.lead(all, got.delivery)
			continue
		}
		if c := sender(all, got, r.record.ID); c != nil {
			c.Sends = append(c.Sends, got.delivery)
			continue
		}
		turn := got.delivery.Turn
		if got.delivery.Start || turn == 0 || turn > len(r.part.Turns) {
			return fmt.Errorf("nobody in the record sent %s, which came with the start or after the end", got.delivery.Name)
		}
		before := &r.part.Turns[turn-1]
		before.Outside = append(before.Outside, got.delivery)
	}
	if r.index > 0 && !slices.ContainsFunc(r.received, func(got received) bool { return got.delivery.Start }) {
		return fmt.Errorf("nobody in the record started it with a signal")
	}
	return nil
}

// lead sees to it that a signal that a workflow sends does not come too early: the answers that the sender's turn waits for
// wait until the turn before that of the arrival has begun.
func (r *reader) lead(all []*reader, d Delivery) {
	nth := 0
	for _, got := range r.received {
		if got.workflow && got.delivery.Name == d.Name && got.delivery.Turn <= d.Turn {
			nth++
		}
	}
	for _, other := range all {
		turn := other.turnOfSignal(d.Name, r.index, nth)
		if turn < 0 || d.Turn == 0 {
			continue
		}
		for i := range other.part.Turns {
			for k := range other.part.Turns[i].Commands {
				if c := &other.part.Turns[i].Commands[k]; c.Kind == DoActivity && c.Turn == turn && turn > 0 {
					c.Needs = append(c.Needs, Need{Part: r.index, Turn: d.Turn - 1})
				}
			}
		}
	}
}

// turnOfSignal is the turn in which this workflow sends the nth signal of that name to a part, -1 for none.
func (r *reader) turnOfSignal(name string, to, nth int) int {
	for n, turn := range r.part.Turns {
		for _, c := range turn.Commands {
			if c.Kind == DoSignal && c.Name == name && c.To == to {
				if nth--; nth == 0 {
					return n
				}
			}
		}
	}
	return -1
}

// prolong makes the timers that never fired so long that they do not fire on a slow machine either.
func (r *reader) prolong() {
	fired := map[int64]bool{}
	for _, turn := range r.part.Turns {
		for _, a := range turn.Arrivals {
			if a.Kind == ArriveTimer {
				fired[a.Of] = true
			}
		}
	}
	for i := range r.part.Turns {
		for k := range r.part.Turns[i].Commands {
			if c := &r.part.Turns[i].Commands[k]; c.Kind == DoTimer && !fired[c.ID] {
				c.After = max(c.After, time.Hour)
			}
		}
	}
}

// sender is the activity that sent a signal: one that ran at that moment, best one whose input names the receiver; nil
// when the signal came from somebody else than the worker.
func sender(all []*reader, got received, to string) *Command {
	var found *Command
	for _, r := range all {
		for _, id := range slices.Sorted(maps.Keys(r.ran)) {
			if !r.ran[id].holds(got.at) || (r.worker != "" && got.from != "" && got.from != r.worker) {
				continue
			}
			c := r.at(id)
			if mentions(c.Input, to) {
				return c
			}
			if found == nil {
				found = c
			}
		}
	}
	return found
}

func mentions(values []Value, text string) bool {
	return slices.ContainsFunc(values, func(v Value) bool { return bytes.Contains(v.Data, []byte(text)) })
}

func valueOf(p *commonpb.Payload) Value { return Value{Metadata: p.GetMetadata(), Data: p.GetData()} }

func valuesOf(p *commonpb.Payloads) []Value {
	var values []Value
	for _, one := range p.GetPayloads() {
		values = append(values, valueOf(one))
	}
	return values
}

func fieldsOf(fields map[string]*commonpb.Payload) map[string]Value {
	if len(fields) == 0 {
		return nil
	}
	values := map[string]Value{}
	for name, p := range fields {
		values[name] = valueOf(p)
	}
	return values
}

// summaryOf is the summary that people read in the Temporal UI; "" for none.
func summaryOf(m *sdkpb.UserMetadata) string {
	return text(valueOf(m.GetSummary()))
}
