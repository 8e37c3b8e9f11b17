package people

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
)

// Record is one record of a source, as it stands there.
type Record struct {
	// Row is where it stands, in the source's own words, for people: "line 17".
	Row string
	// Values are the values of its fields. The names are compared without regard to case.
	Values map[string][]string
}

// Limits of what is kept of one person.
const (
	// maxValue is how many characters a value of an attribute has at most.
	maxValue = 1000
	// maxRecord is how many bytes all values of a person have at most, together.
	maxRecord = 64 << 10
)

// Reader makes people of records. Safe for concurrent use.
type Reader struct {
	fields     Fields
	layout     string
	attributes []string
}

// NewReader returns a reader. The error names the keys that are wrong.
func NewReader(f Fields) (*Reader, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	days, err := layout(f.DateFormat)
	return &Reader{fields: f, layout: days, attributes: slices.Sorted(maps.Keys(f.Attributes))}, err
}

// ID returns the id in a record; "" where there is none that can be one.
func (r *Reader) ID(record Record) access.PersonID {
	values := lookup(record.Values, r.fields.ID)
	if len(values) != 1 || access.Limits().Person.Problem(values[0]) != "" {
		return ""
	}
	return access.PersonID(values[0])
}

// Person returns the person of a record. The problem is nil, or says why it is none.
func (r *Reader) Person(record Record) (access.PersonRecord, *access.PersonProblem) {
	p := access.PersonRecord{Person: access.Person{ID: r.ID(record)}}
	var wrong []string
	problem := func(field, format string, args ...any) {
		wrong = append(wrong, field+": "+fmt.Sprintf(format, args...))
	}
	if p.ID == "" {
		problem(r.fields.ID, "expected one id, of at most %d characters", access.Limits().Person.Runes)
	}
	single := func(field string) string {
		values := lookup(record.Values, field)
		if len(values) > 1 {
			problem(field, "found %d values, expected one", len(values))
			return ""
		}
		return strings.Join(values, "")
	}
	p.UserName = single(r.fields.UserName)
	if p.UserName == "" {
		problem(r.fields.UserName, "is empty, expected a login name")
	}
	p.DisplayName = single(r.fields.DisplayName)
	p.Email = first(record, r.fields.Email)
	p.Manager = access.PersonID(single(r.fields.Manager))
	var err error
	if p.Active, err = r.active(single(r.fields.Active)); err != nil {
		problem(r.fields.Active, "%v", err)
	}
	if p.Starts, err = r.day(single(r.fields.Starts)); err != nil {
		problem(r.fields.Starts, "%v", err)
	}
	if p.Ends, err = r.day(single(r.fields.Ends)); err != nil {
		problem(r.fields.Ends, "%v", err)
	}
	p.Attributes = r.attributesOf(record)
	wrong = append(wrong, tooLong(p)...)
	if len(wrong) > 0 {
		return access.PersonRecord{}, &access.PersonProblem{Row: record.Row, ID: p.ID, Problem: strings.Join(wrong, "; ")}
	}
	return p, nil
}

// readable returns what a record that is no person has in the fields by which people are found.
func (r *Reader) readable(record Record) access.PersonRecord {
	return access.PersonRecord{
		Person: access.Person{
			ID: r.ID(record), UserName: first(record, r.fields.UserName), Email: first(record, r.fields.Email),
		},
		Attributes: r.attributesOf(record),
	}
}

func (r *Reader) attributesOf(record Record) map[string][]string {
	var all map[string][]string
	for _, name := range r.attributes {
		values := lookup(record.Values, r.fields.Attributes[name])
		if len(values) == 0 {
			continue
		}
		if all == nil {
			all = map[string][]string{}
		}
		all[name] = values
	}
	return all
}

// active reports whether a value of the field that says so means an active person.
func (r *Reader) active(value string) (bool, error) {
	yes, no := r.fields.ActiveValues, r.fields.InactiveValues
	if len(yes)+len(no) == 0 {
		if r.fields.Active == "" || value == "" {
			return true, nil
		}
		yes = []string{"true", "yes", "y", "1", "active", "enabled"}
		no = []string{"false", "no", "n", "0", "inactive", "disabled"}
	}
	switch {
	case contains(yes, value):
		return true, nil
	case contains(no, value):
		return false, nil
	case len(yes) == 0:
		return true, nil
	case len(no) == 0:
		return false, nil
	}
	return false, fmt.Errorf("found a value that is in no list, expected one of %s", strings.Join(append(slices.Clone(yes), no...), ", "))
}

// day reads a day; what follows it is left out. "" is none.
func (r *Reader) day(value string) (access.Date, error) {
	if value == "" {
		return "", nil
	}
	day, err := time.Parse(r.layout, value[:min(len(value), len(r.layout))])
	if err != nil {
		format := r.fields.DateFormat
		if format == "" {
			format = defaultDateFormat
		}
		return "", fmt.Errorf("expected a day as %s", format)
	}
	return access.Date(day.Format(time.DateOnly)), nil
}

// lookup returns the values of a field, without spaces around them and without those that are empty.
func lookup(values map[string][]string, field string) []string {
	if field == "" {
		return nil
	}
	found, exact := values[field]
	if !exact {
		for name, there := range values {
			if strings.EqualFold(name, field) {
				found = there
				break
			}
		}
	}
	var out []string
	for _, v := range found {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// first returns the first value of a field that may have several; "" where it has none.
func first(record Record, field string) string {
	if values := lookup(record.Values, field); len(values) > 0 {
		return values[0]
	}
	return ""
}

// tooLong names what of a person is more than is kept.
func tooLong(p access.PersonRecord) []string {
	var wrong []string
	limit := access.TextLimit{Runes: maxValue}
	bytes := 0
	check := func(name, value string) {
		bytes += len(value)
		if problem := limit.Problem(value); problem != "" {
			wrong = append(wrong, name+": "+problem)
		}
	}
	check("user_name", p.UserName)
	check("display_name", p.DisplayName)
	check("email", p.Email)
	if problem := access.Limits().Person.Problem(string(p.Manager)); problem != "" {
		wrong = append(wrong, "manager: "+problem)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		for _, value := range p.Attributes[name] {
			check("attributes."+name, value)
		}
	}
	if bytes > maxRecord {
		wrong = append(wrong, fmt.Sprintf("all values: expected at most %d bytes, found %d", maxRecord, bytes))
	}
	return wrong
}
