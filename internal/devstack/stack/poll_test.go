package stack

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoll_cut_short(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	answer, asked := errors.New("not yet"), 0
	err := Poll(ctx, func(ctx context.Context) error {
		if asked++; asked == 1 {
			return answer
		}
		cancel()
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, answer)
	require.ErrorIs(t, Poll(ctx, func(context.Context) error { return answer }), answer, "what was asked once is said")
}
