package servicenow

import (
	"slices"
	"strings"

	"usher/internal/access"
)

// query is conditions that must all hold.
type query []condition

// condition is one part of an encoded query. A value that cannot be written in one must have been refused before: see
// writable.
type condition struct {
	field string
	op    operator
	value string
}

// operator is how a field is compared; in a list the values have commas between them.
type operator string

const (
	equal   operator = "="
	atLeast operator = ">="
	in      operator = "IN"
	begins  operator = "STARTSWITH"
	empty   operator = "ISEMPTY"
)

func (q query) parts() []string {
	var parts []string
	for _, c := range q {
		parts = append(parts, c.field+string(c.op)+c.value)
	}
	return parts
}

// writable reports whether a text can be a value in a query: there is no way to quote one, and some are programs.
func writable(text string) bool {
	return text != "" && !strings.ContainsAny(text, "^\r\n,") && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "javascript:")
}

// holds reports whether a value meets the condition. ServiceNow compares texts without regard to case; its times are ordered as
// texts are.
func (c condition) holds(value string) bool {
	wanted := []string{c.value}
	switch c.op {
	case atLeast:
		return value >= c.value
	case begins:
		return strings.HasPrefix(strings.ToLower(value), strings.ToLower(c.value))
	case empty:
		return value == ""
	case in:
		wanted = strings.Split(c.value, ",")
	case equal:
	}
	return slices.ContainsFunc(wanted, func(one string) bool { return strings.EqualFold(one, value) })
}

// met reports whether a row shows the field, with a value that meets the condition.
func (c condition) met(r row) bool {
	value, shown := r[c.field]
	return shown && c.holds(string(value))
}

// check makes sure that every row meets every condition, and one of the alternatives. ServiceNow leaves out of a query what it does
// not understand or what the account may not search by, without a word, and then returns rows that nobody asked for. Forbidden: it did.
func (l listing) check(op string, rows []row) error {
	ignored := func(field string) error {
		return access.Errorf(access.Forbidden, op, "ServiceNow ignored the condition on the field %s of the table %s: it has no such"+
			" field, or usher's account may not read it or search by it", field, l.table)
	}
	for _, r := range rows {
		for _, c := range l.where {
			if !c.met(r) {
				return ignored(c.field)
			}
		}
		if len(l.either) > 0 && !slices.ContainsFunc(l.either, func(c condition) bool { return c.met(r) }) {
			return ignored(l.either[0].field)
		}
	}
	return nil
}
