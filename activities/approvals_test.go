package activities_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// halting is a desk that opens what it is asked for and then fails; from then on it fails before it has looked.
type halting struct {
	*memory.Desk
	wanted []access.DeskApprovals
}

func (h *halting) SetApprovals(ctx context.Context, id access.TicketID, wanted access.DeskApprovals) (map[string]string, error) {
	wanted.All = slices.Clone(wanted.All)
	h.wanted = append(h.wanted, wanted)
	if len(h.wanted) > 1 {
		return nil, access.Errorf(access.Forbidden, "set approvals", "no more")
	}
	ids, err := h.Desk.SetApprovals(ctx, id, wanted)
	return ids, errors.Join(err, access.Errorf(access.Transient, "set approvals", "a stumble"))
}

// The id of an approval that was opened is kept, though the call fails behind it and the next one fails at once: without its id an answer counts
// for nothing.
func TestUpdateTicket_keeps_ids_of_approvals(t *testing.T) {
	port := &halting{Desk: memory.NewDesk("jira")}
	port.UseApprovals()
	mia := port.AddAccount(access.Person{ID: "mia", Email: "mia@example.test"})
	ref, err := port.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "s"})
	require.NoError(t, err)
	desk := &activities.Desk{Port: port, Pause: func(context.Context, time.Duration) error { return nil }}
	all := access.DeskApprovals{All: []access.DeskApproval{{Key: "1", Approver: mia, State: access.ApprovalRequested}}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, err := desk.UpdateTicket(ctx, activities.UpdateTicketInput{Ticket: ref.ID, Approvals: &all})
	require.NoError(t, err)
	require.NotEmpty(t, done.Approvals["1"])
	require.Empty(t, all.All[0].ID, "what was asked for stays as it is")
	require.Len(t, port.wanted, 2)
	require.Empty(t, port.wanted[0].All[0].ID)
	require.Equal(t, done.Approvals["1"], port.wanted[1].All[0].ID, "the next call knows it")
}
