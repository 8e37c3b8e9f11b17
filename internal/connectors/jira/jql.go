package jira

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"usher/internal/access"
)

// quote makes a JQL string of any text. In quotes nothing but a quote and a backslash acts; control characters are
// written as escapes.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// withMarker searches for a marker. A text field knows no "=", only "contains these words", so carries looks again.
func (c Config) withMarker(marker access.Marker) string {
	condition := "labels = " + quote(string(marker))
	if !c.useLabel() {
		number := strings.TrimPrefix(c.MarkerField, "customfield_")
		condition = "cf[" + number + "] ~ " + quote(`"`+string(marker)+`"`)
	}
	return "project = " + quote(c.Project) + " AND " + condition
}

// changedSince searches for usher's tickets that changed. The label finds them in whatever project they were moved to.
//
// The time is in milliseconds since 1970, without quotes, the one form that does not depend on a time zone: a quoted
// date is in the calling user's and has the grain of a minute (Atlassian, "JQL fields": updated). Indexes keep whole
// seconds.
func (c Config) changedSince(since time.Time) string {
	condition := "labels = " + quote(c.label())
	if !c.useLabel() {
		condition = "project = " + quote(c.Project)
	}
	return fmt.Sprintf("%s AND updated >= %d ORDER BY updated ASC, key ASC", condition, since.Truncate(time.Second).UnixMilli())
}
