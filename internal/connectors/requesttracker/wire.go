package requesttracker

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"usher/internal/access"
)

// RT's own accounts: nobody owns what nobody owns, and system does what nobody does.
const (
	nobody = "Nobody"
	system = "RT_System"
)

// account is an account where another record names it; its id is its user name.
type account struct {
	ID           access.AccountID `json:"id"`
	RealName     string           `json:"RealName"`
	EmailAddress string           `json:"EmailAddress"`
}

// UnmarshalJSON reads an account. RT writes a text in its place where it does not find the user, as of one whom somebody has removed from its database: then there is
// none, and the list that has it is read all the same.
func (a *account) UnmarshalJSON(text []byte) error {
	type plain account
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		*a = account{}
		return nil
	}
	return json.Unmarshal(text, (*plain)(a))
}

// ticket is a ticket as RT shows it, alone or in a list.
type ticket struct {
	ID      scalar  `json:"id"`
	Type    string  `json:"Type"`
	Subject string  `json:"Subject"`
	Status  string  `json:"Status"`
	Owner   account `json:"Owner"`
	Creator account `json:"Creator"`
	Queue   struct {
		Name string `json:"Name"`
	} `json:"Queue"`
	LastUpdated  time.Time     `json:"LastUpdated"`
	CustomFields []customField `json:"CustomFields"`
	Links        []link        `json:"_hyperlinks"`

	etag string
}

type customField struct {
	Name   string `json:"name"`
	Values []any  `json:"values"`
}

// link is what the account may do with a ticket or a queue, or another record that a ticket is linked to. To is the status of a change that the
// lifecycle offers.
type link struct {
	Ref   string `json:"ref"`
	Type  string `json:"type"`
	ID    scalar `json:"id"`
	To    string `json:"to"`
	Label string `json:"label"`
}

func allows(links []link, ref string) bool {
	return slices.ContainsFunc(links, func(l link) bool { return l.Ref == ref })
}

// linkedBy returns the tickets of a kind of links.
func linkedBy(links []link, ref string) []access.TicketID {
	var ids []access.TicketID
	for _, l := range links {
		if l.Ref == ref && l.Type == "ticket" && ticketNumber.MatchString(string(l.ID)) {
			ids = append(ids, access.TicketID(l.ID))
		}
	}
	return ids
}

// list is one page of a list.
type list[T any] struct {
	Items []T
	// Pages and Total are nil where RT may not say how many there are.
	Pages *float64
	Total *int
}

// missing reports whether the answer has no items, not even none, or records without a number: then it is another program's.
func (l *list[T]) missing() bool {
	return l.Items == nil || slices.ContainsFunc(l.Items, func(one T) bool {
		record, is := any(one).(interface{ number() scalar })
		return is && record.number() == ""
	})
}

func (t ticket) number() scalar      { return t.ID }
func (t transaction) number() scalar { return t.ID }
func (p part) number() scalar        { return p.ID }

// more reports whether there may be a page after this one.
func (l list[T]) more(page int) bool {
	if l.Pages == nil {
		return len(l.Items) > 0
	}
	return float64(page) < *l.Pages
}

// mostRows is how many rows RT puts on a page at most.
const mostRows = 100

// scalar is a value that RT writes as a string or as a number.
type scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scalar) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*s = scalar(text)
		return nil
	}
	var number json.Number
	err := json.Unmarshal(raw, &number)
	*s = scalar(number)
	return err
}
