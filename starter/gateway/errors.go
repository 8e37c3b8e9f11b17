package gateway

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
)

// RefusedError is a workflow's refusal of a call: nothing was recorded. Kind is Invalid, Forbidden, Conflict or
// NotFound; Message is one sentence; Refusals name the fields, and may be empty. It unwraps to an *access.Error of
// that kind.
type RefusedError struct {
	Op       string
	Kind     access.Kind
	Message  string
	Refusals []access.Refusal
}

// Error returns operation, reason and kind.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s: %s (%s)", e.Op, e.Message, e.Kind) }

// Unwrap returns the refusal as an *access.Error.
func (e *RefusedError) Unwrap() error { return access.Errorf(e.Kind, e.Op, "%s", e.Message) }

// cause keeps a vendor's error text out of the sentence that callers are shown, and in the chain for the log.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// ForCallers returns the sentence: nothing else of an outage is for callers.
func (c *cause) ForCallers() string { return c.text }

// outage is an error of Temporal or of the way to it.
func outage(op, text string, err error) *access.Error {
	kind := access.Transient
	var exhausted *serviceerror.ResourceExhausted
	if errors.As(err, &exhausted) {
		kind = access.RateLimited
	}
	return &access.Error{Kind: kind, Op: op, Err: &cause{text: text, err: err}}
}

// timedOut reports whether a call ended without an answer, so that it may have done its work all the same.
func timedOut(err error) bool {
	var cut *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var late *serviceerror.DeadlineExceeded
	var cancelled *serviceerror.Canceled
	return errors.As(err, &cut) || errors.As(err, &late) || errors.As(err, &cancelled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// absent reports whether Temporal knows no such workflow, or only one that has ended: it answers both alike.
func absent(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// endedMeanwhile is the type of the failure that the server makes up for an update whose workflow completed first.
const endedMeanwhile = "AcceptedUpdateCompletedWorkflow"

// refusal decodes what an update's validator or handler said; false when err is no such answer.
func refusal(op string, err error) (*RefusedError, bool) {
	var said *temporal.ApplicationError
	if !errors.As(err, &said) {
		return nil, false
	}
	refused := &RefusedError{Op: op, Kind: access.Kind(said.Type()), Message: said.Message()}
	switch refused.Kind {
	case access.Invalid, access.Forbidden, access.Conflict, access.NotFound:
	case access.Transient, access.RateLimited, access.Unknown:
		return nil, false
	default:
		return nil, false
	}
	if said.HasDetails() {
		// A refusal without readable details still has its kind and its sentence.
		if details := []access.Refusal(nil); said.Details(&details) == nil {
			refused.Refusals = details
		}
	}
	return refused, true
}

func diedMeanwhile(err error) bool {
	var said *temporal.ApplicationError
	return errors.As(err, &said) && said.Type() == endedMeanwhile
}
