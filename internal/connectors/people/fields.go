package people

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Fields is where in a source's records each thing of a person stands. The names are the source's own: attributes, columns or
// headers. They are compared without regard to case. "" is for what the source does not have.
type Fields struct {
	// ID is the field with the stable id: one that stays when a name or an address changes. Required.
	ID string `yaml:"id"`
	// UserName is the field with the login name. Required: accounts are found by it.
	UserName    string `yaml:"user_name"`
	DisplayName string `yaml:"display_name"`
	Email       string `yaml:"email"`
	// Manager is the field with the manager's id.
	Manager string `yaml:"manager"`
	// Active is the field that says whether the person is active; without it everybody is.
	Active string `yaml:"active"`
	// ActiveValues and InactiveValues are the values of that field, in any case. A value that is in neither list is a problem of
	// that person; where only one of the lists is there, every other value means the opposite. Without both: true, yes, y, 1, active and
	// enabled, and false, no, n, 0, inactive and disabled.
	ActiveValues   []string `yaml:"active_values"`
	InactiveValues []string `yaml:"inactive_values"`
	// Starts and Ends are the fields with the first and the last day of the employment.
	Starts string `yaml:"starts"`
	Ends   string `yaml:"ends"`
	// DateFormat is how days are written, in words of the letters YYYY, MM and DD: "YYYY-MM-DD", which is the default, "DD.MM.YYYY",
	// "MM/DD/YYYY". What follows the day, as a time does, is left out.
	DateFormat string `yaml:"date_format"`
	// Attributes are the fields of attributes, by usher's names of them.
	Attributes map[string]string `yaml:"attributes"`
}

const defaultDateFormat = "YYYY-MM-DD"

// attributeName is what the name of an attribute looks like.
var attributeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Validate names every key that is wrong, and says what was expected.
func (f Fields) Validate() error {
	var wrong []error
	problem := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if f.ID == "" {
		problem("fields.id: is empty, expected the field with a person's stable id")
	}
	if f.UserName == "" {
		problem("fields.user_name: is empty, expected the field with the login name")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Attributes)) {
		if !attributeName.MatchString(name) {
			problem("fields.attributes.%s: expected a name of a-z, 0-9 and _, beginning with a letter, of at most 64 characters", name)
		}
		if f.Attributes[name] == "" {
			problem("fields.attributes.%s: is empty, expected a field", name)
		}
	}
	if f.Active == "" && len(f.ActiveValues)+len(f.InactiveValues) > 0 {
		problem("fields.active: is empty, expected the field of active_values and inactive_values")
	}
	for _, value := range f.ActiveValues {
		if contains(f.InactiveValues, value) {
			problem("fields.inactive_values: found %q, which is one of active_values, expected it in one list", value)
		}
	}
	if _, err := layout(f.DateFormat); err != nil {
		problem("fields.date_format: %w", err)
	}
	return errors.Join(wrong...)
}

// Names are all fields that are asked for, each once, sorted.
func (f Fields) Names() []string {
	names := []string{f.ID, f.UserName, f.DisplayName, f.Email, f.Manager, f.Active, f.Starts, f.Ends}
	for _, field := range f.Attributes {
		names = append(names, field)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// layout returns the layout of time.Parse for a date format.
func layout(format string) (string, error) {
	if format == "" {
		format = defaultDateFormat
	}
	out, rest := format, format
	for _, part := range [][2]string{{"YYYY", "2006"}, {"MM", "01"}, {"DD", "02"}} {
		if strings.Count(out, part[0]) != 1 {
			return "", fmt.Errorf("found %q, expected YYYY, MM and DD, once each", format)
		}
		out = strings.Replace(out, part[0], part[1], 1)
		rest = strings.Replace(rest, part[0], "", 1)
	}
	if strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }) {
		return "", fmt.Errorf("found %q, expected YYYY, MM and DD, and nothing else but marks between them", format)
	}
	return out, nil
}

// contains reports whether a value is in a list, without regard to case.
func contains(values []string, value string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) })
}
