package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// Access whose grant got no answer is taken away by the target's own ids, which were read before the grant: the role may have
// been renamed since.
func TestDefect27(t *testing.T) {
	rows := map[string]struct{ edge, reused bool }{
		"where the target's worker knows the ledger":            {false, false},
		"where it does, and another role gets the name":         {false, true},
		"at the edge (control)":                                 {true, false},
		"at the edge, and another role gets the name (control)": {true, true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.edge = row.edge
			r.newRun()
			r.target.DropAnswerNext(memory.OpGrant)
			first := lease("r1:1", "wiki-editors", 0)
			r.asks(0, first)
			r.at(time.Second, func() {
				r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 60)...)
			})
			r.members(time.Minute, "wiki-editors", "ana")
			r.at(10*time.Minute, func() {
				r.target.RenameRole("wiki-editors", "authors")
				if row.reused {
					r.target.AddRole("wiki-editors")
				}
			})
			r.ensure(20*time.Minute, absent(first))
			if !row.reused {
				r.members(12*time.Hour, "authors")
			}
			r.mustEndBy(3 * day)
			r.run()
			require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
			require.Empty(t, r.target.Members("authors"), "the ledger says: %+v", r.known("r1:1").Verification)
		})
	}
}
