package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// Access that a person had before, and that usher never granted, stays when the request is taken back before its grant.
func TestDefect12(t *testing.T) {
	const hour = time.Hour
	had := func(r *holderRuns) { r.target.Put("wiki-editors", "ana") }
	e := lease("r1:1", "wiki-editors", 10*hour)
	rows := []struct {
		name string
		do   func(*holderRuns)
		// keeps is true when ana must hold the role at the end.
		keeps bool
	}{
		{"the target is away", func(r *holderRuns) {
			had(r)
			r.target.Down(true)
			r.asks(0, e)
			r.ensure(hour, absent(e))
			r.at(2*hour, func() { r.target.Down(false) })
		}, true},
		{"the target refuses the credentials", func(r *holderRuns) {
			had(r)
			r.target.RefuseCredentials(true)
			r.asks(0, e)
			r.ensure(hour, absent(e))
			r.at(2*hour, func() { r.target.RefuseCredentials(false) })
		}, true},
		{"the target takes no change", func(r *holderRuns) {
			had(r)
			r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "no change now")}, 2000)...)
			r.asks(0, e)
			r.ensure(hour, absent(e))
		}, true},
		{"the target has no worker", func(r *holderRuns) {
			had(r)
			r.server.removeWorker(workflows.TargetQueue("directory"))
			r.asks(0, e)
			r.ensure(hour, absent(e))
			r.at(2*hour, func() { r.server.addWorker(workflows.TargetQueue("directory")) })
		}, true},
		{"the grant was never asked for", func(r *holderRuns) {
			had(r)
			r.at(0, func() { r.holder.approved("r1", e) })
			r.ensure(0, absent(e))
		}, true},
		{"the target is away, and the run continues as new", func(r *holderRuns) {
			had(r)
			r.target.Down(true)
			r.asks(0, e)
			r.at(hour, r.growsLong)
			r.ensure(hour+time.Minute, absent(e))
			r.at(2*hour, func() { r.target.Down(false) })
		}, true},
		{"she did not have it", func(r *holderRuns) {
			r.asks(0, e)
			r.ensure(hour, absent(e))
		}, false},
		{"she did not have it, and the answer to the grant was lost", func(r *holderRuns) {
			r.target.DropAnswerNext(memory.OpGrant)
			// Right after the grant the target is away: nothing can be read back.
			r.server.after = func() {
				r.target.Down(len(r.target.Members("wiki-editors")) > 0 && r.env.Now().Before(r.begun.Add(2*hour)))
			}
			r.asks(0, e)
			r.members(hour, "wiki-editors", "ana")
			r.ensure(hour, absent(e))
			r.at(2*hour, func() { r.target.Down(false) })
		}, false},
	}
	for where, edge := range map[string]bool{"": false, ", at the edge": true} {
		for _, row := range rows {
			t.Run(row.name+where, func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				if edge {
					r.each(func() { r.env.RegisterActivity(&activities.Target{Port: r.target}) })
				}
				row.do(r)
				r.mustEndBy(2 * day)
				r.run()
				require.Equal(t, 2, r.holder.last("r1:1").Revision)
				require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
				if row.keeps {
					require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-editors"), "usher has granted nothing")
				} else {
					require.Empty(t, r.target.Members("wiki-editors"))
				}
			})
		}
	}
	t.Run("a request is withdrawn before its decision", func(t *testing.T) { withdrawnBefore(t) })
}

// withdrawnBefore withdraws a request after an hour, before any grant.
func withdrawnBefore(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, nil)
	r.target.Put("wiki-editors", "ana")
	r.withdraws(time.Hour)
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("wiki/editor")).Outcome)
	require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-editors"), "usher has granted nothing")
}
