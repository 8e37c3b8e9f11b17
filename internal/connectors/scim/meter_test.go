package scim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// meter stands before a directory and tells what passed, in words: "account", "list", "filter by members.value",
// "filter by members.value for nobody", "change".
type meter struct {
	directory http.Handler

	mu    sync.Mutex
	calls []metered
}

// metered is one call and the length of its answer.
type metered struct {
	what  string
	bytes int
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := metered{what: what(r)}
	counted := &countingWriter{ResponseWriter: w}
	defer func() {
		call.bytes = counted.bytes
		m.mu.Lock()
		defer m.mu.Unlock()
		m.calls = append(m.calls, call)
	}()
	m.directory.ServeHTTP(counted, r)
}

type countingWriter struct {
	http.ResponseWriter
	bytes int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += n
	return n, err
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func what(r *http.Request) string {
	_, condition, byMember := strings.Cut(r.URL.Query().Get("filter"), " and ")
	attribute, value, _ := strings.Cut(condition, " eq ")
	switch {
	case r.Method == http.MethodPatch:
		return "change"
	case byMember && strings.Contains(value, "usher-asks"):
		return "filter by " + attribute + " for nobody"
	case byMember:
		return "filter by " + attribute
	case strings.Contains(r.URL.Path, "/Groups/"):
		return "list"
	case strings.Contains(r.URL.Path, "/Users"):
		return "account"
	}
	return r.Method + " " + r.URL.Path
}

// taken returns the calls since it was last asked.
func (m *meter) taken() []string {
	var all []string
	for _, call := range m.metered() {
		all = append(all, call.what)
	}
	return all
}

// measured returns the calls since it was last asked, and marks those with an answer of so many bytes or more.
func (m *meter) measured(long int) []string {
	var all []string
	for _, call := range m.metered() {
		if call.bytes >= long {
			call.what += ", long"
		}
		all = append(all, call.what)
	}
	return all
}

func (m *meter) metered() []metered {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}

// metered returns a directory's address behind a meter.
func (d directory) metered(t *testing.T) (string, *meter) {
	t.Helper()
	target, err := url.Parse(d.base)
	require.NoError(t, err)
	m := &meter{directory: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return server.URL, m
}

// crowd returns so many ids of members that nobody knows by name.
func crowd(size int) []string {
	var ids []string
	for i := range size {
		ids = append(ids, fmt.Sprintf("other-%d", i))
	}
	return ids
}
