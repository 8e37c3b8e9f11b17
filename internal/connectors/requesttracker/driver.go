package requesttracker

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// driver is RT as package desk needs it.
type driver struct {
	name   access.DeskName
	config Config
	site   string
	rest   *rest.Client

	// gates are shut where RT has not kept what usher wrote.
	gates desk.Gates
	// fields are the names of custom fields by their numbers, as far as histories have shown them.
	fields sync.Map
	// opened are the openings of approvals by their numbers, as far as histories have shown them.
	opened sync.Map
	// commentsShow: the account has seen a comment of its own.
	commentsShow atomic.Bool
}

var (
	_ desk.Driver       = (*driver)(nil)
	_ desk.AddressOwner = (*driver)(nil)
	_ desk.Asker        = (*driver)(nil)
)

// What RT takes. It cuts subjects without a word to 200 bytes, not characters; texts may be much longer than anybody reads.
const (
	subjectLimit = 200
	textLimit    = 30_000
	// settled is how young a change may be for its place in the search to be uncertain: RT notes the time of a change when it
	// begins with it, and ends after its scrips.
	settled = time.Minute
)

var ticketNumber = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// Traits implements desk.Driver. The text of a ticket is its first message, which nobody can change in RT.
func (d *driver) Traits() desk.Traits {
	return desk.Traits{
		Place: "queue",
		IsID:  func(id access.TicketID) bool { return ticketNumber.MatchString(string(id)) },
		Unit:  utf8.RuneLen, SummaryLimit: subjectLimit, CommentRoom: textLimit,
		Grain: time.Second, Lag: settled,
		StatusField: "Status", AssigneeField: "Owner", TextFields: []string{"Subject"},
	}
}

// Self implements desk.Driver, by the account that the token names.
func (d *driver) Self(ctx context.Context, op string) (desk.Self, error) {
	var me struct {
		ID   scalar           `json:"id"`
		Name access.AccountID `json:"Name"`
	}
	answer, err := d.get(ctx, op, "user/"+d.config.account(), nil, &me)
	switch {
	case access.IsKind(err, access.NotFound):
		return desk.Self{}, d.noAPI(op, err)
	case err != nil:
		return desk.Self{}, err
	case me.Name == "" || string(me.ID) != d.config.account():
		return desk.Self{}, access.Errorf(access.Transient, op, "RT did not say which account the token belongs to")
	}
	return desk.Self{Account: me.Name, Clock: answer.Clock()}, nil
}

// get is a call that reads.
func (d *driver) get(ctx context.Context, op, path string, query url.Values, into any) (rest.Response, error) {
	answer, err := d.rest.Do(ctx, rest.Call{Op: op, Mode: rest.Read, Method: http.MethodGet, Path: path, Query: query, Into: into})
	if l, isList := into.(interface{ missing() bool }); err == nil && isList && l.missing() {
		err = access.Errorf(access.Transient, op, "the answer is no list of RT's records")
	}
	return answer, err
}

// noAPI is the error for an address where something else answers.
func (d *driver) noAPI(op string, err error) error {
	return access.Errorf(access.Invalid, op, "%s: no REST2 API of RT answers there: %w", desk.Key(d.name, "base_url"), err)
}

// finding is what is wrong with a key.
func (d *driver) finding(key, format string, args ...any) access.Finding {
	return desk.Finding(d.name, key, format, args...)
}

// ref is where a ticket is.
func (d *driver) ref(id, queue string) desk.Ref {
	return desk.Ref{
		ID: access.TicketID(id), Key: access.TicketKey(queue + " #" + id),
		URL: d.site + "/Ticket/Display.html?id=" + id,
	}
}

// kindOf is what RT means by an answer where HTTP alone would mislead.
func kindOf(a rest.Response) access.Kind {
	if a.Status == http.StatusPreconditionFailed {
		// Somebody changed the ticket between the reading and the change.
		return access.Transient
	}
	return ""
}

// errorText is what RT said of a refusal; "" when it said nothing in its own shape.
func errorText(a rest.Response) string {
	var refusal struct{ Message string }
	_ = json.Unmarshal(a.Body, &refusal) // What is not RT's leaves no text.
	return refusal.Message
}
