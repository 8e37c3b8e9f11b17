package usersync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// A hold opens one ticket, with why and ten samples, which stays until a run holds nothing back. A dry run, and one over a few, change nothing of that.
func TestUserSync_hold_opens_a_ticket(t *testing.T) {
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	_, err := o.run(workflows.UserSyncParams{Dry: true})
	require.NoError(t, err)
	require.Empty(t, o.handedIn)
	held := o.ends()
	require.Len(t, o.handedIn, 1)
	i := o.handedIn[0]
	require.Equal(t, access.DeskName("helpdesk"), i.Desk)
	require.Equal(t, "usher:usersync/it", i.Reference)
	require.Equal(t, "usher holds back 12 changes of the users of it", i.Summary)
	require.Contains(t, i.Description, "- deactivations: 12 of 50 active users would be switched off at once")
	require.Equal(t, 10, strings.Count(i.Description, "): deactivate, held by deactivations\n"))
	require.Contains(t, i.Description, "usher sync release it "+held.ID+" --reason")
	o.ends()
	_, err = o.run(workflows.UserSyncParams{Scope: access.SyncScope{Person: idOf(1)}})
	require.NoError(t, err)
	require.Len(t, o.handedIn, 1)
	require.Empty(t, o.closed)

	last := o.ends()
	o.now = last.EndedAt
	released, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: last.ID, Reason: "a plant closes"}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{string(i.ID): "The run " + released.ID + " over the users of it holds nothing back."}, o.closed)
}

// A desk that fails time and again is asked less and less often; people are told once.
func TestUserSync_quarantine(t *testing.T) {
	o := newOffice(t, 5)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	soon := func() { o.now = time.Now().UTC().Add(time.Minute - time.Hour) }
	for range access.QuarantineAfter {
		require.Empty(t, o.handedIn)
		soon()
		o.users.FailNext(memory.OpUserSchema, access.Errorf(access.Forbidden, memory.OpUserSchema, "no rights"))
		_, err := o.run(workflows.UserSyncParams{})
		require.Error(t, err)
		o.users.FailNoMore()
	}
	require.Equal(t, "usher: the users of it cannot be synced", o.handedIn[0].Summary)
	require.Contains(t, o.handedIn[0].Description, "no rights")
	calls := o.users.Calls(memory.OpUserSchema)
	soon()
	run, err := o.run(workflows.UserSyncParams{})
	require.NoError(t, err)
	require.True(t, run.NeverBegan)
	require.Equal(t, calls, o.users.Calls(memory.OpUserSchema))
	o.now = time.Now().UTC().Add(31*time.Minute - time.Hour)
	require.False(t, o.ends().NeverBegan)
	require.Len(t, o.closed, 1)
}

// An incident that somebody has terminated is looked at by nobody: the next run that holds something opens another one.
func TestUserSync_hold_whose_ticket_was_terminated(t *testing.T) {
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.ends()
	o.opened = nil
	o.ends()
	require.Len(t, o.handedIn, 2)
	require.NotEqual(t, o.handedIn[0].ID, o.handedIn[1].ID)
	o.ends()
	require.Len(t, o.handedIn, 2, "the second one is open")
}

// becomes has the last incident end or change on its desk.
func (o *office) becomes(change func(*access.IncidentView)) {
	o.t.Helper()
	view, err := o.ledger.Incident(o.t.Context(), o.handedIn[len(o.handedIn)-1].ID)
	require.NoError(o.t, err)
	view.Version++
	change(&view)
	require.NoError(o.t, o.ledger.SaveIncident(o.t.Context(), view))
}

// returns has people be there again.
func (o *office) returns(is ...int) {
	for _, i := range is {
		o.change(i, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	}
}

// holding is an office of which a run holds rows, with a ticket.
func holding(t *testing.T) *office {
	t.Helper()
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.now = time.Now().UTC()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.ends()
	require.Len(t, o.handedIn, 1)
	return o
}

// Who closes a ticket while the hold goes on is asked again a day after it was opened, and so is a desk that refused it.
func TestUserSync_ticket_of_a_hold_that_people_close(t *testing.T) {
	for _, state := range []access.IncidentState{access.IncidentClosed, access.IncidentDeleted, access.IncidentRefused, access.IncidentCancelled} {
		t.Run(string(state), func(t *testing.T) {
			o := holding(t)
			first := o.now
			end := func(v *access.IncidentView) { at := o.now; v.State, v.EndedAt = state, &at }
			o.becomes(end)
			for o.now.Sub(first) < 22*time.Hour {
				o.now = o.now.Add(time.Hour)
				o.ends()
			}
			require.Len(t, o.handedIn, 1)
			o.now = o.now.Add(2 * time.Hour)
			o.ends()
			require.Len(t, o.handedIn, 2)
		})
	}
	o := holding(t)
	end := func(v *access.IncidentView) { at := o.now; v.State, v.EndedAt = access.IncidentClosed, &at }
	o.becomes(end)
	o.returns(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	require.Zero(t, o.ends().States[access.SyncHeld])
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	require.Positive(t, o.ends().States[access.SyncHeld])
	require.Len(t, o.handedIn, 2, "a run held nothing since, so this is another matter")
}

// A ticket that usher cannot close is not one of a later hold, and is not told again and again.
func TestUserSync_hold_after_a_ticket_that_cannot_be_closed(t *testing.T) {
	o := holding(t)
	o.becomes(func(v *access.IncidentView) { v.NothingLeft = "The run 7 holds nothing back." })
	o.ends()
	require.Len(t, o.handedIn, 2)
	o.ends()
	require.Len(t, o.handedIn, 2)
	o.returns(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.ends()
	require.Len(t, o.closed, 1)
	require.Contains(t, o.closed, string(o.handedIn[1].ID))
}

// An incident that was terminated before its first record has its number for good: the next one takes the next.
func TestUserSync_ticket_that_was_terminated_before_its_record(t *testing.T) {
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.unrecorded = true
	o.ends()
	require.Len(t, o.handedIn, 1)
	o.opened = o.started
	o.ends()
	require.Len(t, o.handedIn, 1, "it runs, and is recorded soon")
	o.opened, o.unrecorded = nil, false
	o.ends()
	require.Len(t, o.handedIn, 2)
	require.NotEqual(t, o.handedIn[0].ID, o.handedIn[1].ID)
}

// Where no tickets are wanted any more, the one that is open is closed all the same, and none is opened.
func TestUserSync_ticket_of_a_hold_without_tickets(t *testing.T) {
	o := holding(t)
	o.settings.TicketsOn = ""
	o.ends()
	require.Empty(t, o.closed)
	o.returns(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.ends()
	require.Len(t, o.closed, 1)
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	require.Positive(t, o.ends().States[access.SyncHeld])
	require.Len(t, o.handedIn, 1)

	o = holding(t)
	o.settings.TicketsOn = ""
	o.becomes(func(v *access.IncidentView) { v.NothingLeft = "The run 7 holds nothing back." })
	require.Positive(t, o.ends().States[access.SyncHeld])
	require.Len(t, o.handedIn, 1, "one that usher cannot close is open")
}
