package jira

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"usher/internal/access"
	"usher/internal/rest"
)

// Desk is a Jira project as a service desk. It keeps nothing but what it learned about the site: the edition, usher's own
// account, the create screen, whether comments show their properties, and what Jira's rate limits have shut for how long.
// Safe for concurrent use; it never retries. It waits for a token of its configured rate, at most half of the request
// time-out.
//
// A 429 shuts what its RateLimit-Reason is about (see limits.go) for as long as Jira asks, an hour at most; calls of that
// kind are then RateLimited at once, with the time that is left. A log-in that a human must unlock shuts everything for
// some minutes: Forbidden.
type Desk struct {
	name   access.DeskName
	config Config
	jira   *gojira.Client
	wire   *rest.Transport
	site   string

	language   atomic.Pointer[dialect]
	self       atomic.Pointer[credentialCheck]
	contact    atomic.Pointer[screen]
	callBlocks callBlocks
	now        func() time.Time
	// stamps is what is known about comment properties; see comment.go.
	stamps atomic.Int32
	// accounts are those of people whom usher has looked for lately.
	accounts accounts
}

var _ access.ServiceDesk = (*Desk)(nil)

// New makes the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. The error is Validate's.
func New(c Config, name access.DeskName) (*Desk, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	wire, err := rest.NewTransport(rest.Config{
		Base:      base,
		Timeout:   c.timeout(),
		PerSecond: c.rate(),
		Header:    http.Header{"Accept": {"application/json"}},
		Secrets:   c.secrets(),
		ErrorText: errorText,
		Kind:      kindOf,
	})
	if err != nil {
		return nil, err
	}
	client := wire.HTTPClient()
	client.Transport = c.authenticated(wire)
	vendor, err := gojira.NewClient(client, c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	return &Desk{name: name, config: c, jira: vendor, wire: wire, site: siteOf(c), now: time.Now}, nil
}

// call makes one call. Paths start where the edition's API is, unless they start with "rest/".
//
// go-jira's Do is used with no value to decode into, because its own decoding and its own errors lose what a refusal
// says; its response is settled instead.
func (d *Desk) call(ctx context.Context, c rest.Call) (rest.Response, error) {
	target := c.Path
	if !strings.HasPrefix(target, "rest/") {
		api, err := d.loadDialect(ctx, c.Op)
		if err != nil {
			return rest.Response{}, err
		}
		target = api.api() + target
	}
	if err := d.callBlocks.check(c, d.now()); err != nil {
		return rest.Response{}, err
	}
	if len(c.Query) > 0 {
		target += "?" + c.Query.Encode()
	}
	request, err := d.jira.NewRequestWithContext(ctx, c.Method, target, c.Body)
	if err != nil {
		return rest.Response{}, access.Errorf(access.Invalid, c.Op, "the call cannot be written: %s", c.Path)
	}
	answer, err := d.jira.Do(request, nil)
	var response *http.Response
	if answer != nil {
		response = answer.Response
	}
	settled, err := d.wire.HandleResponse(c, response, err)
	return settled, d.callBlocks.learn(c, settled, err, d.now())
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

// write is a call that changes what may safely be changed twice. Conflict: the ticket is archived.
func (d *Desk) write(ctx context.Context, op string, c rest.Call) error {
	c.Op, c.Mode = op, rest.Write
	_, err := d.call(ctx, c)
	if archived(err) {
		return access.Errorf(access.Conflict, op, "the ticket is archived, and stays as it is until somebody restores it: %w", err)
	}
	return err
}

// credentialCheck is what Jira said of the credentials, when by usher's clock, and what Jira's own clock was (zero when unknown).
type credentialCheck struct {
	account   access.AccountID
	at, clock time.Time
}

// checkCredentials asks Jira who we are, and so whether the credentials are good: calls that anonymous users may make answer bad
// ones with emptiness (JRASERVER-41559).
func (d *Desk) checkCredentials(ctx context.Context, op string) (credentialCheck, error) {
	var me user
	answer, err := d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: "myself", Into: &me})
	if access.IsKind(err, access.NotFound) {
		return credentialCheck{}, access.Errorf(access.Invalid, op, "%s or %s: no such Jira API answers there: %w",
			d.key("base_url"), d.key("edition"), err)
	}
	if err != nil {
		return credentialCheck{}, err
	}
	if me.id() == "" {
		return credentialCheck{}, access.Errorf(access.Transient, op, "Jira did not say which account the credentials belong to")
	}
	p := credentialCheck{account: me.id(), at: d.now(), clock: clockOf(answer)}
	d.self.Store(&p)
	return p, nil
}

// proven is usher's own account, by a proof that is no older than that.
func (d *Desk) proven(ctx context.Context, op string, age time.Duration) (access.AccountID, error) {
	if known := d.self.Load(); known != nil && d.now().Sub(known.at) < age {
		return known.account, nil
	}
	p, err := d.checkCredentials(ctx, op)
	return p.account, err
}

// me is usher's own account.
func (d *Desk) me(ctx context.Context, op string) (access.AccountID, error) {
	if known := d.self.Load(); known != nil {
		return known.account, nil
	}
	p, err := d.checkCredentials(ctx, op)
	return p.account, err
}

// confirmNotFound makes sure that an error NotFound is about the ticket and not about us.
func (d *Desk) confirmNotFound(ctx context.Context, op string, err error) error {
	if !access.IsKind(err, access.NotFound) {
		return err
	}
	if _, bad := d.checkCredentials(ctx, op); bad != nil {
		return bad
	}
	return err
}

// issuePath is the path of an issue by its id; false for what cannot be an issue's id.
func issuePath(id access.TicketID, rest string) (string, bool) {
	if !isNumber(string(id)) {
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
	if err != nil || atGateway(u) {
		return ""
	}
	return strings.TrimRight(c.BaseURL, "/")
}

// user is an account as Jira shows it: by AccountID on Cloud, by Name on Data Center.
type user struct {
	AccountID    access.AccountID `json:"accountId"`
	Name         access.AccountID `json:"name"`
	AccountType  string           `json:"accountType"`
	Active       bool             `json:"active"`
	DisplayName  string           `json:"displayName"`
	EmailAddress string           `json:"emailAddress"`
}

// id is the account's id, as usher's words have it.
func (u user) id() access.AccountID { return cmp.Or(u.AccountID, u.Name) }

// atGateway reports whether an address is that of Atlassian's gateway for all sites.
func atGateway(u *url.URL) bool { return strings.EqualFold(u.Hostname(), "api.atlassian.com") }
