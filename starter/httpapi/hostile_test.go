package httpapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/starter/httpapi"
)

// hostile writes calls that no good client would make, from a seed.
type hostile struct{ *rand.Rand }

func pick[T any](h hostile, of ...T) T { return of[h.IntN(len(of))] }

// text is a value that reads otherwise than it is written, or too long, or nothing unusual.
func (h hostile) text() string {
	return pick(h, "docs", "a\u202eb", `a\ud83d`, `\u0000`, "\xff\xfe", "\u061c", `\r\n`, strings.Repeat("ü", 3000), "", "🔑", "\\", `"`, "\x00", "key-1", "..", "<b>")
}

func (h hostile) value(depth int) string {
	if depth > 40 {
		return "1"
	}
	switch h.IntN(9) {
	case 0:
		return "[" + h.value(depth+1) + "," + h.value(depth+1) + "]"
	case 1:
		return `{"` + pick(h, "entitlement", "Entitlement", "x", h.text()) + `":` + h.value(depth+1) + `}`
	case 2:
		return pick(h, "1e999", "-0", "0x1", "NaN", "true", "null", "nul", "1.", "٣")
	case 3:
		return strings.Repeat(`{"a":[`, pick(h, 1, 20, 5000))
	}
	return `"` + h.text() + `"`
}

func (h hostile) body() string {
	switch h.IntN(6) {
	case 0:
		return strings.Repeat(pick(h, "[", " ", "{", "\x00", "9"), pick(h, 1, 100, 70_000, 200_000))
	case 1:
		return wiki + pick(h, "{}", "x", "\x00", " ", wiki)
	case 2:
		return "\ufeff" + wiki
	}
	var fields []string
	for range 1 + h.IntN(4) {
		name := pick(h, "id", "subject", "items", "reason", "verdict", "SUBJECT", "reaſon", "ID", "desk", "summary", "release", "scope", "to", h.text())
		value := h.value(0)
		if name == "items" && h.IntN(2) == 0 {
			value = `[{"entitlement":` + h.value(0) + `}]`
		}
		fields = append(fields, `"`+name+`":`+value)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func (h hostile) call() string {
	method := pick(h, "POST", "POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "FOO")
	path := pick(h, "/v1/requests", "/v1/requests", "/v1/requests/r1/decisions", "/v1/requests/../withdraw", "/v1/requests/%2e%2e/withdraw", "/v1/requests/%00",
		"/v1/tickets", "/v1/people/hr/runs", "/v1/desks/jira/syncs", "/v1/desks/jira/webhook", "/v1/desks/header/webhook", "/v1/doctor", "/v1/integration-users",
		"//v1/requests", "/v1/requests?requester=%zz", "/v1/requests?limit=-1&limit=2", "/v1/subjects/%ff/leases", "*", "/"+strings.Repeat("a", 9000))
	body := h.body()
	lines := []string{method + " " + path + " HTTP/1.1", "Host: x"}
	if h.IntN(5) > 0 {
		lines = append(lines, "X-Usher-Person: "+pick(h, "ana", "adam", "audra", "a\xff", strings.Repeat("p", 300), "..", "\u202e"))
	}
	if h.IntN(4) > 0 {
		lines = append(lines, "Content-Type: "+pick(h, "application/json", "application/json", "application/json", "text/plain", "application/json; charset=utf-16", ";;", "application/xml"))
	}
	if h.IntN(6) == 0 {
		lines = append(lines, "Content-Encoding: "+pick(h, "gzip", "identity", "br, gzip", "deflate"))
	}
	if h.IntN(6) == 0 {
		lines = append(lines, "Idempotency-Key: "+pick(h, "k", strings.Repeat("k", 300), "a\tb", "\xff"))
	}
	if h.IntN(4) == 0 {
		lines = append(lines, pick(h, "X-Hub-Signature: sha256="+strings.Repeat("0", 64), "X-Hub-Signature: sha256=zz", "X-Secret: "+hookSecret, "X-Secret: guess"))
	}
	switch h.IntN(10) {
	case 0: // Two lengths, of which a proxy may believe the other.
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "Content-Length: 3")
	case 1:
		lines = append(lines, "Transfer-Encoding: chunked", fmt.Sprintf("Content-Length: %d", len(body)))
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case 2:
		lines = append(lines, "Transfer-Encoding: "+pick(h, "gzip, chunked", "xchunked", "chunked, identity"))
	case 3: // More is announced than comes.
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)+pick(h, 1, 1000, 1<<40)))
	case 4:
		lines = append(lines, "Transfer-Encoding: chunked")
		body = pick(h, "zz\r\n", "fffffffffffffffff\r\n", "5\r\nab", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
	default:
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	if h.IntN(20) == 0 {
		lines = append(lines, "X-Big: "+strings.Repeat("x", pick(h, 40_000, 70_000)))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// TestHostileCalls holds that whatever is sent, usher answers soon, says what was wrong and where, and has no error of its own.
func TestHostileCalls(t *testing.T) {
	const calls, soon = 1000, 5 * time.Second
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.Quotas = httpapi.Quotas{ChangesPerSecond: 1e6, Burst: 1e6} })
	w.gateway.submission.Created = true
	address := listening(t, w)
	h := hostile{rand.New(rand.NewPCG(20261129, 36))}
	seen := map[int]int{}
	for i := range calls {
		call := h.call()
		about := fmt.Sprintf("call %d: %.300q", i, call)
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
		// The server may have refused and closed by now.
		_, _ = io.WriteString(conn, call)
		_ = conn.(*net.TCPConn).CloseWrite()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		var slow net.Error
		require.False(t, errors.As(err, &slow) && slow.Timeout(), "%s: no answer within %s", about, soon)
		if err != nil {
			// The connection was closed over a body that nobody reads; the answer may be lost with it.
			seen[0]++
			require.NoError(t, conn.Close())
			continue
		}
		seen[response.StatusCode]++
		if response.Header.Get("X-Request-Id") == "" {
			// What is no HTTP never reached usher.
			require.Contains(t, []int{400, 417, 431, 501, 505}, response.StatusCode, about)
		} else {
			answered(t, response, about)
		}
		_ = response.Body.Close()
		require.NoError(t, conn.Close())
	}
	t.Log("answers by status, 0 for none:", seen)
	for _, status := range []int{400, 401, 404, 405, 413, 415, 422} {
		require.Positive(t, seen[status], "the seed has calls for %d", status)
	}
	require.Less(t, seen[0], calls/20)
}

// answered checks one answer of usher's.
func answered(t *testing.T, response *http.Response, about string) {
	t.Helper()
	require.Less(t, response.StatusCode, http.StatusInternalServerError, about)
	if response.StatusCode < http.StatusBadRequest {
		return
	}
	got := readAnswer(t, response)
	require.NotEmpty(t, got.problem.Detail, about)
	switch got.status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
		require.NotEmpty(t, got.problem.Errors, "%s: %s", about, got.body)
		require.NotEmpty(t, got.problem.Errors[0].Location, "%s: %s", about, got.body)
		require.NotEmpty(t, got.problem.Errors[0].Message, "%s: %s", about, got.body)
	}
}
