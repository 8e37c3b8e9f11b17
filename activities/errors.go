package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
)

// translate turns an *access.Error into what Temporal understands: the application error's type is the kind, a
// kind that no repetition can mend is not retried, and the time that the other side asked for becomes the next
// retry delay. A context's end passes through, for it is Temporal's own.
func translate(err error) error {
	if err == nil || (errors.Is(err, context.Canceled) && access.KindOf(err) == access.Transient) {
		return err
	}
	kind := access.KindOf(err)
	options := temporal.ApplicationErrorOptions{
		NonRetryable:   !repeatable(kind),
		NextRetryDelay: access.RetryAfterOf(err),
	}
	if kind == access.RateLimited {
		// Being told to wait is an everyday answer, and no failure to log and to count.
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(kind), options)
}

// repeatable reports whether the same call may succeed later without a human's help.
func repeatable(kind access.Kind) bool {
	switch kind {
	case access.Transient, access.RateLimited:
		return true
	case access.Invalid, access.NotFound, access.Conflict, access.Forbidden, access.Unknown:
		return false
	}
	return true
}
