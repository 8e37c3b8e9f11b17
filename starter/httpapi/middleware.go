package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"usher/internal/access"
)

// The limits of a call, in bytes.
const (
	MaxBody        = 64 << 10
	MaxWebhookBody = 1 << 20
	MaxHeaders     = 32 << 10
)

const (
	headerRequestID   = "X-Request-Id"
	headerDevelopment = "X-Usher-Development"
)

// trace is what the log and the problems say about a call, and how long it still waits for the ledger.
type trace struct {
	id     string
	person access.PersonID
	ledger ledgerDeadline
	// bodyUnread is true while the call has a body of which nothing was read.
	bodyUnread bool
}

type traceKey struct{}

func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	call   *trace
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	// Otherwise the server would wait for the body before it answers, to use the connection again.
	if r.call.bodyUnread {
		r.Header().Set("Connection", "close")
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// watched returns every call its id, its line in the log, and an answer even where the code panics.
func (a *API) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := a.deps.Now()
		seen := &trace{id: requestID(r), bodyUnread: r.ContentLength != 0}
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, seen))
		rec := &recorder{ResponseWriter: w, call: seen}
		rec.Header().Set(headerRequestID, seen.id)
		rec.Header().Set("X-Content-Type-Options", "nosniff")
		rec.Header().Set("Cache-Control", "no-store")
		if warning := a.deps.Authenticator.Warning(); warning != "" {
			rec.Header().Set(headerDevelopment, warning)
		}
		defer func() {
			broken := recover()
			if broken != nil {
				a.panicked(rec, r, broken)
			}
			a.deps.Logger.LogAttrs(r.Context(), slog.LevelInfo, "http call",
				slog.String("http_request_id", seen.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", rec.status), slog.Int("bytes", rec.bytes), slog.String("person", string(seen.person)),
				slog.Duration("took", a.deps.Now().Sub(begun)))
			if broken == http.ErrAbortHandler { //nolint:errorlint // recover gives the very value
				panic(broken)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

func (a *API) panicked(rec *recorder, r *http.Request, broken any) {
	if broken == http.ErrAbortHandler { //nolint:errorlint // recover gives the very value
		return
	}
	a.deps.Logger.ErrorContext(r.Context(), "panic in a handler", "http_request_id", traceOf(r.Context()).id,
		"panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
	if rec.status == 0 {
		newProblem(kindInternal(), "Internal error. See the server log under this http_request_id").write(rec, r)
	}
}

// requestID takes over the caller's id where it is harmless to log.
func requestID(r *http.Request) string {
	if offered := r.Header.Get(headerRequestID); access.ValidRequestID(offered) {
		return offered
	}
	return uuid.NewString()
}

// limited refuses headers that are too big. Bodies are read later, when it is known who calls and what; see strict and proven.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sizeOf(r.Header)+len(r.RequestURI) > MaxHeaders {
			newProblem(kindOfStatus(http.StatusRequestHeaderFieldsTooLarge),
				fmt.Sprintf("expected headers of at most %d bytes", MaxHeaders)).write(w, r)
			return
		}
		if r.RequestURI == "*" {
			// The router would answer it by itself, without a problem document.
			noSuchPath().write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func noSuchPath() *Problem {
	return newProblem(kindNotFound(), "there is no such path; /docs lists those that exist")
}

func sizeOf(h http.Header) int {
	const separators = len(": \r\n")
	size := 0
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + separators
		}
	}
	return size
}

// readBody reads the body whole, so that no handler waits for a client.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *Problem) {
	traceOf(r.Context()).bodyUnread = false
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return body, nil
	}
	var tooBig *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &tooBig):
		return nil, newProblem(kindOfStatus(http.StatusRequestEntityTooLarge), fmt.Sprintf("expected a body of at most %d bytes", limit),
			ProblemField{Location: "body", Message: fmt.Sprintf("expected at most %d bytes", limit)})
	case errors.As(err, &slow) && slow.Timeout():
		return nil, newProblem(kindOfStatus(http.StatusRequestTimeout), "the body did not arrive in time",
			ProblemField{Location: "body", Message: "expected all of it within the time of the call"})
	}
	return nil, newProblem(kindOfStatus(http.StatusBadRequest), "the body did not arrive whole",
		ProblemField{Location: "body", Message: "expected as many bytes as the headers announce"})
}

// unrouted answers what no route takes: 405 where another method would do, else 404.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		noSuchPath().write(w, r)
		return
	}
	methods := strings.Join(allowed, ", ")
	newProblem(kindOfStatus(http.StatusMethodNotAllowed), "expected one of the methods "+methods).
		with("Allow", methods).write(w, r)
}
