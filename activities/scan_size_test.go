package activities_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// numbered is a desk whose moves have ids as long as Jira Cloud's.
type numbered struct{ *memory.Desk }

// ReadTickets implements access.TicketReader.
func (d numbered) ReadTickets(ctx context.Context, ids []access.TicketID) (access.TicketsRead, error) {
	read, err := d.Desk.ReadTickets(ctx, ids)
	for _, t := range read.Tickets {
		for i := range t.DecisionMoves {
			t.DecisionMoves[i].ID = fmt.Sprint(12_345_000 + i)
		}
	}
	return read, err
}

// TestReadTickets_size: a worker at the edge reads the tickets of one step of a full scan, and hands them to the workflow. The server
// takes 2 MB.
func TestReadTickets_size(t *testing.T) {
	const tickets, most = 500, 2 << 20
	port := memory.NewDesk("jira")
	// Ids of Jira Cloud's accounts are as long as this.
	by := port.AddAccount(access.Person{ID: "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", DisplayName: "Maximilian von Hohenberg-Lindenau"})
	var ids []access.TicketID
	for n := range tickets {
		ref, err := port.CreateTicket(t.Context(), access.NewTicket{Marker: access.Marker(fmt.Sprint("usher-r", n)), Summary: "one"})
		require.NoError(t, err)
		ids = append(ids, ref.ID)
		for range access.MaxDecisionMoves {
			require.NoError(t, port.MoveAs(by, ref.ID, access.TicketApproved))
			require.NoError(t, port.MoveAs(by, ref.ID, access.TicketWaiting))
		}
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	desk := &activities.Desk{Port: numbered{port}}
	env.RegisterActivity(desk)
	value, err := env.ExecuteActivity(desk.ReadTickets, activities.ReadTicketsInput{Tickets: ids})
	require.NoError(t, err)
	var read activities.ReadTicketsResult
	require.NoError(t, value.Get(&read))
	require.Len(t, read.Tickets, tickets)
	payload, err := converter.GetDefaultDataConverter().ToPayload(read)
	require.NoError(t, err)
	require.Less(t, len(payload.GetData()), most)
}
