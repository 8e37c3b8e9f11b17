package usersync_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// A listing that is cut short is no plan; the next attempt has everybody.
func TestUserSync_cut_listing(t *testing.T) {
	o := newOffice(t, 10)
	o.settles()
	o.users.CutNextListing()
	run := o.ends()
	require.Empty(t, run.States)
	require.Len(t, o.users.All(), 10)
}

// miscounting is a desk that hands over fewer users than it counts.
type miscounting struct{ *memory.Users }

func (m *miscounting) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	n, err := m.Users.ListUsers(ctx, take)
	return n + 1, err
}

// A listing that is not as long as the desk says is no plan.
func TestUserSync_miscounted_listing(t *testing.T) {
	o := newOffice(t, 3)
	o.port = &miscounting{o.users}
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "the listing has 0 users, expected 1")
	require.Zero(t, o.users.Writes())
}

// A listing of which the ledger has a part only is no plan.
func TestUserSync_listing_in_part(t *testing.T) {
	o := newOffice(t, 3)
	o.written()
	run := access.SyncRun{Desk: it, ID: "x", BeganAt: o.now}
	require.NoError(t, o.activity("BeginSync", run, &run))
	run.Plan, run.Counts.Users = "x.listing", 7
	err := o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &run)
	require.ErrorContains(t, err, "the ledger has 0 users of the listing, expected 7")
}

// Nothing is planned of a source whose people were never listed.
func TestUserSync_source_without_a_run(t *testing.T) {
	o := newOffice(t, 0)
	o.settings.Source = "other"
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "never listed")
	last, err := o.ledger.SyncRuns(t.Context(), it, time.Time{}, 1)
	require.NoError(t, err)
	require.Contains(t, last[0].Problem, "never listed")
	require.True(t, last[0].Ended())
}

// A desk that loses every answer of a create has each user once.
func TestUserSync_lost_answers(t *testing.T) {
	for name, keeps := range map[string]bool{"with the person's id": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 20)
			o.users.SetSchema(func(s *access.UserSchema) { s.KeepsPerson = keeps })
			for range 20 {
				o.users.DropAnswerNext(memory.OpCreateUser)
			}
			run := o.ends()
			require.Equal(t, 20, run.States[access.SyncApplied])
			require.Len(t, o.users.All(), 20)
			o.settles()
		})
	}
}

// stubborn is a desk that never answers for one user, and refuses another.
type stubborn struct {
	*memory.Users
	silent, refused access.UserID
}

func (s *stubborn) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	switch id {
	case s.silent:
		return access.DeskUser{}, access.Errorf(access.Transient, "update a user", "the desk does not answer")
	case s.refused:
		return access.DeskUser{}, access.Errorf(access.Invalid, "update a user", "display_name: a rule of the desk")
	}
	return s.Users.UpdateUser(ctx, id, change)
}

// A record that the desk refuses, or for which it never answers, stops nobody else, and says why.
func TestUserSync_one_bad_record(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.port = &stubborn{Users: o.users, silent: o.of(4).ID, refused: o.of(5).ID}
	for i := 3; i < 7; i++ {
		o.change(i, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	}
	run := o.ends()
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 2, access.SyncFailed: 2}, run.States)
	require.Contains(t, o.rows(run)[idOf(4)].Problem, "does not answer")
	require.Contains(t, o.rows(run)[idOf(5)].Problem, "a rule of the desk")
	require.Equal(t, "Other", o.of(6).Values[access.UserFieldDisplayName])
}

// outage is a desk that is down for so many calls, once its users are listed.
type outage struct {
	*memory.Users
	mu     sync.Mutex
	listed bool
	left   int
}

func (o *outage) down() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.listed || o.left == 0 {
		return nil
	}
	o.left--
	return access.Errorf(access.Transient, "call the desk", "the desk is down")
}

func (o *outage) UserSchema(ctx context.Context) (access.UserSchema, error) {
	if err := o.down(); err != nil {
		return access.UserSchema{}, err
	}
	return o.Users.UserSchema(ctx)
}

func (o *outage) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	n, err := o.Users.ListUsers(ctx, take)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listed = true
	return n, err
}

func (o *outage) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	if err := o.down(); err != nil {
		return nil, err
	}
	return o.Users.FindUsers(ctx, q)
}

// A desk that is down for a part of the apply takes nothing away: the run goes on when it is back.
func TestUserSync_desk_is_down(t *testing.T) {
	o := newOffice(t, 10)
	o.port = &outage{Users: o.users, left: 55}
	run := o.ends()
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 10}, run.States)
}

// meddling is a desk in which something happens between the plan and the write.
type meddling struct {
	*memory.Users
	before func(access.UserID)
}

func (m *meddling) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	m.before(id)
	return m.Users.ReadUser(ctx, id)
}

// What happens between the plan and the write is seen: nobody is touched who is protected by now, who was changed by hand, or who is somebody
// else's.
func TestUserSync_changes_since_the_plan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*access.DeskUser)
		reason string
	}{
		"the user is protected":  {func(u *access.DeskUser) { u.Values[access.UserFieldName] = "svc-backup" }, "protected"},
		"the field is different": {func(u *access.DeskUser) { u.Values[access.UserFieldDisplayName] = "by hand" }, "display_name"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 5)
			o.settles()
			var wanted access.DeskUser
			o.port = &meddling{o.users, func(id access.UserID) {
				user, err := o.users.ReadUser(t.Context(), id)
				require.NoError(t, err)
				c.change(&user)
				wanted = o.users.Put(user)
			}}
			o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
			run := o.ends()
			row := o.rows(run)[idOf(3)]
			require.Equal(t, access.SyncSkipped, row.State)
			require.Contains(t, row.Problem, c.reason)
			require.Equal(t, wanted, o.of(3))
		})
	}
}

// Who returned between the plan and the write stays on.
func TestUserSync_person_returns_since_the_plan(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.leaves(3)
	run := o.planned("x")
	o.change(3, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	o.snapshot()
	o.applies(run)
	require.True(t, o.of(3).Active)
	require.Equal(t, access.SyncSkipped, o.rows(run)[idOf(3)].State)
}

// A user whom somebody else created since the plan, with the same name and address, is not taken for the person's: a human has to say so.
func TestUserSync_user_comes_since_the_plan(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		o := newOffice(t, 1)
		o.users.SetSchema(func(s *access.UserSchema) { s.KeepsPerson = keeps })
		run := o.planned("x")
		o.users.Put(access.DeskUser{Active: true, Values: map[string]string{
			access.UserFieldName: "user.p0000", access.UserFieldEmail: "user.p0000@example.com",
		}})
		o.applies(run)
		row := o.rows(run)[idOf(0)]
		require.Equal(t, access.SyncSkipped, row.State)
		require.Contains(t, row.Problem, "with the same user name")
		require.Len(t, o.users.All(), 1)
		links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(0)})
		require.NoError(t, err)
		require.Empty(t, links)
	}
}

// activity calls one activity, as an attempt of its own.
func (o *office) activity(name string, input, result any) error {
	o.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(o.desk())
	env.RegisterActivity(o.records())
	value, err := env.ExecuteActivity(name, input)
	if err != nil {
		return err
	}
	return value.Get(result)
}

// planned is a run that has its plan, and has applied nothing.
func (o *office) planned(id string) access.SyncRun {
	o.t.Helper()
	o.written()
	o.now = o.now.Add(time.Hour)
	run := access.SyncRun{Desk: it, ID: id, Workflow: "usersync/it/" + id, BeganAt: o.now}
	require.NoError(o.t, o.activity("BeginSync", run, &run))
	var listed activities.ListUsersResult
	require.NoError(o.t, o.activity("ListUsers", activities.ListUsersInput{Desk: it, Run: id}, &listed))
	run.Plan, run.Schema, run.Counts.Users, run.Counts.Active = listed.ID, listed.Schema, listed.Users, listed.Active
	require.NoError(o.t, o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &run))
	var states map[access.SyncState]int
	require.NoError(o.t, o.activity("HoldSync", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &states))
	return run
}

// applies applies a plan to its end.
func (o *office) applies(run access.SyncRun) {
	o.t.Helper()
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	for {
		var done activities.ApplyUsersResult
		require.NoError(o.t, o.activity("ApplyUsers", plan, &done))
		if !done.More {
			break
		}
	}
	require.NoError(o.t, o.activity("EndSync", plan, &run))
}

// halfway is a desk that does not answer the first two times that it is to switch a user on: the first before the manager has a user, the second
// after.
type halfway struct {
	*memory.Users
	mu    sync.Mutex
	asked int
}

func (h *halfway) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	h.mu.Lock()
	h.asked++
	early := h.asked <= 2
	h.mu.Unlock()
	if early {
		return access.DeskUser{}, access.Errorf(access.Transient, "switch a user on", "the answer was lost")
	}
	return h.Users.SetUserActive(ctx, id, active)
}

// What an attempt before has written of a row is not somebody's change by hand: the row goes on.
func TestUserSync_half_a_row(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.leaves(3)
	o.settles()
	joiner := employee(40)
	joiner.Record.UserName = "aaa"
	o.put(joiner)
	o.change(3, func(p *access.KnownPerson) {
		p.State, p.Record.Manager, p.Record.DisplayName = access.PersonPresent, idOf(40), "Other"
	})
	run := o.planned("x")
	require.Equal(t, idOf(40), o.rows(run)[idOf(3)].Manager)
	// The manager has a user by the time the row is applied again.
	o.port = &halfway{Users: o.users}
	for range 2 {
		var done activities.ApplyUsersResult
		_ = o.activity("ApplyUsers", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &done)
	}
	o.applies(run)
	require.Equal(t, access.SyncApplied, o.rows(run)[idOf(3)].State, "%+v", o.rows(run)[idOf(3)])
	require.Empty(t, o.rows(run)[idOf(3)].Problem)
	require.True(t, o.of(3).Active)
	require.Equal(t, string(o.of(40).ID), o.of(3).Values[access.UserFieldManager])
}

// A leaver whose linked user is protected has the other user switched off all the same.
func TestUserSync_leaver_with_a_protected_user(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	other := o.users.Put(access.DeskUser{Person: idOf(3), Active: true, Values: map[string]string{access.UserFieldName: "second"}})
	o.protects("user.p0003")
	o.leaves(3)
	o.ends()
	now, err := o.users.ReadUser(t.Context(), other.ID)
	require.NoError(t, err)
	require.False(t, now.Active)
	row := o.rows(o.ends())[idOf(3)]
	require.Contains(t, row.Reason, "protected", "what stays on is said")
	require.True(t, o.of(3).Active)
}

// Two people who swap their user names, and their addresses, keep their users; the names are a matter for a human, as the desk has each once.
func TestUserSync_swapped_names(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	a, b := o.of(1), o.of(2)
	o.change(1, func(p *access.KnownPerson) {
		p.Record.Email, p.Record.UserName = b.Values["email"], b.Values["user_name"]
	})
	o.change(2, func(p *access.KnownPerson) {
		p.Record.Email, p.Record.UserName = a.Values["email"], a.Values["user_name"]
	})
	run := o.ends()
	require.Equal(t, a.ID, o.of(1).ID)
	require.Equal(t, b.ID, o.of(2).ID)
	for _, i := range []int{1, 2} {
		row := o.rows(run)[idOf(i)]
		require.Equal(t, access.UserSkip, row.Operation)
		require.Contains(t, row.Reason, "is taken by the user")
	}
}

// Two people who swap their addresses only keep their users, and get the addresses.
func TestUserSync_swapped_addresses(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	a, b := o.of(1), o.of(2)
	o.change(1, func(p *access.KnownPerson) { p.Record.Email = b.Values["email"] })
	o.change(2, func(p *access.KnownPerson) { p.Record.Email = a.Values["email"] })
	o.settles()
	require.Equal(t, b.Values["email"], o.of(1).Values["email"])
	require.Equal(t, a.ID, o.of(1).ID)
}

// A cycle of managers is written like any other managers.
func TestUserSync_cycle_of_managers(t *testing.T) {
	o := newOffice(t, 3)
	for i := range 3 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Manager = idOf((i + 1) % 3) })
	}
	o.settles()
	for i := range 3 {
		require.Equal(t, string(o.of((i+1)%3).ID), o.of(i).Values[access.UserFieldManager])
	}
}

// One run over a desk goes on at a time; one whose workflow is gone is ended by the next.
func TestUserSync_one_run_at_a_time(t *testing.T) {
	o := newOffice(t, 3)
	open := o.planned("open")
	o.running = map[string]bool{open.Workflow: true}
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "goes on")
	o.running = nil
	o.ends()
	was, err := o.ledger.SyncRun(t.Context(), it, "open")
	require.NoError(t, err)
	require.Contains(t, was.Problem, "its workflow ended before")
	var done activities.ApplyUsersResult
	err = o.activity("ApplyUsers", activities.SyncInput{Desk: it, Run: open.ID, Plan: open.Plan}, &done)
	require.ErrorContains(t, err, "has failed meanwhile")
}

// An apply that dies after any number of answers goes on where it stood: each user once, and everybody in the end.
func TestUserSync_apply_dies(t *testing.T) {
	for n := range 12 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := newOffice(t, 6)
			run := o.planned("x")
			dead, cancel := context.WithCancel(t.Context())
			o.port = &mortal{Users: o.users, left: n, die: cancel, dead: dead}
			var done activities.ApplyUsersResult
			plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
			_ = o.activity("ApplyUsers", plan, &done)
			o.port = o.users
			o.applies(run)
			require.Len(t, o.users.All(), 6)
			o.settles()
		})
	}
}

// mortal is a desk that a worker loses after so many creates and updates: every later call fails.
type mortal struct {
	*memory.Users
	mu   sync.Mutex
	left int
	die  context.CancelFunc
	dead context.Context
}

func (m *mortal) lost(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left--; m.left < 0 {
		m.die()
	}
	if m.dead.Err() != nil {
		return access.Errorf(access.Unknown, "write a user", "the worker died")
	}
	return err
}

func (m *mortal) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	if m.dead.Err() != nil {
		return access.DeskUser{}, access.Errorf(access.Transient, "write a user", "the worker died")
	}
	u, err := m.Users.CreateUser(ctx, n)
	return u, m.lost(err)
}

func (m *mortal) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	if m.dead.Err() != nil {
		return access.DeskUser{}, access.Errorf(access.Transient, "write a user", "the worker died")
	}
	u, err := m.Users.UpdateUser(ctx, id, change)
	return u, m.lost(err)
}
