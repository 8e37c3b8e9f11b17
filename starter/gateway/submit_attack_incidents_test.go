package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// runLeaves is the summary of an incident whose run continues as new before there is a ticket: the caller is answered at once.
const runLeaves = "the run leaves"

// TestSubmitIncident_run_leaves: an answer without a ticket is no answer that there is one.
func TestSubmitIncident_run_leaves(t *testing.T) {
	answer, err := newGateway(t).SubmitIncident(t.Context(), newIncident(runLeaves))
	require.NoError(t, err)
	require.True(t, answer.Pending || answer.View.Ticket != nil, "%+v", answer)
}
