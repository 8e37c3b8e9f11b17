package accesstest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func readNew(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	got := deskRead(t, h, ref.ID)
	require.Equal(t, ref, got.Ref)
	require.NotEmpty(t, got.Project)
	require.Equal(t, access.TicketWaiting, got.Phase)
	require.NotEmpty(t, got.Status)
	require.Empty(t, got.Assignee)
	require.True(t, got.AssignedByUsher, "nobody has changed the assignee")
	require.Empty(t, got.StatusChangedBy)
	require.Empty(t, got.StatusChangedByName)
	require.True(t, got.StatusChangedAt.IsZero())
	require.False(t, got.StatusChangedByUsher)
	require.False(t, got.UpdatedAt.IsZero())
}

func readMovedByHuman(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	for _, phase := range []access.TicketPhase{
		access.TicketApproved, access.TicketDenied, access.TicketWorking, access.TicketDone, access.TicketWontDo,
	} {
		ref := deskOpen(t, h, access.RequestID(phase))
		h.MoveAs(account, ref.ID, phase)
		got := deskRead(t, h, ref.ID)
		require.Equal(t, phase, got.Phase)
		require.Equal(t, account, got.StatusChangedBy)
		require.Equal(t, deskAda().DisplayName, got.StatusChangedByName)
		require.False(t, got.StatusChangedAt.IsZero())
		require.False(t, got.StatusChangedByUsher)
		require.False(t, got.UpdatedAt.Before(got.StatusChangedAt), "the move is a change")
	}
}

func readMovedByUsher(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWorking))
	got := deskRead(t, h, ref.ID)
	require.Equal(t, access.TicketWorking, got.Phase)
	require.True(t, got.StatusChangedByUsher)
	require.NotEmpty(t, got.StatusChangedBy)
}

func readLastMove(t *testing.T, h ServiceDeskHarness) {
	first, second := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref := deskOpen(t, h, "r1")
	h.MoveAs(first, ref.ID, access.TicketDenied)
	h.MoveAs(first, ref.ID, access.TicketWaiting)
	h.MoveAs(second, ref.ID, access.TicketDenied)
	// A change that is no move must not hide who moved.
	require.NoError(t, h.Desk.AssignTicket(t.Context(), ref.ID, first))
	got := deskRead(t, h, ref.ID)
	require.Equal(t, access.TicketDenied, got.Phase)
	require.Equal(t, second, got.StatusChangedBy)
	require.False(t, got.StatusChangedByUsher)
	require.Equal(t, first, got.Assignee)
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting))
	require.True(t, deskRead(t, h, ref.ID).StatusChangedByUsher)
}

// readDecisionMoves asks the same of each way to read a ticket.
func readDecisionMoves(t *testing.T, h ServiceDeskHarness) {
	ada, bob := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref := deskOpen(t, h, "r1")
	require.Empty(t, deskRead(t, h, ref.ID).DecisionMoves)
	h.MoveAs(ada, ref.ID, access.TicketDenied)
	first := deskRead(t, h, ref.ID)
	require.Len(t, first.DecisionMoves, 1)
	require.True(t, first.Present(first.DecisionMoves[0]))
	h.MoveAs(bob, ref.ID, access.TicketWaiting)
	h.MoveAs(bob, ref.ID, access.TicketDenied)
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting))
	h.MoveAs(ada, ref.ID, access.TicketApproved)

	alone := deskRead(t, h, ref.ID)
	together := deskReadMany(t, h, ref.ID).Tickets
	require.Len(t, together, 1)
	for way, got := range map[string]access.TicketSnapshot{
		"ReadTicket": alone, "ReadTickets": together[0], "ChangedTickets": deskEventuallyChanged(t, h, alone),
	} {
		moves := got.DecisionMoves
		require.Len(t, moves, 3, way)
		require.Equal(t, first.DecisionMoves[0].ID, moves[0].ID, "%s: a move is told the same each time", way)
		require.True(t, first.DecisionMoves[0].At.Equal(moves[0].At), way)
		for i, want := range []access.TicketMove{
			{By: ada, ByName: deskAda().DisplayName, Phase: access.TicketDenied},
			{By: bob, ByName: deskBob().DisplayName, Phase: access.TicketDenied},
			{By: ada, ByName: deskAda().DisplayName, Phase: access.TicketApproved},
		} {
			require.NotEmpty(t, moves[i].Status, way)
			require.False(t, moves[i].At.IsZero(), way)
			require.Equal(t, want, access.TicketMove{By: moves[i].By, ByName: moves[i].ByName, Phase: moves[i].Phase}, way)
		}
		require.True(t, got.Present(moves[2]), way)
		require.False(t, got.Present(moves[1]), way)
	}
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.Len(t, deskRead(t, h, ref.ID).DecisionMoves, 3, "usher's own moves decide nothing")
}

func readTextChanged(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	other := deskOpen(t, h, "r2")
	require.Empty(t, deskRead(t, h, ref.ID).TextChangedBy)
	h.CommentAs(account, ref.ID, "It is only about the viewer, is it not?")
	h.MoveAs(account, ref.ID, access.TicketDenied)
	require.Empty(t, deskRead(t, h, ref.ID).TextChangedBy, "neither a comment nor a move changes what the ticket says")
	h.EditTextAs(account, ref.ID, "It is only about the viewer.")
	require.Equal(t, account, deskRead(t, h, ref.ID).TextChangedBy)
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting))
	require.Equal(t, account, deskRead(t, h, ref.ID).TextChangedBy, "a move does not make the text usher's again")
	many, err := h.Desk.ReadTickets(t.Context(), []access.TicketID{ref.ID, other.ID})
	require.NoError(t, err)
	require.Equal(t, account, many.Tickets[0].TextChangedBy)
	require.Empty(t, many.Tickets[1].TextChangedBy)
}

func readDeleted(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	h.Delete(ref.ID)
	_, err := h.Desk.ReadTicket(t.Context(), ref.ID)
	deskRequireKind(t, access.NotFound, err)
	_, err = h.Desk.FindTicket(t.Context(), access.MarkerOf("r1"))
	deskRequireKind(t, access.NotFound, err)
}

func readNever(t *testing.T, h ServiceDeskHarness) {
	for _, id := range []access.TicketID{"999999999", "../../x?y=z#", ""} {
		_, err := h.Desk.ReadTicket(t.Context(), id)
		deskRequireKind(t, access.NotFound, err)
	}
}

func readRekeyed(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	before := deskRead(t, h, ref.ID)
	key := h.Rekey(ref.ID)
	got := deskRead(t, h, ref.ID)
	require.NotEqual(t, ref.Key, key)
	require.Equal(t, ref.ID, got.Ref.ID)
	require.Equal(t, key, got.Ref.Key)
	require.NotEqual(t, before.Project, got.Project)
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "still here"}))
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWorking))
	require.Equal(t, access.TicketWorking, deskRead(t, h, ref.ID).Phase)
}

func refuseCredentials(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	deskEventuallyFound(t, h, access.MarkerOf("r1"))
	h.RefuseCredentials()
	for name, call := range deskEveryCall(h, ref.ID, account) {
		err := call(t.Context())
		require.Error(t, err, name)
		deskRequireKind(t, access.Forbidden, err)
	}
	require.Zero(t, h.Count(access.MarkerOf("other")))
}

func endContext(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range deskEveryCall(h, ref.ID, account) {
		err := call(ctx)
		require.ErrorIs(t, err, context.Canceled, name)
		deskRequireKind(t, access.Transient, err)
	}
	require.Zero(t, h.Count(access.MarkerOf("other")))
}

// deskEveryCall is each method of the port, by name, on a ticket that exists.
func deskEveryCall(h ServiceDeskHarness, id access.TicketID, account access.AccountID) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"FindTicket": func(ctx context.Context) error {
			_, err := h.Desk.FindTicket(ctx, access.MarkerOf("r1"))
			return err
		},
		"CreateTicket": func(ctx context.Context) error {
			_, err := h.Desk.CreateTicket(ctx, deskTicketOf("other"))
			return err
		},
		"ReadTicket": func(ctx context.Context) error {
			_, err := h.Desk.ReadTicket(ctx, id)
			return err
		},
		"ReadTickets": func(ctx context.Context) error {
			_, err := h.Desk.ReadTickets(ctx, []access.TicketID{id})
			return err
		},
		"ChangedTickets": func(ctx context.Context) error {
			_, err := h.Desk.ChangedTickets(ctx, access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
			return err
		},
		"ChangedTickets, for the clock": func(ctx context.Context) error {
			_, err := h.Desk.ChangedTickets(ctx, access.ChangesQuery{Limit: 1})
			return err
		},
		"AddComments": func(ctx context.Context) error {
			return h.Desk.AddComments(ctx, id, access.Comment{Marker: "c", Text: "text"})
		},
		"TransitionTicket": func(ctx context.Context) error {
			return h.Desk.TransitionTicket(ctx, id, access.TicketDone)
		},
		"AssignTicket": func(ctx context.Context) error {
			return h.Desk.AssignTicket(ctx, id, account)
		},
		"FindAccount": func(ctx context.Context) error {
			_, err := h.Desk.FindAccount(ctx, deskBob())
			return err
		},
		"Check": func(ctx context.Context) error {
			_, err := h.Desk.Check(ctx)
			return err
		},
		"Inspect": func(ctx context.Context) error {
			_, _, err := h.Desk.Inspect(ctx)
			return err
		},
	}
}

// deskInspect: what people see of the desk is usher's account and the place, and no status twice.
func deskInspect(t *testing.T, h ServiceDeskHarness) {
	for range 2 {
		view, findings, err := h.Desk.Inspect(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
		require.NotEmpty(t, view.Account)
		require.NotEmpty(t, view.Place)
		seen := map[string]bool{}
		for _, status := range view.Statuses {
			require.NotEmpty(t, status.Phase)
			require.False(t, seen[status.ID], status.ID)
			seen[status.ID] = true
		}
	}
}

func deskFindAccount(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	h.AddAccount(access.Person{ID: "p-other", DisplayName: "Ada Else", Email: "ada+work@example.test.evil.test"})
	p := deskAda()
	p.Email = "ADA+Work@Example.test"
	got, err := h.Desk.FindAccount(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, access.Account{Person: p.ID, ID: account, How: "search"}, got)
}

func findNoAccount(t *testing.T, h ServiceDeskHarness) {
	h.AddAccount(deskAda())
	h.AddAccount(deskAda())
	h.AddAccount(access.Person{ID: "p-long", DisplayName: "Bob Long", Email: "bob@example.test.org"})
	nobody := access.Person{ID: "p-none", DisplayName: "Ada Lovelace"}
	for _, p := range []access.Person{deskAda(), deskBob(), nobody} {
		got, err := h.Desk.FindAccount(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, access.Account{Person: p.ID}, got)
	}
}

func checkClean(t *testing.T, h ServiceDeskHarness) {
	findings, err := h.Desk.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
}
