package usersync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// Limit takes a planned deactivation for done (active--), though a brake may hold it, or the mode deactivate may be missing.
// A user loses: max_active. The desk has more active users than licences.
func TestAttackUsers_max_active_counts_deactivations_that_are_not_applied(t *testing.T) {
	o := newOffice(t, 10)
	o.settles()
	o.settings.MaxActive = 10
	o.settings.Modes[access.UserDeactivate] = false
	o.leaves(0, 1)
	o.put(employee(40))
	o.put(employee(41))
	run := o.ends()
	active := 0
	for _, u := range o.users.All() {
		if u.Active {
			active++
		}
	}
	require.LessOrEqual(t, active, 10, "rows %v", run.States)
}

// Found.NamePeople counts people by Record.UserName, "" as well, whatever the mapping writes. A source without user names, on a desk whose user_name is made of
// the address: every person is one of N people who have the user name "".
// A user loses: nobody ever gets a user ("user_name: 3 people have \"\"").
func TestAttackUsers_source_without_user_names_creates_nobody(t *testing.T) {
	o := newOffice(t, 3)
	o.maps(map[string]sync.Field{access.UserFieldName: {Value: "email"}, access.UserFieldEmail: {Value: "email"}})
	for i := range 3 {
		o.change(i, func(p *access.KnownPerson) { p.Record.UserName = "" })
	}
	run := o.ends()
	require.Len(t, o.users.All(), 3, "rows %+v", o.rows(run)[idOf(1)])
}

// ByName is looked up by Record.UserName and not by the user name that is written. The desk's user names are addresses; somebody's unrelated user has the name
// that HR calls the person by.
// A user loses: the joiner never gets a user; nor does a rename of a linked user go through.
func TestAttackUsers_name_that_is_not_written_is_taken(t *testing.T) {
	o := newOffice(t, 1)
	o.maps(map[string]sync.Field{access.UserFieldName: {Value: "email"}, access.UserFieldEmail: {Value: "email"}})
	o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "user.p0000", access.UserFieldEmail: "x@example.com"}})
	run := o.ends()
	require.Len(t, o.users.All(), 2, "row %+v", o.rows(run)[idOf(0)])
}

// found.Manager is the linked user of the manager even where the listing does not have that user. A manager who left, and whose user the desk has deleted, stays
// the manager in HR for a while: the id of nobody is written.
// A user loses: a joiner under that manager never gets a user, and no field of whoever reports to that manager is written any more.
func TestAttackUsers_manager_whose_user_was_deleted_blocks_the_reports(t *testing.T) {
	o := newOffice(t, 12)
	o.settles()
	boss := o.of(1)
	o.leaves(1)
	o.ends()
	o.users.Remove(boss.ID)
	joiner := employee(40)
	joiner.Record.Manager = idOf(1)
	o.put(joiner)
	o.ends()
	run := o.ends()
	require.Empty(t, holdsOf(run))
	links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(40)})
	require.NoError(t, err)
	require.NotEmpty(t, links, "the joiner has no user: %+v", o.rows(run)[idOf(40)])
}

// protectsPerson is asked where a user is created, and not where one is renamed. Somebody whose user name becomes "svc-..." in HR is renamed to it by usher, and is
// protected from then on: usher never switches that user off.
// A user loses: a leaver keeps the access.
func TestAttackUsers_rename_makes_a_user_protected_for_ever(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.change(3, func(p *access.KnownPerson) { p.Record.UserName = "svc-mine" })
	first := o.ends()
	require.NotEqual(t, "svc-mine", o.of(3).Values[access.UserFieldName], "usher gave a person's user a protected name: %+v", o.rows(first)[idOf(3)])
}

// match finds two users with the id of somebody who has left. Decide makes a row of that only for people who are present.
// A user loses: both users stay on after the person left, and no row, no count and no page says so ("two users of one person are for a human",
// "left alone, with the reason").
func TestAttackUsers_leaver_with_two_users_keeps_both_and_nobody_is_told(t *testing.T) {
	o := newOffice(t, 2)
	for _, name := range []string{"a", "b"} {
		o.users.Put(access.DeskUser{Person: idOf(0), Active: true, Values: map[string]string{access.UserFieldName: name}})
	}
	o.leaves(0)
	run := o.ends()
	row, there := o.rows(run)[idOf(0)]
	require.True(t, there, "two active users of a leaver, and no row")
	require.NotEmpty(t, row.Reason)
}

// HoldSync keeps the row that mark returns only where the number of Values differs. A link without other values and with a manager to come keeps its Manager, so
// it is written though the mode update is not configured.
// A user loses: "the rest is planned and shown": a desk that only links has managers written.
func TestAttackUsers_link_alone_writes_the_manager(t *testing.T) {
	o := newOffice(t, 2)
	o.settings.Modes = map[access.UserOperation]bool{access.UserLink: true, access.UserCreate: true}
	p := employee(0)
	o.change(0, func(p *access.KnownPerson) { p.Record.Manager = idOf(1) })
	was := o.users.Put(access.DeskUser{Person: idOf(0), Active: true, Values: map[string]string{
		access.UserFieldName: p.Record.UserName, access.UserFieldEmail: p.Record.Email, access.UserFieldDisplayName: p.Record.DisplayName, "department": "dep-0",
	}})
	run := o.ends()
	require.Equal(t, was, o.of(0), "row %+v", o.rows(run)[idOf(0)])
}

// A manager who gets a user by the same run is written last, and what the user's manager was in the plan is in no Before: a manager whom somebody has set by hand
// meanwhile is written over.
// A user loses: "Nobody is written over: whoever was changed by hand since the plan is skipped".
func TestAttackUsers_manager_by_hand_since_the_plan_is_written_over(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.change(3, func(p *access.KnownPerson) { p.Record.Manager = idOf(40) })
	o.put(employee(40))
	run := o.planned("x")
	user := o.of(3)
	user.Values[access.UserFieldManager] = string(o.of(2).ID)
	o.users.Put(user)
	o.applies(run)
	require.Equal(t, string(o.of(2).ID), o.of(3).Values[access.UserFieldManager], "what somebody wrote by hand is gone: %+v", o.rows(run)[idOf(3)])
}

// A row `deactivate` of a user who is not linked and was found by the person's id has no How, so userNow does not look whose user it is now. An administrator
// sees the wrong id and corrects it between the plan and the write.
// A user loses: somebody who works here, and is not the leaver, is switched off ("only a user who is linked, or has the person's id, is switched off").
func TestAttackUsers_user_who_is_another_persons_by_now_is_switched_off(t *testing.T) {
	o := newOffice(t, 2)
	o.leaves(0)
	user := o.users.Put(access.DeskUser{Person: idOf(0), Active: true, Values: map[string]string{access.UserFieldName: "bob"}})
	run := o.planned("x")
	user.Person = idOf(1)
	o.users.Put(user)
	o.applies(run)
	now, err := o.users.ReadUser(t.Context(), user.ID)
	require.NoError(t, err)
	require.True(t, now.Active, "the user of %s was switched off for %s: %+v", now.Person, idOf(0), o.rows(run)[idOf(0)])
}

// Had counts the users of leavers, whom no row ever changes. With the years the leavers are most of the links, and the share of field_share is of them: here every
// one of 30 employees gets another department, and 30 of 150 "linked users who have the field" is under the brake of 30 %.
// A user loses: the field brake, the more the longer usher runs.
func TestAttackUsers_field_brake_is_thinned_by_leavers(t *testing.T) {
	o := newOffice(t, 150)
	o.settings.Brakes.DeactivationsShare = 1
	o.settles()
	for i := 30; i < 150; i++ {
		o.leaves(i)
	}
	o.ends()
	for i := range 30 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Attributes[access.AttributeDepartment] = []string{"broken"} })
	}
	run := o.ends()
	require.Equal(t, []string{"field:department"}, holdsOf(run), "every active user was changed: %v of %v", run.Counts.Different["department"], run.Counts.Had["department"])
}

// attackedForbids is a desk that forbids one user to usher's account, such as an administrator's.
type attackedForbids struct {
	*memory.Users
	user access.UserID
}

func (f *attackedForbids) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	if id == f.user {
		return access.DeskUser{}, access.Errorf(access.Forbidden, "update a user", "a system administrator can be changed by a system administrator only")
	}
	return f.Users.UpdateUser(ctx, id, change)
}

// One user whom the desk does not let usher change (403) ends the page, is not repeated, and fails the run. The row stays first in line: the next run fails at the
// same user.
// A user loses: one administrator's account stops the sync of all others, for good.
func TestAttackUsers_one_forbidden_user_stops_all_others(t *testing.T) {
	o := newOffice(t, 300)
	o.settings.Brakes.FieldShare = 1
	o.settles()
	o.port = &attackedForbids{o.users, o.of(0).ID}
	for i := range 300 {
		o.change(i, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	}
	var last error
	for range 3 {
		_, last = o.run(workflows.UserSyncParams{})
	}
	left := 0
	for i := range 300 {
		if o.of(i).Values[access.UserFieldDisplayName] != "Other" {
			left++
		}
	}
	require.Equal(t, 1, left, "three runs: %d of 300 not written; the last one: %v", left, last)
	require.NoError(t, last, "usher's account is good: the row fails, and not the run")
}

// DeskLinksOf takes as many users as were found, in one statement. One person with an address that very many users of the desk have (customers who came by one
// shared mailbox, "noreply@...") makes a statement with more parameters than the database takes: SQLite 32,766, PostgreSQL 65,535.
// A user loses: one person's address stops the runs over the desk for everybody.
func TestAttackUsers_address_of_very_many_users_stops_the_run(t *testing.T) {
	o := newOffice(t, 2)
	o.change(0, func(p *access.KnownPerson) { p.Record.Email = "noreply@example.com" })
	for i := range 33_000 {
		o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: fmt.Sprint("c", i), access.UserFieldEmail: "noreply@example.com"}})
	}
	run := o.attackedListed("x", false)
	var planned access.SyncRun
	err := o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &planned)
	require.NoError(t, err)
}

// A person who is `expected` by now (a later first day) is not one who has left, and the state has changed since the plan.
// A user loses: little; the row should be skipped ("a person whose state has changed, and the row is skipped").
func TestAttackUsers_person_who_is_expected_since_the_plan_is_switched_off(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.leaves(3)
	run := o.planned("x")
	o.change(3, func(p *access.KnownPerson) { p.State = access.PersonExpected })
	o.snapshot()
	o.applies(run)
	require.Equal(t, access.SyncSkipped, o.rows(run)[idOf(3)].State)
}

// attackedFolds is a desk that keeps addresses and names in small letters, as Jira Data Center does.
type attackedFolds struct{ *memory.Users }

func attackedFolded(values map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range values {
		if name == access.UserFieldName || name == access.UserFieldEmail {
			value = strings.ToLower(value)
		}
		out[name] = value
	}
	return out
}

func (f *attackedFolds) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	n.Values = attackedFolded(n.Values)
	return f.Users.CreateUser(ctx, n)
}

func (f *attackedFolds) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	change.Values = attackedFolded(change.Values)
	return f.Users.UpdateUser(ctx, id, change)
}

// "Names and addresses are compared without regard to case", but setValue compares bytes. On a desk that keeps them in small letters (the Jira connector takes that for
// kept: checkKept, EqualFold) a person "Ada@Example.com" differs in every run, for ever: everybody is written each run, and where most have capitals the brake
// field:email holds all rows of all people, with whatever else they change.
// A user loses: after the first load nothing but joiners and leavers goes through, until someone releases every run.
func TestAttackUsers_desk_that_keeps_small_letters_never_settles(t *testing.T) {
	o := newOffice(t, 10)
	o.port = &attackedFolds{o.users}
	for i := range 10 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Email = strings.ToUpper(p.Record.Email[:1]) + p.Record.Email[1:] })
	}
	o.ends()
	o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	run := o.ends()
	require.Empty(t, holdsOf(run), "%v", run.Holds)
	require.Equal(t, "Other", o.of(3).Values[access.UserFieldDisplayName])
}

// attackedLimited is a desk that asks to wait each time for some users, and answers for others.
type attackedLimited struct {
	*memory.Users
	left int
}

func (l *attackedLimited) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	if q.Person == idOf(0) && l.left > 0 {
		l.left--
		return nil, access.Errorf(access.RateLimited, "find users", "429")
	}
	return l.Users.FindUsers(ctx, q)
}

// A rate limit is an everyday answer. Three of them, for the row that happens to be asked at the wrong moment, make the row `failed`, "the desk refused them".
func TestAttackUsers_rate_limits_fail_a_row(t *testing.T) {
	o := newOffice(t, 10)
	o.port = &attackedLimited{o.users, 3}
	run, err := o.run(workflows.UserSyncParams{})
	require.NoError(t, err)
	require.Zero(t, run.States[access.SyncFailed], "%+v", o.rows(run)[idOf(0)])
}
