package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// An item whose grant was under way when its request was stopped shows how the request was stopped. Nobody has denied it.
func TestStop_while_granting(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	r.silent()
	r.approves(time.Hour, "mia")
	r.withdraws(2 * time.Hour)
	r.mustEndBy(2 * day)
	result := r.outcomeOf(r.request("wiki/editor"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	require.Equal(t, access.ItemWithdrawn, result.View.Items[0].State, result.View.Items[0].Detail)
}
