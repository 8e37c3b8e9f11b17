package workflows_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// authorityRow is one change of a ticket by one account, with the ticket's text as usher wrote it or not.
type authorityRow struct {
	by       access.PersonID
	to       access.TicketPhase
	approved bool
	edited   bool
	// fulfils is true where the desk's configuration names Ana as well among those who grant by hand.
	fulfils bool
}

func (r authorityRow) String() string {
	state, text := "undecided", "its own text"
	if r.approved {
		state = "approved"
	}
	if r.edited {
		text = "another text"
	}
	if r.fulfils {
		state += ", Ana fulfils too"
	}
	return fmt.Sprintf("%s, %s, by %s to %s", state, text, r.by, r.to)
}

// counts is what the change does to the request; "" when it does nothing and the ticket is put back. Ana asks for herself,
// Omar approves, Ben grants by hand, Mia has an account and nothing to do with it, and nobody knows Eve.
func (r authorityRow) counts() access.RequestState {
	concerned := r.by == "ana" || r.by == "omar" || r.by == "ben"
	switch {
	case !r.approved && r.to == access.TicketApproved && r.by == "omar" && !r.edited:
		return access.StateFulfilling
	case !r.approved && r.to == access.TicketDenied && r.by == "omar":
		return access.OutcomeDenied
	case !r.approved && r.to.Closed() && concerned:
		return access.OutcomeCancelled
	case r.approved && r.to == access.TicketDone && r.by == "ben" && !r.edited:
		return access.OutcomeGranted
	case r.approved && r.to == access.TicketWontDo && concerned:
		return access.OutcomeDenied
	}
	return ""
}

func authorityRows() []authorityRow {
	var rows []authorityRow
	for _, by := range []access.PersonID{"ana", "omar", "ben", "mia", "eve"} {
		for _, to := range []access.TicketPhase{access.TicketApproved, access.TicketDenied, access.TicketDone, access.TicketWontDo} {
			for _, approved := range []bool{false, true} {
				for _, edited := range []bool{false, true} {
					rows = append(rows, authorityRow{by, to, approved, edited, false})
				}
			}
		}
	}
	// Who asks for access cannot confirm it, whatever else she may.
	return append(rows, authorityRow{"ana", access.TicketDone, true, false, true})
}

// The ticket is a channel, not an authority: who changed it, and whether it still says what usher wrote, decides what the
// change does.
func TestTicketAuthority(t *testing.T) {
	for _, row := range authorityRows() {
		t.Run(row.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accounts["eve"] = "account-of-eve"
			if row.fulfils {
				w.desk.SetFulfillers(w.accounts["ben"], w.accounts["ana"])
			}
			if row.approved {
				w.at(time.Hour, func() { w.decide("omar", access.Approve) })
			}
			before := access.TicketWaiting
			w.at(2*time.Hour, func() {
				before = w.ticket().Phase
				if row.edited {
					require.NoError(t, w.desk.EditTextAs("account-of-eve", w.ticket().Ref.ID, "It is only about the viewer."))
				}
				w.move(row.by, row.to)
			})
			want := row.counts()
			w.at(4*time.Hour, func() {
				if want == "" {
					require.Equal(t, before, w.ticket().Phase, "the ticket is put back")
					require.Equal(t, 1, has(w.events("r1"), access.EventDecisionRefused))
				}
				if !want.Ended() {
					require.Len(t, w.view().Decisions, map[bool]int{true: 1}[row.approved || want == access.StateFulfilling])
					require.Empty(t, w.ensures)
					w.withdraw("ana")
				}
			})
			outcome := w.run(w.request("badge/lab")).Outcome
			if want.Ended() {
				require.Equal(t, want, outcome)
				return
			}
			require.Equal(t, access.OutcomeWithdrawn, outcome)
		})
	}
}

// Whoever holds access cannot say that it is gone, though she removes access by hand and the target has only later come to know
// no such role: the ticket was opened for another reason.
func TestTicketAuthority_removal_of_a_role_that_is_gone(t *testing.T) {
	for _, by := range []access.PersonID{"ana", "ben"} {
		t.Run("closed by "+string(by), func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.desk.SetFulfillers(r.accounts["ana"], r.accounts["ben"])
			e := lease("r1:1", "wiki-editors", time.Hour)
			e.Lease.Subject.Email = "ana@example.test"
			r.asks(0, e)
			busy, gone := access.Errorf(access.Transient, "revoke", "busy"), access.Errorf(access.NotFound, "revoke", "no such role")
			r.at(30*time.Minute, func() {
				r.target.FailNext(memory.OpRevoke, append(slices.Repeat([]error{busy}, 30), slices.Repeat([]error{gone}, 400)...)...)
			})
			r.at(20*time.Hour, func() {
				require.Equal(t, access.LeaseRevoking, r.known("r1:1").State)
				require.Contains(t, r.details(), "no such role")
				r.move(by, access.TicketDone)
			})
			goesOn := false
			r.at(40*time.Hour, func() {
				goesOn = true
				require.Equal(t, access.TicketWaiting, r.ticket().Phase, "the ticket is put back")
				r.target.FailNoMore()
			})
			r.mustEndBy(5 * day)
			r.run()
			require.Equal(t, by == "ana", goesOn, "the lease goes on unless the word counts")
			require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		})
	}
}

// Nobody but whoever removes access by hand says that it is gone, where usher cannot look itself.
func TestTicketAuthority_removal(t *testing.T) {
	for _, by := range []access.PersonID{"ana", "omar", "ben", "eve"} {
		for _, fulfiller := range []access.PersonID{"ben", "ana"} {
			t.Run(fmt.Sprintf("closed by %s, while %s removes by hand", by, fulfiller), func(t *testing.T) {
				t.Parallel()
				h := newHolder(t)
				h.accounts["eve"] = "account-of-eve"
				h.desk.SetFulfillers(h.accounts[fulfiller])
				e := lease("r1:1", "vault", 0)
				e.Lease.Fulfilment, e.Lease.Binding = access.FulfilmentManual, nil
				e.Lease.Subject.Email = "ana@example.test"
				until := h.env.Now().Add(time.Hour)
				e.Window = access.Window{Until: &until}
				e.Granted = &access.Verification{Present: true, Method: "a human's word", At: h.env.Now()}
				h.ensureAt(0, e)
				counts := by == fulfiller && by != "ana"
				ended := func() bool {
					known, err := h.ledger.Lease(t.Context(), "r1:1")
					require.NoError(t, err)
					return known.State == access.LeaseEnded
				}
				h.at(2*time.Hour, func() { h.move(by, access.TicketDone) })
				goesOn := false
				h.at(4*time.Hour, func() {
					goesOn = true
					require.False(t, ended())
					require.Equal(t, access.TicketWaiting, h.ticket().Phase, "the ticket is put back")
					h.desk.SetFulfillers("account-of-olga")
					require.NoError(t, h.desk.MoveAs("account-of-olga", h.ticket().Ref.ID, access.TicketDone))
				})
				h.hold()
				require.Equal(t, !counts, goesOn, "the lease goes on unless the word counts")
				require.True(t, ended())
			})
		}
	}
}
