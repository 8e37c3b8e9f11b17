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
	// Requester is who asks, on a ticket that was filed for them; the zero query on any other.
	Requester access.PersonQuery `json:"requester,omitzero"`
	// Subject is whose access it shall be; the zero query is who asks.
	Subject access.PersonQuery `json:"subject,omitzero"`
	Items   []access.Item      `json:"items,omitempty"`
	// GiveBack are entitlements that somebody no longer needs. With any there are no items.
	GiveBack []access.EntitlementID `json:"give_back,omitempty"`
	Reason   string                 `json:"reason,omitempty"`
}

// Read returns what a ticket asks for, and what of it cannot be understood. A value stands in a field that the configuration
// maps, else in a line of the text that begins with its name and a colon:
//
//	Access: wiki/editor, wiki/reader
//	For: ana@example.com
//	Duration: 30d
//	Reason: I write the release notes.
//
// A ticket with "Give back: wiki/editor" asks for nothing. Who asks, on a ticket that was filed for somebody, stands in a field only.
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
	switch {
	case slices.Contains(t.Unreadable, access.AskedAccess), slices.Contains(t.Unreadable, access.AskedGiveBack):
	case len(said[access.AskedGiveBack]) > 0 && len(said[access.AskedAccess]) > 0:
		r.finding(access.AskedGiveBack, "Found beside %q; expected a ticket for each.", access.AskedAccess.Label())
	case len(said[access.AskedGiveBack]) > 0 && t.ChangedByOther:
		r.finding(access.AskedGiveBack, "Somebody else has changed this ticket; expected one that only its creator has written. Please open another one.")
	case len(said[access.AskedGiveBack]) > 0:
		r.GiveBack = r.entitlements(access.AskedGiveBack)
	default:
		r.items()
	}
	r.Subject = r.person(access.AskedSubject)
	if t.Filed && !slices.Contains(t.Unreadable, access.AskedRequester) {
		r.requester()
	}
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
	for _, name := range r.entitlements(access.AskedAccess) {
		r.Items = append(r.Items, access.Item{ID: access.ItemID(strconv.Itoa(len(r.Items) + 1)), Entitlement: name, Duration: duration})
	}
	if len(r.Items) == 0 {
		r.finding(access.AskedAccess, "Missing. Expected what is asked for, as the catalog calls it, such as \"Access: wiki/editor\".")
	}
}

// entitlements returns those that a value names, each once. One more than a request may have is enough for policy to say so.
func (r *reading) entitlements(field access.AskedField) []access.EntitlementID {
	var all []access.EntitlementID
	for _, line := range r.said[field] {
		for name := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ',' || c == ';' || c == '\n' }) {
			id := access.EntitlementID(strings.TrimSpace(name))
			if id == "" || slices.Contains(all, id) || len(all) > access.Limits().Items {
				continue
			}
			if problem := access.Limits().Entitlement.Problem(string(id)); problem != "" {
				r.finding(field, "%s: %s.", shown(string(id)), problem)
			}
			all = append(all, id)
		}
	}
	return all
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

// requester reads who asks. Lines of the text never name one, so what is said comes from a field.
func (r *reading) requester() {
	if len(r.said[access.AskedRequester]) == 0 {
		r.finding(access.AskedRequester, "Missing. This ticket was filed for somebody: expected who asks, an e-mail address or a user name, written by the account that filed it.")
	}
	r.Requester = r.person(access.AskedRequester)
}

// person returns whom a value names; the zero query for nobody.
func (r *reading) person(field access.AskedField) access.PersonQuery {
	all := r.said[field]
	text := strings.TrimSpace(strings.Join(all, " "))
	switch problem := access.Limits().Person.Problem(text); {
	case text == "":
	case len(all) > 1 || problem != "":
		r.finding(field, "Found %s, expected one person: an e-mail address or a user name.", shown(text))
	case strings.Contains(text, "@"):
		return access.PersonQuery{ID: access.PersonID(text), UserName: text, Email: text}
	default:
		return access.PersonQuery{ID: access.PersonID(text), UserName: text}
	}
	return access.PersonQuery{}
}

// labelled is a line with a value: its name may stand in markup, and so may the value.
var labelled = regexp.MustCompile(`(?i)^[\s*_>•-]*(access|for|duration|reason|give back)[\s*_]*:[\s*_]*(.*?)[\s*_]*$`)

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
