package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// heldSync records a run over the users of it that holds one row back.
func heldSync(t *testing.T, w *world, id string, dry bool) {
	t.Helper()
	run := access.SyncRun{Desk: "it", Source: "hr", ID: id, BeganAt: time.Now().UTC().Truncate(time.Second), Dry: dry, Snapshot: "night"}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	run.Plan, run.Rows = id+".plan", id+".rows"
	run.Counts = access.SyncCounts{People: 9, Users: 8, Active: 7, Linked: 6, Operations: map[access.UserOperation]int{access.UserDeactivate: 1, access.UserUpdate: 1}}
	run.Holds = []access.PeopleHold{{Brake: "deactivations", Sentence: "1 of 7 active users would be switched off at once: 14.3 %"}}
	require.NoError(t, w.store.PlanSyncRows(t.Context(), run, []access.SyncRow{
		{Person: "p1", Operation: access.UserDeactivate, User: "7", State: access.SyncHeld, Held: "deactivations", Brakes: []string{"deactivations"}},
		{
			Person: "p2", Operation: access.UserUpdate, User: "8", State: access.SyncFailed, Problem: "=department: a rule of the desk",
			Before: map[string]string{"department": "Sales"}, Values: map[string]string{"department": "Research", "title": "Engineer"}, Notes: []string{"location: the table has no x"},
		},
	}))
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	run.States = map[access.SyncState]int{access.SyncHeld: 1, access.SyncFailed: 1}
	run.EndedAt = run.BeganAt.Add(time.Minute)
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
}

func TestSync_commands(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "No runs yet.\n", w.usher(t, "audra", "sync", "runs", "it").out)
	heldSync(t, w, "night", false)
	require.Regexp(t, `RUN +BEGAN +STATE +PEOPLE +ROWS +BY\nnight +\S+ \S+ +holds rows +9 +1 failed, 1 held +its schedule\nMore: --before \S+\n`,
		w.usher(t, "audra", "sync", "runs", "it", "--limit", "1").out)
	run := w.usher(t, "audra", "sync", "run", "it", "night").out
	require.Contains(t, run, "Run      night over the users of it: holds rows\n")
	require.Contains(t, run, "People   9 of hr, in its run night\nUsers    8, of which 7 are active; 6 people are linked\nPlan     1 deactivate\nPlan     1 update\nRows     1 failed, 1 held\n"+
		"Hold     deactivations: 1 of 7 active users would be switched off at once: 14.3 %\nTo see what is held: usher sync rows it night --state held\n")
	const head = "PERSON  OPERATION   STATE   USER  HELD BY        FIELDS             WHY\n"
	require.Equal(t, head+"p1      deactivate  held    7     deactivations                     \n"+
		"p2      update      failed  8                    department, title  =department: a rule of the desk\n", w.usher(t, "audra", "sync", "rows", "it", "night").out)
	require.Contains(t, w.usher(t, "audra", "sync", "rows", "it", "night", "--limit", "1").out, "More: --after p1\n")
	require.Equal(t, "No such rows.\n", w.usher(t, "audra", "sync", "rows", "it", "night", "--state", "applied").out)
	// What a cell begins with must not be a formula of a spreadsheet.
	require.Equal(t, "person,operation,state,user,held,reason,problem,fields\np1,deactivate,held,7,deactivations,,,\n"+
		"p2,update,failed,8,,,'=department: a rule of the desk,\"department: \"\"Sales\"\" -> \"\"Research\"\"; title: \"\"\"\" -> \"\"Engineer\"\"\"\n",
		w.usher(t, "audra", "sync", "rows", "it", "night", "--csv", "--limit", "1").out)
	watched := w.usher(t, "audra", "sync", "watch", "it", "night")
	require.Equal(t, run, watched.out)
	require.Equal(t, "ended\n", watched.err)
	require.Contains(t, w.usher(t, "ana", "sync", "runs", "it").err, "Only administrators and auditors")
}

func TestSync_starts(t *testing.T) {
	w := newWorld(t)
	started := w.usher(t, "adam", "sync", "start", "it", "--id", "now", "--dry-run", "--attribute", "department=Research")
	require.Equal(t, "The run now is started. To follow it: usher sync watch it now\n", started.out, started.err)
	require.Equal(t, access.SyncScope{Attribute: "department", Value: "Research"}, w.gateway.synced.Scope)
	require.True(t, w.gateway.synced.Dry)
	require.Contains(t, w.usher(t, "adam", "sync", "start", "it", "--attribute", "department").err, "expected name=value")
	require.Contains(t, w.usher(t, "adam", "sync", "release", "it", "night").err, "--reason: is empty")
	heldSync(t, w, "night", false)
	released := w.usher(t, "adam", "sync", "release", "it", "night", "--only", "p1", "--reason", "left")
	require.Contains(t, released.out, "is started")
	require.Equal(t, workflows.UserSyncParams{
		Desk: "it", By: "adam", Evidence: "development header", Release: &access.PeopleRelease{Run: "night", People: []access.PersonID{"p1"}, Reason: "left"},
	}, w.gateway.synced)
}

func TestSync_unlink(t *testing.T) {
	w := newWorld(t)
	w.gateway.link = access.DeskLink{Person: "cn=ana,ou=a/b", User: "7"}
	got := w.usher(t, "adam", "sync", "unlink", "it", "cn=ana,ou=a/b", "--reason", "a namesake", "--id", "u1")
	require.Equal(t, said{out: "The person cn=ana,ou=a/b is not linked to the user 7 of it any more. The next run looks for the person's user anew.\n"}, got)
	require.Equal(t, workflows.UnlinkParams{Desk: "it", Person: "cn=ana,ou=a/b", By: "adam", Evidence: "development header", Reason: "a namesake"}, w.gateway.unlinked)
	require.Contains(t, w.usher(t, "adam", "sync", "unlink", "it", "p1").err, "--reason: is empty, expected why")
	require.Contains(t, w.usher(t, "audra", "sync", "unlink", "it", "p1", "--reason", "x").err, "Only administrators may take the link")
	w.gateway.err = access.Errorf(access.Transient, "unlink", "Temporal does not answer")
	require.Contains(t, w.usher(t, "adam", "sync", "unlink", "it", "p1", "--reason", "x", "--id", "u2").err, "the same command with --id u2")
}

func TestSync_events(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, said{out: "No events.\n"}, w.usher(t, "audra", "sync", "events", "it"))
	run := access.SyncRun{Desk: "it", ID: "r", BeganAt: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), By: "adam", Dry: true}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	require.Contains(t, w.usher(t, "audra", "sync", "events", "it").out, "users_run_started  adam  The dry run r over the users of it was started by hand.\n")
}

func TestSync_preview(t *testing.T) {
	w := newWorld(t)
	w.gateway.onSync = func(id string, p workflows.UserSyncParams) {
		require.Equal(t, workflows.UserSyncParams{Desk: "it", Dry: true, Scope: access.SyncScope{Person: "p2"}, By: "adam", Evidence: "development header"}, p)
		heldSync(t, w, id, true)
	}
	require.Equal(t, said{out: "Person    p2\nOperation update\nUser      8\nNote      location: the table has no x\n" +
		"FIELD       BEFORE  AFTER\ndepartment  Sales   Research\ntitle               Engineer\n"}, w.usher(t, "adam", "sync", "preview", "it", "p2"))
}

func TestProgress(t *testing.T) {
	run := access.SyncRun{Plan: "x", States: map[access.SyncState]int{access.SyncPlanned: 50, access.SyncApplied: 149, access.SyncFailed: 1}}
	require.Equal(t, "[######################        ]  75 %  50 left, 149 applied, 1 failed, 50 planned, 12 s", progress(run, 12*time.Second))
	require.Equal(t, "lists the users of the desk", progress(access.SyncRun{}, 0))
	require.Equal(t, "plans", progress(access.SyncRun{Plan: "x"}, 0))
}
