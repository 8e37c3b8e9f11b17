package jiratest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
)

func TestSeed_many_issues(t *testing.T) {
	r := newReceiver(t)
	d := hookedDesk(t, r)
	before := d.create(nil)
	made := d.want(http.StatusOK, http.MethodPost, "/_sim/seed", object{
		"count": 3, "from": 7, "labels": []string{"usher", "usher-{n}"}, "summary": "Access {n}", "spread_seconds": 120,
		"status": "Approved", "assignee": "ana@example.test", "properties": object{"usher": object{"marker": "usher-{n}"}},
	})
	require.Equal(t, json.Number("3"), made.json["count"])
	require.Equal(t, "ACCESS-2", at(t, made.json, "issues", 0, "key"))
	i, _ := d.Ticket("ACCESS-3")
	require.Equal(t, []string{"usher", "usher-8"}, i.Labels)
	require.Equal(t, "Access 8", i.Summary)
	require.Equal(t, desktest.StatusApproved, i.Status)
	require.Equal(t, "acc-ana", i.Assignee)
	require.JSONEq(t, `{"marker":"usher-8"}`, string(i.Properties["usher"]))
	require.Equal(t, d.clock.now().Add(-time.Minute).UnixMilli(), i.Updated.UnixMilli())
	require.Equal(t, []string{"ACCESS-2", "ACCESS-3", "ACCESS-4"}, d.keys("labels = usher ORDER BY updated ASC"))
	require.Equal(t, []string{"ACCESS-4", before}, d.keys(`updated >= "2026/03/04 07:30"`))
	require.Equal(t, "ACCESS-5", d.create(nil))
	require.Equal(t, []string{"jira:issue_created", "jira:issue_created"}, events(r.wait(t, 2)), "a seed tells no webhook")
	for _, body := range []string{`{}`, `{"count":0}`, `{"count":1,"project":"NO"}`, `{"count":1,"status":"No"}`, `{"count":1,"assignee":"no"}`, `{"cuont":1}`} {
		d.want(http.StatusBadRequest, http.MethodPost, "/_sim/seed", body)
	}
}

func TestLog_counts_from_zero(t *testing.T) {
	d := newDesk(t, nil)
	d.create(nil)
	d.keys("project = ACCESS")
	d.keys("project = ACCESS")
	r := d.want(http.StatusOK, http.MethodGet, "/_sim/calls", nil)
	require.Equal(t, object{"total": json.Number("3"), "by_operation": object{"create_issue": json.Number("1"), "search": json.Number("2")}}, r.json)
	require.Equal(t, json.Number("0"), d.want(http.StatusOK, http.MethodDelete, "/_sim/calls", nil).json["total"])
	require.Equal(t, fakewire.Calls{ByOperation: map[jiratest.Operation]int{}}, d.Calls())
}

// TestIndex compares narrowed queries with the same ones in a form that nothing narrows.
func TestIndex(t *testing.T) {
	d := newDesk(t, nil)
	for n := range 30 {
		d.create(object{"labels": []string{"usher", fmt.Sprintf("usher-%d", n%7)}})
		d.clock.move(20 * time.Second)
	}
	for n := 1; n <= 30; n += 4 {
		require.NoError(t, d.Edit("acc-ana", fmt.Sprintf("ACCESS-%d", n), map[string]any{"labels": []string{"other"}}))
		d.clock.move(10 * time.Second)
	}
	require.NoError(t, d.Delete("ACCESS-2"))
	require.NoError(t, d.Archive("ACCESS-3", true))
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{IndexLagSeconds: 3600}})
	require.NoError(t, d.Edit("acc-ana", "ACCESS-4", map[string]any{"labels": []string{"late"}}))
	for _, jql := range []string{
		`labels = usher`, `labels = USHER`, `labels = other`, `labels = late`, `labels in (usher-1, usher-2, other)`,
		`updated >= "2026/03/04 07:35"`, `updated > "2026/03/04 07:40" AND labels = usher`, `key in (ACCESS-1, ACCESS-9)`,
		`updated >= "2026/03/04 07:41"`, `updated >= "2026/03/04 07:41" AND labels = usher`,
		`labels = usher AND labels = usher-3 AND updated >= "2026/03/04 07:33"`, `labels = nothing`,
	} {
		require.Equal(t, d.keys("("+jql+") OR summary ~ \"matches nothing\""), d.keys(jql), jql)
	}
	d.clock.move(time.Hour)
	require.Equal(t, []string{"ACCESS-4"}, d.keys("labels = late"))
}

func TestDesk_clock_put_back(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{ClockSkewSeconds: 7200}})
	ahead := d.create(nil)
	d.SetFaults(jiratest.Faults{})
	behind := d.create(nil)
	require.NoError(t, d.CommentAs("acc-ana", ahead, "now"))
	require.Equal(t, []string{behind, ahead}, d.keys(`updated >= "2026/03/04 07:30"`))
	require.Empty(t, d.keys(`updated >= "2026/03/04 07:31"`))
}

func TestSeed_restart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.jsonl")
	d := newDesk(t, kept(file))
	_, err := d.Seed(desktest.Seed{Count: 2500})
	require.NoError(t, err)
	require.NoError(t, d.MoveAs("acc-ana", "ACCESS-1", "Approved"))
	again := newDesk(t, kept(file))
	require.Equal(t, 2500, again.CountLabel("usher"))
	require.Equal(t, d.Tickets(), again.Tickets())
	require.Equal(t, 2500, strings.Count(again.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql",
		object{"jql": "labels = usher", "maxResults": 5000}).raw, `{"id":`))
}

func TestBoard_many(t *testing.T) {
	d := newDesk(t, nil)
	_, err := d.Seed(desktest.Seed{Count: 105})
	require.NoError(t, err)
	page := d.want(http.StatusOK, http.MethodGet, "/board", nil).raw
	require.Equal(t, 100, strings.Count(page, `<article class="card"`))
	require.Contains(t, page, "5 older ones are not shown.")
	require.NotContains(t, page, "Seeded 5<")
	require.Contains(t, page, "Seeded 6<")
}

// loaded is a server with 10,000 open issues of usher, of which 20 changed in the last minute.
func loaded(b *testing.B) *jiratest.Server {
	b.Helper()
	c := &clock{at: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	s := jiratest.New(jiratest.Config{Now: c.now})
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	issues, err := s.Seed(desktest.Seed{Count: 10_000})
	require.NoError(b, err)
	c.move(time.Hour)
	for n := range 20 {
		require.NoError(b, s.CommentAs(jiratest.DefaultAccountID, issues[n*400].Key, "hello"))
	}
	return s
}

func (f ask) run(b *testing.B, s *jiratest.Server) {
	b.Helper()
	raw, err := json.Marshal(f.body)
	require.NoError(b, err)
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, f.path, strings.NewReader(string(raw)))
		r.SetBasicAuth(jiratest.DefaultEmail, jiratest.DefaultToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		require.Equal(b, http.StatusOK, w.Code, w.Body.String())
	}
}

// ask is one call of a benchmark.
type ask struct {
	path string
	body object
}

func BenchmarkTenThousandOpenIssues(b *testing.B) {
	fields := []string{"status", "assignee", "labels", "updated", "project", "resolution"}
	var hundred []string
	for n := range 100 {
		hundred = append(hundred, fmt.Sprintf("ACCESS-%d", n*100+1))
	}
	for name, a := range map[string]ask{
		"what changed": {"/rest/api/3/search/jql", object{
			"jql": `labels = usher AND updated >= "2026/03/04 07:59" ORDER BY updated ASC`, "fields": fields, "maxResults": 100,
		}},
		"one marker":    {"/rest/api/3/search/jql", object{"jql": `labels = "usher-seed-4711"`, "fields": fields}},
		"a first page":  {"/rest/api/3/search/jql", object{"jql": `labels = usher ORDER BY updated ASC`, "fields": fields, "maxResults": 100}},
		"a full walk":   {"/rest/api/3/search/jql", object{"jql": `project = ACCESS AND statusCategory != Done`, "fields": fields, "maxResults": 100}},
		"a bulk fetch":  {bulkFetch, object{"issueIdsOrKeys": hundred, "fields": fields, "expand": []string{"changelog"}}},
		"the histories": {bulkChangelog, object{"issueIdsOrKeys": hundred, "fieldIds": []string{"status"}}},
	} {
		b.Run(name, func(b *testing.B) { a.run(b, loaded(b)) })
	}
}

// BenchmarkACommentWithAStateFile shows that what a change costs does not grow with the number of issues.
func BenchmarkACommentWithAStateFile(b *testing.B) {
	for _, count := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("%d issues", count), func(b *testing.B) {
			s := jiratest.New(jiratest.Config{StateFile: filepath.Join(b.TempDir(), "state.jsonl")})
			b.Cleanup(func() { require.NoError(b, s.Close()) })
			issues, err := s.Seed(desktest.Seed{Count: count})
			require.NoError(b, err)
			for n := 0; b.Loop(); n++ {
				require.NoError(b, s.AssignAs(jiratest.DefaultAccountID, issues[n%count].ID, []string{jiratest.DefaultAccountID, ""}[n/count%2]))
			}
		})
	}
}
