package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// A lease that could never be granted, because the person has no account on the target or the role does not exist, ends when
// nobody wants it any more.
func TestDefect23(t *testing.T) {
	rows := map[string]struct {
		role    string
		account bool
	}{
		"the person has no account on the target": {"wiki-editors", false},
		"the target has no such role":             {"wiki-typo", true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.target = memory.NewTarget("wiki-editors")
			if row.account {
				r.target.AddAccounts("ana")
			}
			r.newRun()
			first := lease("r1:1", row.role, 5*time.Hour)
			r.asks(0, first)
			r.ensure(time.Hour, absent(first))
			r.at(20*time.Hour, func() {
				t.Logf("a day later: %s, %q, %d tickets", r.known("r1:1").State, r.known("r1:1").Problem, len(r.desk.Tickets()))
			})
			// A person does what the ticket asks: there is nothing to remove.
			r.at(21*time.Hour, func() {
				for _, ticket := range r.desk.Tickets() {
					require.NoError(t, r.desk.MoveAs(r.accounts["ben"], ticket.Ref.ID, access.TicketDone))
				}
			})
			r.mustEndBy(5 * day)
			r.run()
			require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
			require.Empty(t, r.target.History())
		})
	}
}
