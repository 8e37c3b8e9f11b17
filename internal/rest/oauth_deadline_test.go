package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// site is a token server and an API whose clock a test has jump while they are asked.
type site struct {
	mu   sync.Mutex
	now  time.Time
	sent int
	// given counts the tokens.
	given int
	// jump is how far the clock goes on while the second token is given, and while the API refuses the first token.
	atToken, atAPI time.Duration
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) token(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	s.now = s.now.Add(s.atToken)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":360000}`, s.given)
}

func (s *site) api(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	if r.Header.Get("Authorization") == "Bearer t1" {
		s.now = s.now.Add(s.atAPI)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func inItsTime(t *testing.T, err error) { require.NoError(t, err) }

func tooLate(t *testing.T, err error) {
	require.ErrorIs(t, err, access.ErrTooLate)
	require.Equal(t, access.Transient, access.KindOf(err))
}

func TestWriteDeadline_with_login(t *testing.T) {
	// old is how far the clock has to go on for a token to be one that a server may have ended.
	const old = 2 * youngest
	for _, row := range []struct {
		name           string
		atToken, atAPI time.Duration
		sent           int
		want           func(*testing.T, error)
	}{
		{"the tokens come in time", 0, old, 2, inItsTime},
		{"the first token comes too late", time.Hour, 0, 0, tooLate},
		{"the first token is refused too late", 0, time.Hour, 1, tooLate},
	} {
		for name, body := range map[string]any{"with a body": map[string]string{"a": "b"}, "without a body": nil} {
			t.Run(row.name+", "+name, func(t *testing.T) {
				s := &site{now: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC), atToken: row.atToken, atAPI: row.atAPI}
				tokens, api := httptest.NewServer(http.HandlerFunc(s.token)), httptest.NewServer(http.HandlerFunc(s.api))
				t.Cleanup(tokens.Close)
				t.Cleanup(api.Close)
				wire, err := NewBaseTransport()
				require.NoError(t, err)
				login := NewOAuthTransport(wire, ClientCredentials{ID: "usher", Secret: clientSecret, TokenURL: tokens.URL})
				login.now = s.clock
				client, err := NewClient(Config{BaseURL: api.URL, Timeout: 5 * time.Second, Base: login, Now: s.clock})
				require.NoError(t, err)

				ctx := access.WithWriteDeadline(t.Context(), s.clock().Add(30*time.Minute))
				_, err = client.Do(ctx, Call{Op: "try", Mode: Create, Method: http.MethodPost, Path: "/x", Body: body})
				row.want(t, err)
				s.mu.Lock()
				defer s.mu.Unlock()
				require.Equal(t, row.sent, s.sent)
			})
		}
	}
}
