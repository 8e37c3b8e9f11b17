package memory_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/memory"
)

func TestServiceDesk(t *testing.T) {
	accesstest.RunServiceDesk(t, func(t *testing.T, setup accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
		desk := memory.NewDesk("memory")
		if setup.NoWayTo != "" {
			desk.CloseOff(setup.NoWayTo)
		}
		if setup.DemandsFieldAt != "" {
			desk.DemandField(setup.DemandsFieldAt, "cost centre")
		}
		if setup.Approvals {
			desk.UseApprovals()
		}
		return accesstest.ServiceDeskHarness{
			Desk: desk, SummaryLimit: memory.DeskSummaryLimit, BodyLimit: memory.DeskBodyLimit, DemandedField: "cost centre",
			AddAccount:       desk.AddAccount,
			MakeUnassignable: func(id access.AccountID) { require.NoError(t, desk.MakeUnassignable(id)) },
			MoveAs: func(by access.AccountID, id access.TicketID, to access.TicketPhase) {
				require.NoError(t, desk.MoveAs(by, id, to))
			},
			AssignAs: func(_ access.AccountID, id access.TicketID, to access.AccountID) {
				require.NoError(t, desk.AssignAs(id, to))
			},
			CommentAs: func(by access.AccountID, id access.TicketID, text string) {
				require.NoError(t, desk.CommentBy(by, id, text))
			},
			OpenAs: func(by access.AccountID) access.TicketID { return desk.OpenAs(by, "a printer is on fire").ID },
			AskAs: func(by access.AccountID, summary, text string) access.TicketID {
				return desk.AskAs(by, summary, text).ID
			},
			AnswerAs: func(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState) {
				require.NoError(t, desk.AnswerAs(by, id, asked, round, state))
			},
			Approvals: desk.Approvals,
			EditTextAs: func(by access.AccountID, id access.TicketID, text string) {
				require.NoError(t, desk.EditTextAs(by, id, text))
			},
			PlantMarker: func(_ access.AccountID, id access.TicketID, marker access.Marker) {
				require.NoError(t, desk.PlantMarker(id, marker))
			},
			Delete: func(id access.TicketID) { require.NoError(t, desk.Delete(id)) },
			Rekey: func(id access.TicketID) access.TicketKey {
				key, err := desk.Rekey(id, "OTHER")
				require.NoError(t, err)
				return key
			},
			Seen: func(id access.TicketID) accesstest.SeenTicket {
				ticket, ok := desk.Ticket(id)
				require.True(t, ok)
				return accesstest.SeenTicket{
					Summary: ticket.New.Summary, Body: ticket.New.Body, Reporter: ticket.Reporter,
					Assignee: ticket.Assignee, Phase: ticket.Phase, Comments: desk.Comments(id),
				}
			},
			Count:             desk.Count,
			DropAnswerOnce:    desk.DropAnswerNext,
			SearchLags:        desk.SearchLags,
			RefuseCredentials: func() { desk.RefuseCredentials(true) },
		}
	})
}

func TestDeskFailsAsItIsTold(t *testing.T) {
	desk := memory.NewDesk("memory")
	ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "m1"})
	require.NoError(t, err)
	comment := func() error {
		return desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "text"})
	}

	limited := &access.Error{Kind: access.RateLimited, Op: "add comment", Err: errors.New("slow down")}
	desk.FailNext(memory.OpAddComments, limited, nil, access.Errorf(access.Forbidden, "add comment", "no right"))
	require.ErrorIs(t, comment(), limited)
	require.Empty(t, desk.Comments(ref.ID), "a call that fails does nothing")
	require.NoError(t, comment())
	require.Equal(t, access.Forbidden, access.KindOf(comment()))
	require.NoError(t, comment())
	require.Equal(t, 4, desk.Calls(memory.OpAddComments))

	desk.Down(true)
	require.Equal(t, access.Transient, access.KindOf(comment()))
	desk.Down(false)
	require.NoError(t, comment())
	require.Equal(t, []string{"text"}, desk.Comments(ref.ID))
}

func TestDeskGivesCopies(t *testing.T) {
	desk := memory.NewDesk("memory")
	ref, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "m1"})
	require.NoError(t, err)
	require.NoError(t, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "text"}))
	ticket, ok := desk.Ticket(ref.ID)
	require.True(t, ok)
	ticket.Comments[0].Text = "changed"
	require.Equal(t, []string{"text"}, desk.Comments(ref.ID))

	require.NoError(t, desk.Delete(ref.ID))
	require.Error(t, desk.Delete(ref.ID))
	require.Error(t, desk.MoveAs("a", ref.ID, access.TicketDone))
	require.Error(t, desk.AssignAs(ref.ID, "a"))
	require.Error(t, desk.MakeUnassignable("nobody"))
	_, err = desk.Rekey(ref.ID, "X")
	require.Error(t, err)
	deleted, ok := desk.Ticket(ref.ID)
	require.True(t, ok)
	require.True(t, deleted.Deleted)
}
