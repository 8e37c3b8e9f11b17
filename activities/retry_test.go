package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// stumbling is a desk that repeats its steps, and the pauses that it makes, which take no time.
func stumbling(t *testing.T) (*activities.Desk, *memory.Desk, *[]time.Duration) {
	t.Helper()
	desk, port, _ := newDesk(t)
	pauses := &[]time.Duration{}
	desk.Pause = func(_ context.Context, wait time.Duration) error {
		*pauses = append(*pauses, wait)
		return nil
	}
	return desk, port, pauses
}

func TestOpenTicket_repeats_one_step(t *testing.T) {
	desk, port, pauses := stumbling(t)
	away := access.Errorf(access.Transient, "x", "away")
	call := openCall()
	call.People = []access.Person{{ID: "mia", Email: "mia@example.test"}, {ID: "omar", Email: "omar@example.test"}}
	port.FailNext(memory.OpFindAccount, nil, away, away)
	port.FailNext(memory.OpFindTicket, away)
	port.FailNext(memory.OpCreateTicket, &access.Error{Kind: access.RateLimited, Op: "x", RetryAfter: time.Second, Err: errors.New("slow")})
	_, err := desk.OpenTicket(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 4, port.Calls(memory.OpFindAccount))
	require.Equal(t, 2, port.Calls(memory.OpFindTicket))
	require.Equal(t, 1, port.Count("m"))
	require.Equal(t, []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 100 * time.Millisecond, time.Second,
	}, *pauses)
}

func TestOpenTicket_unknown_outcome_is_not_repeated(t *testing.T) {
	desk, port, pauses := stumbling(t)
	port.DropAnswerNext(memory.OpCreateTicket)
	_, err := desk.OpenTicket(t.Context(), openCall())
	requireKind(t, access.Unknown, err)
	require.Equal(t, 1, port.Calls(memory.OpCreateTicket))
	require.Empty(t, *pauses)
}

func TestListChanges_desk_is_down(t *testing.T) {
	desk, port, pauses := stumbling(t)
	port.Down(true)
	_, err := desk.OpenTicket(t.Context(), openCall())
	requireKind(t, access.Transient, err)
	total := time.Duration(0)
	for _, pause := range *pauses {
		total += pause
	}
	require.NotEmpty(t, *pauses)
	require.Less(t, total, 5*time.Second)

	*pauses = nil
	port.Down(false)
	port.FailNext(memory.OpFindTicket, &access.Error{Kind: access.RateLimited, Op: "x", RetryAfter: time.Hour, Err: errors.New("quota")})
	_, err = desk.OpenTicket(t.Context(), openCall())
	requireKind(t, access.RateLimited, err)
	require.Empty(t, *pauses, "an hour is not waited for here")
}

func TestRetryStep_not_in_the_last_seconds(t *testing.T) {
	desk, port, pauses := stumbling(t)
	port.FailNext(memory.OpFindTicket, access.Errorf(access.Transient, "x", "away"))
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	_, err := desk.OpenTicket(ctx, openCall())
	requireKind(t, access.Transient, err)
	require.Empty(t, *pauses)
}

func TestUpdateTicket_repeats_a_step(t *testing.T) {
	desk, port, pauses := stumbling(t)
	opened, err := desk.OpenTicket(t.Context(), openCall())
	require.NoError(t, err)
	away := access.Errorf(access.Transient, "x", "away")
	port.FailNext(memory.OpAddComments, away)
	port.FailNext(memory.OpAssignTicket, away)
	port.FailNext(memory.OpTransitionTicket, away)
	nobody := access.AccountID("")
	_, err = desk.UpdateTicket(t.Context(), activities.UpdateTicketInput{
		Ticket: opened.Ref.ID, Comments: []access.Comment{{Marker: "m-1", Text: "x"}}, Assign: &nobody, TransitionTo: access.TicketWorking,
	})
	require.NoError(t, err)
	require.Len(t, *pauses, 3)
	require.Len(t, port.Comments(opened.Ref.ID), 1)
}

// TestReads_repeat_a_step: a look at a ticket can be many calls of the desk, so a desk that stumbles over every fifth would hardly ever be seen.
func TestReads_repeat_a_step(t *testing.T) {
	desk, port, pauses := stumbling(t)
	opened, err := desk.OpenTicket(t.Context(), openCall())
	require.NoError(t, err)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(desk)
	for op, read := range map[string]func() error{
		memory.OpReadTicket: func() error {
			_, err := desk.ReadTicket(t.Context(), activities.ReadTicketInput{Ticket: opened.Ref.ID})
			return err
		},
		memory.OpReadTickets: func() error {
			_, err := env.ExecuteActivity(desk.ReadTickets, activities.ReadTicketsInput{Tickets: []access.TicketID{opened.Ref.ID}})
			return err
		},
		memory.OpChangedTickets: func() error {
			_, err := desk.ChangedTickets(t.Context(), activities.ChangedTicketsInput{})
			return err
		},
		memory.OpReadAsked: func() error {
			_, err := desk.ReadAsked(t.Context(), activities.ReadTicketInput{Ticket: opened.Ref.ID})
			return err
		},
		memory.OpFindAccount: func() error {
			_, err := desk.MatchAccount(t.Context(), access.Person{ID: "mia"})
			return err
		},
	} {
		t.Run(op, func(t *testing.T) {
			*pauses = nil
			port.FailNext(op, access.Errorf(access.Transient, "x", "away"))
			require.NoError(t, read())
			require.Len(t, *pauses, 1)
		})
	}
}

func TestSleep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, activities.Sleep(ctx, time.Hour), context.Canceled)
	require.NoError(t, activities.Sleep(t.Context(), time.Millisecond))
}

// losing is a desk that loses the answer to the first move, and a human acts before it is repeated.
type losing struct {
	*memory.Desk
	acts func()
}

func (d *losing) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	err := d.Desk.TransitionTicket(ctx, id, to)
	if acts := d.acts; acts != nil {
		d.acts = nil
		acts()
		return access.Errorf(access.Transient, "move ticket", "the answer is lost")
	}
	return err
}

func TestUpdateTicket_repeated_move(t *testing.T) {
	for name, row := range map[string]struct {
		known func(access.TicketSnapshot) *access.TicketFingerprint
		want  access.TicketPhase
	}{
		"what a human did in between stays": {
			func(access.TicketSnapshot) *access.TicketFingerprint { return &access.TicketFingerprint{} }, access.TicketDone,
		},
		"what is known already is put back": {
			func(now access.TicketSnapshot) *access.TicketFingerprint {
				return &access.TicketFingerprint{StatusChangedAt: now.StatusChangedAt}
			}, access.TicketWorking,
		},
		"where nobody asks, it is moved": {func(access.TicketSnapshot) *access.TicketFingerprint { return nil }, access.TicketWorking},
	} {
		t.Run(name, func(t *testing.T) {
			desk, port, pauses := stumbling(t)
			opened, err := desk.OpenTicket(t.Context(), openCall())
			require.NoError(t, err)
			update := activities.UpdateTicketInput{Ticket: opened.Ref.ID, TransitionTo: access.TicketWorking, IfUnchanged: row.known(access.TicketSnapshot{})}
			desk.Port = &losing{Desk: port, acts: func() {
				require.NoError(t, port.MoveAs("human", opened.Ref.ID, access.TicketDone))
				now, err := port.ReadTicket(t.Context(), opened.Ref.ID)
				require.NoError(t, err)
				if known := row.known(now); known != nil {
					update.IfUnchanged.StatusChangedAt = known.StatusChangedAt
				}
			}}
			updated, err := desk.UpdateTicket(t.Context(), update)
			require.NoError(t, err)
			require.Len(t, *pauses, 1)
			require.Equal(t, row.want == access.TicketDone, updated.Superseded)
			ticket, there := port.Ticket(opened.Ref.ID)
			require.True(t, there)
			require.Equal(t, row.want, ticket.Phase)
		})
	}
}
