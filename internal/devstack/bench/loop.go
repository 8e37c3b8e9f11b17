package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// lane does one request from its beginning to its end.
type lane func(ctx context.Context) (id string, err error)

// stretch is what a closed loop did within its window.
type stretch struct {
	// Done are the requests that ended within the window, in the order in which they ended.
	Done []string
	Took time.Duration
	// CPU is the processor time that each process used within the window, by name.
	CPU map[string]time.Duration
}

// PerSecond is the throughput.
func (s stretch) PerSecond() float64 { return float64(len(s.Done)) / s.Took.Seconds() }

// plus is both stretches together.
func (s stretch) plus(other stretch) stretch {
	both := stretch{Done: slices.Concat(s.Done, other.Done), Took: s.Took + other.Took, CPU: map[string]time.Duration{}}
	for name, used := range s.CPU {
		both.CPU[name] = used + other.CPU[name]
	}
	return both
}

// loop is how a closed loop runs: so many clients, each of which begins its next request when the one before has ended.
type loop struct {
	clients      int
	ramp, window time.Duration
	// pids are the processes whose time is measured.
	pids func() map[string]int
}

// requestWithin is how long one request may take; a loop in which one takes longer is not stable.
const requestWithin = time.Minute

// run runs the loop: the requests that end during the ramp are not counted, and those that are under way at the end of
// the window are finished, uncounted. The first error ends it.
func (l loop) run(ctx context.Context, one lane) (stretch, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		errs []error
		ends []ended
	)
	began := time.Now()
	from, to := began.Add(l.ramp), began.Add(l.ramp+l.window)
	for range l.clients {
		wg.Go(func() {
			for time.Now().Before(to) && ctx.Err() == nil {
				id, err := within(ctx, one)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
					cancel()
				}
				ends = append(ends, ended{id, time.Now()})
				mu.Unlock()
			}
		})
	}
	before, errBefore := cpuAt(ctx, from, l.pids)
	after, errAfter := cpuAt(ctx, to, l.pids)
	wg.Wait()
	if len(errs) > 0 {
		return stretch{}, fmt.Errorf("a request did not end: %w", errs[0])
	}
	if err := errors.Join(errBefore, errAfter); err != nil {
		return stretch{}, err
	}
	result := stretch{Took: l.window, CPU: map[string]time.Duration{}}
	for _, e := range ends {
		if e.at.After(from) && !e.at.After(to) {
			result.Done = append(result.Done, e.id)
		}
	}
	for name, used := range after {
		result.CPU[name] = used - before[name]
	}
	if len(result.Done) == 0 {
		return result, fmt.Errorf("no request ended within %s", l.window)
	}
	return result, nil
}

type ended struct {
	id string
	at time.Time
}

func within(ctx context.Context, one lane) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	return one(ctx)
}

// cpuAt reads the processor times at a moment.
func cpuAt(ctx context.Context, at time.Time, pids func() map[string]int) (map[string]time.Duration, error) {
	if err := pause(ctx, time.Until(at)); err != nil {
		return nil, err
	}
	used := map[string]time.Duration{}
	for name, pid := range pids() {
		t, err := cpuTime(pid)
		if err != nil {
			return nil, err
		}
		used[name] = t
	}
	return used, nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
