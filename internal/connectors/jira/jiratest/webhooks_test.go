package jiratest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

// receiver takes deliveries.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
	// refuse is how many deliveries are answered with 503.
	refuse int
}

type received struct {
	header http.Header
	raw    []byte
	event  string
	body   map[string]any
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		one := received{header: q.Header, raw: raw}
		numbers := json.NewDecoder(bytes.NewReader(raw))
		numbers.UseNumber()
		_ = numbers.Decode(&one.body)
		one.event, _ = one.body["webhookEvent"].(string)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, one)
		if r.refuse > 0 {
			r.refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// wait returns the first n deliveries.
func (r *receiver) wait(t *testing.T, n int) []received {
	t.Helper()
	var got []received
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = append([]received(nil), r.got...)
		return len(got) >= n
	}, 10*time.Second, time.Millisecond)
	return got
}

func hookedDesk(t *testing.T, r *receiver) *desk {
	t.Helper()
	return newDesk(t, func(c *jiratest.Config) {
		c.Webhooks = []desktest.Webhook{{URL: r.URL, Secret: "hush", RetryDelay: time.Millisecond}}
	})
}

func events(got []received) []string {
	var names []string
	for _, one := range got {
		names = append(names, one.event)
	}
	return names
}

func TestWebhook_test_vector(t *testing.T) {
	require.Equal(t, "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
		jiratest.Signature("It's a Secret to Everybody", []byte("Hello World!")))
}

func TestWebhook_every_change(t *testing.T) {
	r := newReceiver(t)
	d := hookedDesk(t, r)
	key := d.create(nil)
	require.NoError(t, d.MoveAs("acc-ana", key, "Done"))
	require.NoError(t, d.CommentAs("acc-ana", key, "Thanks."))
	require.NoError(t, d.Delete(key))
	got := r.wait(t, 4)
	require.Equal(t, []string{"jira:issue_created", "jira:issue_updated", "comment_created", "jira:issue_deleted"}, events(got))
	ids := map[string]bool{}
	for _, one := range got {
		require.Equal(t, jiratest.Signature("hush", one.raw), one.header.Get("X-Hub-Signature"))
		require.Empty(t, one.header.Get("X-Atlassian-Webhook-Retry"))
		require.Equal(t, "Primary", one.header.Get("X-Atlassian-Webhook-Flow"))
		require.NotContains(t, string(one.raw), "@example.test", "users come without their addresses")
		ids[one.header.Get("X-Atlassian-Webhook-Identifier")] = true
	}
	require.Len(t, ids, 4)
	moved := got[1].body
	require.Equal(t, json.Number(strconv.FormatInt(d.clock.now().UnixMilli(), 10)), moved["timestamp"])
	require.Equal(t, "issue_generic", moved["issue_event_type_name"])
	require.Equal(t, "acc-ana", at(t, moved, "user", "accountId"))
	require.Equal(t, key, at(t, moved, "issue", "key"))
	require.Equal(t, object{
		"field": "resolution", "fieldtype": "jira", "fieldId": "resolution", "from": nil, "fromString": nil, "to": "10000", "toString": "Done",
	}, at(t, moved, "changelog", "items", 0))
	require.Equal(t, "Done", at(t, moved, "changelog", "items", 1, "toString"))
	require.Equal(t, "Thanks.", at(t, got[2].body, "comment", "body"))
	require.NotContains(t, at(t, got[2].body, "issue", "fields"), "description")
	require.NotContains(t, got[3].body, "changelog")
}

func TestWebhook_repeated_identifier(t *testing.T) {
	r := newReceiver(t)
	r.refuse = 2
	d := hookedDesk(t, r)
	d.create(nil)
	got := r.wait(t, 3)
	require.Equal(t, "2", got[2].header.Get("X-Atlassian-Webhook-Retry"))
	require.Equal(t, got[0].header.Get("X-Atlassian-Webhook-Identifier"), got[2].header.Get("X-Atlassian-Webhook-Identifier"))
	require.Equal(t, got[0].raw, got[2].raw)
}

func TestWebhook_faults(t *testing.T) {
	r := newReceiver(t)
	d := hookedDesk(t, r)
	d.SetFaults(jiratest.Faults{HookFaults: desktest.HookFaults{LoseWebhooks: 1}})
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{HookFaults: desktest.HookFaults{DoubleWebhooks: true}})
	require.NoError(t, d.CommentAs("acc-ana", key, "twice"))
	d.SetFaults(jiratest.Faults{HookFaults: desktest.HookFaults{ReorderWebhooks: true, ForgeWebhooks: true}})
	require.NoError(t, d.Edit("acc-ana", key, map[string]any{"summary": "first"}))
	require.NoError(t, d.Delete(key))
	d.create(nil)
	d.SetFaults(jiratest.Faults{})
	got := r.wait(t, 5)
	require.Equal(t, []string{"comment_created", "comment_created", "jira:issue_deleted", "jira:issue_updated", "jira:issue_created"}, events(got))
	require.Equal(t, got[0].header.Get("X-Atlassian-Webhook-Identifier"), got[1].header.Get("X-Atlassian-Webhook-Identifier"))
	require.NotEqual(t, jiratest.Signature("hush", got[2].raw), got[2].header.Get("X-Hub-Signature"))
}
