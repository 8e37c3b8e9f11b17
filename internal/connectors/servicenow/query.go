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
	if c.op == atLeast {
		return value >= c.value
	}
	wanted := []string{c.value}
	if c.op == in {
		wanted = strings.Split(c.value, ",")
	}
	return slices.ContainsFunc(wanted, func(one string) bool { return strings.EqualFold(one, value) })
}

// check makes sure that every row meets every condition. ServiceNow leaves out of a query what it does not understand or what
// the account may not search by, without a word, and then returns rows that nobody asked for. Forbidden: it did.
func (q query) check(op, table string, rows []row) error {
	for _, r := range rows {
		for _, c := range q {
			if value, shown := r[c.field]; !shown || !c.holds(string(value)) {
				return access.Errorf(access.Forbidden, op, "ServiceNow ignored the condition on the field %s of the table %s: it has no such"+
					" field, or usher's account may not read it or search by it", c.field, table)
			}
		}
	}
	return nil
}
