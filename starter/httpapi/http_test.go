package httpapi_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRefused_by_http(t *testing.T) {
	for name, row := range map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"no such path":                   {"GET", "/v2/requests", 404, ""},
		"a trailing slash":               {"GET", "/v1/requests/", 404, ""},
		"the root":                       {"GET", "/", 404, ""},
		"a method that the path has not": {"DELETE", "/v1/requests/r1", 405, "GET, HEAD"},
		"a list that is put":             {"PUT", "/v1/requests", 405, "GET, HEAD, POST"},
		"a webhook that is read":         {"GET", "/v1/desks/jira/webhook", 405, "POST"},
		"a request that is too long":     {"GET", "/v1/requests/" + strings.Repeat("r", 65), 422, ""},
		"an id with odd characters":      {"GET", "/v1/requests/a%20b", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := newWorld(t).call("ana", row.method, row.path, "")
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.allow, got.header.Get("Allow"))
		})
	}
}

func TestAuthentication_every_route(t *testing.T) {
	w := newWorld(t)
	var document struct {
		Paths map[string]map[string]struct {
			Security *[]map[string][]string
		}
	}
	require.NoError(t, json.Unmarshal(w.api.OpenAPI(), &document))
	open := map[string]bool{"/livez": true, "/readyz": true, "/v1/desks/{desk}/webhook": true}
	for path, methods := range document.Paths {
		for method := range methods {
			got := w.call("", strings.ToUpper(method), strings.NewReplacer("{id}", "r1", "{desk}", "none").Replace(path), "{}")
			require.Equal(t, !open[path], got.status == http.StatusUnauthorized, "%s %s: %d", method, path, got.status)
			if !open[path] {
				require.Equal(t, `Bearer realm="usher"`, got.header.Get("WWW-Authenticate"))
			}
		}
	}
}

func TestRequestID_header(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "trace-1", w.call("ana", "GET", "/livez", "", "X-Request-Id", "trace-1").header.Get("X-Request-Id"))
	odd := w.call("ana", "GET", "/livez", "", "X-Request-Id", "a b\tc").header.Get("X-Request-Id")
	require.Len(t, odd, 36)
	require.Contains(t, w.log.String(), `"http_request_id":"trace-1"`)
}

func TestLog_without_query(t *testing.T) {
	w := newWorld(t)
	w.call("ana", "GET", "/v1/requests?requester=secret-query", "")
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.log.String()), &line))
	require.Equal(t, "/v1/requests", line["path"])
	require.Equal(t, "ana", line["person"])
	require.InDelta(t, 403, line["status"], 0)
	require.NotContains(t, w.log.String(), "secret-query")
}

func TestPanic(t *testing.T) {
	w := newWorld(t)
	w.gateway.panic = true
	got := w.call("ana", "POST", "/v1/requests", wiki)
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.NotContains(t, got.body, "lost its mind")
	require.Contains(t, w.log.String(), "lost its mind")
}

func TestDevelopmentMode_header(t *testing.T) {
	require.Equal(t, "identity is not checked", newWorld(t).call("", "GET", "/livez", "").header.Get("X-Usher-Development"))
}

func TestDevelopmentMode_needs_loopback(t *testing.T) {
	for address, fine := range map[string]bool{
		"127.0.0.1:8080": true, "127.1.2.3:1": true, "[::1]:8080": true, "localhost:8080": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "192.168.1.2:8080": false, "example.com:80": false, "8080": false,
		"localhost.example.com:80": false,
	} {
		_, err := httpapi.NewDevelopment(address)
		require.Equal(t, fine, err == nil, address)
		if !fine {
			require.ErrorContains(t, err, "http.address")
		}
	}
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	require.JSONEq(t, `{"status":"ok"}`, w.call("", "GET", "/livez", "").body)
	require.JSONEq(t, `{"status":"ok","checks":{"temporal":"ok","identity":"ok","ledger":"ok"}}`, w.call("", "GET", "/readyz", "").body)

	degraded := newWorld(t, ledgerAway).call("", "GET", "/readyz", "")
	require.Equal(t, http.StatusOK, degraded.status)
	require.JSONEq(t, `{"status":"degraded","checks":{"temporal":"ok","identity":"ok","ledger":"unavailable"}}`, degraded.body)

	w.gateway.err = access.Errorf(access.Transient, "check", "no answer")
	got := w.call("", "GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "temporal", got.problem.Errors[0].Location)
	require.Equal(t, http.StatusOK, w.call("", "GET", "/livez", "").status)
}

func TestServer_settings(t *testing.T) {
	require.NoError(t, httpapi.ServerConfig{Address: "127.0.0.1:8080"}.Validate())
	require.ErrorContains(t, httpapi.ServerConfig{Address: "8080"}.Validate(), "http.address:")
	require.ErrorContains(t, httpapi.ServerConfig{Address: ":1", MaxConnections: -1}.Validate(), "http.max_connections:")
	require.ErrorContains(t, httpapi.ServerConfig{Address: ":1", ShutdownTimeout: -1}.Validate(), "http.shutdown_timeout:")
	require.Equal(t, 15*time.Second, httpapi.ServerConfig{}.ShutdownTimeoutOrDefault())
	require.Equal(t, time.Second, httpapi.ServerConfig{ShutdownTimeout: access.Duration(time.Second)}.ShutdownTimeoutOrDefault())
}

// listening serves a world's API over TCP.
func listening(t *testing.T, w *world) string {
	t.Helper()
	server := httpapi.NewServer(w.api, w.logger())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

func TestBody_cut(t *testing.T) {
	w := newWorld(t)
	conn, err := net.Dial("tcp", listening(t, w))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /v1/requests HTTP/1.1\r\nHost: x\r\nX-Usher-Person: ana\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, readAnswer(t, response).status)
}

func TestDocument_is_served(t *testing.T) {
	w := newWorld(t)
	asJSON := w.call("", "GET", "/openapi.json", "")
	require.Equal(t, "application/openapi+json", asJSON.header.Get("Content-Type"))
	require.JSONEq(t, string(w.api.OpenAPI()), asJSON.body)
	require.Contains(t, w.call("", "GET", "/openapi.yaml", "").body, "openapi: 3.1.0")
	require.Contains(t, w.call("", "GET", "/openapi-3.0.json", "").body, `"openapi":"3.0.3"`)
	docs := w.call("", "GET", "/docs", "")
	require.Contains(t, docs.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';")
	require.NotContains(t, docs.body, "https://", "nothing from elsewhere")
	parts := regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(docs.body, -1)
	require.GreaterOrEqual(t, len(parts), 4)
	for _, part := range parts {
		got := w.call("", "GET", part[1], "")
		require.Equal(t, http.StatusOK, got.status, part[1])
		require.NotEmpty(t, got.body, part[1])
	}
	require.Equal(t, http.StatusNotFound, w.call("", "GET", "/docs/other.js", "").status)
}

func TestDocument_is_reviewed(t *testing.T) {
	golden := filepath.Join("testdata", "openapi.json")
	got := append(newWorld(t).api.OpenAPI(), '\n')
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "write it with: go test ./starter/httpapi -update")
	require.Equal(t, string(want), string(got), "review the change, then: go test ./starter/httpapi -update")
}

func TestDocument_every_operation(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			OperationID, Summary, Description string
			Parameters                        []struct{ Name, Description string }
			Responses                         map[string]struct {
				Description string
				Content     map[string]any
				Headers     map[string]struct{ Description string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(newWorld(t).api.OpenAPI(), &document))
	require.Len(t, document.Paths, 37)
	for path, methods := range document.Paths {
		for method, operation := range methods {
			name := method + " " + path
			require.NotEmpty(t, operation.OperationID, name)
			require.NotEmpty(t, operation.Summary, name)
			require.NotEmpty(t, operation.Description, name)
			for _, parameter := range operation.Parameters {
				require.NotEmpty(t, parameter.Description, name+" "+parameter.Name)
			}
			problems := 0
			for status, response := range operation.Responses {
				require.NotEmpty(t, response.Description, name+" "+status)
				require.Contains(t, response.Headers, "X-Request-Id", name+" "+status)
				switch status {
				case "401":
					require.Contains(t, response.Headers, "WWW-Authenticate", name)
				case "429", "503":
					require.Contains(t, response.Headers, "Retry-After", name)
				case "415":
					require.Contains(t, response.Headers, "Accept-Encoding", name)
				case "201", "202":
					if operation.OperationID != "add-integration-user" && operation.OperationID != "desk-webhook" {
						require.Contains(t, response.Headers, "Location", name+" "+status)
					}
				}
				if status >= "400" {
					require.Contains(t, response.Content, "application/problem+json", name+" "+status)
					problems++
				}
			}
			require.GreaterOrEqual(t, problems, 3, name)
			require.NotContains(t, operation.Responses, "default", name)
		}
	}
}

func TestHEADAnswersAsGET(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	response, err := http.Head(server.URL + "/livez")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Empty(t, body)
}
