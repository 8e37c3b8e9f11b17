package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Access that must end ends on time, though a message that no approval stands for asks for the same access.
func TestDefect30(t *testing.T) {
	r := newHolderRuns(t)
	r.asks(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	// Nobody has ever asked for r2.
	r.ensure(time.Hour, lease("r2:1", "wiki-editors", 5*time.Hour))
	r.members(90*time.Minute, "wiki-editors", "ana")
	r.members(3*time.Hour, "wiki-editors")
	r.mustEndBy(5 * day)
	r.run()
	require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
	require.Zero(t, has(r.events("r2"), access.EventLeaseGranted))
}
