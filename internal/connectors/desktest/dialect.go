package desktest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
)

// Dialect is what differs between the tickets of two vendors; every function may be nil, and then what its comment calls
// usual is done. The rest of a vendor's dialect, its routes, its authentication, its refusals and its rendering, is code of
// its own over the Store. All functions run under the desk's lock, and change nothing but what they are given to change.
type Dialect struct {
	// Noun is what the vendor calls a ticket, in one word; "issue" when empty. The control surface says so.
	Noun string
	// FirstID is the number that the first id comes after.
	FirstID int64
	// PersonType is the vendor's Account.AccountType of a person.
	PersonType string
	// Account fills in what an account leaves open; number is its place among all. Usual: nothing more.
	Account func(a Account, number int) Account
	// ID returns the id that belongs to a number that no other ticket, comment or change has. Usual: the number.
	ID func(number int64) string
	// Key returns what people call the ticket of a number within its project; "" where they have no name for it. Usual: the
	// project's key, "-", the number.
	Key func(p *Project, number int) string
	// Text returns a stored value as people read it. Usual: the text of a JSON string, and any other JSON as it is.
	Text func(value json.RawMessage) string
	// Set puts a value, in the vendor's form, into a ticket that is not committed yet, and returns in the vendor's words what
	// is wrong with it, "" for nothing. What a person types into a form is a JSON string. Usual: SetUsual.
	Set func(t *Ticket, f Field, value json.RawMessage) string
	// Announce is told of every change of a ticket when it is committed, for webhooks and for what the vendor does by itself,
	// such as to move a parent; it may change other tickets. Usual: nothing.
	Announce func(Event)
}

// EventKind is what has happened to a ticket.
type EventKind string

// The kinds of event.
const (
	EventOpened        EventKind = "opened"
	EventEdited        EventKind = "edited"
	EventMoved         EventKind = "moved"
	EventAssigned      EventKind = "assigned"
	EventRekeyed       EventKind = "rekeyed"
	EventDeleted       EventKind = "deleted"
	EventPropertySet   EventKind = "property_set"
	EventCommented     EventKind = "commented"
	EventCommentEdited EventKind = "comment_edited"
)

// Event is a change that was committed. Ticket is how it is now; of a deleted one, how it was.
type Event struct {
	Kind   EventKind
	Ticket *Ticket
	By     *Account
	// Change is the entry of the history, nil for none. Comment is that of EventCommented and EventCommentEdited.
	Change  *Change
	Comment *Comment
}

func (d Dialect) withDefaults() Dialect {
	d.Noun = cmp.Or(d.Noun, "issue")
	if d.Account == nil {
		d.Account = func(a Account, _ int) Account { return a }
	}
	if d.ID == nil {
		d.ID = func(number int64) string { return strconv.FormatInt(number, 10) }
	}
	if d.Key == nil {
		d.Key = func(p *Project, number int) string { return p.Key + "-" + strconv.Itoa(number) }
	}
	if d.Text == nil {
		d.Text = UsualText
	}
	if d.Set == nil {
		d.Set = SetUsual
	}
	if d.Announce == nil {
		d.Announce = func(Event) {}
	}
	return d
}

// Quote returns a text as JSON.
func Quote(text string) json.RawMessage {
	// A string can be encoded.
	raw, _ := json.Marshal(text)
	return raw
}

// UsualText returns the text of a JSON string, and any other JSON as it is; "" for nothing and for null.
func UsualText(value json.RawMessage) string {
	var text string
	if len(value) == 0 || json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// SetUsual puts a JSON string into a field: accounts by their ids, labels as a JSON list. null and "" clear the field. It
// checks the type, and nothing else.
func SetUsual(t *Ticket, f Field, value json.RawMessage) string {
	if f.ID == "labels" {
		t.Labels = nil
		if json.Unmarshal(value, &t.Labels) != nil {
			return fmt.Sprintf("%s: expected a list of texts", f.ID)
		}
		return ""
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return fmt.Sprintf("%s: expected a text", f.ID)
	}
	switch f.ID {
	case "summary":
		t.Summary = text
	case "description":
		t.Description = value
	case "reporter":
		t.Reporter = text
	case "assignee":
		t.Assignee = text
	case "resolution":
		t.Resolution = text
	default:
		if text == "" {
			value = nil
		}
		t.SetField(f.ID, value)
	}
	return ""
}
