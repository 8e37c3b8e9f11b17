package activities_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// joins puts a user on the desk who is not registered.
func (r *register) joins(name string) {
	r.port.Put(access.DeskUser{ID: access.UserID(name), Active: true, Values: map[string]string{
		access.UserFieldEmail: name + "@example.test", access.UserFieldName: name,
	}})
}

// changes changes what the desk says of a user.
func (r *register) changes(name string, change func(*access.DeskUser)) {
	r.t.Helper()
	u, err := r.port.ReadUser(r.t.Context(), access.UserID(name))
	require.NoError(r.t, err)
	change(&u)
	r.port.Put(u)
}

// adds registers a user of the desk by a change.
func (r *register) adds(change, name string, groups ...string) activities.RegisteredUser {
	r.t.Helper()
	added, err := does[activities.RegisteredUser](r, r.users.AddIntegrationUser, activities.ChangeOfRegister{Change: change, Email: name + "@example.test", Groups: groups})
	require.NoError(r.t, err)
	return added
}

// checks checks the register, and has the incidents notified.
func (r *register) checks(change string) (activities.CheckedUsers, error) {
	r.t.Helper()
	checked, err := does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: change})
	_, failed := does[int](r, r.users.NotifyIncidents, activities.ChangeOfRegister{Change: change})
	require.NoError(r.t, failed)
	return checked, err
}

// heard returns which incidents were notified since it was asked last, sorted.
func (r *register) heard() []string {
	var ids []string
	for _, s := range r.post.signals {
		require.Equal(r.t, activities.SignalAssignee, s.name)
		ids = append(ids, strings.TrimPrefix(s.id, activities.IncidentPrefix))
	}
	r.post.signals = nil
	slices.Sort(ids)
	return ids
}

// texts are what the audit trail says of the register and its incidents, in the order in which it was recorded.
func (r *register) texts() []string {
	r.t.Helper()
	placed, err := r.store.DeskEvents(r.t.Context(), access.DeskEventsQuery{Limit: access.MaxIncidents})
	require.NoError(r.t, err)
	var texts []string
	for _, e := range slices.Backward(placed) {
		if e.Text != "" {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// openTo records an open incident with an assignee.
func (r *register) openTo(id access.IncidentID, to *access.IncidentAssignee) {
	r.t.Helper()
	require.NoError(r.t, r.store.SaveIncident(r.t.Context(), access.IncidentView{
		Incident: access.Incident{ID: id, Caller: "monitor"}, State: access.IncidentOpen, Desk: "jira", Version: 1,
		Ticket: &access.TicketRef{Desk: "jira", ID: access.TicketID("t-" + id), Key: "J-1"}, Assignee: to,
	}))
}

// TestNotifyIncidents: who is added, gets other groups or is available again may take what nobody has, and so may whoever is there at a check; who keeps
// their tickets when they are flagged or removed keeps them then.
func TestNotifyIncidents(t *testing.T) {
	for _, keep := range []bool{false, true} {
		r := newRegister(t, "ana", "kim")
		r.users.KeepAssignee = keep
		r.open("of-ana", "ana")
		r.open("of-kim", "kim")
		r.open("of-lea", "lea")
		r.openTo("nobody", &access.IncidentAssignee{Why: "nobody is there"})
		r.openTo("opening", nil)
		r.openTo("by-hand", &access.IncidentAssignee{Account: "omar"})
		nobody := []string{"nobody", "opening"}
		r.port.Remove("kim")
		check := func(change string, wanted ...string) {
			_, err := r.checks(change)
			require.NoError(t, err)
			if keep {
				wanted = nil
			}
			require.ElementsMatch(t, slices.Concat(nobody, wanted), r.heard())
		}
		check("1", "of-kim", "of-lea")
		check("2", "of-kim", "of-lea")
		r.joins("kim")
		check("3", "of-lea")

		r.joins("lea")
		r.adds("4", "lea")
		require.Equal(t, nobody, r.heard(), "added")
		r.adds("5", "lea", "ops")
		require.Equal(t, nobody, r.heard(), "other groups")
		_, err := does[activities.RegisteredUser](r, r.users.AddIntegrationUser, activities.ChangeOfRegister{Change: "6", Email: "lea@example.test", Groups: []string{"it"}, Dry: true})
		require.NoError(t, err)
		require.Empty(t, r.heard(), "a dry run changes nothing")
		_, err = does[int](r, r.users.NotifyIncidents, activities.ChangeOfRegister{Change: "7", User: "lea"})
		require.NoError(t, err)
		require.Equal(t, !keep, slices.Equal([]string{"of-lea"}, r.heard()), "removed")
	}
}

// TestNotifyIncidents_workflow_has_ended: an incident whose workflow is gone has ended: the ledger says so, once, and an end that it has already stays.
func TestNotifyIncidents_workflow_has_ended(t *testing.T) {
	r := newRegister(t)
	r.openTo("gone", &access.IncidentAssignee{User: "lea"})
	r.openTo("no-ticket", nil)
	require.NoError(t, r.store.SaveIncident(t.Context(), access.IncidentView{Incident: access.Incident{ID: "no-ticket"}, State: access.IncidentOpening, Desk: "jira", Version: 2}))
	r.open("closed", "lea")
	r.post.ended["incident/gone"], r.post.ended["incident/no-ticket"] = true, true
	r.users.Client = closing{r.post, func() {
		v, err := r.store.Incident(t.Context(), "closed")
		require.NoError(t, err)
		v.State, v.Version = access.IncidentClosed, v.Version+1
		require.NoError(t, r.store.SaveIncident(t.Context(), v))
	}}
	_, err := r.checks("1")
	require.NoError(t, err)
	require.Empty(t, r.heard())
	_, err = r.checks("2")
	require.NoError(t, err)
	require.Empty(t, r.heard())
	for id, text := range map[access.IncidentID]string{
		"gone":      "Somebody terminated the workflow: usher does not look at J-1 any more.",
		"no-ticket": "Somebody terminated the workflow, and it opens no ticket any more.",
	} {
		v, err := r.store.Incident(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, access.IncidentCancelled, v.State)
		require.Equal(t, text, v.StatusText)
		require.NotNil(t, v.EndedAt)
		require.Equal(t, v.Since, *v.EndedAt)
		require.Contains(t, r.texts(), text)
	}
	require.Len(t, r.texts(), 2)
	v, err := r.store.Incident(t.Context(), "closed")
	require.NoError(t, err)
	require.Equal(t, access.IncidentClosed, v.State, "it ended by itself in the moment in which it was notified")
}

// closing is a Temporal client of which an incident ends right before it is told.
type closing struct {
	*post
	closes func()
}

// SignalWorkflow implements activities.Messenger.
func (c closing) SignalWorkflow(ctx context.Context, id, run, name string, arg any) error {
	if id == "incident/closed" {
		c.closes()
		return serviceerror.NewNotFound("it has ended")
	}
	return c.post.SignalWorkflow(ctx, id, run, name, arg)
}

// TestNotifyChanges_workflow_has_ended: a change of a ticket whose incident's workflow is gone ends the incident too.
func TestNotifyChanges_workflow_has_ended(t *testing.T) {
	r := newRegister(t, "ana")
	r.open("gone", "ana")
	r.post.ended["incident/gone"] = true
	watch := &activities.Watch{Ledger: r.store, Client: r.post}
	ticket := access.TicketSnapshot{Ref: access.TicketRef{Desk: "jira", ID: "t-gone"}, UpdatedAt: monday}
	judged, err := watch.NotifyChanges(t.Context(), activities.NotifyChangesInput{Desk: "jira", At: monday, Tickets: []access.TicketSnapshot{ticket}})
	require.NoError(t, err)
	require.Zero(t, judged.Notified)
	require.Empty(t, judged.Unknown)
	require.Zero(t, r.has("ana").Open)
	v, err := r.store.Incident(t.Context(), "gone")
	require.NoError(t, err)
	require.Equal(t, access.IncidentCancelled, v.State)
	require.Equal(t, monday, *v.EndedAt)
}

// TestAddIntegrationUser_audit: the audit trail says what an addition changed, and nothing of one that changed nothing.
func TestAddIntegrationUser_audit(t *testing.T) {
	r := newRegister(t)
	r.joins("kim")
	const kim = "kim@example.test"
	var want []string
	for n, row := range []struct {
		groups []string
		// off is true where the desk has switched the user off before, and on again.
		off  bool
		text string
	}{
		{[]string{"b", "a"}, false, " was added to the integration users, groups a, b."},
		{[]string{"a", "b"}, false, ""},
		{nil, false, ": groups changed from a, b to none."},
		{[]string{"a"}, false, ": groups changed from none to a."},
		{[]string{"a"}, true, ": tickets can be assigned again."},
		{nil, true, ": groups changed from a to none, tickets can be assigned again."},
	} {
		change := "add-" + string(rune('0'+n))
		if row.off {
			r.changes("kim", func(u *access.DeskUser) { u.Active = false })
			_, err := r.checks("check-" + change)
			require.NoError(t, err)
			want = append(want, "No ticket is assigned to "+kim+": the desk has switched the user off.")
			r.changes("kim", func(u *access.DeskUser) { u.Active = true })
		}
		for range 2 {
			require.Equal(t, row.text != "", r.adds(change, "kim", row.groups...).Changed, row)
		}
		if row.text != "" {
			want = append(want, kim+row.text)
		}
		require.Equal(t, want, r.texts())
	}
}

// TestRemoveIntegrationUser_answer_lost: an attempt whose answer was lost is repeated, and the caller hears that the user was removed; another removal is
// refused.
func TestRemoveIntegrationUser_answer_lost(t *testing.T) {
	r := newRegister(t, "kim")
	for range 2 {
		removed, err := does[activities.RegisteredUser](r, r.users.RemoveIntegrationUser, activities.ChangeOfRegister{Change: "1", User: "kim"})
		require.NoError(t, err)
		require.True(t, removed.Changed)
		require.Equal(t, access.UserID("kim"), removed.User.ID)
	}
	again, err := does[activities.RegisteredUser](r, r.users.RemoveIntegrationUser, activities.ChangeOfRegister{Change: "2", User: "kim"})
	require.NoError(t, err)
	require.Nil(t, again.User)
	require.Equal(t, access.NotFound, again.Kind)
}

// TestCheckIntegrationUsers_address_of_another: the register keeps the address of a user who takes another registered user's on the desk, and flags that
// user until the address is their own: also where they are switched off when they take it.
func TestCheckIntegrationUsers_address_of_another(t *testing.T) {
	r := newRegister(t, "eve", "kim")
	r.changes("eve", func(u *access.DeskUser) { u.Values[access.UserFieldEmail], u.Active = "KIM@example.test", false })
	_, err := r.checks("1")
	require.NoError(t, err)
	require.Equal(t, "the desk has switched the user off", r.has("eve").Flagged)
	r.changes("eve", func(u *access.DeskUser) { u.Active = true })
	for _, change := range []string{"2", "3"} {
		_, err = r.checks(change)
		require.NoError(t, err)
		require.Equal(t, "the user has the address of another integration user, kim@example.test", r.has("eve").Flagged)
		require.Equal(t, "eve@example.test", r.has("eve").Email)
		require.True(t, func() bool { kim := r.has("kim"); return kim.Available() }())
	}
	again := r.adds("4", "kim")
	require.Equal(t, access.Conflict, again.Kind, "the desk has two of them")
	r.changes("kim", func(u *access.DeskUser) { u.Values[access.UserFieldEmail] = "" })
	again = r.adds("5", "kim")
	require.Equal(t, access.Conflict, again.Kind)
	require.Equal(t, []access.Refusal{
		{Field: "email", Problem: `another integration user of the desk "jira", kim@example.test, has the address "kim@example.test"`},
	}, again.Refusals)
	r.changes("eve", func(u *access.DeskUser) { u.Values[access.UserFieldEmail] = "new@example.test" })
	_, err = r.checks("6")
	require.NoError(t, err)
	require.Empty(t, r.has("eve").Flagged)
	require.Equal(t, "new@example.test", r.has("eve").Email)
}

// TestCheckIntegrationUsers_goes_on: what is about one user stops no other one's check; a desk that is away does, so that nobody waits for all of them.
func TestCheckIntegrationUsers_goes_on(t *testing.T) {
	for _, row := range []struct {
		kind    access.Kind
		times   int
		checked int
		away    bool
	}{
		{access.Invalid, 5, 0, false},
		{access.Conflict, 4, 1, false},
		{access.Transient, 2, 3, false},
		{access.RateLimited, 2, 3, false},
		{access.Transient, 3, 0, true},
		{access.RateLimited, 3, 0, true},
		{access.Forbidden, 1, 0, true},
	} {
		r := newRegister(t, "a", "b", "c", "d", "e")
		for range row.times {
			r.port.FailNext(memory.OpReadUser, access.Errorf(row.kind, "read", "odd"))
		}
		checked, err := r.checks("1")
		require.Equal(t, row.away, err != nil, row)
		if !row.away {
			require.Equal(t, activities.CheckedUsers{Checked: row.checked, Unread: row.times, Problem: checked.Problem}, checked)
			require.Contains(t, checked.Problem, "odd")
		}
	}
}

// TestCheckIntegrationUsers_odd_user_is_off: nothing is assigned to a user who is switched off, though what else the desk says cannot be kept.
func TestCheckIntegrationUsers_odd_user_is_off(t *testing.T) {
	r := newRegister(t, "ana")
	r.changes("ana", func(u *access.DeskUser) {
		u.Values[access.UserFieldEmail], u.Active = strings.Repeat("a", 600)+"@example.test", false
	})
	checked, err := r.checks("1")
	require.NoError(t, err)
	require.Equal(t, activities.CheckedUsers{Checked: 1, Flagged: 1}, checked)
	require.Equal(t, "ana@example.test", r.has("ana").Email)
	require.Equal(t, "the desk has switched the user off", r.has("ana").Flagged)
	r.changes("ana", func(u *access.DeskUser) { u.Active = true })
	checked, err = r.checks("2")
	require.NoError(t, err)
	require.Equal(t, 1, checked.Unread)
	require.NotEmpty(t, checked.Problem)
}
