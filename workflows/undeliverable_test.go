package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"usher/internal/access"
)

// TestApplyLease_end_undelivered: Temporal does not take the message that access must end. It is sent again, ever more
// slowly, until it is taken.
func TestApplyLease_end_undelivered(t *testing.T) {
	for name, err := range map[string]error{
		"because it never will":  serviceerror.NewInvalidArgument("the id is too long"),
		"because it is down now": serviceerror.NewUnavailable("Temporal is down"),
	} {
		t.Run(name, func(t *testing.T) {
			const trouble, most = 24 * time.Hour, 200
			r := requestRuns(t, quietTerms)
			r.silent()
			tries := 0
			r.undeliverable = func(e access.LeaseSpec) error {
				if e.DesiredState == access.Present || r.passed() > trouble {
					return nil
				}
				tries++
				require.LessOrEqual(r.t, tries, 5*most, "it is sent again and again without a pause")
				return err
			}
			r.approves(time.Hour, "mia")
			r.withdraws(2 * time.Hour)
			r.mustEndBy(3 * day)
			require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("wiki/editor")).Outcome)
			t.Logf("tried %d times in a day", tries)
			require.Greater(t, tries, 10)
		})
	}
}
