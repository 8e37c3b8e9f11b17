package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestView_names_all_approvers: who comes too late is told why by the API, which knows the approvers from the view, while
// the request runs and when it has ended.
func TestView_names_all_approvers(t *testing.T) {
	w := newWorld(t)
	var first access.RequestView
	w.at(time.Hour, func() { first = w.view() })
	w.at(2*time.Hour, func() { w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/admin"))
	want := []access.PersonID{"mia", "olga", "omar"}
	require.Equal(t, want, first.Approvers)
	require.Equal(t, want, result.View.Approvers)
	kept, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, want, kept.Approvers)
}
