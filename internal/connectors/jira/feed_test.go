package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/jira"
)

// index is a Cloud search over issues in the order of their last changes, with pages by position, as far as the feed
// needs one. What the index believes can be older than what the issue shows.
type index struct {
	mu     sync.Mutex
	issues []indexed
	// limit is how many issues the search gives at most.
	limit int
	now   time.Time
	// deleted are shown by the search and cannot be read. What is read is ahead of what the search shows.
	deleted []string
	ahead   time.Duration
}

type indexed struct {
	id              string
	updated, listed time.Time
}

func (x *index) change(id string, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.issues = slices.DeleteFunc(x.issues, func(i indexed) bool { return i.id == id })
	x.issues = append(x.issues, indexed{id, at, at})
}

func (x *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var q struct {
		JQL           string
		MaxResults    int
		NextPageToken string
	}
	_ = json.NewDecoder(r.Body).Decode(&q)
	_, rest, _ := strings.Cut(q.JQL, "updated >= ")
	text, _, _ := strings.Cut(rest, " ")
	millis, _ := strconv.ParseInt(text, 10, 64)
	var found []indexed
	for _, i := range x.issues {
		if !i.listed.Before(time.UnixMilli(millis)) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b indexed) int { return a.listed.Compare(b.listed) })
	start, _ := strconv.Atoi(q.NextPageToken)
	start = min(start, len(found))
	end := min(start+min(q.MaxResults, x.limit), len(found))
	page := map[string]any{"issues": []any{}}
	if start < end {
		page["issues"] = shown(found[start:end])
	}
	if end < len(found) {
		page["nextPageToken"] = strconv.Itoa(end)
	}
	w.Header().Set("Date", x.now.Format(http.TimeFormat))
	_ = json.NewEncoder(w).Encode(page)
}

// read answers POST issue/bulkfetch, the newest issue first, for nothing promises an order.
func (x *index) read(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var q struct {
		IDs []string `json:"issueIdsOrKeys"`
	}
	_ = json.NewDecoder(r.Body).Decode(&q)
	var found []indexed
	for _, i := range slices.Backward(x.issues) {
		if slices.Contains(q.IDs, i.id) && !slices.Contains(x.deleted, i.id) {
			i.updated = i.updated.Add(x.ahead)
			found = append(found, i)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"issues": shown(found)})
}

func shown(issues []indexed) []any {
	list := make([]any, len(issues))
	for n, i := range issues {
		list[n] = map[string]any{"id": i.id, "key": "ACCESS-" + i.id, "fields": map[string]any{
			"status": map[string]any{"id": "1", "name": "Open"}, "updated": i.updated.Format("2006-01-02T15:04:05.000-0700"),
		}}
	}
	return list
}

func indexedScript(t *testing.T, x *index) *script {
	s := cloudScript(t)
	s.on("POST /rest/api/3/search/jql", x.ServeHTTP)
	s.on("POST /rest/api/3/issue/bulkfetch", x.read)
	s.on("POST /rest/api/3/changelog/bulkfetch", okay(`{"issueChangeLogs":[]}`))
	return s
}

func jiraTime(minute, second int) time.Time {
	return time.Date(2026, 1, 2, 3, minute, second, 0, time.UTC)
}

func TestChangedTickets_jql(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*jira.Config)
		want   string
	}{
		{"the common label", func(*jira.Config) {}, `labels = "usher"`},
		{"a label of its own", func(c *jira.Config) { c.Label = `a"b\` }, `labels = "a\"b\\"`},
		{"the project where there are no labels", func(c *jira.Config) { c.MarkerField = "customfield_1" }, `project = "ACCESS"`},
		{"labels beside a field", func(c *jira.Config) { c.MarkerField, c.Labels = "customfield_1", true }, `labels = "usher"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := indexedScript(t, &index{now: jiraTime(0, 0)})
			since := jiraTime(30, 45).Add(678 * time.Millisecond).In(time.FixedZone("far east", 14*3600))
			_, err := s.desk(t, tt.change).ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 7})
			require.NoError(t, err)
			require.Equal(t, map[string]any{
				"jql":    tt.want + ` AND updated >= 1767324645000 ORDER BY updated ASC, key ASC`,
				"fields": []any{"status", "assignee", "resolution", "updated", "project"}, "maxResults": 7.0,
			}, jsonOf(t, s.body(t, "POST /rest/api/3/search/jql")))
		})
	}
}

func TestChangedTickets_calls(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(40, 0)}
	s := indexedScript(t, x)
	now := newClock()
	desk := s.desk(t, nil)
	desk.SetClock(now.read)
	ask := func() access.ChangesPage {
		page, err := desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 100})
		require.NoError(t, err)
		require.Equal(t, jiraTime(40, 0), page.Now)
		return page
	}
	require.Empty(t, ask().Tickets)
	require.Len(t, s.all(), 3, "the edition, the account, the search")
	require.Empty(t, ask().Tickets)
	require.Len(t, s.all(), 4, "an empty page is one call")
	now.pass(61 * time.Second)
	ask()
	require.Len(t, s.all(), 6, "emptiness is believed for a minute")
	x.change("1", jiraTime(1, 0))
	x.change("2", jiraTime(2, 0))
	require.Len(t, ask().Tickets, 2)
	require.Len(t, s.all(), 8, "a page with tickets is two calls")
	now.pass(4 * time.Minute)
	ask()
	require.Len(t, s.all(), 10)
	now.pass(2 * time.Minute)
	ask()
	require.Len(t, s.all(), 13, "the account is proved every few minutes")
	require.Equal(t, 3, s.count("GET /rest/api/3/myself"))
}

func TestChangedTickets_without_since(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/3/myself", with(okay(`{"accountId":"bot"}`), "Date", jiraTime(4, 5).Format(http.TimeFormat)))
	page, err := s.desk(t, nil).ChangedTickets(t.Context(), access.ChangesQuery{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, access.ChangesPage{Now: jiraTime(4, 5)}, page)
	require.Empty(t, s.calls())
}

func TestBadCredentials_emptiness(t *testing.T) {
	for name, answers := range map[string][2]http.HandlerFunc{
		"by the log-in header": {okay(`{"accountId":"bot"}`), with(okay(`{"issues":[]}`), "X-Seraph-LoginReason", "AUTHENTICATED_FAILED")},
		"by a fresh proof":     {status(401, ``), okay(`{"issues":[]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := cloudScript(t)
			s.on("GET /rest/api/3/myself", inTurn(okay(`{"accountId":"bot"}`), answers[0]))
			s.on("POST /rest/api/3/search/jql", inTurn(okay(`{"issues":[]}`), answers[1]))
			now := newClock()
			desk := s.desk(t, nil)
			desk.SetClock(now.read)
			q := access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}
			_, err := desk.ChangedTickets(t.Context(), q)
			require.NoError(t, err)
			now.pass(2 * time.Minute)
			_, err = desk.ChangedTickets(t.Context(), q)
			requireKind(t, access.Forbidden, err)
		})
	}
}

func TestChangedTickets_pages(t *testing.T) {
	for name, now := range map[string]time.Time{"old changes": jiraTime(59, 0), "changes of a moment ago": jiraTime(0, 5), "no clock": {}} {
		for _, server := range []int{1, 3, 100} {
			for _, limit := range []int{1, 2, 7, 100} {
				t.Run(fmt.Sprintf("%s, pages of %d by %d", name, limit, server), func(t *testing.T) {
					x := &index{limit: server, now: now}
					var want []string
					for n := range 20 {
						id := strconv.Itoa(100 + n)
						want = append(want, id)
						// Several change in one second.
						x.change(id, jiraTime(0, n/6).Add(time.Duration(n)*time.Millisecond))
					}
					desk := indexedScript(t, x).desk(t, nil)
					require.Equal(t, want, accesstest.WalkChanges(t, desk, access.ChangesQuery{Since: jiraTime(0, 0), Limit: limit}, nil))
				})
			}
		}
	}
}

func TestChangedTickets_issue_changes_between_pages(t *testing.T) {
	for name, now := range map[string]time.Time{"old changes": jiraTime(59, 0), "changes of a moment ago": jiraTime(0, 5)} {
		t.Run(name, func(t *testing.T) {
			x := &index{limit: 3, now: now}
			for n := range 12 {
				x.change(strconv.Itoa(n), jiraTime(0, n))
			}
			desk := indexedScript(t, x).desk(t, nil)
			told := accesstest.WalkChanges(t, desk, access.ChangesQuery{Since: jiraTime(0, 0), Limit: 2}, func(page int) {
				if page < 3 {
					x.change(strconv.Itoa(2*page), jiraTime(58, page))
				}
			})
			for n := range 12 {
				require.Contains(t, told, strconv.Itoa(n))
			}
			for _, again := range []string{"0", "2", "4"} {
				require.Equal(t, 2, strings.Count(","+strings.Join(told, ",")+",", ","+again+","), "the change in between is told as well")
			}
		})
	}
}

func TestChangedTickets_newer_than_the_index(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(59, 0)}
	x.issues = []indexed{
		{"1", jiraTime(1, 0), jiraTime(1, 0)}, {"2", jiraTime(58, 59), jiraTime(2, 0)}, {"3", jiraTime(3, 0), jiraTime(3, 0)}, {"4", jiraTime(4, 0), jiraTime(4, 0)},
	}
	desk := indexedScript(t, x).desk(t, nil)
	require.Equal(t, []string{"1", "2", "3", "4"}, accesstest.WalkChanges(t, desk, access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}, nil))
}

func TestChangedTickets_cursor_and_index(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(59, 0)}
	x.issues = []indexed{{"1", jiraTime(1, 0), jiraTime(1, 0)}, {"2", jiraTime(58, 59), jiraTime(2, 0)}, {"3", jiraTime(3, 30), jiraTime(3, 30)}}
	desk := indexedScript(t, x).desk(t, nil)
	q := access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}
	var settled []time.Time
	for {
		page, err := desk.ChangedTickets(t.Context(), q)
		require.NoError(t, err)
		if page.Next == "" {
			require.Zero(t, page.CompleteUntil)
			break
		}
		settled, q.Page = append(settled, page.CompleteUntil), page.Next
	}
	require.Equal(t, []time.Time{jiraTime(1, 0), jiraTime(1, 0)}, settled, "not where the second issue seems to be: the third is still to be told")
}

func TestChangedTickets_mass_change(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(20, 0)}
	for n := range 1500 {
		x.change(strconv.Itoa(10_000+n), jiraTime(15, 0).Add(time.Duration(n)*100*time.Millisecond))
	}
	desk := indexedScript(t, x).desk(t, nil)
	q := access.ChangesQuery{Since: jiraTime(0, 0), Limit: 100}
	told := 0
	for {
		page, err := desk.ChangedTickets(t.Context(), q)
		require.NoError(t, err)
		told += len(page.Tickets)
		if page.Next == "" {
			break
		}
		require.Less(t, len(page.Next), 16_000)
		q.Page = page.Next
	}
	require.Equal(t, 1500, told)
}

func TestChangedTickets_later_pages(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(20, 0)}
	for n := range 300 {
		x.change(strconv.Itoa(10_000+n), jiraTime(15, 0).Add(time.Duration(n)*time.Millisecond))
	}
	s := indexedScript(t, x)
	desk := s.desk(t, nil)
	q := access.ChangesQuery{Since: jiraTime(0, 0), Limit: 100}
	first, err := desk.ChangedTickets(t.Context(), q)
	require.NoError(t, err)
	q.Page = first.Next
	before := len(s.calls())
	second, err := desk.ChangedTickets(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST /rest/api/3/search/jql", "POST /rest/api/3/search/jql", "POST /rest/api/3/issue/bulkfetch", "POST /rest/api/3/changelog/bulkfetch",
	}, s.calls()[before:])
	require.Equal(t, []any{"updated"}, jsonOf(t, s.body(t, "POST /rest/api/3/search/jql"))["fields"])
	require.Len(t, jsonOf(t, s.body(t, "POST /rest/api/3/issue/bulkfetch"))["issueIdsOrKeys"], 100)
	var ids []string
	for _, ticket := range second.Tickets {
		ids = append(ids, string(ticket.Ref.ID))
	}
	require.Len(t, ids, 100)
	require.True(t, slices.IsSorted(ids), "in the order of the search")
	require.Equal(t, "10100", ids[0])
}

func TestChangedTickets_deleted_after_the_search(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(20, 0), deleted: []string{"2", "4"}}
	for n := range 6 {
		x.change(strconv.Itoa(n), jiraTime(15, n))
	}
	desk := indexedScript(t, x).desk(t, nil)
	require.Equal(t, []string{"0", "1", "3", "5"}, accesstest.WalkChanges(t, desk, access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}, nil))
}

func TestChangedTickets_later_page_bad_credentials(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(20, 0), deleted: []string{"2"}}
	for n := range 4 {
		x.change(strconv.Itoa(n), jiraTime(15, n))
	}
	s := indexedScript(t, x)
	desk := s.desk(t, nil)
	q := access.ChangesQuery{Since: jiraTime(0, 0), Limit: 2}
	first, err := desk.ChangedTickets(t.Context(), q)
	require.NoError(t, err)
	s.on("GET /rest/api/3/myself", status(401, ``))
	q.Page = first.Next
	_, err = desk.ChangedTickets(t.Context(), q)
	requireKind(t, access.Forbidden, err)
}

func TestChangedTickets_search_behind(t *testing.T) {
	x := &index{limit: 100, now: jiraTime(20, 0), ahead: time.Second}
	for n := range 6 {
		x.change(strconv.Itoa(n), jiraTime(15, n))
	}
	desk := indexedScript(t, x).desk(t, nil)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5"}, accesstest.WalkChanges(t, desk, access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}, nil))
}

func TestChangedTickets_unknown_page(t *testing.T) {
	s := indexedScript(t, &index{limit: 10, now: jiraTime(0, 0)})
	for _, page := range []string{"no such page", "75", "x;", "1;a", "1;1-x", "1;-5", ";", "1;1-2-3"} {
		_, err := s.desk(t, nil).ChangedTickets(t.Context(), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1, Page: page})
		requireKind(t, access.Invalid, err)
	}
	require.Empty(t, s.calls())
	s.on("POST /rest/api/3/search/jql", status(400, `{"errorMessages":["The provided next page token is invalid or has expired."]}`))
	_, err := s.desk(t, nil).ChangedTickets(t.Context(), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1, Page: "1767324645000;1-2"})
	requireKind(t, access.Invalid, err)
}

func TestChangedTickets_repeated_page(t *testing.T) {
	s := cloudScript(t)
	s.on("POST /rest/api/3/search/jql", okay(`{"nextPageToken":"again","issues":[{"id":"1","key":"A-1","fields":{"status":{"id":"1"},"updated":"2026-01-02T03:04:05.000+0000"}}]}`))
	s.on("POST /rest/api/3/changelog/bulkfetch", okay(`{}`))
	require.Equal(t, []string{"1"}, accesstest.WalkChanges(t, s.desk(t, nil), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1}, nil))
}

func FuzzAPlaceIsReadBackOrRefused(f *testing.F) {
	for _, page := range []string{"1767324645000;", "1767324645000;10001-250,10002-1000", "0;1--1", "-5;3-4", "9223372036854775807;1-9223372036854775807"} {
		f.Add(page)
	}
	x := &index{limit: 10, now: jiraTime(59, 0)}
	f.Fuzz(func(t *testing.T, page string) {
		if page == "" {
			return
		}
		_, err := indexedScript(t, x).desk(t, nil).ChangedTickets(t.Context(), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1, Page: page})
		if err != nil {
			requireKind(t, access.Invalid, err)
		}
	})
}
