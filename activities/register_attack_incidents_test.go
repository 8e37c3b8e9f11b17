package activities_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// register is the register of a desk over a real ledger, with its users.
type register struct {
	t     *testing.T
	users *activities.IntegrationUsers
	store *store
	post  *post
	port  *memory.Users
	// reading, if set, is what happens while the desk is asked for a user.
	reading func(access.UserID)
	// nameless is true while tickets cannot name the users.
	nameless bool
}

// ReadUser implements access.UserDirectory.
func (r *register) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	if r.reading != nil {
		r.reading(id)
	}
	u, err := r.port.ReadUser(ctx, id)
	if r.nameless {
		u.Account = ""
	}
	return u, err
}

// directory is the desk of a register.
type directory struct {
	*memory.Users
	*register
}

// ReadUser implements access.UserDirectory.
func (d directory) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	return d.register.ReadUser(ctx, id)
}

func newRegister(t *testing.T, names ...string) *register {
	t.Helper()
	j := &journal{}
	r := &register{t: t, store: newStore(t, j), post: newPost(j), port: memory.NewUsers()}
	for _, name := range names {
		r.port.Put(access.DeskUser{ID: access.UserID(name), Active: true, Values: map[string]string{
			access.UserFieldEmail: name + "@example.test", access.UserFieldName: name,
		}})
		r.save(name)
	}
	r.users = &activities.IntegrationUsers{Port: directory{r.port, r}, Ledger: r.store.Store, Client: r.post, Integration: "memory"}
	return r
}

// save registers a user with these groups.
func (r *register) save(name string, groups ...string) {
	r.t.Helper()
	require.NoError(r.t, r.store.Store.SaveIntegrationUser(r.t.Context(), access.IntegrationUser{
		Desk: "jira", ID: access.UserID(name), Account: access.AccountID(name), Email: name + "@example.test", UserName: name, Groups: groups, AddedBy: "zoe", AddedAt: monday,
	}, access.DeskEvent{ID: "add/" + name + fmt.Sprint(groups), Desk: "jira", User: access.UserID(name), Type: access.DeskUserAdded, At: monday}))
}

func (r *register) has(name string) access.IntegrationUser {
	r.t.Helper()
	u, err := r.store.Store.IntegrationUser(r.t.Context(), "jira", access.UserID(name))
	require.NoError(r.t, err)
	return u
}

// open records an open incident of a user.
func (r *register) open(id access.IncidentID, user string) {
	r.t.Helper()
	require.NoError(r.t, r.store.Store.SaveIncident(r.t.Context(), access.IncidentView{
		Incident: access.Incident{ID: id, Caller: "monitor"}, State: access.IncidentOpen, Desk: "jira", Version: 1,
		Ticket: &access.TicketRef{Desk: "jira", ID: access.TicketID("t-" + string(id))}, Assignee: &access.IncidentAssignee{User: access.UserID(user)},
	}))
}

// does executes an activity of the register.
func does[R any](r *register, activity any, c activities.ChangeOfRegister) (R, error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(r.users)
	c.Desk, c.By, c.At = "jira", "zoe", monday.Add(time.Hour)
	var result R
	value, err := env.ExecuteActivity(activity, c)
	if err == nil {
		err = value.Get(&result)
	}
	return result, err
}

// TestCheckIntegrationUsers_beside_a_change: what an administrator changes while a check asks the desk stays as the administrator wanted it.
func TestCheckIntegrationUsers_beside_a_change(t *testing.T) {
	r := newRegister(t, "ana", "kim")
	r.reading = func(id access.UserID) {
		if id == "kim" {
			r.save("kim", "network", "wiki-ops")
		}
	}
	_, err := does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: "check"})
	require.NoError(t, err)
	require.Equal(t, []string{"network", "wiki-ops"}, r.has("kim").Groups)
}

// TestCheckIntegrationUsers_stops_at_nobody: users of whom the desk says nothing stay as they are, and stop no other.
func TestCheckIntegrationUsers_stops_at_nobody(t *testing.T) {
	r := newRegister(t, "a", "b", "c", "d")
	r.port.FailNext(memory.OpReadUser, access.Errorf(access.Invalid, "read", "odd"), access.Errorf(access.Invalid, "read", "odd"), access.Errorf(access.Invalid, "read", "odd"))
	r.port.Remove("d")
	_, _ = does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: "check"})
	require.NotEmpty(t, r.has("d").Flagged, "d has left")
}

// TestAddIntegrationUser_answer_lost: an attempt whose answer was lost is repeated, and the caller hears that the user was added.
func TestAddIntegrationUser_answer_lost(t *testing.T) {
	r := newRegister(t)
	r.port.Put(access.DeskUser{ID: "kim", Active: true, Values: map[string]string{access.UserFieldEmail: "kim@example.test", access.UserFieldName: "kim"}})
	change := activities.ChangeOfRegister{Change: "integrationusers/jira/1", Email: "kim@example.test", Groups: []string{"ops"}}
	for attempt := range 2 {
		added, err := does[activities.RegisteredUser](r, r.users.AddIntegrationUser, change)
		require.NoError(t, err)
		require.True(t, added.Changed, "attempt %d of the same change", attempt+1)
	}
}

// TestNotifyIncidents_workflow_is_gone: an incident whose workflow was terminated is nobody's open ticket for ever.
func TestNotifyIncidents_workflow_is_gone(t *testing.T) {
	r := newRegister(t, "ana")
	r.open("i1", "ana")
	r.post.ended["incident/i1"] = true
	r.port.Remove("ana")
	_, err := does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: "check"})
	require.NoError(t, err)
	notified, err := does[int](r, r.users.NotifyIncidents, activities.ChangeOfRegister{Change: "check"})
	require.NoError(t, err)
	require.Zero(t, notified, "nobody was there to be notified")
	require.Zero(t, r.has("ana").Open)
}

// TestNotifyChanges_incident_changed_twice_in_a_second: a desk whose times are whole seconds loses no change of an incident's ticket.
func TestNotifyChanges_incident_changed_twice_in_a_second(t *testing.T) {
	r := newRegister(t, "ana")
	r.open("i1", "ana")
	watch := &activities.Watch{Ledger: r.store, Client: r.post}
	ticket := access.TicketSnapshot{Ref: access.TicketRef{Desk: "jira", ID: "t-i1", Key: "J-1"}, Phase: access.TicketWaiting, Status: "Open", UpdatedAt: monday}
	look := func() {
		_, err := watch.NotifyChanges(t.Context(), activities.NotifyChangesInput{Desk: "jira", Tickets: []access.TicketSnapshot{ticket}})
		require.NoError(t, err)
	}
	look()
	require.Len(t, r.post.signals, 1)
	// In the same second somebody closes it.
	ticket.Phase, ticket.Status, ticket.StatusChangedAt = access.TicketDone, "Done", monday
	look()
	require.Len(t, r.post.signals, 2, "the incident hears that its ticket is closed")
}

// TestNotifyIncidents_at_nobody_of_the_register: a check has the incidents assigned anew that are with somebody who is not in the register any more.
func TestNotifyIncidents_at_nobody_of_the_register(t *testing.T) {
	r := newRegister(t, "ana")
	r.open("i1", "kim")
	_, err := does[int](r, r.users.NotifyIncidents, activities.ChangeOfRegister{Change: "check"})
	require.NoError(t, err)
	require.Len(t, r.post.signals, 1)
}

// TestAddIntegrationUser_address_of_another: an address names one user of the register: where a registered user who hides the address now has it still, a
// second one with the same address is refused.
func TestAddIntegrationUser_address_of_another(t *testing.T) {
	r := newRegister(t, "kim")
	r.port.Put(access.DeskUser{ID: "kim", Active: true, Values: map[string]string{access.UserFieldName: "kim"}})
	r.port.Put(access.DeskUser{ID: "eve", Active: true, Values: map[string]string{access.UserFieldEmail: "kim@example.test", access.UserFieldName: "eve"}})
	added, err := does[activities.RegisteredUser](r, r.users.AddIntegrationUser, activities.ChangeOfRegister{Change: "add", Email: "kim@example.test"})
	require.NoError(t, err)
	require.Len(t, added.Refusals, 1, "both are whom the address names from now on: %+v and %+v", r.has("kim"), added.User)
}

// TestCheckIntegrationUsers_account_lost: nobody is an assignee without an account: whom tickets of the desk can name no more is flagged.
func TestCheckIntegrationUsers_account_lost(t *testing.T) {
	r := newRegister(t, "kim")
	r.nameless = true
	_, err := does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: "check"})
	require.NoError(t, err)
	require.NotEmpty(t, r.has("kim").Flagged, "an assignment to %q takes the ticket from everybody", r.has("kim").Account)
}

// TestCheckIntegrationUsers_odd_user: a user whose values the ledger refuses stops no other one's check.
func TestCheckIntegrationUsers_odd_user(t *testing.T) {
	r := newRegister(t, "ana", "kim")
	r.port.Put(access.DeskUser{ID: "ana", Active: true, Values: map[string]string{
		access.UserFieldEmail: strings.Repeat("a", 600) + "@example.test", access.UserFieldName: "ana",
	}})
	r.port.Remove("kim")
	_, _ = does[activities.CheckedUsers](r, r.users.CheckIntegrationUsers, activities.ChangeOfRegister{Change: "check"})
	require.NotEmpty(t, r.has("kim").Flagged, "kim has left")
}
