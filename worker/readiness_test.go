package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// healthOnly is a client that answers one question.
type healthOnly struct {
	client.Client
	asked atomic.Int64
	err   error
}

func (h *healthOnly) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	h.asked.Add(1)
	return &client.CheckHealthResponse{}, h.err
}

func TestReady(t *testing.T) {
	temporal := &healthOnly{}
	ready := newReadiness(temporal)
	require.ErrorIs(t, ready.check(t.Context()), errNotPolling)
	require.Zero(t, temporal.asked.Load(), "a worker that does not poll asks nobody")

	ready.polling.Store(true)
	require.NoError(t, ready.check(t.Context()))
	require.NoError(t, ready.check(t.Context()))
	require.EqualValues(t, 1, temporal.asked.Load(), "an answer counts for a while")

	temporal.err = errors.New("away")
	require.NoError(t, ready.check(t.Context()))
	ready.asked = ready.asked.Add(-answerCounts)
	require.ErrorContains(t, ready.check(t.Context()), "Temporal does not answer: away")
	require.Error(t, ready.check(t.Context()))
	require.EqualValues(t, 2, temporal.asked.Load(), "so does a bad one")

	temporal.err = nil
	ready.asked = time.Now().Add(-answerCounts)
	require.NoError(t, ready.check(t.Context()))
	ready.polling.Store(false)
	require.ErrorIs(t, ready.check(t.Context()), errNotPolling)
}

func TestProbe_gives_up(t *testing.T) {
	ready := newReadiness(&healthOnly{})
	ready.polling.Store(true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, ready.check(gone))
}
