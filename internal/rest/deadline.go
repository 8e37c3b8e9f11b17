package rest

import (
	"context"
	"io"
	"net/http"
	"time"

	"usher/internal/access"
)

// lastLook is asked right before something is sent; an error means that it must not be.
type lastLook func() error

type lastLookKey struct{}

// watched returns the context with which a call is sent. For a call that is no GET or HEAD, with a write deadline, inTime
// asks it whether the whole call still ends in time. It is asked wherever the call has waited: a process may be stopped
// while it waits, and goes on much later without noticing.
func watched(ctx context.Context, method string, now func() time.Time, timeout time.Duration) context.Context {
	_, limited := access.WriteDeadline(ctx)
	if !limited || method == http.MethodGet || method == http.MethodHead {
		return ctx
	}
	var look lastLook = func() error {
		if err := access.InTime(ctx, now(), timeout); err != nil {
			return &transportError{cause: err}
		}
		return nil
	}
	return context.WithValue(ctx, lastLookKey{}, look)
}

// inTime returns nil when a call may be sent now.
func inTime(ctx context.Context) error {
	if look, ok := ctx.Value(lastLookKey{}).(lastLook); ok {
		return look()
	}
	return nil
}

// watchBody has the body of a call ask inTime when its first byte is read: then the connection is there, and nothing of a
// call whose body cannot be read is acted upon. The second time that net/http sends the call, it asks again.
func watchBody(r *http.Request) {
	look, limited := r.Context().Value(lastLookKey{}).(lastLook)
	if !limited || r.Body == nil || r.Body == http.NoBody {
		return
	}
	r.Body = &watchedBody{ReadCloser: r.Body, look: look}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &watchedBody{ReadCloser: body, look: look}, err
		}
	}
}

type watchedBody struct {
	io.ReadCloser
	look  lastLook
	begun bool
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	if !b.begun {
		if err := b.look(); err != nil {
			return 0, err
		}
		b.begun = true
	}
	return b.ReadCloser.Read(p)
}
