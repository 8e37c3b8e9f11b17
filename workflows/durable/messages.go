package durable

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// inbox is the channel of one signal, and what takes one message from it.
type inbox struct {
	channel workflow.ReceiveChannel
	take    func()
}

// OnSignal has every signal of a name taken by handle. Of signals that came together, those of the name that was declared
// first are taken first. A signal that cannot be decoded goes to Machine.Undecodable.
func OnSignal[T any](l *Loop, name string, handle func(T)) {
	channel := workflow.GetSignalChannel(l.work, name)
	l.inboxes = append(l.inboxes, inbox{channel: channel, take: func() {
		// Each message gets variables of its own: a variable that is used again keeps the fields that the next message leaves
		// out. The raw payload is taken, because the SDK drops what it cannot decode.
		var raw converter.RawValue
		var message T
		channel.ReceiveAsync(&raw)
		if payload := raw.Payload(); payload != nil {
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &message); err != nil {
				l.machine.Undecodable(name, err)
				return
			}
		}
		handle(message)
	}})
}

// Update is how a workflow serves one kind of update.
type Update[A, R any] struct {
	Name, Description string
	// Judge returns why a call is refused, from the state as it is; nil for no reason. It changes nothing, so a refused call
	// leaves no trace.
	Judge func(A) error
	// Apply takes a call that was not refused. It changes the state, does not wait, and returns what reports whether the
	// caller may be answered; nil for at once. A run that leaves answers at once: what Apply did is in the state.
	Apply func(A) (answerable func() bool)
	// Answer returns the answer.
	Answer func(A) (R, error)
}

// OnUpdate serves an update.
func OnUpdate[A, R any](l *Loop, u Update[A, R]) error {
	handle := func(ctx workflow.Context, call A) (R, error) {
		answerable := u.Apply(call)
		l.woken, l.progress = true, true
		if answerable != nil {
			// A cancellation of the workflow is no reason to leave a caller without an answer.
			work, _ := workflow.NewDisconnectedContext(ctx)
			if err := workflow.Await(work, func() bool { return l.leaving || answerable() }); err != nil {
				var none R
				return none, err
			}
		}
		return u.Answer(call)
	}
	return workflow.SetUpdateHandlerWithOptions(l.ctx, u.Name, handle, workflow.UpdateHandlerOptions{
		Validator: u.Judge, Description: u.Description,
	})
}
