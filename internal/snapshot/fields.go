package snapshot

import (
	"slices"
	"strings"

	"usher/internal/access"
)

// attributePrefix begins the names of attributes among the names of fields.
const attributePrefix = "attributes."

// Values returns the values of a record by the names of its fields: user_name, display_name, email, manager, starts, ends, and
// attributes.<name>. A field without a value is left out. Whether somebody is active is not a field: it is the state.
func Values(p access.PersonRecord) map[string][]string {
	all := map[string][]string{}
	for name, value := range map[string]string{
		"user_name": p.UserName, "display_name": p.DisplayName, "email": p.Email, access.FieldManager: string(p.Manager),
		"starts": string(p.Starts), "ends": string(p.Ends),
	} {
		if value != "" {
			all[name] = []string{value}
		}
	}
	for name, values := range p.Attributes {
		if len(values) > 0 {
			all[attributePrefix+name] = values
		}
	}
	return all
}

// Differences returns the names of the fields that two records have different values of, sorted. The order of the values of an
// attribute does not matter.
func Differences(a, b access.PersonRecord) []string {
	before, after := Values(a), Values(b)
	var out []string
	for name, values := range before {
		if !sameValues(values, after[name]) {
			out = append(out, name)
		}
	}
	for name := range after {
		if _, had := before[name]; !had {
			out = append(out, name)
		}
	}
	if a.Active != b.Active {
		out = append(out, "active")
	}
	slices.Sort(out)
	return out
}

func sameValues(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// ValidField reports whether a name can be that of a field.
func ValidField(name string) bool {
	if attribute, is := strings.CutPrefix(name, attributePrefix); is {
		return attribute != ""
	}
	return slices.Contains([]string{"user_name", "display_name", "email", access.FieldManager, "starts", "ends"}, name)
}
