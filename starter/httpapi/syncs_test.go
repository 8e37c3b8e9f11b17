package httpapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
	"usher/workflows"
)

// syncWorld has a run over the users of it that ended and holds two rows, and one that goes on.
func syncWorld(t *testing.T, change ...func(*httpapi.Config, *httpapi.Deps)) *world {
	t.Helper()
	w := newWorld(t, append([]func(*httpapi.Config, *httpapi.Deps){func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Now = func() time.Time { return peopleDay.Add(2 * time.Hour) }
	}}, change...)...)
	for i, id := range []string{"run-1", "run-2"} {
		run := access.SyncRun{Desk: "it", Source: "hr", ID: id, BeganAt: peopleDay.Add(time.Duration(i) * time.Hour)}
		require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
		run.Plan, run.Rows = id+".plan", id+".rows"
		run.Holds = []access.PeopleHold{{Brake: "deactivations", Sentence: "2 of 3 would be switched off"}}
		require.NoError(t, w.store.PlanSyncRows(t.Context(), run, []access.SyncRow{
			{Person: "a", Operation: access.UserDeactivate, User: "7", State: access.SyncHeld, Held: "deactivations", Brakes: []string{"deactivations"}},
			{Person: "b", Operation: access.UserDeactivate, User: "8", State: access.SyncHeld, Held: "deactivations", Brakes: []string{"deactivations"}},
			{Person: "c", Operation: access.UserCreate, State: access.SyncApplied, Values: map[string]string{"user_name": "cyd"}},
		}))
		require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
		if id == "run-1" {
			run.EndedAt, run.States = run.BeganAt.Add(time.Minute), map[access.SyncState]int{access.SyncHeld: 2, access.SyncApplied: 1}
			require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
		}
	}
	return w
}

// Who may do what with the runs over users.
func TestSyncs_rights(t *testing.T) {
	for person, wanted := range map[string][2]int{
		"ana": {http.StatusForbidden, http.StatusForbidden}, "audra": {http.StatusOK, http.StatusForbidden}, "adam": {http.StatusOK, http.StatusAccepted},
	} {
		for _, open := range []bool{false, true} {
			w := syncWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.OpenReads = open })
			for _, path := range []string{"", "/run-1", "/run-1/rows"} {
				require.Equal(t, wanted[0], w.call(person, "GET", "/v1/desks/it/syncs"+path, "").status, person+path)
			}
			require.Equal(t, wanted[1], w.call(person, "POST", "/v1/desks/it/syncs", "").status, person)
			require.Equal(t, wanted[1] == http.StatusAccepted, w.gateway.startedID != "")
		}
	}
}

func TestSyncs_read(t *testing.T) {
	w := syncWorld(t)
	type answer struct {
		Runs []access.SyncRun
		Next string
	}
	got := decode[answer](t, w.call("audra", "GET", "/v1/desks/it/syncs?limit=1", ""))
	require.Equal(t, "run-2", got.Runs[0].ID)
	got = decode[answer](t, w.call("audra", "GET", "/v1/desks/it/syncs?limit=1&before="+got.Next, ""))
	require.Equal(t, "run-1", got.Runs[0].ID)
	require.Empty(t, decode[answer](t, w.call("audra", "GET", "/v1/desks/other/syncs", "")).Runs)
	w.gateway.sourceErr = access.Errorf(access.NotFound, "x", `there is no desk "itt"`)
	require.Equal(t, http.StatusNotFound, w.call("audra", "GET", "/v1/desks/itt/syncs", "").status)

	going := decode[access.SyncRun](t, w.call("audra", "GET", "/v1/desks/it/syncs/run-2", ""))
	require.Equal(t, map[access.SyncState]int{access.SyncHeld: 2, access.SyncApplied: 1}, going.States, "the states of this moment")
	require.Equal(t, http.StatusNotFound, w.call("audra", "GET", "/v1/desks/it/syncs/run-9", "").status)
	require.Equal(t, http.StatusServiceUnavailable, newWorld(t, ledgerAway).call("audra", "GET", "/v1/desks/it/syncs/run-9", "").status)

	for query, want := range map[string]string{
		"": "a b c", "?state=held": "a b", "?operation=create": "c", "?person=b": "b", "?limit=2": "a b then b", "?after=b": "c", "?after=c": "",
	} {
		got := decode[struct {
			Rows []access.SyncRow
			Next string
		}](t, w.call("adam", "GET", "/v1/desks/it/syncs/run-1/rows"+query, ""))
		var ids []string
		for _, r := range got.Rows {
			ids = append(ids, string(r.Person))
		}
		text := strings.Join(ids, " ")
		if got.Next != "" {
			text += " then " + got.Next
		}
		require.Equal(t, want, text, query)
	}
	for query, field := range map[string]string{"?state=x": "query.state", "?operation=x": "query.operation", "?limit=0": "query.limit", "?person=%00": "query.person"} {
		got := w.call("adam", "GET", "/v1/desks/it/syncs/run-1/rows"+query, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
		require.Equal(t, field, got.problem.Errors[0].Location)
	}
}

func TestSyncs_start(t *testing.T) {
	w := syncWorld(t)
	got := w.call("adam", "POST", "/v1/desks/it/syncs", `{"id":"by-hand","dry":true,"scope":{"attribute":"department","value":"Research"}}`)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Equal(t, "/v1/desks/it/syncs/by-hand", got.header.Get("Location"))
	require.Equal(t, workflows.UserSyncParams{
		Desk: "it", Dry: true, Scope: access.SyncScope{Attribute: "department", Value: "Research"}, By: "adam", Evidence: "development header",
	}, w.gateway.synced)
	got = w.call("adam", "POST", "/v1/desks/it/syncs", `{"id":"r","release":{"run":"run-1","only":["a"],"brakes":["deactivations"],"reason":"left"}}`)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Equal(t, &access.PeopleRelease{Run: "run-1", Brakes: []string{"deactivations"}, People: []access.PersonID{"a"}, Reason: "left"}, w.gateway.synced.Release)
}

// A run that holds no row, but the hand-over of what leavers own, can be released.
func TestSyncs_start_releases_a_hand_over(t *testing.T) {
	w := syncWorld(t)
	run := access.SyncRun{
		Desk: "other", Source: "hr", ID: "run-3", BeganAt: peopleDay, Counts: access.SyncCounts{Leavers: 60},
		Holds: []access.PeopleHold{{Brake: "hand_over", Sentence: "what 60 leavers own would be handed over at once"}},
	}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	run.Plan = "plan"
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	run.EndedAt = peopleDay.Add(time.Minute)
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	got := w.call("adam", "POST", "/v1/desks/other/syncs", `{"release":{"run":"run-3","brakes":["hand_over"],"reason":"left"}}`)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
}

// A run over some people holds what all leavers own, which only a run over everybody releases.
func TestSyncs_start_releases_no_hand_over_of_a_scoped_run(t *testing.T) {
	w := syncWorld(t)
	run := access.SyncRun{
		Desk: "other", Source: "hr", ID: "run-3", BeganAt: peopleDay, Counts: access.SyncCounts{Leavers: 60}, Scope: access.SyncScope{Person: "a"},
		Holds: []access.PeopleHold{{Brake: "hand_over", Sentence: "what 60 leavers own would be handed over at once"}},
	}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	run.Plan = "plan"
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	run.EndedAt = peopleDay.Add(time.Minute)
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	for _, brakes := range []string{"", `"brakes":["hand_over"],`} {
		got := w.call("adam", "POST", "/v1/desks/other/syncs", `{"release":{"run":"run-3",`+brakes+`"reason":"left"}}`)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Equal(t, "body.release.run", got.problem.Errors[0].Location)
	}
}

// A dry run records no leavers, so a release of it would free nobody.
func TestSyncs_start_releases_no_hand_over_of_a_dry_run(t *testing.T) {
	w := syncWorld(t)
	run := access.SyncRun{
		Desk: "other", Source: "hr", ID: "run-3", BeganAt: peopleDay, Counts: access.SyncCounts{Leavers: 60}, Dry: true,
		Holds: []access.PeopleHold{{Brake: "hand_over", Sentence: "what 60 leavers own would be handed over at once"}},
	}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	run.Plan = "plan"
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	run.EndedAt = peopleDay.Add(time.Minute)
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	got := w.call("adam", "POST", "/v1/desks/other/syncs", `{"release":{"run":"run-3","brakes":["hand_over"],"reason":"left"}}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
	require.Equal(t, "body.release.run", got.problem.Errors[0].Location)
}

func TestSyncs_start_refused(t *testing.T) {
	for body, field := range map[string]string{
		`{"scope":{}}`:                                                  "body.scope",
		`{"scope":{"attribute":"department"}}`:                          "body.scope.value",
		`{"dry":true,"release":{"run":"run-1","reason":"x"}}`:           "body.release",
		`{"release":{"run":"run-2","reason":"x"}}`:                      "body.release.run",
		`{"release":{"run":"run-1","brakes":["field:x"],"reason":"x"}}`: "body.release.brakes[0]",
		`{"release":{"run":"run-1","only":["c"],"reason":"x"}}`:         "body.release.only[0]",
		`{"release":{"run":"run-1","only":[],"reason":"x"}}`:            "body.release.only",
		`{"release":{"run":"run-1"}}`:                                   "body.release",
	} {
		w := syncWorld(t)
		got := w.call("adam", "POST", "/v1/desks/it/syncs", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, body)
		require.Equal(t, field, got.problem.Errors[0].Location, body)
		require.Empty(t, w.gateway.startedID)
	}
	late := syncWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Now = func() time.Time { return peopleDay.Add(25 * time.Hour) }
	})
	got := late.call("adam", "POST", "/v1/desks/it/syncs", `{"release":{"run":"run-1","reason":"x"}}`)
	require.Equal(t, "body.release.run", got.problem.Errors[0].Location)
}

// A client that misspells a field is told so: a dry run that starts a real one is the worst that can follow.
func TestBodies_are_strict(t *testing.T) {
	text, err := os.ReadFile("testdata/openapi.json")
	require.NoError(t, err)
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ AdditionalProperties any }
		}
	}
	require.NoError(t, json.Unmarshal(text, &document))
	bodies := 0
	for path, operations := range document.Paths {
		for method, operation := range operations {
			schema := operation.RequestBody.Content["application/json"].Schema.Ref
			if schema == "" {
				continue
			}
			bodies++
			name := schema[strings.LastIndex(schema, "/")+1:]
			require.Equal(t, false, document.Components.Schemas[name].AdditionalProperties, "%s %s takes keys that %s does not have", method, path, name)
		}
	}
	require.Positive(t, bodies)
}
