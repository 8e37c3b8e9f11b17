package jira

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	gojira "github.com/andygrunwald/go-jira"

	"usher/internal/access"
	"usher/internal/rest"
)

// Desk is a Jira project as a service desk. It keeps nothing but what it learned about the site: usher's own account,
// the create screen, and whether comments show their properties. Safe for concurrent use; it never retries. It waits
// for a token of its configured rate, at most half of the request time-out.
type Desk struct {
	name   access.DeskName
	config Config
	jira   *gojira.Client
	wire   *rest.Transport
	site   string

	self    atomic.Pointer[access.AccountID]
	contact atomic.Pointer[screen]
	// stamps is what is known about comment properties; see comment.go.
	stamps atomic.Int32
}

var _ access.ServiceDesk = (*Desk)(nil)

// New makes the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. The error is Validate's.
func New(c Config, name access.DeskName) (*Desk, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	wire, err := rest.NewTransport(rest.Config{
		Timeout:   c.timeout(),
		PerSecond: c.rate(),
		Header:    http.Header{"Accept": {"application/json"}},
		Secrets:   []string{c.Token, base64.StdEncoding.EncodeToString([]byte(c.Email + ":" + c.Token))},
		ErrorText: errorText,
		Kind:      kindOf,
	})
	if err != nil {
		return nil, err
	}
	client := wire.HTTPClient()
	client.Transport = &gojira.BasicAuthTransport{Username: c.Email, Password: c.Token, Transport: wire}
	vendor, err := gojira.NewClient(client, c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	return &Desk{name: name, config: c, jira: vendor, wire: wire, site: siteOf(c)}, nil
}

// call makes one call. Paths start at "rest/api/3/" unless they start at "rest/".
//
// go-jira's Do is used with no value to decode into, because its own decoding and its own errors lose what a refusal
// says; its response is settled instead.
func (d *Desk) call(ctx context.Context, c rest.Call) (rest.Answer, error) {
	target := "rest/api/3/" + c.Path
	if len(c.Query) > 0 {
		target += "?" + c.Query.Encode()
	}
	request, err := d.jira.NewRequestWithContext(ctx, c.Method, target, c.Body)
	if err != nil {
		return rest.Answer{}, access.Errorf(access.Invalid, c.Op, "the call cannot be written: %s", c.Path)
	}
	answer, err := d.jira.Do(request, nil)
	var response *http.Response
	if answer != nil {
		response = answer.Response
	}
	return d.wire.Settle(c, response, err)
}

// get is a call that reads.
func (d *Desk) get(ctx context.Context, op, path string, into any) error {
	path, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return access.Errorf(access.Invalid, op, "the call cannot be written: %s", path)
	}
	_, err = d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: path, Query: values, Into: into})
	return err
}

// write is a call that changes what may safely be changed twice.
func (d *Desk) write(ctx context.Context, op string, c rest.Call) error {
	c.Op, c.Mode = op, rest.Write
	_, err := d.call(ctx, c)
	return err
}

// prove asks Jira who we are, and so whether the credentials are good: calls that anonymous users may make answer bad
// ones with emptiness (JRASERVER-41559).
func (d *Desk) prove(ctx context.Context, op string) error {
	var me user
	if err := d.get(ctx, op, "myself", &me); err != nil {
		if access.IsKind(err, access.NotFound) {
			return access.Errorf(access.Invalid, op, "%s: no Jira API answers there: %w", d.key("base_url"), err)
		}
		return err
	}
	if me.AccountID == "" {
		return access.Errorf(access.Transient, op, "Jira did not say which account the credentials belong to")
	}
	d.self.Store(&me.AccountID)
	return nil
}

// me is usher's own account.
func (d *Desk) me(ctx context.Context, op string) (access.AccountID, error) {
	if known := d.self.Load(); known != nil {
		return *known, nil
	}
	if err := d.prove(ctx, op); err != nil {
		return "", err
	}
	return *d.self.Load(), nil
}

// gone makes sure that an error NotFound is about the ticket and not about us.
func (d *Desk) gone(ctx context.Context, op string, err error) error {
	if !access.IsKind(err, access.NotFound) {
		return err
	}
	if proof := d.prove(ctx, op); proof != nil {
		return proof
	}
	return err
}

// issuePath is the path of an issue by its id; false for what cannot be an issue's id.
func issuePath(id access.TicketID, rest string) (string, bool) {
	if id == "" || strings.Trim(string(id), "0123456789") != "" {
		return "", false
	}
	return "issue/" + string(id) + rest, true
}

// key is a configuration key in full.
func (d *Desk) key(relative string) string { return fmt.Sprintf("desks.%s.%s", d.name, relative) }

// ref is where a ticket is.
func (d *Desk) ref(id, key string) access.TicketRef {
	r := access.TicketRef{Desk: d.name, ID: access.TicketID(id), Key: access.TicketKey(key)}
	if d.site != "" {
		r.URL = d.site + "/browse/" + url.PathEscape(key)
	}
	return r
}

func siteOf(c Config) string {
	if c.SiteURL != "" {
		return strings.TrimRight(c.SiteURL, "/")
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || strings.EqualFold(u.Hostname(), "api.atlassian.com") {
		return ""
	}
	return strings.TrimRight(c.BaseURL, "/")
}

// user is an account as Jira shows it.
type user struct {
	AccountID    access.AccountID `json:"accountId"`
	AccountType  string           `json:"accountType"`
	Active       bool             `json:"active"`
	DisplayName  string           `json:"displayName"`
	EmailAddress string           `json:"emailAddress"`
}
