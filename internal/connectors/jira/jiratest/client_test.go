package jiratest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira/jiratest"
)

// desk is a fake that listens, and a client of it.
type desk struct {
	*jiratest.Server
	t   *testing.T
	url string
	// email and token are the credentials of the calls; "" calls without any. authorization replaces them.
	email, token  string
	authorization string
	clock         *clock
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

func newDesk(t *testing.T, change func(*jiratest.Config)) *desk {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 4, 12, 30, 15, 123_456_789, time.UTC)}
	cfg := jiratest.Config{
		Now: c.now,
		Accounts: []jiratest.Account{
			jiratest.DefaultAccount(),
			{ID: "acc-ana", Email: "ana@example.test", DisplayName: "Ana Alves"},
			{ID: "acc-mia", Email: "mia@example.test", DisplayName: "Mia Moreau", HideEmail: true},
			{ID: "acc-lea", Email: "lea@example.test", DisplayName: "Lea Lindt", Inactive: true},
			{ID: "acc-app", Email: "app@example.test", DisplayName: "Ana's app", AccountType: "app"},
		},
	}
	if change != nil {
		change(&cfg)
	}
	s := jiratest.New(cfg)
	require.NoError(t, s.Restore())
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		require.NoError(t, s.Close())
	})
	return &desk{Server: s, t: t, url: web.URL, email: jiratest.DefaultEmail, token: jiratest.DefaultToken, clock: c}
}

// reply is an answer: its status, headers, raw body, and the body as JSON where it is an object.
type reply struct {
	status int
	header http.Header
	raw    string
	json   map[string]any
}

// send calls the API. body is nil, a string of raw JSON, or anything that is encoded.
func (d *desk) send(method, path string, body any) (reply, error) {
	d.t.Helper()
	raw, isText := body.(string)
	if body != nil && !isText {
		encoded, err := json.Marshal(body)
		require.NoError(d.t, err)
		raw = string(encoded)
	}
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, bytes.NewBufferString(raw))
	require.NoError(d.t, err)
	if d.email != "" {
		r.SetBasicAuth(d.email, d.token)
	}
	if d.authorization != "" {
		r.Header.Set("Authorization", d.authorization)
	}
	return d.roundTrip(r)
}

func (d *desk) roundTrip(r *http.Request) (reply, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	out := reply{status: resp.StatusCode, header: resp.Header, raw: string(text)}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	_ = numbers.Decode(&out.json)
	return out, err
}

func (d *desk) call(method, path string, body any) reply {
	d.t.Helper()
	r, err := d.send(method, path, body)
	require.NoError(d.t, err)
	return r
}

// want calls the API and insists on a status.
func (d *desk) want(status int, method, path string, body any) reply {
	d.t.Helper()
	r := d.call(method, path, body)
	require.Equal(d.t, status, r.status, "%s %s: %s", method, path, r.raw)
	return r
}

func (d *desk) form(path string, form url.Values) reply {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+path, bytes.NewBufferString(form.Encode()))
	require.NoError(d.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out, err := d.roundTrip(r)
	require.NoError(d.t, err)
	return out
}

type object = map[string]any

// newIssue is a body of create that is accepted, with more fields, or without those that are nil.
func newIssue(more object) object {
	fields := object{"project": object{"key": "ACCESS"}, "issuetype": object{"name": "Access request"}, "summary": "Wiki for Ana"}
	for id, value := range more {
		fields[id] = value
		if value == nil {
			delete(fields, id)
		}
	}
	return object{"fields": fields}
}

// create opens an issue and gives its key.
func (d *desk) create(more object) string {
	d.t.Helper()
	r := d.want(http.StatusCreated, http.MethodPost, "/rest/api/2/issue", newIssue(more))
	return r.json["key"].(string)
}

// at walks into decoded JSON, by names and by indices.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch s := step.(type) {
		case string:
			require.IsType(t, object{}, v, "before %q", s)
			v = v.(object)[s]
		case int:
			require.IsType(t, []any{}, v)
			require.Greater(t, len(v.([]any)), s)
			v = v.([]any)[s]
		}
	}
	return v
}

func (d *desk) keys(jql string) []string {
	d.t.Helper()
	r := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql, "fields": []string{"key"}})
	keys := []string{}
	for _, i := range r.json["issues"].([]any) {
		keys = append(keys, at(d.t, i, "key").(string))
	}
	return keys
}

func doc(text string) object {
	return object{"type": "doc", "version": json.Number("1"), "content": []any{
		object{"type": "paragraph", "content": []any{object{"type": "text", "text": text}}},
	}}
}

// list gets a bare array.
func (d *desk) list(path string) []any {
	d.t.Helper()
	var out []any
	require.NoError(d.t, json.Unmarshal([]byte(d.want(http.StatusOK, http.MethodGet, path, nil).raw), &out))
	return out
}
