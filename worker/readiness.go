package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
)

// readiness knows whether this worker can do its work: it polls, and Temporal has answered a moment ago.
type readiness struct {
	temporal client.Client
	polling  atomic.Bool

	mu     sync.Mutex
	asked  time.Time
	answer error
}

func newReadiness(temporal client.Client) *readiness { return &readiness{temporal: temporal} }

// How long an answer of Temporal's counts, and how long it may take to come. A probe's own time-out should be longer.
const (
	answerCounts = 5 * time.Second
	answerWithin = 2 * time.Second
)

var errNotPolling = errors.New("does not poll")

// check returns why the worker is not ready; nil when it is. Probes that come at once share one question.
func (r *readiness) check(ctx context.Context) error {
	if !r.polling.Load() {
		return errNotPolling
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked.IsZero() && time.Since(r.asked) < answerCounts {
		return r.answer
	}
	// The answer is for all who ask, so it does not end with one of them.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	_, err := r.temporal.CheckHealth(asking, &client.CheckHealthRequest{})
	if err != nil {
		err = fmt.Errorf("Temporal does not answer: %w", err) //nolint:staticcheck // Temporal is a name.
	}
	r.asked, r.answer = time.Now(), err
	return err
}
