package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"usher/starter/httpapi"
)

// clientOptions say where usher is and who calls.
type clientOptions struct {
	url, token, as, output string
}

// apiClient calls usher's HTTP API.
type apiClient struct {
	base    *url.URL
	options *clientOptions
	http    *http.Client
}

// callWithin is above the server's own limit for an answer.
const callWithin = 70 * time.Second

// newClient refuses options that cannot be right, before anything is sent.
func newClient(o *clientOptions) (*apiClient, error) {
	base, err := url.Parse(o.url)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("--url: found %q, expected an address such as https://usher.example", o.url)
	}
	if o.output != "text" && o.output != "json" {
		return nil, fmt.Errorf("--output: found %q, expected text or json", o.output)
	}
	if o.token != "" && base.Scheme != "https" && !httpapi.Loopback(base.Hostname()+":0") {
		return nil, errors.New("--url: expected https, because USHER_TOKEN would travel readable")
	}
	if o.token == "" && o.as == "" {
		return nil, errors.New("expected USHER_TOKEN, or --as PERSON where usher runs in development mode")
	}
	return &apiClient{base: base, options: o, http: &http.Client{
		Timeout: callWithin,
		// Whoever redirects an API call is not usher.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// problemError is usher's own answer that something is wrong.
type problemError struct{ problem httpapi.Problem }

// Error returns the title, what is wrong, and each field with its expectation.
func (e *problemError) Error() string {
	p := e.problem
	lines := []string{p.Title}
	if p.Detail != "" {
		lines[0] += ": " + p.Detail
	}
	for _, field := range p.Errors {
		lines = append(lines, fmt.Sprintf("  %s: %s", field.Location, field.Message))
	}
	if p.Outcome != "" {
		line := "  outcome: " + string(p.Outcome)
		if p.EndedAt != nil {
			line += ", at " + clock(*p.EndedAt)
		}
		lines = append(lines, line)
	}
	for _, d := range p.Decisions {
		lines = append(lines, fmt.Sprintf("  decided: %s: %s, at %s", cmp.Or(d.Name, string(d.By)), d.Verdict, clock(d.At)))
	}
	if p.Status >= http.StatusInternalServerError && p.HTTPRequestID != "" {
		lines = append(lines, "  in the server's log: http_request_id "+p.HTTPRequestID)
	}
	return strings.Join(lines, "\n")
}

// unreachable is a call without an answer: it may have been taken.
type unreachable struct{ err error }

func (e *unreachable) Error() string { return "no answer from usher: " + e.err.Error() }
func (e *unreachable) Unwrap() error { return e.err }

// call sends one call and gives the answer's body. in nil sends none.
func (c *apiClient) call(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("write the call: %w", err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.base.String(), "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("write the call: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.options.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.options.token)
	}
	if c.options.as != "" {
		r.Header.Set("X-Usher-Person", c.options.as)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, &unreachable{err: err}
	}
	defer response.Body.Close()
	return readResponse(response)
}

func readResponse(response *http.Response) ([]byte, error) {
	const most = 32 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return nil, &unreachable{err: err}
	}
	if response.StatusCode < http.StatusMultipleChoices {
		if !json.Valid(body) {
			return nil, fmt.Errorf("expected an answer in JSON; is --url really usher's address? (HTTP %s)", response.Status)
		}
		return body, nil
	}
	said := &problemError{}
	if err := json.Unmarshal(body, &said.problem); err != nil || said.problem.Title == "" {
		return nil, fmt.Errorf("expected usher, but something else answered: HTTP %s", response.Status)
	}
	return nil, said
}
