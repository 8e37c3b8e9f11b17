package bench

import (
	"encoding/json"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// performer is one part of a play that is being performed. It is deterministic: all that it does follows from the play.
type performer struct {
	part  Part
	index int
	// play is the play's name, id the own workflow id.
	play, id string
	pacer    *pacer
	queue    func(string) string
	activity map[int64]workflow.Future
	sent     map[int64]workflow.Future
	timers   map[int64]workflow.Future
	cancel   map[int64]workflow.CancelFunc
	signals  map[string]int
	// begun counts the updates of a name that have been accepted; released and answered are by the id of the acceptance.
	begun    map[string]int
	released map[int64]bool
	answered map[int64]bool
}

// performance makes the workflow function of a part. Workflow ids are "<prefix>-<part>".
func performance(play Play, index int, pacer *pacer, queue func(string) string) func(workflow.Context) (any, error) {
	return func(ctx workflow.Context) (any, error) {
		p := &performer{
			part: play.Parts[index], index: index, play: play.Name, id: workflow.GetInfo(ctx).WorkflowExecution.ID, pacer: pacer, queue: queue,
			activity: map[int64]workflow.Future{}, sent: map[int64]workflow.Future{}, timers: map[int64]workflow.Future{},
			cancel: map[int64]workflow.CancelFunc{}, signals: map[string]int{},
			begun: map[string]int{}, released: map[int64]bool{}, answered: map[int64]bool{},
		}
		return p.perform(ctx)
	}
}

func (p *performer) perform(ctx workflow.Context) (any, error) {
	if err := p.listen(ctx); err != nil {
		return nil, err
	}
	for n, turn := range p.part.Turns {
		for _, a := range turn.Arrivals {
			if err := workflow.Await(ctx, func() bool { return p.arrived(ctx, a) }); err != nil {
				return nil, err
			}
		}
		// What follows concerns the pace within this process, not the workflow: nothing of it comes back into it.
		if !workflow.IsReplaying(ctx) {
			p.pacer.reached(p.id, n, turn.Outside)
		}
		for _, c := range turn.Commands {
			if err := p.do(ctx, c); err != nil {
				return nil, err
			}
		}
	}
	if !workflow.IsReplaying(ctx) {
		p.pacer.over(p.id)
	}
	if !p.part.Ends {
		return nil, workflow.Await(ctx, func() bool { return false })
	}
	if len(p.part.Result) == 0 {
		return nil, nil
	}
	return raw(p.part.Result[0]), nil
}

// listen answers every update that the part takes, in the turns in which the record did.
func (p *performer) listen(ctx workflow.Context) error {
	updates := map[string][]Command{}
	var names []string
	for _, turn := range p.part.Turns {
		for _, c := range turn.Commands {
			if c.Kind == DoAccept {
				if updates[c.Name] == nil {
					names = append(names, c.Name)
				}
				updates[c.Name] = append(updates[c.Name], c)
			}
		}
	}
	for _, name := range names {
		err := workflow.SetUpdateHandler(ctx, name, func(ctx workflow.Context, _ converter.RawValue) (any, error) {
			n := p.begun[name]
			p.begun[name]++
			if n >= len(updates[name]) {
				return nil, fmt.Errorf("the play has no update %s number %d", name, n+1)
			}
			c := updates[name][n]
			if err := workflow.Await(ctx, func() bool { return p.released[c.ID] }); err != nil {
				return nil, err
			}
			p.answered[c.ID] = true
			if len(c.Result) == 0 {
				return nil, nil
			}
			return raw(c.Result[0]), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// arrived reports whether something is here, and takes it.
func (p *performer) arrived(ctx workflow.Context, a Arrival) bool {
	switch a.Kind {
	case ArriveActivity:
		return p.activity[a.Of].IsReady()
	case ArriveTimer:
		return p.timers[a.Of].IsReady()
	case ArriveSent:
		return p.sent[a.Of].IsReady()
	case ArriveSignal:
		channel := workflow.GetSignalChannel(ctx, a.Name)
		var content converter.RawValue
		for channel.ReceiveAsync(&content) {
			p.signals[a.Name]++
		}
		return p.signals[a.Name] >= a.Nth
	}
	return false
}

// do returns one command.
func (p *performer) do(ctx workflow.Context, c Command) error {
	switch c.Kind {
	case DoActivity:
		inner, cancel := workflow.WithCancel(p.activityOptions(ctx, c))
		p.cancel[c.ID] = cancel
		p.activity[c.ID] = workflow.ExecuteActivity(inner, activityName(p.play, p.index, c.ID), raw(first(c.Input)))
	case DoTimer:
		inner, cancel := workflow.WithCancel(ctx)
		p.cancel[c.ID] = cancel
		p.timers[c.ID] = workflow.NewTimerWithOptions(inner, c.After, workflow.TimerOptions{Summary: c.Summary})
	case DoCancelActivity, DoCancelTimer:
		p.cancel[c.Of]()
	case DoLocal:
		local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: localWithin})
		return workflow.ExecuteLocalActivity(local, activityName(p.play, p.index, c.ID), raw(first(nil))).Get(local, nil)
	case DoSideEffect:
		workflow.SideEffect(ctx, func(workflow.Context) any { return raw(first(c.Result)) })
	case DoVersion:
		workflow.GetVersion(ctx, c.Name, workflow.DefaultVersion, 1)
	case DoAttributes:
		updates, err := attributes(c.Fields)
		if err != nil {
			return err
		}
		return workflow.UpsertTypedSearchAttributes(ctx, updates...)
	case DoMemo:
		return workflow.UpsertMemo(ctx, memo(c.Fields))
	case DoSignal:
		p.sent[c.ID] = workflow.SignalExternalWorkflow(ctx, partID(p.id, c.To), "", c.Name, raw(first(c.Input)))
	case DoAccept:
		n := p.nth(c)
		return workflow.Await(ctx, func() bool { return p.begun[c.Name] >= n })
	case DoAnswer:
		p.released[c.Of] = true
		return workflow.Await(ctx, func() bool { return p.answered[c.Of] })
	}
	return nil
}

// nth reports whether an update is the nth of its name, from 1 on.
func (p *performer) nth(c Command) int {
	n := 0
	for _, other := range p.part.commands() {
		if other.Kind == DoAccept && other.Name == c.Name && other.ID <= c.ID {
			n++
		}
	}
	return n
}

// localWithin is the time-out of a local activity that does nothing.
const localWithin = 10 * time.Second

func (p *performer) activityOptions(ctx workflow.Context, c Command) workflow.Context {
	t := c.Timeout
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: p.queue(c.Queue), ScheduleToCloseTimeout: t.ScheduleToClose, ScheduleToStartTimeout: t.ScheduleToStart,
		StartToCloseTimeout: t.StartToClose, HeartbeatTimeout: t.Heartbeat, Summary: c.Summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: t.RetryFirst, BackoffCoefficient: max(t.RetryFactor, 1), MaximumInterval: t.RetryMost, MaximumAttempts: t.Attempts,
		},
	})
}

// raw is a payload that is sent as it was recorded.
func raw(v Value) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{Metadata: v.Metadata, Data: v.Data})
}

func raws(values []Value) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = raw(v)
	}
	return all
}

func first(values []Value) Value {
	if len(values) == 0 {
		return Value{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingNil)}}
	}
	return values[0]
}

func memo(fields map[string]Value) map[string]any {
	all := map[string]any{}
	for name, v := range fields {
		all[name] = json.RawMessage(v.Data)
	}
	return all
}
