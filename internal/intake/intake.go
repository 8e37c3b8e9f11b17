// Package intake reads what a person asks for on a ticket of theirs. It calls nobody, and decides nothing: policy does.
package intake

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"usher/internal/access"
)

// Draft is what a ticket asks for, before anybody is looked up.
type Draft struct {
	// Subject is whose access it shall be; the zero query is who asks.
	Subject access.PersonQuery `json:"subject,omitzero"`
	Items   []access.Item      `json:"items,omitempty"`
	Reason  string             `json:"reason,omitempty"`
}

// Read returns what a ticket asks for, and what of it cannot be understood. A value stands in a field that the configuration
// maps, else in a line of the text that begins with its name and a colon:
//
//	Access: wiki/editor, wiki/reader
//	For: ana@example.com
//	Duration: 30d
//	Reason: I write the release notes.
//
// Case does not matter, nor does markup around the name. A reason goes on to the next empty line; without one the ticket's summary
// is the reason. Repeating it returns the same.
func Read(t access.AskedTicket) (Draft, []access.Refusal) {
	said := lines(t.Text)
	for field, value := range t.Values {
		if clean := plain(value); clean != "" {
			said[field] = []string{clean}
		}
	}
	r := reading{said: said}
	for _, field := range t.Unreadable {
		r.finding(field, "The field holds something that usher cannot read; expected a text, a choice, a number or one person.")
	}
	if !slices.Contains(t.Unreadable, access.AskedAccess) {
		r.items()
	}
	r.subject()
	r.Reason = strings.Join(said[access.AskedReason], "\n")
	if r.Reason == "" {
		r.Reason = plain(t.Summary)
	}
	return r.Draft, r.findings
}

type reading struct {
	Draft
	said     map[access.AskedField][]string
	findings []access.Refusal
}

func (r *reading) finding(field access.AskedField, format string, args ...any) {
	r.findings = append(r.findings, access.Refusal{Field: field.Label(), Problem: fmt.Sprintf(format, args...)})
}

// maxShown is how many characters of a value a finding repeats.
const maxShown = 80

func shown(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	return strconv.Quote(text)
}

func (r *reading) items() {
	duration := r.duration()
	seen := map[string]bool{}
	for _, line := range r.said[access.AskedAccess] {
		for name := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ',' || c == ';' || c == '\n' }) {
			name = strings.TrimSpace(name)
			switch {
			case name == "" || seen[name] || len(r.Items) > access.Limits().Items:
				// One more than a request may have is enough for policy to say so.
				continue
			case access.Limits().Entitlement.Problem(name) != "":
				r.finding(access.AskedAccess, "%s: %s.", shown(name), access.Limits().Entitlement.Problem(name))
			}
			seen[name] = true
			r.Items = append(r.Items, access.Item{
				ID: access.ItemID(strconv.Itoa(len(r.Items) + 1)), Entitlement: access.EntitlementID(name), Duration: duration,
			})
		}
	}
	if len(r.Items) == 0 {
		r.finding(access.AskedAccess, "Missing. Expected what is asked for, as the catalog calls it, such as \"Access: wiki/editor\".")
	}
}

func (r *reading) duration() access.Duration {
	text := strings.Join(r.said[access.AskedDuration], " ")
	if text == "" {
		return 0
	}
	duration, err := access.ParseDuration(text)
	if err != nil {
		r.finding(access.AskedDuration, "Found %s, expected how long, such as 8h, 30d or 1d12h.", shown(text))
	}
	return duration
}

func (r *reading) subject() {
	all := r.said[access.AskedSubject]
	text := strings.TrimSpace(strings.Join(all, " "))
	switch problem := access.Limits().Person.Problem(text); {
	case text == "":
	case len(all) > 1 || problem != "":
		r.finding(access.AskedSubject, "Found %s, expected one person: an e-mail address or a user name.", shown(text))
	case strings.Contains(text, "@"):
		r.Subject = access.PersonQuery{ID: access.PersonID(text), UserName: text, Email: text}
	default:
		r.Subject = access.PersonQuery{ID: access.PersonID(text), UserName: text}
	}
}

// labelled is a line with a value: its name may stand in markup, and so may the value.
var labelled = regexp.MustCompile(`(?i)^[\s*_>•-]*(access|for|duration|reason)[\s*_]*:[\s*_]*(.*?)[\s*_]*$`)

// lines returns the values that stand in lines of a text.
func lines(text string) map[access.AskedField][]string {
	said := map[access.AskedField][]string{}
	reason := false
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		found := labelled.FindStringSubmatch(line)
		value := plain(line)
		if found != nil {
			value = plain(found[2])
			reason = strings.EqualFold(found[1], "reason")
		}
		switch {
		case value == "":
			reason = reason && found != nil
		case found == nil && reason:
			said[access.AskedReason] = append(said[access.AskedReason], value)
		case found != nil:
			field := fieldOf(found[1])
			said[field] = append(said[field], value)
		}
	}
	return said
}

func fieldOf(label string) access.AskedField {
	for _, field := range access.AskedFields() {
		if strings.EqualFold(label, field.Label()) {
			return field
		}
	}
	return ""
}

// plain is a text without control characters and without spaces around it: what the ledger refuses must not come so far.
func plain(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(text)
}
