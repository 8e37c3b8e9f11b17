package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Of a batch, only the fact that the ledger refuses is set aside.
func TestRefusedFact(t *testing.T) {
	r := requestRuns(t, nil)
	r.each(func() { r.refusing(refusesEvents(access.Conflict, access.EventGrantRequested)) })
	r.approves(time.Hour, "mia")
	r.mustEndBy(day)
	require.Equal(t, access.OutcomeFailed, r.outcomeOf(r.request("wiki/editor")).Outcome)
	events := r.events("r1")
	for _, kept := range []access.EventType{access.EventSubmitted, access.EventRequired, access.EventDecided, access.EventEnded} {
		require.Equal(t, 1, has(events, kept), kept)
	}
	require.Zero(t, has(events, access.EventGrantRequested))
}
