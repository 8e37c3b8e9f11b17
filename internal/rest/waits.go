package rest

import (
	"context"
	"time"
)

type waitsKey struct{}

// WithWaits has every call with the context tell how long it waited for a token of the rate limit; calls that did not
// wait tell nothing. seen may be called by several goroutines at once, and answers at once.
func WithWaits(ctx context.Context, seen func(time.Duration)) context.Context {
	return context.WithValue(ctx, waitsKey{}, seen)
}

// waited reports a wait to its observer.
func waited(ctx context.Context, wait time.Duration) {
	if seen, ok := ctx.Value(waitsKey{}).(func(time.Duration)); ok {
		seen(wait)
	}
}
