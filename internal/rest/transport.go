package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"usher/internal/access"
)

// Config is how calls are made. Timeout is required; every other field works as its zero value, except BaseURL for a
// Client.
type Config struct {
	// BaseURL is where a Client's paths start: absolute, http or https, with no user, query or fragment. A Transport
	// ignores it.
	BaseURL string
	// Timeout is the deadline of one call, the wait for a token and the reading of the answer included. Required.
	Timeout time.Duration
	// PerSecond is this worker's share of the vendor's limit, in calls per second; 0 sets no limit.
	PerSecond float64
	// Burst is how many calls may go out at once after a pause; 0 means one second's worth, at least 1.
	Burst int
	// MaxBody is how many bytes of an answer are read, 0 means DefaultMaxBody. A longer one is an error, save that the
	// body of a refusal is cut.
	MaxBody int64
	// UserAgent is sent with every call; "" means "usher".
	UserAgent string
	// Header is set on every call that does not set the same name itself: credentials, for example.
	Header http.Header
	// Secrets are taken out of every error text, as they are and in base64.
	Secrets []string
	// ErrorText picks the sentence for people from the body of a refusal; "" or nil shows the status alone. It gets the
	// body as it came, which may be empty, cut or no JSON at all.
	ErrorText func(Response) string
	// Kind lets a vendor's rule decide an answer's kind before Classify does; "" leaves it to Classify. It is asked for
	// every answer but the 2xx of a Create. nil has no such rule.
	Kind func(Response) access.Kind
	// Base sends; nil means one of Wire.
	Base http.RoundTripper
	// Now is the wall clock that write deadlines are compared with; nil means time.Now.
	Now func() time.Time
}

// DefaultMaxBody is how many bytes of an answer are read by default: 8 MiB.
const DefaultMaxBody = 8 << 20

// idleConnections is how many connections a transport keeps at hand: more than a worker's activities at once.
const idleConnections = 128

// Transport is an http.RoundTripper that keeps a Config's limits. Safe for concurrent use. The body of every response
// that it gives is already read and closed, so a caller that forgets to close one leaks nothing.
type Transport struct {
	config   Config
	base     http.RoundTripper
	bucket   *rate.Limiter
	redactor redactor
}

// NewTransport checks the config. The error names the field.
func NewTransport(c Config) (*Transport, error) {
	switch {
	case c.Timeout <= 0:
		return nil, errors.New("config field Timeout: expected a length of time above 0")
	case c.PerSecond < 0:
		return nil, errors.New("config field PerSecond: expected 0 (no limit) or more")
	case c.Burst < 0:
		return nil, errors.New("config field Burst: expected 0 (one second's worth) or more")
	case c.MaxBody < 0:
		return nil, errors.New("config field MaxBody: expected 0 (the default) or more bytes")
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.UserAgent == "" {
		c.UserAgent = "usher"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	t := &Transport{config: c, base: c.Base, redactor: newRedactor(c.Secrets)}
	if t.base == nil {
		base, err := NewBaseTransport()
		if err != nil {
			return nil, fmt.Errorf("config field Base: expected one: %w", err)
		}
		t.base = base
	}
	if c.PerSecond > 0 {
		burst := c.Burst
		if burst == 0 {
			burst = max(1, int(c.PerSecond))
		}
		t.bucket = rate.NewLimiter(rate.Limit(c.PerSecond), burst)
	}
	return t, nil
}

// NewBaseTransport is a new one of the transports that a Config without a Base gets, for a Base that adds something to it. An error
// means that the program replaced http.DefaultTransport by something else than an *http.Transport.
func NewBaseTransport() (*http.Transport, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the program replaced http.DefaultTransport")
	}
	wire := base.Clone()
	// All calls go to one server, and the default would close nearly every connection after its call.
	wire.MaxIdleConns, wire.MaxIdleConnsPerHost = idleConnections, idleConnections
	return wire, nil
}

// HTTPClient is an http.Client over t that follows no redirect and keeps no cookies. It sets no time-out of its own:
// the transport has one.
func (t *Transport) HTTPClient() *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transportError is how a round trip failed. sent is false when nothing can have reached the other side.
type transportError struct {
	kind  access.Kind // "" leaves it to sent and the mode
	sent  bool
	retry time.Duration
	cause error
}

func (e *transportError) Error() string { return e.cause.Error() }
func (e *transportError) Unwrap() error { return e.cause }

// RoundTrip implements http.RoundTripper. Its errors are meant for Settle.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), t.config.Timeout)
	defer cancel()
	ctx = watched(ctx, r.Method, t.config.Now, t.config.Timeout)
	err := t.waitForRate(ctx)
	if err == nil {
		err = inTime(ctx)
	}
	if err != nil {
		closeBody(r)
		return nil, err
	}
	// Until a connection is there, nothing can have been sent. The trace is called by other goroutines.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	resp, err := t.base.RoundTrip(t.prepare(ctx, r))
	if own, ok := errors.AsType[*transportError](err); ok {
		return nil, own // A Login or a watchedBody knows better.
	}
	if err != nil {
		return nil, &transportError{sent: sent.Load(), cause: err}
	}
	return t.readAll(resp)
}

// waitForRate waits for the bucket, but for no more than half of the time-out: a longer queue is the caller's to know.
func (t *Transport) waitForRate(ctx context.Context) error {
	if t.bucket == nil {
		return nil
	}
	reservation := t.bucket.Reserve()
	wait := reservation.Delay()
	if wait == 0 {
		return nil
	}
	if wait > t.config.Timeout/2 {
		reservation.Cancel()
		return &transportError{
			kind: access.RateLimited, retry: wait,
			cause: errors.New("this worker's share of the rate limit is used up"),
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		waited(ctx, wait)
		return nil
	case <-ctx.Done():
		reservation.Cancel()
		return &transportError{cause: fmt.Errorf("waiting for the rate limit: %w", ctx.Err())}
	}
}

func (t *Transport) prepare(ctx context.Context, r *http.Request) *http.Request {
	out := r.Clone(ctx)
	for name, values := range t.config.Header {
		if _, set := out.Header[http.CanonicalHeaderKey(name)]; !set {
			out.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	out.Header.Set("User-Agent", t.config.UserAgent)
	watchBody(out)
	return out
}

// readAll replaces the body by what was read of it. The body of a refusal may be cut: its status says enough.
func (t *Transport) readAll(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, t.config.MaxBody+1))
	closeErr := resp.Body.Close()
	refused := resp.StatusCode < 200 || resp.StatusCode > 299
	tooLong := int64(len(body)) > t.config.MaxBody
	switch {
	case refused && tooLong:
		body = body[:t.config.MaxBody]
	case refused:
	case err != nil:
		return nil, &transportError{sent: true, cause: fmt.Errorf("the answer was cut: %w", err)}
	case tooLong:
		return nil, &transportError{
			sent: true, kind: access.Invalid,
			cause: fmt.Errorf("the answer is longer than %d bytes", t.config.MaxBody),
		}
	case closeErr != nil:
		return nil, &transportError{sent: true, cause: fmt.Errorf("the answer was cut: %w", closeErr)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		// Nothing was sent from it; there is nothing to lose.
		_ = r.Body.Close()
	}
}
