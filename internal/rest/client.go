package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
)

// Call is one call.
type Call struct {
	// Op is what is attempted, in our words; it begins every error text.
	Op string
	// Mode decides what a failure means. Required.
	Mode Mode
	// Method is the HTTP method; Path is relative to the base URL, with its segments escaped by the caller
	// (url.PathEscape); Query is escaped here. A Call that is only settled needs none of them.
	Method string
	Path   string
	Query  url.Values
	// Header is set on this call, over the Config's.
	Header http.Header
	// Body is sent as JSON; []byte and json.RawMessage are sent as they are; nil sends none.
	Body any
	// Into is what a 2xx is decoded into; nil decodes nothing.
	Into any
}

// Client makes calls to one base URL. Safe for concurrent use.
type Client struct {
	transport *Transport
	http      *http.Client
	base      string
}

// NewClient checks the config. The error names the field.
func NewClient(c Config) (*Client, error) {
	if err := ValidBaseURL(c.BaseURL); err != nil {
		return nil, fmt.Errorf("config field BaseURL: %w", err)
	}
	t, err := NewTransport(c)
	if err != nil {
		return nil, err
	}
	return &Client{transport: t, http: t.HTTPClient(), base: strings.TrimRight(c.BaseURL, "/")}, nil
}

// ValidBaseURL reports whether calls can start at a URL; the error says what was expected and shows no part of the URL.
func ValidBaseURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("expected an absolute http or https URL")
	case u.User != nil:
		return errors.New("expected a URL without a user and a password in it")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("expected a URL without a query and a fragment")
	}
	return nil
}

// ValidSecretURL is ValidBaseURL for an address to which credentials are sent: it takes http only to this machine itself, unless plain
// says that the way there is safe without TLS. Nothing follows a redirect, so no answer leads the credentials elsewhere.
func ValidSecretURL(s string, plain bool) error {
	if err := ValidBaseURL(s); err != nil {
		return err
	}
	if u, err := url.Parse(s); err != nil || (u.Scheme == "http" && !plain && !Loopback(u.Hostname())) {
		return errors.New("found http to another machine, which would send the credentials without TLS; expected https " +
			"(allow_plain_http: true takes it all the same, for a network that nobody else is in)")
	}
	return nil
}

// Loopback reports whether a host, without its port, is this machine itself. A name other than localhost is not.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// Do makes one call. A nil error means 2xx, decoded into c.Into. Every error is an *access.Error of c.Op: see Classify
// for answers; without an answer it is Transient, and for a Create that may have been sent Unknown. A 2xx that
// cannot be read or decoded is Transient, for a Create Unknown. The Response comes with an error too, where there was one.
func (c *Client) Do(ctx context.Context, call Call) (Response, error) {
	r, err := c.request(ctx, call)
	if err != nil {
		return Response{}, &access.Error{Kind: access.Invalid, Op: call.Op, Err: c.transport.redactor.wrap(err)}
	}
	resp, err := c.http.Do(r)
	return c.transport.HandleResponse(call, resp, err)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	body, err := encode(call.Body)
	if err != nil {
		return nil, err
	}
	target := c.base + "/" + strings.TrimLeft(call.Path, "/")
	if len(call.Query) > 0 {
		target += "?" + call.Query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, target, body)
	if err != nil {
		return nil, err
	}
	for name, values := range call.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if body != nil {
		setDefault(r.Header, c.transport.config.Header, "Content-Type")
	}
	setDefault(r.Header, c.transport.config.Header, "Accept")
	return r, nil
}

// setDefault asks for JSON under a name that neither the call nor the config sets.
func setDefault(h, configured http.Header, name string) {
	if h.Get(name) == "" && configured.Get(name) == "" {
		h.Set(name, "application/json")
	}
}

func encode(body any) (io.Reader, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil //nolint:nilnil // No body is a body that net/http understands.
	case []byte:
		return bytes.NewReader(b), nil
	case json.RawMessage:
		return bytes.NewReader(b), nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(text), nil
}
