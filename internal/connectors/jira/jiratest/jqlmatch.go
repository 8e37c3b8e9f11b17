package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
)

// matcher turns a condition into a test of issues, for one caller at one moment.
type matcher struct {
	s      *Server
	now    time.Time
	caller *Account
	// lenient lets values that do not exist match nothing; warnings tells of them.
	lenient  bool
	warnings *[]string
}

type test func(*issue) bool

var sortable = []string{"created", "updated", "key", "issuekey", "id", "status", "summary"}

func (m matcher) compile(n *node) (test, error) {
	if n.op == "" {
		return m.clause(n.clause)
	}
	var parts []test
	for _, child := range n.children {
		t, err := m.compile(child)
		if err != nil {
			return nil, err
		}
		parts = append(parts, t)
	}
	return func(i *issue) bool {
		holds := func(t test) bool { return t(i) }
		switch n.op {
		case "not":
			return !parts[0](i)
		case "or":
			return slices.ContainsFunc(parts, holds)
		default:
			return !slices.ContainsFunc(parts, func(t test) bool { return !t(i) })
		}
	}, nil
}

func (m matcher) clause(c clause) (test, error) {
	if strings.HasPrefix(c.field, "updated") || strings.HasPrefix(c.field, "created") {
		return m.date(c)
	}
	if isKey(c.field) && strings.ContainsAny(c.op, "<>") {
		return m.beyond(c)
	}
	values, known := m.values(c.field)
	if !known {
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("Field '%s' does not exist or you do not have permission to view it.", c.field))
	}
	wanted, err := m.wanted(c)
	if err != nil {
		return nil, err
	}
	has := func(i *issue) bool {
		got := values(i)
		if len(got) == 0 {
			return slices.Contains(wanted, "")
		}
		return slices.ContainsFunc(got, func(v string) bool { return v != "" && slices.Contains(wanted, strings.ToLower(v)) })
	}
	switch c.op {
	case "=", "in", "is":
		return has, nil
	case "!=", "not in", "is not":
		// As at the vendor's, what is empty does not match a negation, except for EMPTY itself.
		return func(i *issue) bool { return !has(i) && len(values(i)) > 0 }, nil
	case "~":
		return containing(values, wanted), nil
	}
	return nil, refuse(http.StatusBadRequest, fmt.Sprintf("The operator '%s' is not supported by the '%s' field.", c.op, c.field))
}

// isKey reports whether a field is the key of an issue, which the vendor takes its id for as well.
func isKey(field string) bool {
	return slices.Contains([]string{"key", "id", "issue", "issuekey"}, field)
}

// beyond compares keys, whatever names the issue: those of its project alone, by their numbers, as the vendor's index does. An issue that is not
// there is beyond nothing on Cloud, and fails the query on Data Center.
func (m matcher) beyond(c clause) (test, error) {
	from, exists := m.s.store.Find(c.values[0].text)
	if !exists || m.s.store.Hides(from) {
		var err error
		if m.s.cfg.Edition != Cloud {
			_, err = m.unknown(fmt.Sprintf("An issue with key '%s' does not exist for field '%s'.", c.values[0].text, c.field))
		}
		return func(*issue) bool { return false }, err
	}
	compare := comparing(c.op)
	return func(i *issue) bool { return i.Project == from.Project && compare(i.Number-from.Number) }, nil
}

// comparing returns what an operator makes of the difference of two values; nil for one that compares nothing.
func comparing(op string) func(int) bool {
	return map[string]func(int) bool{
		"=": func(n int) bool { return n == 0 }, "!=": func(n int) bool { return n != 0 },
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 },
		">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
	}[op]
}

// wanted are the clause's values, "" for EMPTY.
func (m matcher) wanted(c clause) ([]string, error) {
	var out []string
	for _, v := range c.values {
		if v.is("empty") || v.is("null") {
			out = append(out, "")
			continue
		}
		w, err := m.value(c, v)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func containing(values func(*issue) []string, wanted []string) test {
	return func(i *issue) bool {
		return slices.ContainsFunc(values(i), func(v string) bool { return strings.Contains(strings.ToLower(v), strings.Trim(wanted[0], `"`)) })
	}
}

// values returns a field's values of an issue, none when it is empty. Labels compare in any case of letters: nothing
// promises that they do not.
func (m matcher) values(field string) (func(*issue) []string, bool) {
	filled := func(text string) []string {
		if text == "" {
			return nil
		}
		return []string{text}
	}
	if number, custom := strings.CutPrefix(field, "cf["); custom {
		id := "customfield_" + strings.TrimSuffix(number, "]")
		return func(i *issue) []string {
			var text string
			if json.Unmarshal(i.Fields[id], &text) != nil {
				return nil
			}
			return filled(text)
		}, true
	}
	switch field {
	case "project":
		return func(i *issue) []string { return []string{i.Project} }, true
	case "labels":
		return func(i *issue) []string { return i.Labels }, true
	case "key", "id", "issue", "issuekey":
		return func(i *issue) []string { return []string{i.ID} }, true
	case "status":
		return func(i *issue) []string { return []string{i.Status, m.s.store.ProjectOf(i).Status(i.Status).Name} }, true
	case "statuscategory":
		return func(i *issue) []string { return []string{string(m.s.store.ProjectOf(i).Status(i.Status).Category)} }, true
	case "issuetype", "type":
		return func(i *issue) []string { return []string{m.s.store.ProjectOf(i).IssueType.ID} }, true
	case "assignee":
		return func(i *issue) []string { return filled(i.Assignee) }, true
	case "reporter":
		return func(i *issue) []string { return filled(i.Reporter) }, true
	case "resolution":
		return func(i *issue) []string { return filled(i.Resolution) }, true
	case "summary":
		return func(i *issue) []string { return []string{i.Summary} }, true
	}
	return nil, false
}

// value checks a value and gives what values() gives for it, in lower case. A value that does not exist fails the
// whole query, except for labels, resolutions, accounts and texts.
func (m matcher) value(c clause, v token) (string, error) {
	found, known := strings.ToLower(v.text), true
	switch c.field {
	case "key", "id", "issue", "issuekey":
		i, exists := m.s.store.Find(v.text)
		if !exists || m.s.store.Hides(i) {
			return m.unknown(fmt.Sprintf("An issue with key '%s' does not exist for field '%s'.", v.text, c.field))
		}
		return i.ID, nil
	case "project":
		var p *Project
		if p, known = m.s.store.Project(v.text); known {
			found, known = strings.ToLower(p.Key), !m.s.store.HidesProject(p)
		}
	case "status":
		known = m.status(v.text)
	case "statuscategory":
		found, known = categoryNamed(v.text)
	case "issuetype", "type":
		found, known = m.issueType(v.text)
	case "assignee", "reporter":
		found = strings.ToLower(m.account(v.text))
	}
	if !known {
		return m.unknown(fmt.Sprintf("The value '%s' does not exist for the field '%s'.", v.text, c.field))
	}
	return found, nil
}

func (m matcher) status(nameOrID string) bool {
	return slices.ContainsFunc(m.s.store.Projects(), func(p Project) bool {
		return slices.ContainsFunc(p.Statuses, func(st desktest.Status) bool { return strings.EqualFold(st.Name, nameOrID) || st.ID == nameOrID })
	})
}

func (m matcher) issueType(nameOrID string) (string, bool) {
	for _, p := range m.s.store.Projects() {
		if strings.EqualFold(p.IssueType.Name, nameOrID) || p.IssueType.ID == nameOrID {
			return p.IssueType.ID, true
		}
	}
	return "", false
}

func categoryNamed(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "to do", "new":
		return string(desktest.CategoryNew), true
	case "in progress", "indeterminate":
		return string(desktest.CategoryIndeterminate), true
	case "done":
		return string(desktest.CategoryDone), true
	}
	return "", false
}

// date compares a time. Quoted values have the grain of a minute and are in the zone of the caller's profile; a bare number
// is milliseconds since 1970, as recorded from a real site (airbytehq/airbyte#48838). Conditions see whole
// seconds, as an index keeps them.
func (m matcher) date(c clause) (test, error) {
	at, valid := m.moment(c.values[0])
	if !valid || len(c.values) > 1 {
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("Date value '%s' for field '%s' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm',"+
			" 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.", c.values[0].text, c.field))
	}
	field := func(i *issue) time.Time { return i.Updated }
	if strings.HasPrefix(c.field, "created") {
		field = func(i *issue) time.Time { return i.Created }
	}
	compare := comparing(c.op)
	if compare == nil {
		return nil, refuse(http.StatusBadRequest, fmt.Sprintf("The operator '%s' is not supported by the '%s' field.", c.op, c.field))
	}
	return func(i *issue) bool { return compare(indexed(field(i)).Compare(at)) }, nil
}

// zone is the caller's; an anonymous caller has the site's.
func (m matcher) zone() *time.Location {
	if m.caller == nil {
		return m.s.cfg.Zone
	}
	return m.caller.Zone
}

// nothing is a value that no field has.
const nothing = "\x00"

// unknown refuses the query for a value that does not exist, or notes it where the query is not validated.
func (m matcher) unknown(message string) (string, error) {
	if !m.lenient {
		return "", refuse(http.StatusBadRequest, message)
	}
	*m.warnings = append(*m.warnings, message)
	return nothing, nil
}

// account is the id of the account that a value names: by id on Cloud, by name or key on Data Center.
func (m matcher) account(text string) string {
	if text == "currentUser()" {
		return m.caller.ID
	}
	if m.s.cfg.Edition == Cloud {
		return text
	}
	for _, way := range []desktest.AccountBy{desktest.ByName, desktest.ByKey} {
		if a := m.s.store.AccountBy(way, text); a != nil {
			return a.ID
		}
	}
	return nothing
}

var periods = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// indexed is a time as the index has it.
func indexed(t time.Time) time.Time { return t.Truncate(time.Second) }

func (m matcher) moment(value token) (time.Time, bool) {
	text := value.text
	if millis, err := strconv.ParseUint(text, 10, 62); err == nil && value.kind == wordToken && len(text) > len("20060102") {
		return time.UnixMilli(int64(millis)), true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006/01/02 15:04", "2006-01-02", "2006/01/02"} {
		if t, err := time.ParseInLocation(layout, text, m.zone()); err == nil {
			return t, true
		}
	}
	if len(text) < 2 {
		return time.Time{}, false
	}
	unit, known := periods[text[len(text)-1]]
	n, err := strconv.Atoi(text[:len(text)-1])
	return m.now.Add(time.Duration(n) * unit), known && err == nil
}

// sort orders what was found. Without ORDER BY the newest comes first.
func (q jql) sort(found []*issue, s *Server) {
	order := append(slices.Clone(q.order), sorting{field: "id", descending: true})
	slices.SortFunc(found, func(a, b *issue) int {
		for _, o := range order {
			n := o.compare(a, b, s)
			if o.descending {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
}

func (o sorting) compare(a, b *issue, s *Server) int {
	switch o.field {
	case "created":
		return a.Created.Compare(b.Created)
	case "updated":
		return a.Updated.Compare(b.Updated)
	case "status":
		return strings.Compare(s.store.ProjectOf(a).Status(a.Status).Name, s.store.ProjectOf(b).Status(b.Status).Name)
	case "summary":
		return strings.Compare(a.Summary, b.Summary)
	case "key", "issuekey":
		if n := strings.Compare(a.Project, b.Project); n != 0 {
			return n
		}
		return a.Number - b.Number
	}
	return cmp.Compare(a.Seq, b.Seq)
}
