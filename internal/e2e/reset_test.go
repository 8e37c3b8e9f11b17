package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// resetRows is the size of the sample.
	resetRows = 24
	// resetBaseWithin is how long a row may take to the moment of its reset.
	resetBaseWithin = 60 * time.Second
)

// TestReset resets requests and people's workflows to every end of a task that their histories have, as "temporal workflow
// reset" does, with what was said to them after it said again. Whatever the boundary, each comes to the same end as
// without a reset.
func TestReset(t *testing.T) {
	from := drawing(t)
	var rows []*resetRow
	t.Run("play", func(t *testing.T) {
		s := start(t, outageTerms())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		c, quit := s.follow(ctx)
		defer quit()
		began := time.Now()
		plan := s.resetPlan(ctx, t, c)
		for n, r := range plan {
			r.name = fmt.Sprintf("%s/boundary_%d", r.scenario.name, r.boundary)
			require.NoError(t, r.on(ctx, s, fmt.Sprintf("reset-%d", n+1)))
		}
		rows = only(t, "reset", sample(from, plan, resetRows))
		for _, step := range []func(*resetRow) error{
			func(r *resetRow) error { return r.comeBefore(ctx, c) },
			func(r *resetRow) error { return r.reset(ctx) },
			func(r *resetRow) error { return r.goOn(ctx, c) },
			func(r *resetRow) error { return r.ends(ctx, c) },
		} {
			side(rows, step)
		}
		t.Logf("%d of %d rows ended after %s", len(rows), len(plan), time.Since(began).Round(time.Second))
		tellStories(ctx, rows)
	})
	total := &sweep{name: "resets"}
	report(t, total, "reset", rows)
	total.total(t)
}

// resetPlan plays each scenario once without a reset, and returns a row for each boundary that its history has.
func (s *system) resetPlan(ctx context.Context, t *testing.T, c *crowd) []*resetRow {
	t.Helper()
	var scouts, plan []*resetRow
	for _, scenario := range resetScenarios() {
		r := newResetRow(scenario, 1)
		require.NoError(t, r.on(ctx, s, "reset-scout-"+slug(scenario.name)))
		scouts = append(scouts, r)
	}
	side(scouts, func(r *resetRow) error { return r.comeBefore(ctx, c) })
	require.NoError(t, s.release(ctx))
	for _, r := range scouts {
		require.NoError(t, r.wrong, r.scenario.name)
		ends, err := r.boundaries(ctx)
		require.NoError(t, err)
		for n := range ends {
			plan = append(plan, newResetRow(r.scenario, n+1))
		}
	}
	return plan
}

func newResetRow(scenario *resetScenario, boundary int) *resetRow {
	r := &resetRow{scenario: scenario, boundary: boundary}
	r.name, r.ask, r.lasts, r.want = scenario.name, scenario.ask, scenario.lasts, scenario.want
	return r
}

// comeBefore leads the row to the moment of its reset.
func (r *resetRow) comeBefore(ctx context.Context, c *crowd) error {
	ctx, cancel := context.WithTimeout(ctx, resetBaseWithin)
	defer cancel()
	if err := r.scenario.before(ctx, c, r); err != nil {
		return fmt.Errorf("before the reset: %w", err)
	}
	return nil
}

// goOn does what people do after the reset.
func (r *resetRow) goOn(ctx context.Context, c *crowd) error {
	if r.scenario.after == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resetBaseWithin/2)
	defer cancel()
	if err := r.scenario.after(ctx, c, r); err != nil {
		return fmt.Errorf("after the reset: %w", err)
	}
	return nil
}
