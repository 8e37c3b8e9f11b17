package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

const (
	clientSecret = "s3cr3t of the client"
	wrongSecret  = "another s3cr3t"
)

// tokenServer answers with the tokens t1, t2, ... for an hour each, to whoever knows the secret. It says a wrong one back.
type tokenServer struct {
	mu    sync.Mutex
	given int
	// instead answers in its place.
	instead http.HandlerFunc
	scope   string
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instead != nil {
		s.instead(w, r)
		return
	}
	id, secret := r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	w.Header().Set("Content-Type", "application/json")
	if id != "usher" || secret != clientSecret || r.PostFormValue("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"Unknown client or `+secret+`"}`)
		return
	}
	s.given, s.scope = s.given+1, r.PostFormValue("scope")
	fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":3600}`, s.given)
}

// TestToken_refresh: with a refresh token usher is whoever that was given to. The server may give another one.
func TestToken_refresh(t *testing.T) {
	l := newLogin(t, func(c *ClientCredentials) { c.RefreshToken = "r0" })
	var asked []string
	l.tokens.instead = func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_id") != "usher" || r.PostFormValue("client_secret") != clientSecret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		asked = append(asked, r.PostFormValue("grant_type")+" "+r.PostFormValue("refresh_token"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"t%d","refresh_token":"r%d","token_type":"Bearer","expires_in":1799}`, len(asked), len(asked)/2)
	}
	for _, with := range []string{"t1", "t2", "t3", "t4"} {
		require.NoError(t, l.call(Create))
		require.Equal(t, with, l.api.tried[len(l.api.tried)-1])
		l.now = l.now.Add(time.Hour)
	}
	require.Equal(t, []string{"refresh_token r0", "refresh_token r0", "refresh_token r1", "refresh_token r1"}, asked)
	l.tokens.instead = nil
	require.Equal(t, access.Forbidden, access.KindOf(l.call(Create)), "a refresh token that has ended is for a person to replace")
}

// guarded is an API that takes one token at a time.
type guarded struct {
	mu     sync.Mutex
	good   string
	bodies []string
	tried  []string
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	with := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	g.tried = append(g.tried, with)
	if g.good != "" && with != g.good {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.bodies = append(g.bodies, string(body))
	w.WriteHeader(http.StatusNoContent)
}

type login struct {
	t      *testing.T
	tokens *tokenServer
	api    *guarded
	login  *OAuthTransport
	client *Client
	now    time.Time
}

func newLogin(t *testing.T, change ...func(*ClientCredentials)) *login {
	t.Helper()
	l := &login{t: t, tokens: &tokenServer{}, api: &guarded{}, now: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
	tokens, api := httptest.NewServer(l.tokens), httptest.NewServer(l.api)
	t.Cleanup(tokens.Close)
	t.Cleanup(api.Close)
	credentials := ClientCredentials{ID: "usher", Secret: clientSecret, TokenURL: tokens.URL + "/token"}
	for _, one := range change {
		one(&credentials)
	}
	wire, err := NewBaseTransport()
	require.NoError(t, err)
	l.login = NewOAuthTransport(wire, credentials)
	l.login.now = func() time.Time { return l.now }
	l.client, err = NewClient(Config{BaseURL: api.URL, Timeout: 5 * time.Second, Base: l.login, Secrets: []string{credentials.Secret}})
	require.NoError(t, err)
	return l
}

func (l *login) call(mode Mode) error {
	_, err := l.client.Do(l.t.Context(), Call{Op: "try", Mode: mode, Method: http.MethodPost, Path: "/x", Body: map[string]string{"a": "b"}})
	return err
}

func TestToken_is_kept(t *testing.T) {
	l := newLogin(t, func(c *ClientCredentials) { c.Scopes = []string{"read", "write"} })
	for _, step := range []struct {
		later time.Duration
		with  string
	}{{0, "t1"}, {58 * time.Minute, "t1"}, {90 * time.Second, "t2"}, {time.Minute, "t2"}, {24 * time.Hour, "t3"}} {
		l.now = l.now.Add(step.later)
		require.NoError(t, l.call(Create))
		require.Equal(t, step.with, l.api.tried[len(l.api.tried)-1])
	}
	require.Equal(t, "read write", l.tokens.scope)
}

func TestToken_many_calls(t *testing.T) {
	l := newLogin(t)
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() { require.NoError(t, l.call(Read)) })
	}
	calls.Wait()
	require.Equal(t, 1, l.tokens.given)
	require.Len(t, l.api.bodies, 20)
}

func TestToken_replaced_once(t *testing.T) {
	l := newLogin(t)
	require.NoError(t, l.call(Create))
	l.api.good, l.now = "t2", l.now.Add(2*time.Minute)
	require.NoError(t, l.call(Create))
	require.Equal(t, []string{"t1", "t1", "t2"}, l.api.tried)
	require.Equal(t, []string{`{"a":"b"}`, `{"a":"b"}`}, l.api.bodies, "with its body")

	l.api.good = "nobody's"
	require.Equal(t, access.Forbidden, access.KindOf(l.call(Create)))
	require.Equal(t, 2, l.tokens.given, "a young token is not to blame")
	l.now = l.now.Add(2 * time.Minute)
	require.Equal(t, access.Forbidden, access.KindOf(l.call(Create)))
	require.Equal(t, []string{"t2", "t2", "t3"}, l.api.tried[3:])
}

// TestToken_missing: so even of a create it is known that it was not made.
func TestToken_missing(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for name, row := range map[string]struct {
		change  func(*ClientCredentials)
		instead http.HandlerFunc
		kind    access.Kind
		text    string
	}{
		"a wrong secret":      {func(c *ClientCredentials) { c.Secret = wrongSecret }, nil, access.Forbidden, "/token: 401 Unauthorized: invalid_client, Unknown client or [redacted]"},
		"a wrong address":     {nil, status(http.StatusNotFound), access.Forbidden, "log in with client_id and client_secret at http://127.0.0.1:"},
		"a log-in page":       {nil, status(http.StatusFound, "Location", "/login"), access.Forbidden, "a redirect is not followed"},
		"too many":            {nil, status(http.StatusTooManyRequests, "Retry-After", "7"), access.RateLimited, "429"},
		"an outage":           {nil, status(http.StatusServiceUnavailable), access.Transient, "503"},
		"an answer of others": {nil, status(http.StatusOK, "Content-Type", "text/html"), access.Transient, "client_id and client_secret"},
		"nobody there":        {func(c *ClientCredentials) { c.TokenURL = "http://127.0.0.1:1/token" }, nil, access.Transient, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			change := row.change
			if change == nil {
				change = func(*ClientCredentials) {}
			}
			l := newLogin(t, change)
			l.tokens.instead = row.instead
			for _, mode := range []Mode{Read, Write, Create} {
				err := l.call(mode)
				require.Equal(t, row.kind, access.KindOf(err), "%v", err)
				require.ErrorContains(t, err, row.text)
				require.NotContains(t, err.Error(), clientSecret)
				require.NotContains(t, err.Error(), wrongSecret)
			}
			require.Empty(t, l.api.tried)
			if row.kind == access.RateLimited {
				require.Equal(t, 7*time.Second, access.RetryAfterOf(l.call(Read)))
			}
		})
	}
}

// TestMeter_login: a connection to the token server says nothing about one to the API.
func TestMeter_login(t *testing.T) {
	l := newLogin(t)
	client, err := NewClient(Config{BaseURL: "http://127.0.0.1:1", Timeout: 5 * time.Second, Base: l.login})
	require.NoError(t, err)
	l.client = client
	require.Equal(t, access.Transient, access.KindOf(l.call(Create)), "it is known that nothing was sent")
	require.Equal(t, 1, l.tokens.given)
}

func TestToken_waiter_leaves(t *testing.T) {
	l := newLogin(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	l.tokens.instead = func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	first := make(chan error, 1)
	go func() { first <- l.call(Read) }()
	<-asked
	l.tokens.instead = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.login.token(ctx, "")
	require.ErrorIs(t, err, context.Canceled)
	close(answer)
	require.NoError(t, <-first, "the library asks a second time, in its other way")
}
