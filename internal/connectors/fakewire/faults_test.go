package fakewire_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

func TestFaultsWithAnAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		fault  fakewire.Fault
		status int
		stored int
		body   string
		header map[string]string
	}{
		"a 500 that committed nothing": {
			fakewire.Fault{Kind: fakewire.Status, Status: 500}, 500, 0, `{"problem":"Internal Server Error"}`, map[string]string{"Content-Type": "text/json"},
		},
		"a 502 of HTML, committed": {
			fakewire.Fault{Kind: fakewire.Status, Status: 502, Body: "html", Committed: true},
			502, 1, "<html>",
			map[string]string{"Content-Type": "text/html;charset=UTF-8", "Seen": "yes"},
		},
		"a 503 with a time and no body": {
			fakewire.Fault{Kind: fakewire.Status, RetryAfter: "9", Body: "empty"}, 503, 0, "", map[string]string{"Retry-After": "9"},
		},
		"a 503 without a time": {
			fakewire.Fault{Kind: fakewire.Status}, 503, 0, "Service Unavailable", map[string]string{"Retry-After": ""},
		},
		"a 429 with what the product adds": {
			fakewire.Fault{Kind: fakewire.RateLimit, Reason: "quota", RetryAfter: "600"},
			429, 0, "Rate limit",
			map[string]string{"Why": "quota", "Retry-After": "600"},
		},
		"a 429 of HTML": {fakewire.Fault{Kind: fakewire.RateLimit, Body: "html"}, 429, 0, "<html>", nil},
		"a page of HTML": {
			fakewire.Fault{Kind: fakewire.HTML}, 200, 0, "<!DOCTYPE html>", map[string]string{"Content-Type": "text/html;charset=UTF-8"},
		},
		"half of the JSON, committed":      {fakewire.Fault{Kind: fakewire.Truncate, Committed: true}, 201, 1, `{"text"`, nil},
		"half of some JSON, not committed": {fakewire.Fault{Kind: fakewire.Truncate}, 200, 0, `{"self":`, nil},
		"a slow answer":                    {fakewire.Fault{Kind: fakewire.Slow, DelayMS: 1}, 201, 1, `{"text":"one"}`, nil},
		"a body that comes in pieces":      {fakewire.Fault{Kind: fakewire.SlowBody, DelayMS: 10}, 201, 1, `{"text":"one"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.spoil(row.fault)
			r := s.want(row.status, http.MethodPost, "/texts", "one")
			require.Contains(t, r.body, row.body)
			require.Len(t, s.all(), row.stored)
			require.Equal(t, "Wed, 04 Mar 2026 12:30:15 GMT", r.header.Get("Date"))
			mark := string(row.fault.Kind)
			if row.fault.Kind == fakewire.Slow || row.fault.Kind == fakewire.SlowBody {
				mark = ""
			}
			require.Equal(t, mark, r.header.Get(fakewire.FaultHeader), "whether the answer is the product's own")
			for header, value := range row.header {
				require.Equal(t, value, r.header.Get(header), header)
			}
			s.want(http.StatusCreated, http.MethodPost, "/texts", "two")
		})
	}
}

func TestFaultsWithoutAnAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		fault  fakewire.Fault
		stored int
		err    error
	}{
		"closed before the commit": {fakewire.Fault{Kind: fakewire.Drop}, 0, io.EOF},
		"closed after the commit":  {fakewire.Fault{Kind: fakewire.Drop, Committed: true}, 1, io.EOF},
		"cut before the commit":    {fakewire.Fault{Kind: fakewire.Cut}, 0, io.ErrUnexpectedEOF},
		"cut after the commit":     {fakewire.Fault{Kind: fakewire.Cut, Committed: true}, 1, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.spoil(row.fault)
			_, err := s.send(t.Context(), http.MethodPost, "/texts", "one")
			require.ErrorIs(t, err, row.err)
			require.Len(t, s.all(), row.stored)
		})
	}
}

func TestHang_ends(t *testing.T) {
	for name, row := range map[string]struct {
		committed bool
		stored    int
		leaves    bool
	}{
		"before the commit, the caller leaves":   {false, 0, true},
		"after the commit, the caller leaves":    {true, 1, true},
		"after the commit, the fake is closed":   {true, 1, false},
		"before the commit, the fake is closed ": {false, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.spoil(fakewire.Fault{Kind: fakewire.Hang, Committed: row.committed})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			status := s.sendSoon(ctx, "one")
			require.Eventually(t, func() bool { return s.Count(opAdd) == 1 }, 10*time.Second, time.Millisecond)
			require.Len(t, s.all(), row.stored)
			if row.leaves {
				leave()
			} else {
				s.Close()
			}
			require.Zero(t, <-status)
			require.Zero(t, s.Requests()[0].Status)
		})
	}
}

func TestFaults_slow_answer(t *testing.T) {
	s := newStore(t)
	s.spoil(fakewire.Fault{Kind: fakewire.Slow, DelayMS: 60_000})
	status := s.sendSoon(t.Context(), "one")
	require.Eventually(t, func() bool { return len(s.all()) == 1 }, 10*time.Second, time.Millisecond)
	s.Close()
	require.Zero(t, <-status)
}

func TestFaults_redirect(t *testing.T) {
	s := newStore(t)
	s.spoil(fakewire.Fault{Kind: fakewire.Redirect})
	r := s.want(http.StatusFound, http.MethodPost, "/texts", "one")
	require.Empty(t, s.all())
	require.Equal(t, s.url+"/_sso/login", r.header.Get("Location"))
	require.Contains(t, s.want(http.StatusOK, http.MethodGet, "/_sso/login", "").body, "Please log in")
}

// statuses calls so often and returns the answers' statuses, 0 for none.
func (s *store) statuses(times int, method, path, body string) []int {
	var out []int
	for range times {
		r, _ := s.send(s.t.Context(), method, path, body)
		out = append(out, r.status)
	}
	return out
}

func TestFaults_every_fifth(t *testing.T) {
	s := newStore(t)
	s.SetFaults(fakewire.Rules(fakewire.Rule{Every: 5, Of: []fakewire.Fault{
		{Kind: fakewire.Status, Status: 500}, {Kind: fakewire.RateLimit, RetryAfter: "1"}, {Kind: fakewire.Drop},
	}}))
	require.Equal(t, []int{201, 201, 201, 201, 500, 201, 201, 201, 201, 429, 201, 201, 201, 201, 0, 201, 201, 201, 201, 500},
		s.statuses(20, http.MethodPost, "/texts", "x"))
}

func TestRule_first_wins(t *testing.T) {
	s := newStore(t)
	s.SetFaults(fakewire.Rules(
		fakewire.Rule{Every: 2, Times: 1, Of: []fakewire.Fault{{Kind: fakewire.Status, Status: 500}}},
		fakewire.Rule{Every: 2, Of: []fakewire.Fault{{Kind: fakewire.Status, Status: 502}}},
	))
	require.Equal(t, []int{200, 500, 200, 502, 200, 502}, s.statuses(6, http.MethodGet, "/texts", ""))
}

func TestRule_operations(t *testing.T) {
	s := newStore(t)
	s.SetFaults(fakewire.Rules(fakewire.Rule{
		Every: 2, Only: []fakewire.Operation{opList, http.MethodPatch}, Of: []fakewire.Fault{{Kind: fakewire.Status}},
	}))
	require.Equal(t, []int{201, 201, 201}, s.statuses(3, http.MethodPost, "/texts", "x"))
	require.Equal(t, []int{200, 503}, s.statuses(2, http.MethodGet, "/texts", ""))
	require.Equal(t, []int{204, 503}, s.statuses(2, http.MethodPatch, "/other", ""))
}

func TestRule_succeeded(t *testing.T) {
	s := newStore(t)
	s.SetFaults(fakewire.Rules(
		fakewire.Rule{Times: 1, Of: []fakewire.Fault{{Kind: fakewire.Status}}},
		fakewire.Rule{Times: 2, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}, {Kind: fakewire.Status, Status: 500}}},
	))
	s.want(http.StatusServiceUnavailable, http.MethodPost, "/texts", "spoilt by the first rule")
	s.want(http.StatusBadRequest, http.MethodPost, "/texts", "")
	_, err := s.send(t.Context(), http.MethodPost, "/texts", "one")
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, s.Faults().Rules[0].Times, "the first rule is used up, and one use of the second is left")
	s.want(http.StatusInternalServerError, http.MethodPost, "/texts", "two")
	require.Empty(t, s.Faults().Rules)
	s.want(http.StatusCreated, http.MethodPost, "/texts", "three")
	require.Equal(t, []string{"one", "two", "three"}, s.all())
	require.Zero(t, s.Requests()[2].Status, "the log has it that nothing was answered")
}

func TestFaults_down(t *testing.T) {
	s := newStore(t)
	for range 2 {
		s.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"down":true}`)
		_, err := s.send(t.Context(), http.MethodPost, "/texts", "one")
		require.Error(t, err)
		s.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{}`)
		s.want(http.StatusOK, http.MethodGet, "/texts", "")
	}
	require.Empty(t, s.all())
}

func TestFaults_by_http(t *testing.T) {
	s := newStore(t)
	const all = `{"down":true,"deaf":true,"rules":[{"every":5,"times":2,"only":["add"],"succeeded":true,"of":[{"kind":"drop","committed":true}]}]}`
	require.JSONEq(t, all, s.want(http.StatusOK, http.MethodPut, "/_sim/faults", all).body)
	for _, bad := range []string{
		`{"doun":true}`, `no`, `{"rules":"x"}`,
		`{"rules":[{"every":2}]}`, `{"rules":[{"of":[{"kind":"explode"}]}]}`, `{"rules":[{"every":-1,"of":[{"kind":"drop"}]}]}`,
		`{"rules":[{"of":[{"kind":"drop","often":1}]}]}`,
	} {
		r := s.want(http.StatusBadRequest, http.MethodPut, "/_sim/faults", bad)
		require.Contains(t, r.body, "faults: ")
	}
	require.JSONEq(t, all, s.want(http.StatusOK, http.MethodGet, "/_sim/faults", "").body, "what is refused changes nothing")
	_, err := fakewire.ParseFaults[faults](strings.NewReader(`{"rules":[{"of":[{"kind":"drop"}]},{"times":-1,"of":[{"kind":"drop"}]}]}`))
	require.ErrorContains(t, err, "rules[1]")
}
