package csvfeed

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// link is a place on a web server. key is the key of the configuration that names it.
type link struct {
	key      string
	client   *rest.Client
	path     string
	query    url.Values
	maxBytes int64
}

// newLink returns the place at an address of which validURL has said that it is one.
func newLink(c Config, key, address string) (*link, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {"text/csv, text/plain;q=0.9, */*;q=0.5"}}
	secrets := []string{c.Token, c.Password}
	switch {
	case c.Token != "":
		header.Set("Authorization", "Bearer "+c.Token)
	case c.User != "":
		pair := c.User + ":" + c.Password
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
		secrets = append(secrets, pair)
	}
	client, err := rest.NewClient(rest.Config{
		BaseURL: u.Scheme + "://" + u.Host, Timeout: c.RequestTimeout.Std(), MaxBody: c.MaxBytes, Header: header, Secrets: secrets,
	})
	if err != nil {
		return nil, err
	}
	return &link{key: key, client: client, path: u.EscapedPath(), query: u.Query(), maxBytes: c.MaxBytes}, nil
}

// read asks for the file and, where the answer has an ETag or Last-Modified, asks once more whether that is still the file: a server may
// have sent the beginning of one file and the end of another.
func (l *link) read(ctx context.Context, op string, known *version) (content, error) {
	if known != nil && *known == (version{}) {
		return content{unchanged: true}, nil
	}
	got, err := l.get(ctx, op, known)
	if err != nil || got.unchanged || got.version == (version{}) {
		return got, err
	}
	again, err := l.get(ctx, op, &got.version)
	if err != nil {
		return content{}, err
	}
	if !again.unchanged && again.version != got.version {
		return content{}, access.Errorf(access.Transient, op, "%s: the file changed while it was read", l.key)
	}
	return got, nil
}

// get asks for the file, unless it is unchanged since a version.
func (l *link) get(ctx context.Context, op string, known *version) (content, error) {
	call := rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: l.path, Query: l.query, Header: http.Header{}}
	switch {
	case known == nil:
	case known.etag != "":
		call.Header.Set("If-None-Match", known.etag)
	case known.modified != "":
		call.Header.Set("If-Modified-Since", known.modified)
	}
	answer, err := l.client.Do(ctx, call)
	if answer.Status == http.StatusNotModified && known != nil {
		return content{unchanged: true}, nil
	}
	if err != nil {
		return content{}, l.failed(op, answer, err)
	}
	if answer.Status != http.StatusOK {
		return content{}, wrong(access.Transient, op, l.key, "the server answers %d, expected 200", answer.Status)
	}
	if strings.HasPrefix(strings.ToLower(answer.Header.Get("Content-Type")), "text/html") {
		return content{}, html(op, l.key)
	}
	return content{
		raw:     answer.Body,
		version: version{etag: answer.Header.Get("ETag"), modified: answer.Header.Get("Last-Modified")},
	}, nil
}

// failed classifies what the server answered. That it does not have the file is no word on a person.
func (l *link) failed(op string, answer rest.Response, err error) error {
	switch access.KindOf(err) {
	case access.NotFound, access.Conflict:
		return wrong(access.Transient, op, l.key, "the server answers %d, expected 200", answer.Status)
	case access.Invalid:
		if answer.Status == 0 {
			return tooLong(op, l.maxBytes)
		}
		return wrong(access.Invalid, op, l.key, "the server answers %d, expected 200", answer.Status)
	default:
		return err
	}
}

func html(op, key string) error {
	return wrong(access.Transient, op, key, "found an HTML page, expected a CSV file; is there a login page before it?")
}
