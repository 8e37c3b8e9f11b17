package jira

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Desk is a Jira project as a service desk: package desk's, over the driver in this package. It keeps nothing but what it
// learned about the site: the edition, usher's own account, the create screen, whether comments show their properties, and
// what Jira's rate limits have shut for how long. Safe for concurrent use; it never retries. It waits for a token of its
// configured rate, at most half of the request time-out.
//
// A 429 shuts what its RateLimit-Reason is about (see limits.go) for as long as Jira asks, an hour at most; calls of that
// kind are then RateLimited at once, with the time that is left. A log-in that a human must unlock shuts everything for
// some minutes: Forbidden.
type Desk struct {
	*desk.Desk
	now func() time.Time
}

var _ access.ServiceDesk = (*Desk)(nil)

// New makes the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. The error is Validate's.
func New(c Config, name access.DeskName) (*Desk, error) {
	d := &Desk{now: time.Now}
	driver, err := newDriver(c, name, func() time.Time { return d.now() })
	if err != nil {
		return nil, err
	}
	d.Desk = desk.New(driver, c.Config, name)
	return d, nil
}

// newDriver makes the driver of a desk. The error is Validate's.
func newDriver(c Config, name access.DeskName, now func() time.Time) (*driver, error) {
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
	return &driver{name: name, config: c, jira: vendor, wire: wire, site: siteOf(c), now: now}, nil
}

// driver is Jira as package desk needs it.
type driver struct {
	name   access.DeskName
	config Config
	jira   *gojira.Client
	wire   *rest.Transport
	site   string

	language atomic.Pointer[dialect]
	gates    desk.Gates
	now      func() time.Time
	// stamps is what is known about comment properties; see comment.go.
	stamps atomic.Int32
}

var _ desk.Driver = (*driver)(nil)

// Traits implements desk.Driver.
func (d *driver) Traits() desk.Traits {
	configured := slices.Sorted(maps.Keys(d.config.Fields))
	if d.config.Intake != nil {
		configured = append(configured, slices.Sorted(maps.Keys(d.config.Intake.Fields))...)
	}
	byName := slices.DeleteFunc(configured, func(id string) bool { return !customField.MatchString(id) })
	return desk.Traits{
		Place: "Jira project",
		IsID:  func(id access.TicketID) bool { return isNumber(string(id)) },
		Unit:  desk.UTF16, SummaryLimit: summaryLimit, CommentRoom: commentRoom,
		Grain: time.Second, Lag: maxIndexLag,
		StatusField: "status", AssigneeField: "assignee", TextFields: []string{"summary", "description"}, FieldsByName: byName,
		Now: d.now,
	}
}

// maxIndexLag is how far the index can be behind the issues: by seconds as a rule, by minutes after mass changes, so an issue
// can stand where its change before the last one was.
const maxIndexLag = 10 * time.Minute

// call makes one call. Paths start where the edition's API is, unless they start with "rest/".
//
// go-jira's Do is used with no value to decode into, because its own decoding and its own errors lose what a refusal
// says; its response is settled instead.
func (d *driver) call(ctx context.Context, c rest.Call) (rest.Response, error) {
	target := c.Path
	if !strings.HasPrefix(target, "rest/") {
		api, err := d.loadDialect(ctx, c.Op)
		if err != nil {
			return rest.Response{}, err
		}
		target = api.api() + target
	}
	if err := d.gates.Check(c.Op, d.now(), scopesOf(c)...); err != nil {
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
	return settled, d.learn(c, settled, err)
}

// get is a call that reads.
func (d *driver) get(ctx context.Context, op, path string, into any) error {
	path, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return access.Errorf(access.Invalid, op, "the call cannot be written: %s", path)
	}
	_, err = d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: path, Query: values, Into: into})
	return err
}

// write is a call that changes what may safely be changed twice. Conflict: the ticket is archived.
func (d *driver) write(ctx context.Context, op string, c rest.Call) error {
	c.Op, c.Mode = op, rest.Write
	_, err := d.call(ctx, c)
	if archived(err) {
		return access.Errorf(access.Conflict, op, "the ticket is archived, and stays as it is until somebody restores it: %w", err)
	}
	return err
}

// Self implements desk.Driver. Calls that anonymous users may make answer bad credentials with emptiness (JRASERVER-41559).
func (d *driver) Self(ctx context.Context, op string) (desk.Self, error) {
	var me user
	answer, err := d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: "myself", Into: &me})
	if access.IsKind(err, access.NotFound) {
		return desk.Self{}, access.Errorf(access.Invalid, op, "%s or %s: no such Jira API answers there: %w",
			d.key("base_url"), d.key("edition"), err)
	}
	if err != nil {
		return desk.Self{}, err
	}
	if me.id() == "" {
		return desk.Self{}, access.Errorf(access.Transient, op, "Jira did not say which account the credentials belong to")
	}
	return desk.Self{Account: me.id(), Clock: answer.Clock()}, nil
}

// issuePath is the path of an issue by its id.
func issuePath(id access.TicketID, rest string) string { return "issue/" + string(id) + rest }

// key is a configuration key in full.
func (d *driver) key(relative string) string { return desk.Key(d.name, relative) }

// finding is what is wrong with a key.
func (d *driver) finding(key, format string, args ...any) []access.Finding {
	return []access.Finding{desk.Finding(d.name, key, format, args...)}
}

// ref is where an issue is.
func (d *driver) ref(id, key string) desk.Ref {
	r := desk.Ref{ID: access.TicketID(id), Key: access.TicketKey(key)}
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

// user is an account as Jira shows it: by AccountID on Cloud, by Name on Data Center, where Key stays when the name changes.
type user struct {
	AccountID    access.AccountID `json:"accountId"`
	Name         access.AccountID `json:"name"`
	Key          access.UserID    `json:"key"`
	AccountType  string           `json:"accountType"`
	Active       bool             `json:"active"`
	DisplayName  string           `json:"displayName"`
	EmailAddress string           `json:"emailAddress"`
}

// id is the account's id, as usher's words have it.
func (u user) id() access.AccountID { return cmp.Or(u.AccountID, u.Name) }

// atGateway reports whether an address is that of Atlassian's gateway for all sites.
func atGateway(u *url.URL) bool { return strings.EqualFold(u.Hostname(), "api.atlassian.com") }
