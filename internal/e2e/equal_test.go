package e2e_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// atOnce is how many say the same thing at once.
const atOnce = 20

// together calls so many times at once, and gives what each call gave.
func together[T any](call func(n int) T) []T {
	got := make([]T, atOnce)
	ready := make(chan struct{})
	var wg sync.WaitGroup
	for n := range got {
		wg.Go(func() {
			<-ready
			got[n] = call(n)
		})
	}
	close(ready)
	wg.Wait()
	return got
}

// equalPosts posts one question twenty times at once.
func (s *system) equalPosts(ctx context.Context, t *testing.T) *row {
	r := &row{name: "20 equal POSTs at once", ask: "wiki/editor", want: granted}
	require.NoError(t, r.on(ctx, s, ""))
	type answer struct {
		status int
		view   access.RequestView
		err    error
	}
	answers := together(func(int) answer {
		var a answer
		a.err = exchange(ctx, message{
			method: http.MethodPost, address: s.stack.URLs().API + "/v1/requests",
			header: map[string]string{"X-Usher-Person": string(r.who), "Idempotency-Key": "the same key"},
			body:   map[string]any{"items": []any{map[string]any{"entitlement": r.ask}}, "reason": r.name},
			into:   &a.view, status: &a.status,
		})
		return a
	})
	statuses := map[int]int{}
	for _, a := range answers {
		require.NoError(t, a.err)
		statuses[a.status]++
		require.Equal(t, answers[0].view.Request.ID, a.view.Request.ID)
	}
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusOK: atOnce - 1}, statuses)
	r.id = answers[0].view.Request.ID
	runs, err := s.runs(ctx, workflows.RequestWorkflowID(r.id))
	require.NoError(t, err)
	require.Len(t, runs, 1, "workflows")
	require.NoError(t, r.approve(ctx))
	require.NoError(t, r.ends(ctx))
	return r
}

// equalDecisions sends one decision twenty times at once.
func (s *system) equalDecisions(ctx context.Context, t *testing.T) *row {
	r := &row{name: "20 equal decisions at once", ask: "wiki/editor", want: granted}
	require.NoError(t, r.on(ctx, s, "equal-decisions"))
	require.NoError(t, r.open(ctx))
	for _, err := range together(func(int) error {
		_, err := s.Decide(ctx, "mia", r.id, stack.Verdict{ID: "one", Verdict: access.Approve})
		return err
	}) {
		require.NoError(t, err)
	}
	require.NoError(t, r.ends(ctx))
	detail, err := s.Show(ctx, stack.Auditor, r.id)
	require.NoError(t, err)
	require.Len(t, detail.Decisions, 1)
	return r
}

// manyDecisions lets twenty owners decide one stage at once: half of them approve, half deny.
func (s *system) manyDecisions(ctx context.Context, t *testing.T) *row {
	r := &row{name: "20 owners decide at once", ask: "many/guest", want: granted}
	require.NoError(t, r.on(ctx, s, "many-decisions"))
	require.NoError(t, r.open(ctx))
	verdict := func(n int) access.Verdict {
		return []access.Verdict{access.Approve, access.Deny}[n%2]
	}
	won, late := []int{}, 0
	for n, err := range together(func(n int) error {
		_, err := s.Decide(ctx, ownerID(n+1), r.id, stack.Verdict{Verdict: verdict(n)})
		return err
	}) {
		if err == nil {
			won = append(won, n)
			continue
		}
		require.Equal(t, http.StatusConflict, stack.StatusOf(err), "%v", err)
		late++
	}
	require.Len(t, won, 1, "winners")
	require.Equal(t, atOnce-1, late)
	if verdict(won[0]) == access.Deny {
		r.want = denied
	}
	require.NoError(t, r.ends(ctx))
	detail, err := s.Show(ctx, stack.Auditor, r.id)
	require.NoError(t, err)
	require.Len(t, detail.Decisions, 1)
	require.Equal(t, ownerID(won[0]+1), detail.Decisions[0].By)
	return r
}
