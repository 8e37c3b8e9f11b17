package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

var peopleDay = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

// peopleWorld has a run over the people of hr that ended well, and after it one that holds leavers back.
func peopleWorld(t *testing.T, change ...func(*httpapi.Config, *httpapi.Deps)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*httpapi.Config, *httpapi.Deps){func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Now = func() time.Time { return peopleDay.Add(2 * time.Hour) }
	}}, change...)...)
	for i, id := range []string{"run-1", "run-2"} {
		run := access.PeopleRun{Source: "hr", ID: id, BeganAt: peopleDay.Add(time.Duration(i) * time.Hour)}
		require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
		run.Plan = id + ".plan"
		held := ""
		if id == "run-2" {
			held, run.Held, run.Holds = "leavers", 2, []access.PeopleHold{{Brake: "leavers", Sentence: "2 of 3 would leave"}}
		}
		require.NoError(t, w.store.StagePeople(t.Context(), "hr", run.Plan, access.PeoplePage{Problems: []access.PersonProblem{
			{Row: "line 7", ID: "x", Problem: "user_name: is empty"}, {Row: "line 9", Problem: "id: is empty"},
		}}, 0))
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
		changes := []access.PersonChange{
			{Person: "a", Class: access.ClassLeaver, Reason: "is inactive in the source", Held: held},
			{Person: "b", Class: access.ClassLeaver, Held: held},
			{Person: "c", Class: access.ClassJoiner},
		}
		require.NoError(t, w.store.ApplyPeople(t.Context(), run, changes))
		run.EndedAt = run.BeganAt.Add(time.Minute)
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
	}
	return w
}

// A script that finds nobody to release sends an empty list, which must not mean everybody.
func TestStartPeople_releases_nobody(t *testing.T) {
	for _, field := range []string{"only", "brakes"} {
		got := peopleWorld(t).call("adam", "POST", "/v1/people/hr/runs", `{"id":"r","release":{"run":"run-2","`+field+`":[],"reason":"x"}}`)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Contains(t, got.body, "release."+field)
	}
}

// Every id that a listing can have is taken back, as the place where the next page begins and as the one who is released.
func TestPeople_any_listed_id(t *testing.T) {
	for _, id := range []string{"M\ufffdller", "a\u0085b", "a\tb\u001b[2J", strings.Repeat("x", 512)} {
		w := peopleWorld(t)
		run := access.PeopleRun{Source: "hr", ID: "run-3", BeganAt: peopleDay.Add(time.Hour)}
		require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
		run.Plan = "p3"
		page := access.PeoplePage{People: []access.PersonRecord{{Person: access.Person{ID: access.PersonID(id)}}}}
		require.NoError(t, w.store.StagePeople(t.Context(), "hr", "p3", page, 0), "a listing can have the id")
		run.Held, run.Holds = 2, []access.PeopleHold{{Brake: "leavers", Sentence: "x"}}
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
		require.NoError(t, w.store.ApplyPeople(t.Context(), run, []access.PersonChange{
			{Person: access.PersonID(id), Class: access.ClassLeaver, Held: "leavers"}, {Person: "z", Class: access.ClassLeaver, Held: "leavers"},
		}))
		run.EndedAt = run.BeganAt.Add(time.Minute)
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
		got := decode[struct{ Next string }](t, w.call("adam", "GET", "/v1/people/hr/runs/run-3/changes?limit=1", ""))
		require.Equal(t, id, got.Next)
		next := w.call("adam", "GET", "/v1/people/hr/runs/run-3/changes?after="+url.QueryEscape(got.Next), "")
		require.Equal(t, http.StatusOK, next.status, next.body)
		require.Contains(t, next.body, `"person":"z"`)
		named, err := json.Marshal(id)
		require.NoError(t, err)
		released := w.call("adam", "POST", "/v1/people/hr/runs", `{"id":"r","release":{"run":"run-3","only":[`+string(named)+`],"reason":"left"}}`)
		require.Equal(t, http.StatusAccepted, released.status, released.body)
		require.Equal(t, []access.PersonID{access.PersonID(id)}, w.gateway.started.Release.People)
	}
	for _, id := range []string{"%00", "%ff", strings.Repeat("x", 513)} {
		got := peopleWorld(t).call("adam", "GET", "/v1/people/hr/runs/run-2/changes?after="+id, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
		require.Equal(t, "query.after", got.problem.Errors[0].Location)
	}
}

// Who may do what with the runs over people.
func TestPeople_rights(t *testing.T) {
	for _, row := range []struct {
		person         string
		reads, starts  int
		openReadsToo   bool
		administrators []access.PersonID
	}{
		{person: "ana", reads: http.StatusForbidden, starts: http.StatusForbidden},
		{person: "ana", reads: http.StatusForbidden, starts: http.StatusForbidden, openReadsToo: true},
		{person: "audra", reads: http.StatusOK, starts: http.StatusForbidden},
		{person: "adam", reads: http.StatusOK, starts: http.StatusAccepted},
	} {
		t.Run(fmt.Sprintf("%s %t", row.person, row.openReadsToo), func(t *testing.T) {
			w := peopleWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.OpenReads = row.openReadsToo })
			for _, path := range []string{"", "/run-1", "/run-1/changes", "/run-1/problems"} {
				require.Equal(t, row.reads, w.call(row.person, "GET", "/v1/people/hr/runs"+path, "").status, path)
			}
			require.Equal(t, row.starts, w.call(row.person, "POST", "/v1/people/hr/runs", "").status)
			require.Equal(t, row.starts == http.StatusAccepted, w.gateway.startedID != "")
		})
	}
}

type runsAnswer struct {
	Runs []access.PeopleRun
	Next string
}

func TestPeople_runs(t *testing.T) {
	w := peopleWorld(t)
	got := decode[runsAnswer](t, w.call("audra", "GET", "/v1/people/hr/runs?limit=1", ""))
	require.Equal(t, "run-2", got.Runs[0].ID)
	got = decode[runsAnswer](t, w.call("audra", "GET", "/v1/people/hr/runs?limit=1&before="+got.Next, ""))
	require.Len(t, got.Runs, 1)
	require.Equal(t, "run-1", got.Runs[0].ID)
	require.Empty(t, decode[runsAnswer](t, w.call("audra", "GET", "/v1/people/crm/runs", "")).Runs)
	w.gateway.sourceErr = access.Errorf(access.NotFound, "x", `there is no source "hrr"`)
	unknown := w.call("audra", "GET", "/v1/people/hrr/runs", "")
	require.Equal(t, http.StatusNotFound, unknown.status)
	require.Contains(t, unknown.problem.Detail, `no source "hrr"`)

	run := decode[access.PeopleRun](t, w.call("audra", "GET", "/v1/people/hr/runs/run-2", ""))
	require.Equal(t, 2, run.Held)
	require.Equal(t, "2 of 3 would leave", run.Holds[0].Sentence)
	require.Equal(t, http.StatusNotFound, w.call("audra", "GET", "/v1/people/hr/runs/run-9", "").status)
	require.Equal(t, http.StatusServiceUnavailable, newWorld(t, ledgerAway).call("audra", "GET", "/v1/people/hr/runs/run-9", "").status)
}

func TestPeople_changes(t *testing.T) {
	w := peopleWorld(t)
	for query, want := range map[string]string{
		"":                             "a b c",
		"?class=leaver":                "a b",
		"?held=true":                   "a b",
		"?held=true&class=joiner":      "",
		"?held=true&limit=1":           "a then a",
		"?after=a&class=leaver":        "b",
		"?after=c":                     "",
		"?limit=2":                     "a b then b",
		"?limit=2&after=b&class=mover": "",
	} {
		t.Run(query, func(t *testing.T) {
			got := decode[struct {
				Changes []access.PersonChange
				Next    string
			}](t, w.call("adam", "GET", "/v1/people/hr/runs/run-2/changes"+query, ""))
			var ids []string
			for _, c := range got.Changes {
				ids = append(ids, string(c.Person))
			}
			text := strings.Join(ids, " ")
			if got.Next != "" {
				text += " then " + got.Next
			}
			require.Equal(t, want, text)
		})
	}
	for query, field := range map[string]string{"?class=unchanged": "query.class", "?limit=0": "query.limit", "?held=yes": "query.held"} {
		got := w.call("adam", "GET", "/v1/people/hr/runs/run-2/changes"+query, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
		require.Equal(t, field, got.problem.Errors[0].Location)
	}
}

func TestPeople_problems(t *testing.T) {
	w := peopleWorld(t)
	const first, second = `{"row":"line 7","id":"x","problem":"user_name: is empty"}`, `{"row":"line 9","problem":"id: is empty"}`
	for query, want := range map[string]string{
		"":                `{"problems":[` + first + `,` + second + `]}`,
		"?limit=1":        `{"problems":[` + first + `],"next":1}`,
		"?limit=1&skip=1": `{"problems":[` + second + `],"next":2}`,
		"?skip=2":         `{"problems":[]}`,
	} {
		require.JSONEq(t, want, w.call("audra", "GET", "/v1/people/hr/runs/run-2/problems"+query, "").body, query)
	}
	require.Equal(t, http.StatusNotFound, w.call("audra", "GET", "/v1/people/hr/runs/run-9/problems", "").status)
	require.Equal(t, http.StatusUnprocessableEntity, w.call("audra", "GET", "/v1/people/hr/runs/run-2/problems?skip=-1", "").status)
}

func TestPeople_start(t *testing.T) {
	w := peopleWorld(t)
	got := w.call("adam", "POST", "/v1/people/hr/runs", `{"id":"by-hand","whole":true}`)
	require.Equal(t, http.StatusAccepted, got.status)
	require.JSONEq(t, `{"run":"by-hand"}`, got.body)
	require.Equal(t, "/v1/people/hr/runs/by-hand", got.header.Get("Location"))
	require.Equal(t, "by-hand", w.gateway.startedID)
	require.Equal(t, workflows.PeopleRunParams{Source: "hr", Whole: true, By: "adam", Evidence: "development header"}, w.gateway.started)

	require.Equal(t, http.StatusAccepted, w.call("adam", "POST", "/v1/people/hr/runs", "", "Idempotency-Key", "k").status)
	keyed := w.gateway.startedID
	require.Equal(t, http.StatusAccepted, w.call("adam", "POST", "/v1/people/hr/runs", "", "Idempotency-Key", "k").status)
	require.Equal(t, keyed, w.gateway.startedID)
	require.Equal(t, http.StatusAccepted, w.call("adam", "POST", "/v1/people/hr/runs", "").status)
	require.NotEqual(t, keyed, w.gateway.startedID)

	w.gateway.err = &gateway.RefusedError{Op: "start", Kind: access.Invalid, Message: "used", Refusals: []access.Refusal{{Field: "id", Problem: "used for another run"}}}
	refused := w.call("adam", "POST", "/v1/people/hr/runs", `{"id":"by-hand"}`)
	require.Equal(t, []httpapi.ProblemField{{Location: "body.id", Pointer: "/id", Message: "used for another run"}}, refused.problem.Errors)
	w.gateway.err = access.Errorf(access.NotFound, "start", "there is no source")
	require.Equal(t, http.StatusNotFound, w.call("adam", "POST", "/v1/people/hrr/runs", "").status)
}

func TestPeople_release(t *testing.T) {
	w := peopleWorld(t)
	post := func(release string) answer {
		return w.call("adam", "POST", "/v1/people/hr/runs", `{"id":"r","release":`+release+`}`)
	}
	require.Equal(t, http.StatusAccepted, post(`{"run":"run-2","brakes":["leavers"],"only":["b"],"reason":"she left"}`).status)
	require.Equal(t, workflows.PeopleRunParams{
		Source: "hr", By: "adam", Evidence: "development header",
		Release: &access.PeopleRelease{Run: "run-2", Brakes: []string{"leavers"}, People: []access.PersonID{"b"}, Reason: "she left"},
	}, w.gateway.started)
	for release, field := range map[string]string{
		`{"run":"run-1","reason":"x"}`:                      "body.release.run",
		`{"run":"run-2","brakes":["field:x"],"reason":"x"}`: "body.release.brakes[0]",
		`{"run":"run-2","only":["b","c"],"reason":"x"}`:     "body.release.only[1]",
		`{"run":"run-2","only":["\u0007"],"reason":"x"}`:    "body.release.only[0]",
		`{"run":"run-2"}`:                                     "body.release",
		`{"run":"run-2","reason":""}`:                         "body.release.reason",
		`{"run":"run-2","reason":"a\u0000b"}`:                 "body.release.reason",
		`{"run":"","reason":"x"}`:                             "body.release.run",
		`{"run":"run-2","reason":"x","people":["everybody"]}`: "body.release.people",
	} {
		w.gateway.startedID = ""
		got := post(release)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.status, release)
		require.Equal(t, field, got.problem.Errors[0].Location, release)
		require.Empty(t, w.gateway.startedID, release)
	}
	require.Equal(t, http.StatusNotFound, post(`{"run":"run-9","reason":"x"}`).status)

	late := peopleWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Now = func() time.Time { return peopleDay.Add(26 * time.Hour) }
	})
	got := late.call("adam", "POST", "/v1/people/hr/runs", `{"release":{"run":"run-2","reason":"x"}}`)
	require.Equal(t, "found a run that ended at 2026-11-28T04:01:00Z, expected one that ended within 1d", got.problem.Errors[0].Message)
}

// Who released what is told to auditors with how that person was identified, to administrators without.
func TestPeople_events(t *testing.T) {
	w := peopleWorld(t)
	require.JSONEq(t, `{"events":[]}`, w.call("audra", "GET", "/v1/people/hr/events", "").body)
	for i, id := range []string{"by-hand", "release"} {
		run := access.PeopleRun{Source: "hr", ID: id, BeganAt: peopleDay.Add(time.Duration(2+i) * time.Hour), By: "adam", Evidence: "a token"}
		if id == "release" {
			run.Release = &access.PeopleRelease{Run: "run-2", People: []access.PersonID{"a"}, Reason: "left"}
		}
		require.NoError(t, w.store.BeginPeopleRun(t.Context(), run))
		run.EndedAt, run.Problem = run.BeganAt.Add(time.Minute), "enough"
		require.NoError(t, w.store.SavePeopleRun(t.Context(), run))
	}
	type page struct {
		Events []access.PlacedDeskEvent
		Next   int64
	}
	first := decode[page](t, w.call("audra", "GET", "/v1/people/hr/events?limit=1", ""))
	require.Equal(t, access.DeskPeopleRunReleases, first.Events[0].Type)
	require.Equal(t, [2]any{access.PersonID("adam"), "a token"}, [2]any{first.Events[0].Actor, first.Events[0].Evidence})
	require.Equal(t, map[string]int{"leaver": 1}, first.Events[0].Held)
	second := decode[page](t, w.call("adam", "GET", fmt.Sprintf("/v1/people/hr/events?before=%d", first.Next), ""))
	require.Len(t, second.Events, 1)
	require.Equal(t, access.DeskPeopleRunStarted, second.Events[0].Type)
	require.Empty(t, second.Events[0].Evidence)
	require.Equal(t, http.StatusForbidden, w.call("ana", "GET", "/v1/people/hr/events", "").status)
	require.Equal(t, "path.source", w.call("adam", "GET", "/v1/people/h%00r/events", "").problem.Errors[0].Location)
	require.Equal(t, http.StatusServiceUnavailable, newWorld(t, ledgerAway).call("audra", "GET", "/v1/people/hr/events", "").status)
}
