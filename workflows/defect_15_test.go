package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// heldAgain is access that is granted again while a ticket asks to remove it.
type heldAgain struct {
	name string
	// first ends after an hour, and again is granted at two hours.
	first, again func(*holderRuns) access.LeaseSpec
	// do is what else happens.
	do func(*holderRuns)
}

func heldAgains() []heldAgain {
	vault := func(id access.LeaseID, ends time.Duration) func(*holderRuns) access.LeaseSpec {
		return func(r *holderRuns) access.LeaseSpec { return r.byHand(id, "vault", ends) }
	}
	unreadable := func(id access.LeaseID, ends time.Duration) func(*holderRuns) access.LeaseSpec {
		return func(r *holderRuns) access.LeaseSpec {
			e := r.byHand(id, "vault", ends)
			e.Lease.Binding = nil
			return e
		}
	}
	scim := func(id access.LeaseID, lasts time.Duration) func(*holderRuns) access.LeaseSpec {
		return func(*holderRuns) access.LeaseSpec { return lease(id, "vault", lasts) }
	}
	quiet := func(*holderRuns) {}
	return []heldAgain{
		{"by hand", vault("r1:1", time.Hour), vault("r2:1", 9*time.Hour), quiet},
		{"by hand, where usher cannot read the target", unreadable("r1:1", time.Hour), unreadable("r2:1", 9*time.Hour), quiet},
		{
			"by hand, in the next run", vault("r1:1", time.Hour), vault("r2:1", 9*time.Hour),
			func(r *holderRuns) { r.at(90*time.Minute, r.growsLong) },
		},
		{
			"by hand, while the desk is away", vault("r1:1", time.Hour), vault("r2:1", 9*time.Hour),
			func(r *holderRuns) {
				r.at(30*time.Minute, func() { r.desk.Down(true) })
				r.at(150*time.Minute, func() { r.desk.Down(false) })
			},
		},
		{
			"by hand, while the ticket is written to", vault("r1:1", time.Hour), vault("r2:1", 9*time.Hour),
			func(r *holderRuns) {
				r.at(90*time.Minute, func() { r.desk.Down(true) })
				r.at(150*time.Minute, func() { r.desk.Down(false) })
			},
		},
		{"by usher, which cannot take it away", scim("r1:1", time.Hour), scim("r2:1", 9*time.Hour), func(r *holderRuns) { r.stuck("vault") }},
	}
}

// A ticket that asks to remove access is closed with a word when the access is held again, and the access stays.
func TestDefect15(t *testing.T) {
	for _, row := range heldAgains() {
		t.Run("granted again "+row.name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.target.Put("vault", "ana")
			row.do(r)
			r.asks(0, row.first(r))
			r.asks(2*time.Hour, row.again(r))
			r.at(6*time.Hour, func() {
				require.Equal(t, []access.PersonID{"ana"}, r.target.Members("vault"), "the access is held")
				require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
				for _, ticket := range r.desk.Tickets() {
					require.True(t, ticket.Phase.Closed(), "ticket %s is open: whoever follows it takes access away that is held", ticket.Ref.Key)
					comments := r.desk.Comments(ticket.Ref.ID)
					require.NotEmpty(t, comments, "a ticket is closed with a word")
					last := comments[len(comments)-1]
					require.Regexp(t, `(?i)\b(held|holds|keeps)\b`, last)
					require.NotContains(t, last, "is gone")
				}
				r.freed = true
			})
			r.at(12*time.Hour, func() {
				r.target.Take("vault", "ana")
				for _, ticket := range r.desk.Tickets() {
					if !ticket.Phase.Closed() {
						require.NoError(t, r.desk.MoveAs(r.accounts["ben"], ticket.Ref.ID, access.TicketDone))
					}
				}
			})
			r.mustEndBy(2 * day)
			r.run()
			require.Equal(t, access.LeaseEnded, r.known("r2:1").State)
		})
	}
}
