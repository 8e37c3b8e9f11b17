package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/rest"
)

const secret = "s3cr+t/token"

// newClient is a client for a handler, with what change does to its config; nil changes nothing.
func newClient(t *testing.T, h http.HandlerFunc, change func(*rest.Config)) *rest.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	config := rest.Config{BaseURL: server.URL + "/base/", Timeout: 5 * time.Second, Secrets: []string{secret}}
	if change != nil {
		change(&config)
	}
	client, err := rest.NewClient(config)
	require.NoError(t, err)
	return client
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// modes lists the modes with the kind of a failure after which nobody knows what happened.
func modes() map[rest.Mode]access.Kind {
	return map[rest.Mode]access.Kind{
		rest.Read: access.Transient, rest.Write: access.Transient, rest.Create: access.Unknown,
	}
}

func requireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.Equal(t, "do it", e.Op)
	for ; err != nil; err = errors.Unwrap(err) {
		require.NotContains(t, err.Error(), secret)
		require.NotContains(t, err.Error(), "?")
	}
}

func TestCall_on_the_wire(t *testing.T) {
	var got *http.Request
	var body string
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, body = r, string(raw)
		_, _ = io.WriteString(w, `{"id":"7"}`)
	}, func(c *rest.Config) {
		c.UserAgent = "usher/1.2"
		c.Header = http.Header{"Authorization": {"Bearer " + secret}, "X-Both": {"config"}, "Accept": {"application/scim+json"}}
	})
	var into struct{ ID string }
	answer, err := client.Do(t.Context(), rest.Call{
		Op: "do it", Mode: rest.Write, Method: http.MethodPut, Path: "/things/a%2Fb", Query: url.Values{"q": {"a+b & c"}},
		Header: http.Header{"X-Both": {"call"}}, Body: map[string]string{"name": "ä"}, Into: &into,
	})
	require.NoError(t, err)
	require.Equal(t, "7", into.ID)
	require.Equal(t, 200, answer.Status)
	require.Equal(t, http.MethodPut, got.Method)
	require.Equal(t, "/base/things/a%2Fb", got.URL.EscapedPath())
	require.Equal(t, "a+b & c", got.URL.Query().Get("q"))
	require.JSONEq(t, `{"name":"ä"}`, body)
	require.Equal(t, "usher/1.2", got.UserAgent())
	require.Equal(t, "Bearer "+secret, got.Header.Get("Authorization"))
	require.Equal(t, []string{"call"}, got.Header["X-Both"])
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.Equal(t, "application/scim+json", got.Header.Get("Accept"))
}

func TestBody_raw(t *testing.T) {
	var body string
	client := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
	}, nil)
	_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Write, Method: http.MethodPost, Body: []byte(`{"a" : 1}`)})
	require.NoError(t, err)
	require.Equal(t, `{"a" : 1}`, body)
}

func TestRefusal_text(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "slow\ndown "+secret+" Basic QWxhZGRpbjpvcGVu https://u:p@host/x?token=abc#f "+strings.Repeat("x", 5000))
	}, func(c *rest.Config) { c.ErrorText = func(a rest.Response) string { return string(a.Body) } })
	answer, err := client.Do(t.Context(), rest.Call{
		Op: "do it", Mode: rest.Read, Method: http.MethodGet, Path: "x", Query: url.Values{"k": {"query-secret"}},
	})
	requireKind(t, access.RateLimited, err)
	require.Equal(t, 7*time.Second, access.RetryAfterOf(err))
	require.Equal(t, 429, rest.StatusOf(err))
	require.Equal(t, 429, answer.Status)
	require.Contains(t, err.Error(), "429 Too Many Requests: slow down [redacted] Basic [redacted] https://host/x")
	require.Less(t, len(err.Error()), 900)
	for _, hidden := range []string{"abc", "u:p", "QWxhZ", "query-secret"} {
		require.NotContains(t, err.Error(), hidden)
	}
}

func TestClassify_over_the_wire(t *testing.T) {
	status := 0
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, nil)
	for mode := range modes() {
		// net/http keeps 1xx to itself: they announce an answer and never are one.
		for status = 200; status <= 599; status++ {
			_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: mode, Method: http.MethodPost, Path: "x"})
			want := rest.Classify(mode, status, nil)
			if want == "" {
				require.NoError(t, err)
				continue
			}
			requireKind(t, want, err)
			require.Equal(t, status, rest.StatusOf(err))
		}
	}
}

func TestAnswer_unreadable(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a login page":        answering(200, "<html>log in "+secret+"</html>"),
		"an empty body":       answering(201, ""),
		"no content":          answering(204, ""),
		"half of the JSON":    answering(200, `{"id":"7`),
		"another shape":       answering(200, `{"id":{"a":1}}`),
		"two values":          answering(200, `{"id":"7"} {}`),
		"a cut body":          cutBody,
		"a closed connection": closeConnection,
	} {
		for mode, want := range modes() {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				var into struct{ ID string }
				_, err := newClient(t, h, nil).Do(t.Context(), rest.Call{
					Op: "do it", Mode: mode, Method: http.MethodPost, Path: "x", Query: url.Values{"k": {"query-secret"}}, Into: &into,
				})
				requireKind(t, want, err)
				require.NotContains(t, err.Error(), "query-secret")
				require.NotContains(t, err.Error(), "<html>")
			})
		}
	}
}

func cutBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"id":"7"}`)
}

func closeConnection(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestRefusal_cut(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "{")
	}, nil)
	_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost})
	requireKind(t, access.NotFound, err)
}

func TestAnswer_too_long(t *testing.T) {
	small := func(c *rest.Config) { c.MaxBody = 10 }
	long := newClient(t, answering(200, `"0123456789"`), small)
	for mode, want := range map[rest.Mode]access.Kind{
		rest.Read: access.Invalid, rest.Write: access.Invalid, rest.Create: access.Unknown,
	} {
		_, err := long.Do(t.Context(), rest.Call{Op: "do it", Mode: mode, Method: http.MethodPost})
		requireKind(t, want, err)
		require.ErrorContains(t, err, "10 bytes")
	}
	answer, err := newClient(t, answering(400, "0123456789abc"), small).Do(t.Context(),
		rest.Call{Op: "do it", Mode: rest.Read, Method: http.MethodGet})
	requireKind(t, access.Invalid, err)
	require.Equal(t, "0123456789", string(answer.Body))
	var exact string
	_, err = newClient(t, answering(200, `"01234567"`), small).Do(t.Context(),
		rest.Call{Op: "do it", Mode: rest.Read, Method: http.MethodGet, Into: &exact})
	require.NoError(t, err)
	require.Equal(t, "01234567", exact)
}

func TestAnswer_slow(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, h := range map[string]http.HandlerFunc{
		"before the headers": func(_ http.ResponseWriter, r *http.Request) { wait(r, release) },
		"within the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			wait(r, release)
		},
	} {
		for mode, want := range modes() {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				client := newClient(t, h, func(c *rest.Config) { c.Timeout = 50 * time.Millisecond })
				_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: mode, Method: http.MethodPost})
				requireKind(t, want, err)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
	}
}

func wait(r *http.Request, release <-chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-release:
	}
}

func TestClassify_never_sent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client, err := rest.NewClient(rest.Config{BaseURL: "http://" + address, Timeout: time.Second})
	require.NoError(t, err)
	_, err = client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost, Path: "x?token=abc"})
	requireKind(t, access.Transient, err)
	require.NotContains(t, err.Error(), "abc")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newClient(t, answering(200, ""), nil).Do(ctx, rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost})
	requireKind(t, access.Transient, err)
	require.ErrorIs(t, err, context.Canceled)
}

func TestCall_that_cannot_be_written(t *testing.T) {
	client := newClient(t, answering(200, ""), nil)
	_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: "NO METHOD"})
	requireKind(t, access.Invalid, err)
	_, err = client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost, Body: func() {}})
	requireKind(t, access.Invalid, err)
}

func TestRedirect(t *testing.T) {
	calls := 0
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "/login?next=secret-place", http.StatusFound)
	}, nil)
	_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost})
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "redirect")
	require.NotContains(t, err.Error(), "secret-place")
	require.Equal(t, 1, calls)
}

func TestCookiesAreNotKept(t *testing.T) {
	var cookies []string
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
	}, nil)
	for range 2 {
		_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Read, Method: http.MethodGet})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", ""}, cookies)
}

func TestClassify_vendor_rule(t *testing.T) {
	vendor := func(c *rest.Config) {
		c.Kind = func(a rest.Response) access.Kind {
			if a.Header.Get("X-Anonymous") != "" {
				return access.Forbidden
			}
			return ""
		}
	}
	status := 200
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Anonymous", "yes")
		w.WriteHeader(status)
	}, vendor)
	_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Read, Method: http.MethodGet})
	requireKind(t, access.Forbidden, err)
	_, err = client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost})
	require.NoError(t, err)
	status = 404
	_, err = client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost})
	requireKind(t, access.Forbidden, err)
}

func TestSettle_error_of_another_client(t *testing.T) {
	server := httptest.NewServer(answering(409, "taken"))
	t.Cleanup(server.Close)
	transport, err := rest.NewTransport(rest.Config{Timeout: time.Second})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	resp, err := transport.HTTPClient().Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	_, err = transport.HandleResponse(rest.Call{Op: "do it", Mode: rest.Write}, resp, errors.New("the library made an error of it"))
	requireKind(t, access.Conflict, err)
	_, err = transport.HandleResponse(rest.Call{Op: "do it", Mode: rest.Write}, nil, nil)
	requireKind(t, access.Transient, err)
}

func TestBucket_long_queue(t *testing.T) {
	calls := 0
	client := newClient(t, func(http.ResponseWriter, *http.Request) { calls++ }, func(c *rest.Config) {
		c.PerSecond, c.Burst, c.Timeout = 0.01, 2, time.Second
	})
	call := rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost}
	for range 2 {
		_, err := client.Do(t.Context(), call)
		require.NoError(t, err)
	}
	_, err := client.Do(t.Context(), call)
	requireKind(t, access.RateLimited, err)
	require.InDelta(t, 100, access.RetryAfterOf(err).Seconds(), 2)
	_, err = client.Do(t.Context(), call)
	require.InDelta(t, 100, access.RetryAfterOf(err).Seconds(), 2, "a refused call takes no token")
	require.Equal(t, 2, calls)
}

func TestBucket_short_queue(t *testing.T) {
	client := newClient(t, answering(200, ""), func(c *rest.Config) { c.PerSecond, c.Burst = 50, 1 })
	start := time.Now()
	for range 4 {
		_, err := client.Do(t.Context(), rest.Call{Op: "do it", Mode: rest.Read, Method: http.MethodGet})
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond, "three of the four calls waited 20 ms each")
}

func TestConfig_names_the_field(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config rest.Config
		want   string
	}{
		{"no timeout", rest.Config{BaseURL: "http://x"}, "Timeout"},
		{"a negative rate", rest.Config{BaseURL: "http://x", Timeout: 1, PerSecond: -1}, "PerSecond"},
		{"a negative burst", rest.Config{BaseURL: "http://x", Timeout: 1, Burst: -1}, "Burst"},
		{"a negative size", rest.Config{BaseURL: "http://x", Timeout: 1, MaxBody: -1}, "MaxBody"},
		{"no base URL", rest.Config{Timeout: 1}, "BaseURL"},
		{"a relative base URL", rest.Config{BaseURL: "/x", Timeout: 1}, "BaseURL"},
		{"a base URL of another scheme", rest.Config{BaseURL: "ftp://x", Timeout: 1}, "BaseURL"},
		{"a base URL with a password", rest.Config{BaseURL: "http://u:" + url.QueryEscape(secret) + "@x", Timeout: 1}, "BaseURL"},
		{"a base URL with a query", rest.Config{BaseURL: "http://x?token=" + secret, Timeout: 1}, "BaseURL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rest.NewClient(tt.config)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, fmt.Sprint(err), "s3cr")
		})
	}
}

func TestValidSecretURL(t *testing.T) {
	for _, address := range []string{
		"https://desk.example.com", "HTTPS://desk.example.com/x", "http://127.0.0.1:8080", "http://localhost:1", "http://LOCALHOST", "http://[::1]:8080/scim", "http://127.9.9.9",
	} {
		require.NoError(t, rest.ValidSecretURL(address, false), address)
	}
	for _, address := range []string{
		"http://desk.example.com", "HTTP://desk.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com",
		"http://0.0.0.0", "http://2130706433", "http://[::ffff:10.0.0.1]", "http://simulator:8081",
	} {
		require.ErrorContains(t, rest.ValidSecretURL(address, false), "expected https", address)
		require.NotContains(t, rest.ValidSecretURL(address, false).Error(), "example", "no part of the address")
		require.NoError(t, rest.ValidSecretURL(address, true), address)
	}
	for _, address := range []string{"", "ftp://desk.example.com", "http://user:secret@127.0.0.1", "desk.example.com"} {
		require.Error(t, rest.ValidSecretURL(address, true), address)
	}
}
