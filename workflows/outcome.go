package workflows

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/internal/policy"
)

// KindOf returns the kind of an activity's error, as a workflow branches on it; "" for nil. An attempt that got no answer
// at all is Unknown, and so is one that was cancelled; what was never started, and what nobody classified, is Transient.
func KindOf(err error) access.Kind {
	if err == nil {
		return ""
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return access.Transient
		}
		return access.Unknown
	}
	if temporal.IsCanceledError(err) {
		return access.Unknown
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		switch kind := access.Kind(app.Type()); kind {
		case access.Transient, access.RateLimited, access.Invalid, access.NotFound, access.Conflict, access.Forbidden, access.Unknown:
			return kind
		}
	}
	return access.Transient
}

// ErrorText returns an activity's error in one sentence for people: the cause, without Temporal's wrapping.
func ErrorText(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return "no answer in time (" + timeout.TimeoutType().String() + "); is a worker polling the queue?"
	}
	return err.Error()
}

// RefusalError returns how an update handler refuses a call: an application error whose type is the kind and whose detail
// names the field; nil for a nil r.
func RefusalError(r *policy.Rejection) error {
	if r == nil {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions(r.Problem, string(r.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{[]access.Refusal{{Field: r.Field, Problem: r.Problem}}},
	})
}
