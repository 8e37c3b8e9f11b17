package fakewire

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Tap stands before a server: it remembers the calls that reach it, and lets a test answer in the server's place. A call is
// named by its method and the end of its path: "POST /issue". Safe for concurrent use.
type Tap struct {
	next http.Handler

	mu      sync.Mutex
	calls   []Request
	instead func(http.ResponseWriter, *http.Request) bool
}

// NewTap returns a tap before a server.
func NewTap(next http.Handler) *Tap { return &Tap{next: next} }

// ServeHTTP implements http.Handler. The server finds the body unread.
func (t *Tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // What was cut is kept as far as it came.
	r.Body = io.NopCloser(bytes.NewReader(body))
	one := Request{
		Method: r.Method, URI: r.RequestURI, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), Body: string(body), At: time.Now(),
	}
	t.mu.Lock()
	t.calls = append(t.calls, one)
	instead := t.instead
	t.mu.Unlock()
	if instead == nil || !instead(w, r) {
		t.next.ServeHTTP(w, r)
	}
}

// Instead lets a func answer from now on, instead of the one before it; false leaves the call to the server. nil leaves every one.
func (t *Tap) Instead(answers func(http.ResponseWriter, *http.Request) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.instead = answers
}

// AnswerInstead is Instead for the calls of one name; nil leaves every call to the server.
func (t *Tap) AnswerInstead(call string, answer http.HandlerFunc) {
	if answer == nil {
		t.Instead(nil)
		return
	}
	t.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		named := Request{Method: r.Method, Path: r.URL.Path}.Is(call)
		if named {
			answer(w, r)
		}
		return named
	})
}

// Calls returns the calls of that name that arrived, oldest first; those of any name for "".
func (t *Tap) Calls(call string) []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Request
	for _, one := range t.calls {
		if call == "" || one.Is(call) {
			out = append(out, one)
		}
	}
	return out
}

// Forget forgets the calls that arrived until now.
func (t *Tap) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = nil
}

// Is reports whether a call has that name: its method and the end of its path, "POST /issue".
func (r Request) Is(call string) bool {
	method, path, _ := strings.Cut(call, " ")
	return r.Method == method && strings.HasSuffix(r.Path, path)
}
