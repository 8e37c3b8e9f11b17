package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// calls are how often the fake Jira was called, by operation.
type calls map[string]int

func (c calls) total() int {
	n := 0
	for _, of := range c {
		n += of
	}
	return n
}

// minus is what was called after an earlier reading.
func (c calls) minus(before calls) calls {
	more := calls{}
	for op, n := range c {
		if n > before[op] {
			more[op] = n - before[op]
		}
	}
	return more
}

// String lists the operations.
func (c calls) String() string {
	text := ""
	for _, op := range slices.Sorted(maps.Keys(c)) {
		text += fmt.Sprintf(", %d %s", c[op], op)
	}
	if text == "" {
		return "none"
	}
	return text[2:]
}

// deskCalls asks the fake Jira for its counters; what is asked for by the simulator's own pages is not in them.
func (u *usher) deskCalls(ctx context.Context) (calls, error) {
	counted := calls{}
	err := u.call(ctx, outgoing{method: http.MethodGet, address: u.urls.Desk + "/_sim/requests", into: &counted})
	return counted, err
}

// quietDesk waits until nobody has called the desk for a while.
func (u *usher) quietDesk(ctx context.Context, quiet time.Duration) error {
	last, since := -1, time.Now()
	return stack.Poll(ctx, func(ctx context.Context) error {
		now, err := u.deskCalls(ctx)
		if err != nil {
			return err
		}
		if now.total() != last {
			last, since = now.total(), time.Now()
		}
		if time.Since(since) < quiet {
			return errors.New("the desk is still called")
		}
		return nil
	})
}

// The watch's workflow and the names of its steps, as workflows/messages.go and package activities spell them.
const (
	watchWorkflow = "ticketwatch/jira"
	stepRound     = "ChangedTickets"
	stepList      = "ListOpenTickets"
	stepPosition  = "WatchPosition"
	stepLook      = "ReadTicket"
)

// watchUntil returns what all runs of the watch did in a time: its tally, and how often it took each step. No run gives a
// tally of nothing.
func watchUntil(ctx context.Context, temporal client.Client, from, to time.Time) (did, error) {
	runs, err := runsOf(ctx, temporal, watchWorkflow)
	if err != nil {
		return did{}, err
	}
	all := did{steps: map[string]int{}}
	for _, run := range runs {
		all.add(run.between(from, to))
	}
	return all, nil
}

// did is what workflows did.
type did struct {
	tally Tally
	steps map[string]int
}

func (d *did) add(r Record) {
	d.tally = d.tally.Plus(Count(r.History))
	for name, n := range r.steps() {
		d.steps[name] += n
	}
}

// perHour is a count's rate.
func perHour(n float64, in time.Duration) float64 { return n * float64(time.Hour) / float64(in) }

// board does something to a ticket as a person does on the board: "assign" (with "to"), "delete".
func (u *usher) board(ctx context.Context, what string, as access.PersonID, key string, more ...string) error {
	fields := map[string]string{"key": key, "as": stack.DeskAccount(as)}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	return u.postForm(ctx, u.urls.Desk+"/board/"+what, fields)
}
