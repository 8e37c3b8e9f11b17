package fakewire_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

func TestLog_counts(t *testing.T) {
	s := newStore(t)
	s.want(http.StatusCreated, http.MethodPost, "/texts?a=b%20c", "one")
	s.want(http.StatusNoContent, http.MethodPut, "/other", "")
	require.Equal(t, fakewire.Calls{Total: 2, ByOperation: map[fakewire.Operation]int{opAdd: 1, http.MethodPut: 1}}, s.Calls())
	one := s.Requests()[0]
	require.Equal(t, "ana", one.Header.Get("From"))
	one.Header = nil
	require.Equal(t, fakewire.Request{
		Operation: opAdd, Method: http.MethodPost, URI: "/texts?a=b%20c", Path: "/texts", Query: url.Values{"a": {"b c"}}, Body: "one",
		Account: "ana", Status: http.StatusCreated, At: time.Date(2026, 3, 4, 12, 30, 15, 0, time.UTC),
	}, one)
	require.JSONEq(t, `{"add":1,"PUT":1}`, s.want(http.StatusOK, http.MethodGet, "/_sim/requests", "").body)
	require.JSONEq(t, `{"total":2,"by_operation":{"add":1,"PUT":1}}`, s.want(http.StatusOK, http.MethodGet, "/_sim/calls", "").body)
	require.JSONEq(t, `{"total":0,"by_operation":{}}`, s.want(http.StatusOK, http.MethodDelete, "/_sim/calls", "").body)
	require.Empty(t, s.Requests())
}

func TestLog_last_calls(t *testing.T) {
	s := newStore(t)
	handle := s.Handler(opList, func(*fakewire.Call) *fakewire.Answer { return &fakewire.Answer{Status: http.StatusNoContent} })
	for n := range 2300 {
		handle(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+strconv.Itoa(n), nil))
	}
	log := s.Requests()
	require.GreaterOrEqual(t, len(log), 500)
	require.LessOrEqual(t, len(log), 1000)
	require.Equal(t, "/2299", log[len(log)-1].Path)
	require.Equal(t, 2300, s.Count(opList))
}

func TestBody_too_long(t *testing.T) {
	s := newStore(t)
	r := s.want(http.StatusRequestEntityTooLarge, http.MethodPost, "/texts", strings.Repeat("x", fakewire.BodyLimit+1))
	require.Contains(t, r.body, "problem")
	require.Empty(t, s.all())
	require.Zero(t, s.Calls().Total)
}

func TestDrop_without_hijack(t *testing.T) {
	s := newStore(t)
	s.SetFaults(fakewire.Faults{Down: true})
	w := httptest.NewRecorder()
	s.Handler(opAdd, s.add)(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/texts", strings.NewReader("one")))
	require.Equal(t, http.StatusBadGateway, w.Code)
	require.Empty(t, s.all())
}

func TestContract_no_json(t *testing.T) {
	s := newStore(t)
	w := httptest.NewRecorder()
	s.Send(w, &fakewire.Answer{Status: http.StatusOK, Body: func() {}})
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), "unsupported type")
	w = httptest.NewRecorder()
	fakewire.WriteJSON(w, func() {})
	require.Equal(t, http.StatusInternalServerError, w.Code)
}
