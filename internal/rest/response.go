package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"usher/internal/access"
)

// Response is a whole answer. Body may be empty; it holds whatever the other side sent and belongs in no error text.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Clock returns when the answer was made, by the other side's own clock; zero when it does not show it.
func (r Response) Clock() time.Time {
	at, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// StatusError is the cause of an error that an answer made: its status and the sentence that ErrorText picked ("" for
// none), without secrets.
type StatusError struct {
	Status int
	Text   string
}

// Error is "404 Not Found: the sentence".
func (e *StatusError) Error() string {
	line := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	switch {
	case e.Text != "":
		return line + ": " + e.Text
	case e.Status >= 300 && e.Status <= 399:
		return line + ": a redirect is not followed; expected the base URL of the API itself, with no login page before it"
	default:
		return line
	}
}

// StatusOf is the HTTP status that made the error; 0 when no answer did.
func StatusOf(err error) int {
	var e *StatusError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// HandleResponse turns the end of one round trip through t into a Response or into an *access.Error of c.Op. resp and err are
// what http.Client.Do gave; an err that comes with a response (some client libraries make one of every refusal) is
// ignored, because the response says more. It reads and closes the body, and decodes a 2xx into c.Into. The Response is
// given with an error too, as far as there is one.
func (t *Transport) HandleResponse(c Call, resp *http.Response, err error) (Response, error) {
	if resp == nil {
		return Response{}, t.failed(c, err)
	}
	body, readErr := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // It is in memory: see Transport.readAll.
	a := Response{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if readErr != nil {
		return a, t.failed(c, &transportError{sent: true, cause: readErr})
	}
	kind := Classify(c.Mode, a.Status, a.Header)
	if t.config.Kind != nil && (kind != "" || c.Mode != Create) {
		if vendors := t.config.Kind(a); vendors != "" {
			kind = vendors
		}
	}
	if kind != "" {
		return a, t.refused(c, a, kind)
	}
	if c.Into == nil {
		return a, nil
	}
	if err := decode(a, c.Into); err != nil {
		return a, &access.Error{Kind: c.Mode.unclear(), Op: c.Op, Err: t.redactor.wrap(err)}
	}
	return a, nil
}

func (t *Transport) refused(c Call, a Response, kind access.Kind) error {
	cause := &StatusError{Status: a.Status}
	if t.config.ErrorText != nil {
		cause.Text = t.redactor.clean(t.config.ErrorText(a))
	}
	return &access.Error{Kind: kind, Op: c.Op, RetryAfter: RetryAfter(a.Header, time.Now()), Err: cause}
}

// failed is for a round trip that gave no answer.
func (t *Transport) failed(c Call, err error) error {
	if err == nil {
		err = errors.New("neither an answer nor an error")
	}
	e := &access.Error{Kind: c.Mode.unclear(), Op: c.Op, Err: t.redactor.wrap(err)}
	var trip *transportError
	if !errors.As(err, &trip) {
		return e
	}
	e.RetryAfter = trip.retry
	switch {
	case !trip.sent && trip.kind == "":
		e.Kind = access.Transient
	case trip.kind != "" && (!trip.sent || c.Mode != Create):
		e.Kind = trip.kind
	}
	return e
}

func decode(a Response, into any) error {
	if len(bytes.TrimSpace(a.Body)) == 0 {
		return fmt.Errorf("%d with an empty body where JSON was expected", a.Status)
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		// The decoder's text can quote the body; the content type tells people as much (a login page, a proxy).
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("%d with a body that is not JSON (content type %q)", a.Status, a.Header.Get("Content-Type"))
		}
		return fmt.Errorf("%d with JSON of another shape than expected: %w", a.Status, err)
	}
	return nil
}
