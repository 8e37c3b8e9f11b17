package ticket_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows/ticket"
)

func TestOpen(t *testing.T) {
	t.Run("the ticket is opened at once, and people's accounts are known", func(t *testing.T) {
		s := newShelf(t)
		mia := s.desk.AddAccount(access.Person{ID: "mia", Email: "mia@example.test"})
		s.at(time.Minute, func() {
			require.Equal(t, mia, s.Account("mia"))
			require.Empty(t, s.Account("ghost"))
			require.Equal(t, access.PersonID("mia"), s.Person(mia))
			require.Empty(t, s.Person("somebody else's"))
			require.Empty(t, s.Person(""))
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, s.ticket(t).Ref, *s.state.Ref)
		require.Equal(t, []string{"opened MEM-1, found false"}, s.log)
		require.Equal(t, access.TicketWaiting, s.state.Seen.Phase)
	})
	t.Run("one that exists is found, and not opened again", func(t *testing.T) {
		s := newShelf(t)
		_, err := s.desk.CreateTicket(t.Context(), access.NewTicket{Marker: "usher-r1"})
		require.NoError(t, err)
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"opened MEM-1, found true"}, s.log)
		require.Len(t, s.desk.Tickets(), 1)
	})
	t.Run("after failures it is tried again, and says what is wrong meanwhile", func(t *testing.T) {
		s := newShelf(t)
		s.desk.Down(true)
		s.at(3*time.Hour, func() {
			require.Contains(t, s.state.Problem, "no ticket yet: ")
			require.Greater(t, s.state.Failures, 5)
			require.False(t, s.UpToDate())
			s.desk.Down(false)
		})
		s.ends(4 * time.Hour)
		require.NoError(t, s.run(t))
		require.Empty(t, s.state.Problem)
		require.Zero(t, s.state.Failures)
		const everyQuarter = 4*3 + 10
		require.LessOrEqual(t, s.desk.Calls(memory.OpFindTicket), everyQuarter)
	})
	t.Run("when it is turned off, nothing is opened or written", func(t *testing.T) {
		s := newShelf(t)
		s.state.Off = true
		s.at(time.Minute, func() { s.Write(ticket.Write{Text: "x"}) })
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Empty(t, s.desk.Tickets())
	})
}

// TestUnknownOutcome: the answer to a create is lost, and the desk's search does not show the ticket yet.
func TestUnknownOutcome(t *testing.T) {
	const lag = searchDelay - time.Second
	for _, created := range []bool{true, false} {
		for _, continues := range []bool{false, true} {
			t.Run(fmt.Sprintf("created %t, continues as new %t", created, continues), func(t *testing.T) {
				s := newShelf(t)
				s.desk.SearchLag(lag)
				if created {
					s.desk.DropAnswerNext(memory.OpCreateTicket)
				} else {
					s.desk.FailNext(memory.OpCreateTicket, access.Errorf(access.Unknown, "create ticket", "the answer is lost"))
				}
				begin := s.env.Now()
				if continues {
					s.at(lag-time.Second, func() { s.env.SetContinueAsNewSuggested(true) })
					require.ErrorContains(t, s.run(t), errCarried.Error())
					require.WithinDuration(t, begin.Add(searchDelay), s.state.RetryAt, 0, "the time is in the state")
					s.newRun()
				}
				s.ends(0)
				require.NoError(t, s.run(t))
				require.Equal(t, searchDelay, s.env.Now().Sub(begin), "the search is given its time, and no more")
				require.Equal(t, []string{fmt.Sprintf("opened MEM-1, found %t", created)}, s.log)
				require.Len(t, s.desk.Tickets(), 1)
				require.Equal(t, 2, s.desk.Calls(memory.OpFindTicket))
			})
		}
	}
}

func assign(id access.AccountID) *access.AccountID { return &id }

func TestUpdate(t *testing.T) {
	t.Run("writes that wait together go out together, and the last move and assignee count", func(t *testing.T) {
		s := newShelf(t)
		mia := s.desk.AddAccount(access.Person{ID: "mia", Email: "mia@example.test"})
		s.at(time.Minute, func() {
			s.Write(ticket.Write{Text: "one", TransitionTo: access.TicketDenied, Assign: assign("nobody's")})
			s.Write(ticket.Write{Key: "two", Assign: assign(mia)})
			s.Write(ticket.Write{TransitionTo: access.TicketWorking})
			s.Write(ticket.Write{Text: "three"})
			require.False(t, s.UpToDate())
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, [][]string{{"one", "text of two", "three"}}, s.desk.said)
		require.Equal(t, access.TicketWorking, s.ticket(t).Phase)
		require.Equal(t, 1, s.desk.Calls(memory.OpTransitionTicket))
		require.Equal(t, mia, s.ticket(t).Assignee)
		require.Equal(t, 1, s.desk.Calls(memory.OpAssignTicket))
		require.Equal(t, mia, s.state.Seen.Assignee)
	})
	t.Run("a long queue goes out in batches, and moves the ticket once", func(t *testing.T) {
		const writes, perBatch = 25, 10
		s := newShelf(t)
		s.at(time.Minute, func() {
			for i := range writes {
				s.Write(ticket.Write{Text: fmt.Sprint("text ", i), TransitionTo: access.TicketWorking})
			}
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Len(t, s.desk.said, (writes+perBatch-1)/perBatch)
		require.Len(t, slices.Concat(s.desk.said...), writes)
		require.Equal(t, 1, s.desk.Calls(memory.OpTransitionTicket))
	})
	t.Run("what comes while a write is in flight waits for it", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.Write(ticket.Write{Text: "one"})
			s.during(memory.OpAddComments, func() {
				require.True(t, s.Busy())
				s.Write(ticket.Write{Text: "two"})
				s.Write(ticket.Write{Text: "three"})
			})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, [][]string{{"one"}, {"two", "three"}}, s.desk.said)
	})
	t.Run("a comment is said once for each key", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.Write(ticket.Write{Key: "decision/1", Text: "one"})
			s.Write(ticket.Write{Key: "decision/2", Text: "one"})
			s.Write(ticket.Write{Text: "no key"})
		})
		s.at(time.Hour, func() {
			s.Write(ticket.Write{Key: "decision/1", Text: "one, in other words"})
			s.Write(ticket.Write{Text: "no key"})
		})
		s.ends(2 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"one", "one", "no key"}, s.desk.Comments(s.state.Ref.ID))
	})
	t.Run("the marker of a comment is the ticket's, with what its key says", func(t *testing.T) {
		marker := ticket.CommentMarker("usher-r1", "decision/1")
		require.Equal(t, marker, ticket.CommentMarker("usher-r1", "decision/1"))
		require.Regexp(t, `^usher-r1-[0-9a-f]{16}$`, marker)
		require.NotEqual(t, marker, ticket.CommentMarker("usher-r1", "decision/2"))
		require.NotEqual(t, marker, ticket.CommentMarker("usher-r2", "decision/1"))
	})
	t.Run("writes are kept back while the ticket is held", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.state.Held = true
			s.Write(ticket.Write{Text: "one"})
		})
		s.at(time.Hour, func() {
			require.Empty(t, s.desk.said)
			require.True(t, s.Keeper.Due().IsZero(), "nothing is due by the clock")
			s.Write(ticket.Write{Text: "two"})
			s.state.Held = false
		})
		s.ends(2 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, [][]string{{"one", "two"}}, s.desk.said)
	})
	t.Run("a ticket that is not open yet is opened although it is held", func(t *testing.T) {
		s := newShelf(t)
		s.state.Held = true
		s.at(time.Minute, func() { require.NotNil(t, s.state.Ref) })
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
	})
	t.Run("an assignee whom the desk refuses holds nothing back", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() { s.Write(ticket.Write{Text: "one", Assign: assign("nobody's")}) })
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, [][]string{{"one"}}, s.desk.said)
		require.Empty(t, s.state.Seen.Assignee)
	})
	t.Run("after failures it is tried again, and says what is wrong meanwhile", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			s.desk.Down(true)
			s.Write(ticket.Write{Text: "one"})
		})
		s.at(3*time.Hour, func() {
			require.Contains(t, s.state.Problem, "ticket is behind: ")
			s.desk.Down(false)
		})
		s.ends(4 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, []string{"one"}, s.desk.Comments(s.state.Ref.ID))
		require.Empty(t, s.state.Problem)
	})
}

func TestRefusedWrites(t *testing.T) {
	t.Run("one among many is dropped, and only that one", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			for _, text := range []string{"one", "bad two", "three"} {
				s.Write(ticket.Write{Text: text})
			}
		})
		s.at(time.Hour, func() {
			require.False(t, s.state.Single, "later writes go out together again")
			s.Write(ticket.Write{Text: "four"})
			s.Write(ticket.Write{Text: "five"})
		})
		s.ends(2 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, [][]string{{"one", "bad two", "three"}, {"one"}, {"bad two"}, {"three"}, {"four", "five"}}, s.desk.said)
		require.Equal(t, []string{"one", "three", "four", "five"}, s.desk.Comments(s.state.Ref.ID))
		require.Len(t, s.log, 2)
		require.Contains(t, s.log[1], "dropped: ticket is behind: ")
		require.Empty(t, s.state.Problem)
	})
	t.Run("a closing is tried until the desk takes it", func(t *testing.T) {
		s := newShelf(t)
		s.desk.DemandField(access.TicketDone, "resolution")
		s.at(time.Minute, func() { s.Write(ticket.Write{TransitionTo: access.TicketDone}) })
		s.at(2*time.Hour, func() {
			require.Contains(t, s.state.Problem, "demands the field")
			s.desk.DemandField(access.TicketDone, "")
		})
		s.ends(3 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketDone, s.ticket(t).Phase)
		require.Equal(t, []string{"opened MEM-1, found false", "closed, recorded false"}, s.log)
	})
	t.Run("a closing is dropped when a human was faster", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketWontDo))
			s.desk.CloseOff(access.TicketDone)
			s.Write(ticket.Write{TransitionTo: access.TicketDone})
		})
		s.ends(2 * time.Minute)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketWontDo, s.ticket(t).Phase)
		require.Len(t, s.log, 3)
		require.Contains(t, s.log[1], "dropped: ")
		require.Equal(t, "stays closed", s.log[2])
		require.True(t, s.UpToDate())
	})
	t.Run("a run that leaves before it knows whether a human was faster has the next one read first", func(t *testing.T) {
		s := newShelf(t)
		s.desk.during[memory.OpTransitionTicket] = func() { s.desk.Down(true) }
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketWontDo))
			s.desk.CloseOff(access.TicketDone)
			s.Write(ticket.Write{TransitionTo: access.TicketDone})
		})
		s.at(time.Minute+time.Second, func() { s.env.SetContinueAsNewSuggested(true) })
		require.ErrorContains(t, s.run(t), errCarried.Error())
		require.Equal(t, 1, s.desk.Calls(memory.OpTransitionTicket))
		s.desk.Down(false)
		s.newRun()
		s.at(0, func() { require.False(t, s.Free(s.env.Now()), "nothing else may go along with the read") })
		s.ends(time.Minute)
		require.NoError(t, s.run(t))
		require.Equal(t, 1, s.desk.Calls(memory.OpTransitionTicket), "the desk is not asked again for what it refuses")
		require.Equal(t, "stays closed", s.log[len(s.log)-1])
		require.True(t, s.UpToDate())
	})
}

func TestClosing(t *testing.T) {
	entry := &access.Entry{Events: []access.Event{{ID: "closed"}}}
	for name, row := range map[string]struct {
		away    bool
		closing *access.Entry
		want    string
	}{
		"its fact is recorded along":               {false, entry, "closed, recorded true"},
		"without a ledger the fact is left":        {true, entry, "closed, recorded false"},
		"a closing without a fact is not recorded": {false, nil, "closed, recorded false"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			s.book.away, s.closing = row.away, row.closing
			s.at(time.Minute, func() {
				s.Write(ticket.Write{TransitionTo: access.TicketWorking})
				s.Write(ticket.Write{Text: "the end", TransitionTo: access.TicketDone})
			})
			s.ends(time.Hour)
			require.NoError(t, s.run(t))
			require.Equal(t, row.want, s.log[len(s.log)-1])
			require.Equal(t, access.TicketDone, s.ticket(t).Phase)
			require.Equal(t, 1, s.desk.Calls(memory.OpTransitionTicket))
		})
	}
	t.Run("only the last write closes", func(t *testing.T) {
		s := newShelf(t)
		s.closing = entry
		s.at(time.Minute, func() {
			s.Write(ticket.Write{Text: "the end", TransitionTo: access.TicketDone})
			s.during(memory.OpAddComments, func() { s.Write(ticket.Write{Text: "not yet", TransitionTo: access.TicketWorking}) })
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Zero(t, s.told("closed, recorded true"))
		require.Equal(t, access.TicketWorking, s.ticket(t).Phase)
	})
}

// TestOvertaken: usher does not undo what somebody else did.
func TestOvertaken(t *testing.T) {
	t.Run("a ticket that a human has moved is read, and not moved", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketApproved))
			s.Write(ticket.Write{Text: "one", TransitionTo: access.TicketWorking})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketApproved, s.ticket(t).Phase)
		require.Equal(t, []string{"one"}, s.desk.Comments(s.state.Ref.ID))
		require.Equal(t, []string{"opened MEM-1, found false", "read approved"}, s.log)
	})
	t.Run("what has been taken in is put back", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketApproved))
			s.state.ReadNow = true
		})
		s.at(2*time.Minute, func() { s.Write(ticket.Write{TransitionTo: access.TicketWaiting}) })
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketWaiting, s.ticket(t).Phase)
	})
	t.Run("a ticket that usher itself has closed is not opened again", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			// An attempt that was given up has closed it.
			require.NoError(t, s.desk.TransitionTicket(t.Context(), s.state.Ref.ID, access.TicketDone))
			s.Write(ticket.Write{TransitionTo: access.TicketWorking})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketDone, s.ticket(t).Phase)
		require.Equal(t, []string{"opened MEM-1, found false", "read done"}, s.log)
	})
	t.Run("a ticket that usher has closed in this state is opened again", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() { s.Write(ticket.Write{TransitionTo: access.TicketDone}) })
		s.at(time.Hour, func() { s.Write(ticket.Write{TransitionTo: access.TicketWaiting}) })
		s.ends(2 * time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketWaiting, s.ticket(t).Phase)
	})
	t.Run("what closes it shows the outcome, whatever anybody has done", func(t *testing.T) {
		s := newShelf(t)
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketApproved))
			s.Write(ticket.Write{TransitionTo: access.TicketDone})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketDone, s.ticket(t).Phase)
	})
	t.Run("without a guard, it is moved", func(t *testing.T) {
		s := newShelf(t)
		s.settings.Guard = false
		s.at(time.Minute, func() {
			require.NoError(t, s.desk.MoveAs(human, s.state.Ref.ID, access.TicketApproved))
			s.Write(ticket.Write{TransitionTo: access.TicketWorking})
		})
		s.ends(time.Hour)
		require.NoError(t, s.run(t))
		require.Equal(t, access.TicketWorking, s.ticket(t).Phase)
	})
}
