package ledger

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/access"
)

// The bounds of Filter.Limit.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

const opList = "list requests from the ledger"

// Filter is which requests are listed: those that match every field that is set. The zero Filter lists all, in
// pages of DefaultLimit.
type Filter struct {
	// States lists requests in any of these states; empty for every state.
	States []access.RequestState
	// Requester and Subject are whose question it was and whose access it is.
	Requester, Subject access.PersonID
	// Party lists requests that this person made, and those that are for this person.
	Party access.PersonID
	// WaitingOn lists requests that wait for this person now.
	WaitingOn access.PersonID
	// Entitlement lists requests with at least one item that asks for it.
	Entitlement access.EntitlementID
	// Open lists only requests that have not ended.
	Open bool
	// Cursor is the Next of the page before; "" for the first page. The other fields must be those of that page.
	Cursor string
	// Limit is the most requests in a page, 1 to MaxLimit; 0 means DefaultLimit.
	Limit int
}

// Page is a part of a list.
type Page struct {
	Views []access.RequestView
	// Next is the Cursor of the page that follows; "" when this is the last.
	Next string
}

// Views lists requests, the newest submission first and by descending id within one microsecond. A page starts where
// the one before it ended, so requests that are recorded in between make no gap and no repetition. Invalid, naming the
// field of the filter ("cursor", "limit", "state[0]", "requester", "subject", "party", "waiting_on", "entitlement"), when it
// cannot be used. An empty page is no error.
func (s *Store) Views(ctx context.Context, f Filter) (Page, error) {
	limit := f.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return Page{}, access.Errorf(access.Invalid, opList, "limit: expected 1 to %d, found %d", MaxLimit, f.Limit)
	}
	c, err := f.conditions()
	if err != nil {
		return Page{}, err
	}
	views, err := bodies[access.RequestView](ctx, s, c.query(limit+1), c.args)
	if err != nil {
		return Page{}, s.fail(opList, err)
	}
	if len(views) <= limit {
		return Page{Views: views}, nil
	}
	views = views[:limit]
	return Page{Views: views, Next: cursorAfter(views[limit-1].Request)}, nil
}

// conditions are the parts of a WHERE, and the arguments of a statement.
type conditions struct {
	where []string
	args  []any
}

func (c *conditions) param(arg any) string {
	c.args = append(c.args, arg)
	return "$" + strconv.Itoa(len(c.args))
}

// row adds the parameters of one row of VALUES.
func (c *conditions) row(args ...any) string {
	params := make([]string, len(args))
	for i, arg := range args {
		params[i] = c.param(arg)
	}
	return "(" + strings.Join(params, ", ") + ")"
}

// equal adds a condition on an id; condition holds one %s where the id goes.
func (c *conditions) equal(field, condition, id string) error {
	if id == "" {
		return nil
	}
	if problem := access.Limits().ID.Problem(id); problem != "" {
		return access.Errorf(access.Invalid, opList, "%s: %s", field, problem)
	}
	c.where = append(c.where, fmt.Sprintf(condition, c.param(id)))
	return nil
}

// clause returns the conditions as the WHERE of a statement; "" for none.
func (c *conditions) clause() string {
	if len(c.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.where, " AND ")
}

func (c *conditions) query(limit int) string {
	return `SELECT body FROM requests` + c.clause() + ` ORDER BY submitted_us DESC, id DESC LIMIT ` + strconv.Itoa(limit)
}

func (f Filter) conditions() (*conditions, error) {
	c := &conditions{}
	for _, one := range []struct{ field, condition, id string }{
		{"requester", `requester_id = %s`, string(f.Requester)},
		{"subject", `subject_id = %s`, string(f.Subject)},
		{"party", `id IN (SELECT id FROM requests WHERE requester_id = %[1]s UNION SELECT id FROM requests WHERE subject_id = %[1]s)`, string(f.Party)},
		{"waiting_on", `id IN (SELECT request_id FROM request_waiting WHERE person_id = %s)`, string(f.WaitingOn)},
		{"entitlement", `id IN (SELECT request_id FROM request_entitlements WHERE entitlement_id = %s)`, string(f.Entitlement)},
	} {
		if err := c.equal(one.field, one.condition, one.id); err != nil {
			return nil, err
		}
	}
	if f.Open {
		c.where = append(c.where, `NOT ended`)
	}
	if err := c.states(f.States); err != nil {
		return nil, err
	}
	if f.Cursor == "" {
		return c, nil
	}
	submitted, id, ok := readCursor(f.Cursor)
	if !ok {
		return nil, access.Errorf(access.Invalid, opList, "cursor: expected the cursor of a page that was listed before, or none")
	}
	c.where = append(c.where, fmt.Sprintf(`(submitted_us, id) < (%s, %s)`, c.param(submitted), c.param(id)))
	return c, nil
}

func (c *conditions) states(states []access.RequestState) error {
	if len(states) == 0 {
		return nil
	}
	params := make([]string, len(states))
	for i, state := range states {
		if state == "" || !usableKey(string(state)) {
			return access.Errorf(access.Invalid, opList, "state[%d]: expected a state of a request", i)
		}
		params[i] = c.param(string(state))
	}
	c.where = append(c.where, `state IN (`+strings.Join(params, ", ")+`)`)
	return nil
}

// cursorAfter names a place in the list: right behind a request.
func cursorAfter(r access.Request) string {
	text := strconv.FormatInt(r.SubmittedAt.UnixMicro(), 10) + " " + string(r.ID)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func readCursor(cursor string) (submitted int64, id string, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return 0, "", false
	}
	micros, id, found := strings.Cut(string(text), " ")
	submitted, err = strconv.ParseInt(micros, 10, 64)
	return submitted, id, found && err == nil && id != "" && usableKey(id)
}
