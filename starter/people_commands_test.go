package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// heldRun records a run over the people of hr that holds one leaver back.
func heldRun(t *testing.T, w *world) {
	t.Helper()
	run := access.PeopleRun{Source: "hr", ID: "night", BeganAt: time.Now().UTC().Truncate(time.Hour)}
	require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
	run.Plan, run.Held, run.Applied, run.Listing, run.OutOfScope = "night.plan", 1, 1, access.Listing{People: 9, Problems: 1}, 2
	run.Holds = []access.PeopleHold{{Brake: "leavers", Sentence: "1 of 9 people would leave at once: 11.1 %"}}
	run.Counts.Classes = map[access.PersonClass]int{access.ClassLeaver: 1, access.ClassMover: 1}
	require.NoError(t, w.store.StagePeople(t.Context(), "hr", run.Plan, access.PeoplePage{Problems: []access.PersonProblem{{Row: "line 7", ID: "x", Problem: "user_name: is empty"}}}, 0))
	require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
	require.NoError(t, w.store.ApplyPeople(t.Context(), run, []access.PersonChange{
		{Person: "p1", Class: access.ClassLeaver, Reason: "is inactive in the source", Held: "leavers", Brakes: []string{"leavers", "protected"}, After: access.KnownPerson{Record: access.PersonRecord{Person: access.Person{ID: "p1", DisplayName: "Ana A."}}}},
		{Person: "p2", Class: access.ClassMover, Fields: []string{"email", "manager"}, After: access.KnownPerson{Record: access.PersonRecord{Person: access.Person{ID: "p2", UserName: "ben"}}}},
	}))
	run.EndedAt = run.BeganAt.Add(time.Minute)
	require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
}

func TestPeople_commands(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "No runs yet.\n", w.usher(t, "audra", "people", "runs", "hr").out)
	heldRun(t, w)
	runs := w.usher(t, "audra", "people", "runs", "hr", "--limit", "1").out
	require.Regexp(t, `RUN +BEGAN +STATE +LISTED +APPLIED +HELD +BY\nnight +\S+ \S+ +holds changes +9 +1 +1 +its schedule\nMore: --before \S+\n`, runs)
	run := w.usher(t, "audra", "people", "run", "hr", "night").out
	require.Contains(t, run, "Run      night over the people of hr: holds changes\n")
	require.Contains(t, run, "Listed   everybody: 9 people, 1 problems\nScope    2 of these people are out of scope, and count as missing\n         1 leaver\n         1 mover\nApplied  1, held back 1\n"+
		"To see the problems: usher people problems hr night\nHold     leavers: 1 of 9 people would leave at once: 11.1 %\nTo see who is held: usher people changes hr night --held\n")
	const all = "PERSON  NAME    CLASS   HELD BY             WHY\n" +
		"p1      Ana A.  leaver  leavers, protected  is inactive in the source\n"
	require.Equal(t, said{out: all + "p2      ben     mover                       email, manager\n"}, w.usher(t, "audra", "people", "changes", "hr", "night"))
	require.Equal(t, said{out: all}, w.usher(t, "audra", "people", "changes", "hr", "night", "--held", "--class", "leaver", "--limit", "9"))
	require.Equal(t, said{out: all + "More: --after p1\n"}, w.usher(t, "audra", "people", "changes", "hr", "night", "--limit", "1"))
	require.Equal(t, said{out: "No such changes.\n"}, w.usher(t, "audra", "people", "changes", "hr", "night", "--after", "p2"))
	const problems = "WHERE   PERSON  PROBLEM\nline 7  x       user_name: is empty\n"
	require.Equal(t, said{out: problems}, w.usher(t, "audra", "people", "problems", "hr", "night"))
	require.Equal(t, said{out: problems + "More: --skip 1\n"}, w.usher(t, "audra", "people", "problems", "hr", "night", "--limit", "1"))
	require.Equal(t, said{out: "No problems.\n"}, w.usher(t, "audra", "people", "problems", "hr", "night", "--skip", "1"))
	require.Contains(t, w.usher(t, "ana", "people", "runs", "hr").err, "Only administrators and auditors")
	require.Contains(t, w.usher(t, "audra", "people", "run", "hr", "nightt").err, `there is no run "nightt"`)
}

// Ids are shown so that a shell gives them back, whatever a source has in them.
func TestPeople_commands_any_id(t *testing.T) {
	for id, word := range map[access.PersonID]string{
		"cn=ana,ou=x": "cn=ana,ou=x", "jos\u00e9": "jos\u00e9", "emp 7": "$'emp 7'", "a\u0085b": `$'a\xc2\x85b'`, "\x1b[2Jx": `$'\x1b[2Jx'`, `it's\`: `$'it\'s\\'`,
	} {
		w := newWorld(t)
		run := access.PeopleRun{Source: "hr", ID: "night", BeganAt: time.Now().UTC().Truncate(time.Hour)}
		require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
		run.Plan = "night.plan"
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
		require.NoError(t, w.store.ApplyPeople(t.Context(), run, []access.PersonChange{{Person: id, Class: access.ClassLeaver}, {Person: "\U0010ffff", Class: access.ClassLeaver}}))
		page := w.usher(t, "audra", "people", "changes", "hr", "night", "--limit", "1").out
		require.Contains(t, page, "\n"+word+" ")
		require.Contains(t, page, "More: --after "+word+"\n")
		next := w.usher(t, "audra", "people", "changes", "hr", "night", "--after", string(id)).out
		require.Contains(t, next, `$'\xf4\x8f\xbf\xbf'`)
		require.NotContains(t, next, word)
	}
}

func TestPeople_start_and_release(t *testing.T) {
	w := newWorld(t)
	heldRun(t, w)
	got := w.usher(t, "adam", "people", "start", "hr", "--whole", "--id", "now")
	require.Equal(t, said{out: "The run now is started. To follow it: usher people run hr now\n"}, got)
	require.Equal(t, workflows.PeopleRunParams{Source: "hr", Whole: true, By: "adam", Evidence: "development header"}, w.gateway.started)
	got = w.usher(t, "adam", "people", "release", "hr", "night", "--only", "p1", "--brake", "leavers", "--reason", "she left")
	require.Zero(t, got.code, got.err)
	require.Equal(t, &access.PeopleRelease{Run: "night", Brakes: []string{"leavers"}, People: []access.PersonID{"p1"}, Reason: "she left"}, w.gateway.started.Release)

	got = w.usher(t, "adam", "people", "release", "hr", "night")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.err, "--reason: is empty, expected why")
	got = w.usher(t, "adam", "people", "release", "hr", "night", "--only", "p2", "--reason", "x")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.err, "body.release.only[0]: found \"p2\", expected the id of somebody whom the run held back")
	require.Contains(t, w.usher(t, "audra", "people", "start", "hr").err, "Only administrators may start runs")
	w.gateway.err = access.Errorf(access.Transient, "start", "Temporal does not answer")
	require.Contains(t, w.usher(t, "adam", "people", "start", "hr", "--id", "x").err, "to repeat it safely: the same command with --id x")
}

func TestPeople_events_command(t *testing.T) {
	w := newWorld(t)
	heldRun(t, w)
	require.Equal(t, said{out: "No events.\n"}, w.usher(t, "audra", "people", "events", "hr"))
	run := access.PeopleRun{
		Source: "hr", ID: "r", BeganAt: time.Date(2126, 11, 28, 3, 0, 0, 0, time.UTC), By: "adam", Release: &access.PeopleRelease{Run: "night", Reason: "she\nleft"},
	}
	require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
	require.Equal(t, said{out: "AT                    WHAT                 BY    TEXT\n2126-11-28 03:00:00Z  people_run_releases  adam  " +
		"The run r releases what the run night over the people of hr held back (1 leaver), of all brakes, for everybody whom they hold: she left.\n"},
		w.usher(t, "audra", "people", "events", "hr"))
}
