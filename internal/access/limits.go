package access

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// TextLimit is how long a text may be: in bytes of UTF-8, which databases and Temporal count, and in characters, which
// people count. 0 sets no such limit. No text that has a limit may hold a NUL.
type TextLimit struct{ Bytes, Runes int }

// Fits reports whether a text keeps to the limit.
func (l TextLimit) Fits(text string) bool { return l.Problem(text) == "" }

// Problem returns what is wrong with a text that does not keep to the limit, and what was expected; "" for one that does.
func (l TextLimit) Problem(text string) string {
	switch {
	case l.Bytes > 0 && len(text) > l.Bytes:
		return fmt.Sprintf("expected at most %d bytes of UTF-8, found %d", l.Bytes, len(text))
	case !utf8.ValidString(text):
		return "expected UTF-8"
	case l.Runes > 0 && utf8.RuneCountInString(text) > l.Runes:
		return fmt.Sprintf("expected at most %d characters, found %d", l.Runes, utf8.RuneCountInString(text))
	case strings.Contains(text, "\x00"):
		return "expected text without a NUL"
	}
	return ""
}

// LimitTable is what usher takes and keeps, for the API and its document, policy, the intake and the ledger. The API refuses what it will not take,
// so that nothing begins that cannot be kept; policy refuses what comes another way; the ledger refuses what it cannot keep.
type LimitTable struct {
	// ID is of every id that the ledger keeps: PostgreSQL indexes rows of up to 2704 bytes, and two ids stand in one index.
	ID TextLimit
	// Request is of a request's id; see ValidRequestID. Person, Entitlement and Item are of those that a call names.
	Request, Person, Entitlement, Item TextLimit
	// Caller is of the id of a person who calls the API.
	Caller TextLimit
	// Decision is of a decision's id. It is a part of the id of the event that tells it, beside a request's id and some
	// words, so that it must be shorter than an id.
	Decision TextLimit
	// Key is of an Idempotency-Key.
	Key TextLimit
	// Reason is of a reason, of whatever: the API and policy take as much. KeptReason is what a workflow keeps of one: earlier versions of the API
	// took more.
	Reason, KeptReason TextLimit
	// Comment is what is kept of a comment on a ticket, with the name of who wrote it. A longer one is cut.
	Comment TextLimit
	// Items and KeptItems are how many items a request has, or a decision names: as for reasons.
	Items, KeptItems int
}

// Limits returns the table.
func Limits() LimitTable {
	return LimitTable{
		ID:          TextLimit{Bytes: 512},
		Request:     TextLimit{Bytes: 64},
		Person:      TextLimit{Bytes: 512, Runes: 256},
		Entitlement: TextLimit{Bytes: 512, Runes: 256},
		Item:        TextLimit{Bytes: 512},
		Caller:      TextLimit{Bytes: 256},
		Decision:    TextLimit{Bytes: 384},
		Key:         TextLimit{Runes: 255},
		Reason:      TextLimit{Runes: 2000},
		KeptReason:  TextLimit{Runes: 4000},
		Comment:     TextLimit{Runes: 2000},
		Items:       20,
		KeptItems:   50,
	}
}
