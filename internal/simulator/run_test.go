package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

// running is a simulator in this process.
type running struct {
	addresses
	stop func() error
}

func start(t *testing.T, getenv func(string) string, args ...string) running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "addresses.json")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append(args, "-addresses-file", file), program{getenv: getenv, out: io.Discard})
	}()
	r := running{stop: func() error { cancel(); return <-ended }}
	t.Cleanup(cancel)
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(raw, &r.addresses) == nil
	}, 10*time.Second, 5*time.Millisecond)
	return r
}

func noEnv(string) string { return "" }

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	return do(t, http.MethodGet, address, nil)
}

func do(t *testing.T, method, address string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

func createTicket(t *testing.T, r running, token string) string {
	t.Helper()
	status, body := do(t, http.MethodPost, r.Jira+"/rest/api/2/issue", func(q *http.Request) {
		q.SetBasicAuth(jiratest.DefaultEmail, token)
		q.Body = io.NopCloser(strings.NewReader(`{"fields":{"project":{"key":"ACCESS"},"issuetype":{"name":"Access request"},"summary":"Wiki for Ana"}}`))
	})
	require.Equal(t, http.StatusCreated, status, body)
	var created struct{ Key string }
	require.NoError(t, json.Unmarshal([]byte(body), &created))
	return created.Key
}

func post(t *testing.T, address string, form url.Values) (int, string) {
	t.Helper()
	return do(t, http.MethodPost, address, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(form.Encode()))
	})
}

func TestSimulator_pages(t *testing.T) {
	r := start(t, noEnv)
	status, board := get(t, r.Jira+"/board")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, board, "Ana Alves")
	require.Contains(t, board, "Lea Lindt (inactive)")
	require.Contains(t, board, "Waiting for approval")
	status, directory := get(t, r.SCIM+"/directory")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, directory, "wiki-editors")
	status, body := do(t, http.MethodGet, r.SCIM+"/scim/v2/Users/ana", func(q *http.Request) {
		q.Header.Set("Authorization", "Bearer "+jiratest.DefaultToken)
	})
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "ana@example.test")
	require.NoError(t, r.stop())
}

func TestSimulator_restart_keeps_a_move(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	r := start(t, noEnv, "-state", state)
	key := createTicket(t, r, jiratest.DefaultToken)
	status, body := post(t, r.Jira+"/board/move", url.Values{"key": {key}, "to": {desktest.StatusApproved}, "as": {"mia@example.test"}})
	require.Equal(t, http.StatusSeeOther, status, body)
	require.NoError(t, r.stop())

	again := start(t, noEnv, "-state", state)
	_, page := get(t, again.Jira+"/browse/"+key)
	require.Contains(t, page, "Mia Moreau")
	require.Contains(t, page, "Waiting for approval → Approved")
	require.NoError(t, again.stop())
}

func TestWebhook_secret_of_the_environment(t *testing.T) {
	signed := make(chan bool, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		signed <- r.Header.Get("X-Hub-Signature") == jiratest.Signature("hush", raw)
	}))
	t.Cleanup(receiver.Close)
	env := func(name string) string {
		return map[string]string{"HOOK_SECRET": "hush", "SIM_JIRA_TOKEN": "another"}[name]
	}
	r := start(t, env, "-webhook-url", receiver.URL, "-webhook-secret-env", "HOOK_SECRET")
	createTicket(t, r, "another")
	select {
	case good := <-signed:
		require.True(t, good)
	case <-time.After(10 * time.Second):
		t.Fatal("no webhook came")
	}
	require.NoError(t, r.stop())
}

func TestHooks_events(t *testing.T) {
	posted := make(chan string, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct {
			Name string `json:"webhookEvent"`
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		posted <- event.Name
	}))
	t.Cleanup(receiver.Close)
	r := start(t, noEnv, "-webhook-url", receiver.URL, "-webhook-events", "jira:issue_updated,jira:issue_deleted")
	key := createTicket(t, r, jiratest.DefaultToken)
	status, body := post(t, r.Jira+"/board/move", url.Values{"key": {key}, "to": {desktest.StatusApproved}, "as": {"mia@example.test"}})
	require.Equal(t, http.StatusSeeOther, status, body)
	select {
	case name := <-posted:
		require.Equal(t, "jira:issue_updated", name, "events come in order, so the creation was not posted")
	case <-time.After(10 * time.Second):
		t.Fatal("no webhook came")
	}
	require.NoError(t, r.stop())
}

func TestDataCenter_user_name(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	args := []string{"-edition", "data_center", "-time-zone", "Europe/Berlin", "-seed", "120", "-state", state}
	for range 2 {
		r := start(t, noEnv, args...)
		status, me := do(t, http.MethodGet, r.Jira+"/rest/api/2/myself", func(q *http.Request) {
			q.SetBasicAuth("usher-bot", jiratest.DefaultToken)
		})
		require.Equal(t, http.StatusOK, status, me)
		require.Contains(t, me, `"timeZone":"Europe/Berlin"`)
		status, found := do(t, http.MethodGet, r.Jira+"/rest/api/2/search?maxResults=1&jql=labels=usher", func(q *http.Request) {
			q.Header.Set("Authorization", "Bearer "+jiratest.DefaultToken)
		})
		require.Equal(t, http.StatusOK, status, found)
		require.Contains(t, found, `"total":120`, "a restart adds no second seed")
		_, board := get(t, r.Jira+"/board")
		require.Contains(t, board, "20 older ones are not shown.")
		require.NoError(t, r.stop())
	}
}

func TestFaults_from_the_start(t *testing.T) {
	r := start(t, noEnv, "-faults", `{"rules":[{"every":2,"of":[{"kind":"status","status":502}]}]}`)
	status, _ := get(t, r.Jira+"/rest/api/3/serverInfo")
	require.Equal(t, http.StatusOK, status)
	status, _ = get(t, r.Jira+"/rest/api/3/serverInfo")
	require.Equal(t, http.StatusBadGateway, status)
	_, calls := get(t, r.Jira+"/_sim/calls")
	require.Contains(t, calls, `"total": 2`)
	require.NoError(t, r.stop())
}

func TestFlags_refused(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a word that is no flag":              {[]string{"now"}, `expected flags only, not "now"`},
		"a webhook URL without a host":        {[]string{"-webhook-url", "here"}, "-webhook-url: expected an http or https URL"},
		"an event that nobody knows":          {[]string{"-webhook-url", "http://x.test", "-webhook-events", "jira:issue_updated,moved"}, "-webhook-events: expected some of"},
		"a secret variable that is empty":     {[]string{"-webhook-secret-env", "NOT_SET"}, "the environment variable NOT_SET is empty"},
		"an edition that nobody knows":        {[]string{"-edition", "server"}, `-edition: expected cloud or data_center, not "server"`},
		"a time zone that nobody knows":       {[]string{"-time-zone", "Mars/Olympus"}, "-time-zone: expected a name"},
		"no time zone":                        {[]string{"-time-zone", ""}, "-time-zone: expected a name"},
		"a fault that nobody knows":           {[]string{"-faults", `{"doun":true}`}, "-faults: "},
		"a staff below nothing":               {[]string{"-staff", "-1"}, "-staff: "},
		"a seed below nothing":                {[]string{"-seed", "-1"}, "-seed: "},
		"a seed that is too large":            {[]string{"-seed", "1000000"}, "-seed: count"},
		"an address that cannot be listened":  {[]string{"-jira-addr", "127.0.0.1:-1"}, "-jira-addr"},
		"an addresses file without a folder":  {[]string{"-addresses-file", "/dev/null/no/file"}, "-addresses-file"},
		"a state folder that is not a folder": {[]string{"-state", "/dev/null/state"}, "-state"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), tt.args, program{getenv: noEnv, out: &out})
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// TestServiceNow_kept_over_restart: it is served where its address is given, with the people of the company.
func TestServiceNow_kept_over_restart(t *testing.T) {
	require.Empty(t, start(t, noEnv).ServiceNow)
	state := t.TempDir()
	r := start(t, noEnv, "-servicenow-addr", "127.0.0.1:0", "-state", state)
	table := "/api/now/table/incident?sysparm_display_value=false"
	status, body := do(t, http.MethodPost, r.ServiceNow+table, func(q *http.Request) {
		q.SetBasicAuth("ana@example.test", "token-of-ana")
		q.Body = io.NopCloser(strings.NewReader(`{"short_description":"Wiki for Ana"}`))
	})
	require.Equal(t, http.StatusCreated, status, body)
	require.Contains(t, body, `"sys_created_by":"ana@example.test"`)
	require.NoError(t, r.stop())

	r = start(t, noEnv, "-servicenow-addr", "127.0.0.1:0", "-state", state)
	status, body = do(t, http.MethodGet, r.ServiceNow+table, func(q *http.Request) { q.SetBasicAuth("usher.bot", "sim-token") })
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"number":"INC0000001"`)
	_, board := get(t, r.ServiceNow+"/board")
	require.Contains(t, board, "Wiki for Ana")
}
