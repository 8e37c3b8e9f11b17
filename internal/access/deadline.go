package access

import (
	"context"
	"errors"
	"time"
)

// ErrTooLate is the cause of the error of a write that was not made because its time is over. The error is Transient:
// nothing was sent.
var ErrTooLate = errors.New("not sent: the time for this write is over")

type writeDeadlineKey struct{}

// WithWriteDeadline returns a context with which every connector makes a write only where it ends before t: whoever gave
// the task may have given it to somebody else by then. What reads is not concerned.
//
// t is kept and compared as the time on the wall. A context's own deadline is measured by a clock that stands still while
// the machine is suspended, and so is the difference of two times that time.Now gave.
func WithWriteDeadline(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, writeDeadlineKey{}, t.Round(0))
}

// WriteDeadline returns the time that WithWriteDeadline set, without a monotonic reading, and whether there is one.
func WriteDeadline(ctx context.Context) (time.Time, bool) {
	t, ok := ctx.Value(writeDeadlineKey{}).(time.Time)
	return t, ok
}

// InTime returns nil when a write that begins now and takes no longer than within ends before the context's write
// deadline, or when there is none; else ErrTooLate.
func InTime(ctx context.Context, now time.Time, within time.Duration) error {
	if t, ok := WriteDeadline(ctx); ok && now.Add(within).After(t) {
		return ErrTooLate
	}
	return nil
}
