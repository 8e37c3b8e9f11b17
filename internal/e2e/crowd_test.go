package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// crowd is many rows at once. What they wait for outside is asked for once, for all of them, from time to time.
type crowd struct {
	*system
	mu   sync.Mutex
	seen evidence
	// tickets are those that the desk has, by marker.
	tickets map[access.Marker][]stack.Ticket
}

// crowdLooks is the pause between two looks at the world outside.
const crowdLooks = 500 * time.Millisecond

// follow looks at the world outside until the context ends. The function that it gives waits for the end of that.
func (s *system) follow(ctx context.Context) (*crowd, func()) {
	c := &crowd{system: s}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	wg.Go(func() {
		ticker := time.NewTicker(crowdLooks)
		defer ticker.Stop()
		for ctx.Err() == nil {
			c.look(ctx)
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	})
	return c, func() { cancel(); wg.Wait() }
}

// look takes what can be seen now; what cannot be asked stays as it was seen before.
func (c *crowd) look(ctx context.Context) {
	tickets, ticketsErr := c.Tickets(ctx)
	groups, groupsErr := c.Groups(ctx)
	changes, changesErr := c.Changes(ctx)
	if errors.Join(ticketsErr, groupsErr, changesErr) != nil {
		return
	}
	by := map[access.Marker][]stack.Ticket{}
	for _, t := range tickets {
		for _, whole := range t.Markers() {
			marker, _, _ := strings.Cut(string(whole), ":")
			if strings.HasPrefix(string(whole), string(access.RemovalMarkerOf(""))) {
				marker = string(whole)
			}
			by[access.Marker(marker)] = append(by[access.Marker(marker)], t)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.groups, c.seen.changes, c.tickets = groups, changes, by
}

func (c *crowd) evidence(id access.RequestID) evidence {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.seen
	e.tickets = c.tickets[access.MarkerOf(id)]
	return e
}

// status waits until the one ticket of a row is in a status.
func (c *crowd) status(ctx context.Context, r *row, want string) error {
	return stack.Poll(ctx, func(context.Context) error {
		tickets := c.evidence(r.id).tickets
		if len(tickets) != 1 {
			return fmt.Errorf("the desk has %d tickets of %s", len(tickets), r.id)
		}
		if tickets[0].Status != want {
			return fmt.Errorf("ticket %s is in %q, expected %q", tickets[0].Key, tickets[0].Status, want)
		}
		return nil
	})
}

// ends waits for the right end of a row.
func (c *crowd) ends(ctx context.Context, r *row) error {
	err := c.status(ctx, r, r.want.status)
	if err == nil {
		err = slowly(ctx, func(ctx context.Context) error { return c.inspect(ctx, r) })
	}
	if err != nil {
		err = fmt.Errorf("row %s (request %s): %w", r.name, r.id, err)
	}
	return err
}

// inspect is that of the row, with what was seen for all.
func (c *crowd) inspect(ctx context.Context, r *row) error {
	e := c.evidence(r.id)
	var errs [2]error
	e.detail, errs[0] = c.Show(ctx, stack.Auditor, r.id)
	e.leases, errs[1] = c.Leases(ctx, stack.Auditor, r.who)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	r.found = r.count(e)
	if wrong := append(append([]string(nil), r.found.why...), r.wrongEnd(e)...); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// slowly asks like stack.Poll, with the pause of a crowd.
func slowly(ctx context.Context, ask func(context.Context) error) error {
	ticker := time.NewTicker(crowdLooks)
	defer ticker.Stop()
	return stack.Poll(ctx, func(ctx context.Context) error {
		err := ask(ctx)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		return err
	})
}

// crowdStep is what people do about one of many rows, from the question to where nobody needs to do anything any more.
type crowdStep = func(context.Context, *crowd, *row) error

// crowdRow is one of many rows.
type crowdRow struct {
	row
	do crowdStep
}

// play lets all rows run at once, each to its right end, and prints the table.
func (c *crowd) play(ctx context.Context, t *testing.T, all []*crowdRow) {
	t.Helper()
	began := time.Now()
	rows := make([]*row, len(all))
	for n, r := range all {
		rows[n] = &r.row
	}
	err := each(all, func(r *crowdRow) error {
		if err := r.do(ctx, c, &r.row); err != nil {
			return fmt.Errorf("%s (request %s): %w", r.name, r.id, err)
		}
		return c.ends(ctx, &r.row)
	})
	require.NoError(t, err)
	t.Logf("%d requests ended after %s", len(all), time.Since(began).Round(time.Second))
	table(ctx, t, rows)
}
