package servicenow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Desk is a table of ServiceNow as a service desk: package desk's, over the driver in this package. It keeps nothing but what it
// learned about the instance. Safe for concurrent use; it never retries. It waits for a token of its configured rate, at most
// half of the request time-out.
type Desk struct{ *desk.Desk }

var _ access.ServiceDesk = (*Desk)(nil)

// New returns the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. The error is Validate's.
func New(c Config, name access.DeskName) (*Desk, error) {
	d, err := newDriver(c, name)
	if err != nil {
		return nil, err
	}
	return &Desk{desk.New(d, c.Config, name)}, nil
}

func newDriver(c Config, name access.DeskName) (*driver, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return &driver{name: name, config: c, site: strings.TrimRight(c.BaseURL, "/"), rest: client}, nil
}

// driver is ServiceNow as package desk needs it.
type driver struct {
	name   access.DeskName
	config Config
	site   string
	rest   *rest.Client
	// gates are shut where ServiceNow has not kept what usher wrote.
	gates desk.Gates
	// me is usher's own account, and states are those of the table, once they are known; names are what accounts are called.
	me     atomic.Pointer[account]
	states atomic.Pointer[choices]
	names  sync.Map
	// utc: times in queries are taken for UTC.
	utc atomic.Bool
	// marked counts what was marked and asked by this process, and searched what of that the search for usher's tickets and for those that
	// it took in was seen to leave out neither; both begin one apart.
	marked, searched atomic.Int64
	// histories are those of tickets that rest.
	histories histories
	// journal is what is known about the reading of comments: see comment.go.
	journal atomic.Int32
}

var (
	_ desk.Driver   = (*driver)(nil)
	_ desk.Asker    = (*driver)(nil)
	_ desk.Approver = (*driver)(nil)
)

// What the fields of the table task hold by default; settled is how young a change may be for its place in a search to be
// uncertain: its time is that of its beginning, by the clock of one of several nodes.
const (
	summaryLimit = 160
	textLimit    = 4000
	settled      = time.Minute
)

// Traits implements desk.Driver.
func (d *driver) Traits() desk.Traits {
	return desk.Traits{
		Place: "table " + d.config.table(),
		IsID:  func(id access.TicketID) bool { return sysID.MatchString(string(id)) },
		Unit:  desk.UTF16, SummaryLimit: summaryLimit, CommentRoom: textLimit,
		Grain: time.Second, Lag: settled,
		StatusField: "state", AssigneeField: "assigned_to", TextFields: []string{"short_description", "description"},
	}
}

// call makes one call and decodes its result. A busy instance may answer one call with 401 although the credentials are good:
// then it is Transient.
func (d *driver) call(ctx context.Context, c rest.Call, into any) (rest.Response, error) {
	var got envelope
	c.Into = &got
	answer, err := d.do(ctx, c)
	unclear := access.Transient
	if c.Mode == rest.Create {
		unclear = access.Unknown
	}
	switch {
	case err != nil:
		return answer, err
	case string(got.Result) == "null" || json.Unmarshal(got.Result, into) != nil:
		return answer, access.Errorf(unclear, c.Op, "the answer has no result, or one of another shape than expected")
	}
	return answer, nil
}

// do is call for an answer that nobody reads, or that c decodes.
func (d *driver) do(ctx context.Context, c rest.Call) (rest.Response, error) {
	answer, err := d.rest.Do(ctx, c)
	if answer.Status == http.StatusUnauthorized {
		if _, bad := d.rest.Do(ctx, d.whoAmI(c.Op)); bad == nil {
			err = access.Errorf(access.Transient, c.Op, "refused once, though the credentials are good: %w", err)
		}
	}
	return answer, err
}

// remove deletes a record. NotFound: it is not there.
func (d *driver) remove(ctx context.Context, op, table, id string) error {
	_, err := d.do(ctx, rest.Call{Op: op, Mode: rest.Write, Method: http.MethodDelete, Path: tablePath(table, id)})
	return err
}

// get is a call that reads.
func (d *driver) get(ctx context.Context, op, path string, query url.Values, into any) (rest.Response, error) {
	return d.call(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: path, Query: query}, into)
}

// value is a field's value. A reference comes as a text or as an object, according to release and parameters; an empty one always
// as "".
type value string

// UnmarshalJSON implements json.Unmarshaler.
func (v *value) UnmarshalJSON(raw []byte) error {
	var reference struct{ Value string }
	switch {
	case json.Unmarshal(raw, (*string)(v)) == nil:
	case json.Unmarshal(raw, &reference) == nil:
		*v = value(reference.Value)
	default:
		*v = value(raw) // A number or a truth value.
	}
	return nil
}

// row is a record, or what was asked for of one.
type row map[string]value

func (r row) get(field string) string { return string(r[field]) }

// at is a time of a row: UTC, in seconds.
func (r row) at(field string) time.Time {
	at, err := time.ParseInLocation(time.DateTime, r.get(field), time.UTC)
	if err != nil {
		return time.Time{}
	}
	return at
}

// tablePath is the address of a table or, with an id, of a record.
func tablePath(parts ...string) string { return "api/now/table/" + strings.Join(parts, "/") }

// plain asks for values as they are stored: no labels, times in UTC, references without links.
func plain(fields ...string) url.Values {
	v := url.Values{"sysparm_display_value": {"false"}, "sysparm_exclude_reference_link": {"true"}}
	if len(fields) > 0 {
		v.Set("sysparm_fields", strings.Join(fields, ","))
	}
	return v
}

// record reads one record.
func (d *driver) record(ctx context.Context, op, table, id string, query url.Values) (row, error) {
	var r row
	_, err := d.get(ctx, op, tablePath(table, id), query, &r)
	if err == nil && r.get("sys_id") != id {
		err = access.Errorf(access.Transient, op, "the answer is another record than the one that was asked for")
	}
	return r, err
}

// patch changes a record and returns it as it is then. Conflict: it is closed, and ServiceNow takes no change of it.
func (d *driver) patch(ctx context.Context, op, table, id string, body map[string]any) (row, error) {
	var r row
	_, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Write, Method: http.MethodPatch, Path: tablePath(table, id), Body: body,
		Query: plain("sys_id", "state", "assigned_to"),
	}, &r)
	if rest.StatusOf(err) != http.StatusForbidden || !access.IsKind(err, access.Forbidden) {
		return r, err
	}
	if now, bad := d.record(ctx, op, table, id, plain("sys_id", "active")); bad == nil && now.get("active") == "false" {
		err = access.Errorf(access.Conflict, op, "the ticket is closed, and ServiceNow takes no change of it: %w", err)
	}
	return r, err
}

// key is a configuration key in full, and finding is what is wrong with one.
func (d *driver) key(relative string) string { return desk.Key(d.name, relative) }

func (d *driver) finding(key, format string, args ...any) access.Finding {
	return desk.Finding(d.name, key, format, args...)
}
