package stack

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollEvery is the pause between two questions.
const pollEvery = 50 * time.Millisecond

// stopped is an error that ends a Poll.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

// Stop marks an error as final: Poll gives up with it.
func Stop(err error) error { return stopped{err} }

// Poll asks until the answer is nil. It gives up when the context ends, with an error that tells the last answer, or with
// the first answer that Stop made.
func Poll(ctx context.Context, ask func(context.Context) error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var last error
	for {
		err := ask(ctx)
		var final stopped
		if err == nil {
			return nil
		}
		if errors.As(err, &final) {
			return final.error
		}
		// A question that the end of the context has cut short says nothing.
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting (%w): %w", ctx.Err(), last)
		case <-ticker.C:
		}
	}
}
