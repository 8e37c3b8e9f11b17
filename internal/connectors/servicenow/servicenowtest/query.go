package servicenowtest

import (
	"slices"
	"strings"
	"time"
)

// record is a row of a table: all columns, by name, also those of records that it refers to ("assigned_to.user_name").
type record map[string]string

// encoded is an encoded query: groups of which one must hold, each made of conditions that must all hold, each made of
// alternatives of which one must hold.
type encoded struct {
	groups [][][]condition
	order  []string
}

type condition struct{ field, op, value string }

// operators are in the order in which they are looked for: the longer first.
var operators = []string{"ISNOTEMPTY", "ISEMPTY", "STARTSWITH", "LIKE", "IN", "!=", ">=", "<=", "=", ">", "<"}

func parse(text string) encoded {
	q := encoded{groups: [][][]condition{nil}}
	for part := range strings.SplitSeq(text, "^") {
		last := len(q.groups) - 1
		if field, is := strings.CutPrefix(part, "ORDERBY"); is {
			q.order = append(q.order, field)
		} else if rest, or := strings.CutPrefix(part, "OR"); or && len(q.groups[last]) > 0 {
			n := len(q.groups[last]) - 1
			q.groups[last][n] = append(q.groups[last][n], conditionOf(rest))
		} else if rest, again := strings.CutPrefix(part, "NQ"); again {
			q.groups = append(q.groups, [][]condition{{conditionOf(rest)}})
		} else if part != "" {
			q.groups[last] = append(q.groups[last], []condition{conditionOf(part)})
		}
	}
	return q
}

func conditionOf(text string) condition {
	end := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_.", r) })
	if end < 0 {
		return condition{field: text}
	}
	for _, op := range operators {
		if value, is := strings.CutPrefix(text[end:], op); is {
			return condition{text[:end], op, value}
		}
	}
	return condition{field: text[:end]}
}

func (c condition) holds(r record) bool {
	has, want := strings.ToLower(r[c.field]), strings.ToLower(c.value)
	switch c.op {
	case "=":
		return has == want
	case "!=":
		return has != want
	case ">":
		return has > want
	case ">=":
		return has >= want
	case "<":
		return has < want
	case "<=":
		return has <= want
	}
	return map[string]bool{
		"IN": slices.Contains(strings.Split(want, ","), has), "LIKE": strings.Contains(has, want),
		"STARTSWITH": strings.HasPrefix(has, want), "ISEMPTY": has == "", "ISNOTEMPTY": has != "",
	}[c.op]
}

// fields are the names of what the query asks by.
func (q encoded) fields() []string {
	var names []string
	for _, c := range slices.Concat(slices.Concat(q.groups...)...) {
		names = append(names, c.field)
	}
	return names
}

// match reports whether a record meets the query. Conditions that cannot be understood, or by which nobody may search, are left
// out; with strict they fail the whole query.
func (q encoded) match(r record, ignored []string, strict bool) bool {
	return slices.ContainsFunc(q.groups, func(group [][]condition) bool {
		for _, alternatives := range group {
			usable := slices.DeleteFunc(slices.Clone(alternatives), func(c condition) bool {
				_, there := r[c.field]
				return !there || c.op == "" || slices.Contains(ignored, c.field)
			})
			fails := len(usable) > 0 && !slices.ContainsFunc(usable, func(c condition) bool { return c.holds(r) })
			if fails || (strict && len(usable) < len(alternatives)) {
				return false
			}
		}
		return true
	})
}

// shift takes the times of the query for times in a zone.
func (q encoded) shift(zone *time.Location) {
	for _, alternatives := range slices.Concat(q.groups...) {
		for n, c := range alternatives {
			if at, err := time.ParseInLocation(time.DateTime, c.value, zone); err == nil {
				alternatives[n].value = stamp(at)
			}
		}
	}
}

// sort orders records, by their sys_id where the query says nothing.
func (q encoded) sort(all []record) {
	slices.SortStableFunc(all, func(a, b record) int {
		for _, field := range q.order {
			if c := strings.Compare(a[field], b[field]); c != 0 {
				return c
			}
		}
		return strings.Compare(a["sys_id"], b["sys_id"])
	})
}

// names reports whether the query asks for records by ids.
func (q encoded) names(fields ...string) bool {
	for _, c := range slices.Concat(slices.Concat(q.groups...)...) {
		if (c.op == "=" || c.op == "IN") && slices.Contains(fields, c.field) {
			return true
		}
	}
	return false
}
