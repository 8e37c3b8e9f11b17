package fakewire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

const (
	opAdd  fakewire.Operation = "add"
	opList fakewire.Operation = "list"
)

// faults are those of a fake that has one of its own.
type faults struct {
	fakewire.Faults
	Deaf bool `json:"deaf,omitempty"`
}

// store is a fake that keeps texts: POST /texts adds one, GET /texts lists them, everything else goes by its method.
type store struct {
	*fakewire.Wire
	t   *testing.T
	url string

	mu    sync.Mutex
	texts []string
	deaf  bool
}

func newStore(t *testing.T) *store {
	t.Helper()
	at := time.Date(2026, 3, 4, 12, 30, 15, 0, time.UTC)
	now := func() time.Time { return at }
	refuse := func(status int, message string) *fakewire.Answer {
		return &fakewire.Answer{Status: status, Body: map[string]string{"problem": message}}
	}
	limited := func(a *fakewire.Answer, f fakewire.Fault) { a.Set("Why", f.Reason) }
	s := &store{t: t, Wire: fakewire.New(fakewire.Config{JSON: "text/json", Refuse: refuse, Limited: limited, Now: now, Date: now})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /texts", s.Handler(opAdd, s.add))
	mux.HandleFunc("GET /texts", s.Handler(opList, func(*fakewire.Call) *fakewire.Answer {
		return &fakewire.Answer{Status: http.StatusOK, Body: s.all()}
	}))
	mux.HandleFunc("/", s.Handler("", func(*fakewire.Call) *fakewire.Answer { return &fakewire.Answer{Status: http.StatusNoContent} }))
	s.Control(mux)
	fakewire.ControlFaults(mux, s.faults, s.setFaults)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	t.Cleanup(s.Close)
	s.url = web.URL
	return s
}

func (s *store) add(c *fakewire.Call) *fakewire.Answer {
	c.Account = c.Request.Header.Get("From")
	c.Header.Set("Seen", "yes")
	if len(c.Body) == 0 {
		return &fakewire.Answer{Status: http.StatusBadRequest}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, string(c.Body))
	return &fakewire.Answer{Status: http.StatusCreated, Body: map[string]string{"text": string(c.Body)}}
}

func (s *store) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.texts...)
}

func (s *store) faults() faults { return faults{Faults: s.Wire.Faults(), Deaf: s.deaf} }

func (s *store) setFaults(f faults) {
	s.Wire.SetFaults(f.Faults)
	s.deaf = f.Deaf
}

// spoil makes the next add go wrong.
func (s *store) spoil(f fakewire.Fault) {
	s.SetFaults(fakewire.Rules(fakewire.Rule{Times: 1, Only: []fakewire.Operation{opAdd}, Of: []fakewire.Fault{f}}))
}

// reply is an answer; a body that was cut has an error beside it.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s *store) send(ctx context.Context, method, path, body string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("From", "ana")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

// want makes a call and insists on a status.
func (s *store) want(status int, method, path, body string) reply {
	s.t.Helper()
	r, err := s.send(s.t.Context(), method, path, body)
	require.NoError(s.t, err)
	require.Equal(s.t, status, r.status, r.body)
	return r
}

// sendSoon adds a text in the background; the channel gets the status, 0 for no answer.
func (s *store) sendSoon(ctx context.Context, text string) <-chan int {
	status := make(chan int, 1)
	go func() {
		r, _ := s.send(ctx, http.MethodPost, "/texts", text)
		status <- r.status
	}()
	return status
}
