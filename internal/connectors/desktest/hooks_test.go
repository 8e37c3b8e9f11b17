package desktest_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

// receiver takes posts.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
	// refuse is how many posts are answered with status.
	refuse, status int
}

type received struct{ id, attempt, secret, body string }

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusServiceUnavailable}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.Header.Get("Id"), q.Header.Get("Attempt"), q.Header.Get("Secret"), string(raw)})
		if r.refuse > 0 {
			r.refuse--
			w.WriteHeader(r.status)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// wait returns the posts when there are n.
func (r *receiver) wait(t *testing.T, n int) []received {
	t.Helper()
	var got []received
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = append([]received(nil), r.got...)
		return len(got) >= n
	}, 10*time.Second, time.Millisecond)
	require.Len(t, got, n)
	return got
}

func bodies(got []received) []string {
	var out []string
	for _, one := range got {
		out = append(out, one.body)
	}
	return out
}

func open(t *testing.T, webhooks ...desktest.Webhook) *desktest.Hooks {
	t.Helper()
	h := desktest.NewHooks(desktest.HooksConfig{
		Webhooks: webhooks, Repeats: 2, Log: slog.New(slog.DiscardHandler),
		Headers: func(h http.Header, p desktest.Post) {
			h.Set("Id", p.ID)
			h.Set("Attempt", strconv.Itoa(p.Attempt))
			h.Set("Secret", p.Secret)
		},
	})
	t.Cleanup(h.Close)
	return h
}

// announce delivers a text to the webhooks of the configuration.
func announce(h *desktest.Hooks, text string) {
	h.Announce(h.Receivers(text), func() any { return text })
}

func TestHooks_order(t *testing.T) {
	all, some := newReceiver(t), newReceiver(t)
	h := open(t, desktest.Webhook{URL: all.URL, Secret: "hush"}, desktest.Webhook{URL: some.URL, Events: []string{"b"}})
	for _, text := range []string{"a", "b", "c"} {
		announce(h, text)
	}
	got := all.wait(t, 3)
	require.Equal(t, []string{`"a"`, `"b"`, `"c"`}, bodies(got))
	require.NotEqual(t, got[0].id, got[1].id)
	require.Equal(t, "hush", got[0].secret)
	require.Equal(t, []received{{id: got[1].id, attempt: "0", body: `"b"`}}, some.wait(t, 1), "one event has one id everywhere")
}

func TestHooks_repeated_id(t *testing.T) {
	for name, row := range map[string]struct {
		refuse, status int
		attempts       []string
	}{
		"until it is taken":               {1, 503, []string{"0", "1", "0"}},
		"as often as the desk does it":    {9, 409, []string{"0", "1", "2", "0", "1", "2"}},
		"not when it is refused for good": {1, 400, []string{"0", "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			r.refuse, r.status = row.refuse, row.status
			h := open(t, desktest.Webhook{URL: r.URL, RetryDelay: time.Millisecond})
			announce(h, "a")
			announce(h, "b")
			var attempts []string
			got := r.wait(t, len(row.attempts))
			for _, one := range got {
				attempts = append(attempts, one.attempt)
			}
			require.Equal(t, row.attempts, attempts)
			if row.attempts[1] == "1" {
				require.Equal(t, got[0].id, got[1].id)
			}
		})
	}
}

func TestWebhook_faults(t *testing.T) {
	r := newReceiver(t)
	h := open(t, desktest.Webhook{URL: r.URL, Secret: "hush"})
	h.SetFaults(desktest.HookFaults{LoseWebhooks: 1})
	announce(h, "lost")
	require.Zero(t, h.Faults().LoseWebhooks)
	announce(h, "not lost")
	h.SetFaults(desktest.HookFaults{LoseWebhooks: -1})
	announce(h, "lost")
	announce(h, "lost")
	h.SetFaults(desktest.HookFaults{DoubleWebhooks: true})
	announce(h, "twice")
	h.SetFaults(desktest.HookFaults{ReorderWebhooks: true, ForgeWebhooks: true})
	announce(h, "first")
	announce(h, "second")
	announce(h, "third, which nothing overtakes")
	h.SetFaults(desktest.HookFaults{})
	announce(h, "last")
	got := r.wait(t, 7)
	require.Equal(t, []string{
		`"not lost"`, `"twice"`, `"twice"`, `"second"`, `"first"`, `"third, which nothing overtakes"`, `"last"`,
	}, bodies(got))
	require.Equal(t, got[1].id, got[2].id)
	require.NotEqual(t, "hush", got[3].secret)
	require.Equal(t, "hush", got[6].secret)
}

func TestHooks_delayed(t *testing.T) {
	r := newReceiver(t)
	h := open(t, desktest.Webhook{URL: r.URL})
	h.SetFaults(desktest.HookFaults{DelayWebhooksMS: 60})
	began := time.Now()
	announce(h, "a")
	r.wait(t, 1)
	require.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)
}

func TestHooks_no_json(t *testing.T) {
	r := newReceiver(t)
	h := open(t, desktest.Webhook{URL: r.URL})
	h.Announce(h.Receivers("x"), func() any { return func() {} })
	announce(h, "a")
	r.wait(t, 1)
}

func TestHooks_closed_queue(t *testing.T) {
	r, other := newReceiver(t), newReceiver(t)
	h := open(t)
	closed, stays := h.Open(desktest.Webhook{URL: r.URL}), h.Open(desktest.Webhook{URL: other.URL})
	h.Announce([]*desktest.Queue{closed, stays}, func() any { return 1 })
	r.wait(t, 1)
	closed.Close()
	closed.Close()
	h.Announce([]*desktest.Queue{closed, stays}, func() any { return 2 })
	other.wait(t, 2)
	h.Close()
	r.wait(t, 1)
}

func TestHooks_close(t *testing.T) {
	held, arrived := make(chan struct{}), make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.ReadAll(q.Body)
		arrived <- struct{}{}
		<-held
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(held) })
	h := open(t, desktest.Webhook{URL: slow.URL})
	announce(h, "a")
	<-arrived
	h.Close()
	h.Close()
}
