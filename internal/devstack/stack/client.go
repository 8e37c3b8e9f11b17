package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"usher/internal/access"
)

// Client speaks to a running stack as people do: over HTTP. Every call has a deadline of its own, repeats nothing, and
// is safe for concurrent use.
type Client struct{ urls URLs }

// NewClient makes a client of the stack at these addresses. It calls nobody.
func NewClient(urls URLs) *Client { return &Client{urls: urls} }

// Client is a client of this stack.
func (s *Stack) Client() *Client { return NewClient(s.urls) }

// callWithin is the deadline of one call.
const callWithin = 20 * time.Second

// Problem is an answer of the API that is an error (RFC 9457). Detail is a sentence for people.
type Problem struct {
	Status  int                 `json:"status"`
	Type    string              `json:"type"`
	Title   string              `json:"title"`
	Detail  string              `json:"detail"`
	Outcome access.RequestState `json:"outcome"`
	Errors  []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"errors"`
}

// Error returns the status and what is wrong.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail)
	for _, e := range p.Errors {
		text += fmt.Sprintf(" [%s: %s]", e.Location, e.Message)
	}
	return text
}

// StatusOf is the HTTP status of the API's refusal; 0 for an error of another kind.
func StatusOf(err error) int {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem.Status
	}
	return 0
}

// Ask is what is asked for. ID "" lets usher choose one; Subject "" means the person who asks.
type Ask struct {
	ID      access.RequestID `json:"id,omitempty"`
	Subject access.PersonID  `json:"subject,omitempty"`
	Items   []AskItem        `json:"items"`
	Reason  string           `json:"reason"`
}

// AskItem is one entitlement. Duration is such as "3s" or "30d"; "" for as long as the catalog allows.
type AskItem struct {
	Entitlement access.EntitlementID `json:"entitlement"`
	Duration    string               `json:"duration,omitempty"`
}

// Verdict is one person's decision. Items empty: all that the person may decide now.
type Verdict struct {
	ID      string          `json:"id,omitempty"`
	Verdict access.Verdict  `json:"verdict"`
	Items   []access.ItemID `json:"items,omitempty"`
	Reason  string          `json:"reason,omitempty"`
}

// Detail is a request with its timeline.
type Detail struct {
	access.RequestView
	Timeline []access.Event `json:"timeline"`
}

// Submit asks for access as a person.
func (c *Client) Submit(ctx context.Context, as access.PersonID, ask Ask) (access.RequestView, error) {
	var view access.RequestView
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: "/v1/requests", body: ask, into: &view})
	return view, err
}

// Decide approves or denies as a person.
func (c *Client) Decide(ctx context.Context, as access.PersonID, id access.RequestID, v Verdict) (access.RequestView, error) {
	var view access.RequestView
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: pathOf(id) + "/decisions", body: v, into: &view})
	return view, err
}

// Withdraw takes a request back as a person.
func (c *Client) Withdraw(ctx context.Context, as access.PersonID, id access.RequestID, reason string) (access.RequestView, error) {
	var view access.RequestView
	body := map[string]string{"reason": reason}
	err := c.call(ctx, as, apiCall{method: http.MethodPost, path: pathOf(id) + "/withdraw", body: body, into: &view})
	return view, err
}

// Reassign is who approves instead, and why. Stage "" is the open one.
type Reassign struct {
	ID     string            `json:"id,omitempty"`
	To     []access.PersonID `json:"to"`
	Stage  string            `json:"stage,omitempty"`
	Reason string            `json:"reason"`
}

// Reassign names who approves a request instead, as an administrator.
func (c *Client) Reassign(ctx context.Context, as access.PersonID, id access.RequestID, r Reassign) error {
	var waits struct{}
	return c.call(ctx, as, apiCall{method: http.MethodPost, path: pathOf(id) + "/reassign", body: r, into: &waits})
}

// Show reads a request, with its timeline, as a person.
func (c *Client) Show(ctx context.Context, as access.PersonID, id access.RequestID) (Detail, error) {
	var detail Detail
	err := c.call(ctx, as, apiCall{method: http.MethodGet, path: pathOf(id), into: &detail})
	return detail, err
}

// Requests lists requests as a person; the query is that of GET /v1/requests ("open=true"), the first page only.
func (c *Client) Requests(ctx context.Context, as access.PersonID, query string) ([]access.RequestView, error) {
	var page struct {
		Requests []access.RequestView `json:"requests"`
	}
	err := c.call(ctx, as, apiCall{method: http.MethodGet, path: "/v1/requests?" + query, into: &page})
	return page.Requests, err
}

// Leases lists what a subject holds or held, as a person.
func (c *Client) Leases(ctx context.Context, as, subject access.PersonID) ([]access.LeaseView, error) {
	var page struct {
		Leases []access.LeaseView `json:"leases"`
	}
	err := c.call(ctx, as, apiCall{method: http.MethodGet, path: "/v1/subjects/" + url.PathEscape(string(subject)) + "/leases", into: &page})
	return page.Leases, err
}

// Await reads a request, as the Auditor, until it is as wished, and gives it. wished says in its error what is missing;
// see Poll.
func (c *Client) Await(ctx context.Context, id access.RequestID, wished func(Detail) error) (Detail, error) {
	var last Detail
	err := Poll(ctx, func(ctx context.Context) error {
		detail, err := c.Show(ctx, Auditor, id)
		if err != nil {
			return err
		}
		last = detail
		return wished(detail)
	})
	if err != nil {
		err = fmt.Errorf("request %s: %w", id, err)
	}
	return last, err
}

// Auditor may read everything in a development stack.
const Auditor access.PersonID = "zoe"

// HelpDesk may take back what others hold in a development stack.
const HelpDesk access.PersonID = "hal"

func pathOf(id access.RequestID) string { return "/v1/requests/" + url.PathEscape(string(id)) }

// apiCall is one call to the API; body nil sends none, into is a pointer.
type apiCall struct {
	method, path string
	body, into   any
}

func (c *Client) call(ctx context.Context, as access.PersonID, a apiCall) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	var body io.Reader
	if a.body != nil {
		text, err := json.Marshal(a.body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", a.method, a.path, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, a.method, c.urls.API+a.path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", a.method, a.path, err)
	}
	request.Header.Set("X-Usher-Person", string(as))
	if a.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", a.method, a.path, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return problemOf(response)
	}
	if err := json.NewDecoder(response.Body).Decode(a.into); err != nil {
		return fmt.Errorf("%s %s: %w", a.method, a.path, err)
	}
	return nil
}

func problemOf(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	problem := &Problem{}
	if json.Unmarshal(text, problem) != nil || problem.Title == "" {
		problem.Title, problem.Detail = http.StatusText(response.StatusCode), strings.TrimSpace(string(text))
	}
	problem.Status = response.StatusCode
	return problem
}
