package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

func TestTranslate(t *testing.T) {
	rows := []struct {
		kind   access.Kind
		repeat bool
		log    temporal.ApplicationErrorCategory
	}{
		{access.Transient, true, temporal.ApplicationErrorCategoryUnspecified},
		{access.RateLimited, true, temporal.ApplicationErrorCategoryBenign},
		{access.Invalid, false, temporal.ApplicationErrorCategoryUnspecified},
		{access.NotFound, false, temporal.ApplicationErrorCategoryUnspecified},
		{access.Conflict, false, temporal.ApplicationErrorCategoryUnspecified},
		{access.Forbidden, false, temporal.ApplicationErrorCategoryUnspecified},
		{access.Unknown, false, temporal.ApplicationErrorCategoryUnspecified},
	}
	for _, row := range rows {
		t.Run(string(row.kind), func(t *testing.T) {
			target := memory.NewTarget("editors")
			failure := access.Errorf(row.kind, "grant", "because")
			failure.RetryAfter = 7 * time.Second
			target.FailNext(memory.OpGrant, failure)
			_, err := (&activities.Target{Port: target}).Grant(t.Context(), activities.GrantInput{Assignment: access.Assignment{Role: "editors"}})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, string(row.kind), app.Type())
			require.Equal(t, !row.repeat, app.NonRetryable())
			require.Equal(t, 7*time.Second, app.NextRetryDelay())
			require.Equal(t, row.log, app.Category(), "being told to wait is no failure to log")
			require.Contains(t, app.Message(), "because")
		})
	}
}

func TestTranslate_end_of_context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	source := &activities.Source{Port: cancelled{}}
	_, err := source.LookupPeople(ctx, activities.LookupPeopleInput{People: []access.PersonID{"ana"}})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorAs(t, err, new(*temporal.ApplicationError))
}

// cancelled is a source whose calls end with their context.
type cancelled struct{ access.PeopleSource }

func (cancelled) Lookup(ctx context.Context, _ access.PersonID) (access.Person, error) {
	return access.Person{}, ctx.Err()
}

func TestLookupPeople_with_managers(t *testing.T) {
	source := memory.NewSource(
		access.Person{ID: "ana", Manager: "mia", Active: true},
		access.Person{ID: "ben", Manager: "ana", Active: true},
		access.Person{ID: "mia", Manager: "zoe", Active: true},
	)
	call := activities.LookupPeopleInput{People: []access.PersonID{"ana", "ben", "ana", "ghost"}, ManagersOf: []access.PersonID{"ana", "ben", "ghost"}}
	people, err := (&activities.Source{Port: source}).LookupPeople(t.Context(), call)
	require.NoError(t, err)
	var ids []access.PersonID
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	require.Equal(t, []access.PersonID{"ana", "ben", "mia"}, ids)
	require.Equal(t, 4, source.Calls(memory.OpLookup), "ana, ben, ghost, mia")
}

func TestOpenTicket_nothing_fails_after_the_create(t *testing.T) {
	desk := memory.NewDesk("jira")
	ana := access.Person{ID: "ana", Email: "ana@example.test"}
	account := desk.AddAccount(ana)
	open := activities.OpenTicketInput{Ticket: access.NewTicket{Marker: "m", Summary: "s", Body: "b"}, People: []access.Person{ana, {ID: "ghost"}}}
	port := &activities.Desk{Port: desk}

	desk.FailNext(memory.OpFindAccount, access.Errorf(access.Transient, "find", "away"))
	_, err := port.OpenTicket(t.Context(), open)
	require.Error(t, err)
	require.Empty(t, desk.Tickets(), "a look-up that failed has created nothing")

	opened, err := port.OpenTicket(t.Context(), open)
	require.NoError(t, err)
	require.False(t, opened.Found)
	require.Equal(t, account, opened.Accounts[0].ID)
	require.Empty(t, opened.Accounts[1].ID)

	again, err := port.OpenTicket(t.Context(), open)
	require.NoError(t, err)
	require.True(t, again.Found)
	require.Equal(t, opened.Ref, again.Ref)
	require.Len(t, desk.Tickets(), 1)
}

func TestUpdateTicket_is_safe_to_repeat(t *testing.T) {
	desk := memory.NewDesk("jira")
	account := desk.AddAccount(access.Person{ID: "ana", Email: "ana@example.test"})
	unfit := desk.AddAccount(access.Person{ID: "bot", Email: "bot@example.test"})
	require.NoError(t, desk.MakeUnassignable(unfit))
	port := &activities.Desk{Port: desk}
	opened, err := port.OpenTicket(t.Context(), activities.OpenTicketInput{Ticket: access.NewTicket{Marker: "m", Summary: "s"}})
	require.NoError(t, err)
	update := activities.UpdateTicketInput{
		Ticket: opened.Ref.ID, Comments: []access.Comment{{Marker: "m-1", Text: "hello"}},
		Assign: &account, TransitionTo: access.TicketWorking,
	}
	for range 2 {
		_, err := port.UpdateTicket(t.Context(), update)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"hello"}, desk.Comments(opened.Ref.ID))
	updated, err := port.UpdateTicket(t.Context(), activities.UpdateTicketInput{Ticket: opened.Ref.ID, Assign: &unfit, TransitionTo: access.TicketDone})
	require.NoError(t, err)
	require.NotEmpty(t, updated.AssignRefused)
	ticket, _ := desk.Ticket(opened.Ref.ID)
	require.Equal(t, account, ticket.Assignee)
	require.Equal(t, access.TicketDone, ticket.Phase, "an account that cannot be assigned holds nothing back")
}

func TestReadTicket_missing(t *testing.T) {
	look, err := (&activities.Desk{Port: memory.NewDesk("jira")}).ReadTicket(t.Context(), activities.ReadTicketInput{Ticket: "404"})
	require.NoError(t, err)
	require.True(t, look.Missing)
}
