package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/starter/httpapi"
)

// tripwire is a body that nobody may read.
type tripwire struct{ t *testing.T }

func (b tripwire) Read([]byte) (int, error) {
	b.t.Error("the body was read")
	return 0, io.EOF
}

// TestBody_not_read: a body is read only of who is known, and only where a route takes one.
func TestBody_not_read(t *testing.T) {
	signature := "sha256=" + strings.Repeat("00", 32)
	type call struct {
		method, path, person string
		headers              []string
		status               int
	}
	calls := map[string]call{
		"no such path":             {"POST", "/v2/requests", "ana", nil, 404},
		"no such method":           {"PUT", "/v1/requests", "ana", nil, 405},
		"a read with a body":       {"GET", "/v1/requests?requester=ana", "ana", nil, 200},
		"the document with a body": {"GET", "/openapi.json", "", nil, 200},
		"another type":             {"POST", "/v1/requests", "ana", []string{"Content-Type", "text/plain"}, 415},
		"no such desk":             {"POST", "/v1/desks/none/webhook", "", []string{"X-Hub-Signature", signature}, 404},
		"no signature":             {"POST", "/v1/desks/jira/webhook", "", nil, 401},
		"a signature that is none": {"POST", "/v1/desks/jira/webhook", "", []string{"X-Hub-Signature", "sha256=00"}, 401},
		"a wrong secret":           {"POST", "/v1/desks/header/webhook", "", []string{"X-Secret", "guess"}, 401},
		"a wrong secret in a URL":  {"POST", "/v1/desks/query/webhook?key=guess", "", nil, 401},
		"a wrong token":            {"POST", "/v1/desks/jwt/webhook", "", []string{"X-Token", "guess"}, 401},
		"a compressed webhook":     {"POST", "/v1/desks/header/webhook", "", []string{"X-Secret", hookSecret, "Content-Encoding", "gzip"}, 415},
	}
	for _, path := range newWorld(t).bodies() {
		calls["nobody: "+path] = call{"POST", path, "", nil, 401}
	}
	for name, row := range calls {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
				c.Webhooks["jwt"] = httpapi.Webhook{Check: httpapi.CheckJWT, SignatureHeader: "X-Token", TicketPath: "id"}
			})
			r := httptest.NewRequestWithContext(t.Context(), row.method, row.path, tripwire{t})
			r.ContentLength = 1000
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Usher-Person", row.person)
			for i := 0; i+1 < len(row.headers); i += 2 {
				r.Header.Set(row.headers[i], row.headers[i+1])
			}
			rec := httptest.NewRecorder()
			w.api.ServeHTTP(rec, r)
			require.Equal(t, row.status, rec.Code, rec.Body)
			require.Equal(t, "close", rec.Header().Get("Connection"), "the server would wait for the body")
		})
	}
	require.Empty(t, newWorld(t).call("ana", "POST", "/v1/requests", "{}").header.Get("Connection"))
}

// TestBody_not_awaited: who is not known gets the answer before the body.
func TestBody_not_awaited(t *testing.T) {
	conn, err := net.Dial("tcp", listening(t, newWorld(t)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
	require.NoError(t, err)
	began := time.Now()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, readAnswer(t, response).status)
	require.Less(t, time.Since(began), 5*time.Second)
}

// TestWebhook_readers: who knows only the name of a desk cannot make usher hold more than some bodies, and no other desk waits for them.
func TestWebhook_readers(t *testing.T) {
	w := newWorld(t)
	post := func(desk string, body io.Reader, headers ...string) answer {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/desks/"+desk+"/webhook", body)
		r.Header.Set(headers[0], headers[1])
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		return readAnswer(t, rec.Result())
	}
	const places = 8
	var slow []*io.PipeWriter
	answers := make(chan int, places)
	for range places {
		body, in := io.Pipe()
		slow = append(slow, in)
		go func() { answers <- post("jira", body, "X-Hub-Signature", "sha256="+strings.Repeat("00", 32)).status }()
		_, err := in.Write([]byte("{"))
		require.NoError(t, err)
	}
	refused := post("jira", strings.NewReader("{}"), "X-Hub-Signature", signed(hookSecret, "{}"))
	require.Equal(t, http.StatusTooManyRequests, refused.status, refused.body)
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	require.Equal(t, http.StatusAccepted, post("header", strings.NewReader("{}"), "X-Secret", hookSecret).status)
	for _, in := range slow {
		require.NoError(t, in.Close())
	}
	for range places {
		require.Equal(t, http.StatusUnauthorized, <-answers)
	}
	require.Equal(t, http.StatusAccepted, post("jira", strings.NewReader("{}"), "X-Hub-Signature", signed(hookSecret, "{}")).status)
}

// TestCapped holds that a connection above the cap waits until another one ends.
func TestCapped(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := httpapi.NewServer(newWorld(t).api, newWorld(t).logger())
	done := make(chan error, 1)
	go func() { done <- server.Serve(httpapi.ServerConfig{MaxConnections: 1}.Capped(listener)) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	live := func(wait time.Duration) (net.Conn, error) {
		conn, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(wait)))
		_, err = conn.Read(make([]byte, 1))
		return conn, err
	}
	first, err := live(10 * time.Second)
	require.NoError(t, err)
	second, err := live(200 * time.Millisecond)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, first.Close())
	require.NoError(t, second.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = second.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, second.Close())
}
