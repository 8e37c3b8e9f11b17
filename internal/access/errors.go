package access

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what a caller can do about an error. The set is closed: act upon the kind, never upon the text.
type Kind string

// The kinds of error.
const (
	// Transient: nothing was changed, or the call is safe to repeat; the same call may succeed later.
	Transient Kind = "transient"
	// RateLimited: as Transient, and the other side asked for patience (RetryAfter, if it named a time).
	RateLimited Kind = "rate_limited"
	// Invalid: the other side will never accept this call as it is; the text names the field.
	Invalid Kind = "invalid"
	// NotFound: the thing does not exist, or may not be seen with these credentials.
	NotFound Kind = "not_found"
	// Conflict: the thing is in a state that does not allow the call.
	Conflict Kind = "conflict"
	// Forbidden: the credentials are bad or lack a right. A human must act.
	Forbidden Kind = "forbidden"
	// Unknown: a write that cannot be blindly repeated may or may not have happened.
	Unknown Kind = "unknown"
)

// Error is usher's one error type. Op is what was attempted, in our words ("create ticket"). RetryAfter is how
// long the other side asked us to wait, 0 if it did not say. Err is the cause. No text in it may hold a
// secret, a token or a URL query: all of it is shown to operators and kept in workflow histories.
type Error struct {
	Kind       Kind
	Op         string
	RetryAfter time.Duration
	Err        error
}

// Error returns operation, cause and kind.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v (%s)", e.Op, e.Err, e.Kind) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind; the format may wrap a cause with %w.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

// KindOf is the kind of the outermost *Error in err's chain. An error that nobody classified is Transient, and so is
// a context's end; nil has no kind ("").
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Transient
}

// IsKind reports whether err is of that kind.
func IsKind(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// RetryAfterOf is how long the other side asked us to wait; 0 if it did not say.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
