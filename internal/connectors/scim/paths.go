package scim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// The fields of a record that every user has; none of them can be a path.
const (
	fieldID          = "(id)"
	fieldUserName    = "(userName)"
	fieldDisplayName = "(displayName)"
	fieldEmail       = "(emails)"
	fieldManager     = "(manager)"
	fieldActive      = "(active)"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// defaultAttributes is where the schemas of RFC 7643 have the usual attributes.
func defaultAttributes() map[string]string {
	return map[string]string{
		access.AttributeDepartment: enterprise + ":department",
		access.AttributeCostCenter: enterprise + ":costCenter",
		access.AttributeNumber:     enterprise + ":employeeNumber",
		access.AttributeTitle:      "title",
		access.AttributeEmployment: "userType",
		access.AttributeLocation:   "addresses.locality",
		access.AttributePhone:      "phoneNumbers",
	}
}

// PeopleFields returns how the configuration reads users.
func (c Config) PeopleFields() people.Fields {
	attributes := defaultAttributes()
	maps.Copy(attributes, c.Attributes)
	return people.Fields{
		ID: fieldID, UserName: fieldUserName, DisplayName: fieldDisplayName, Email: fieldEmail, Manager: fieldManager, Active: fieldActive,
		Starts: c.Starts, Ends: c.Ends, Attributes: attributes,
	}
}

// paths returns the paths that are read out of users besides the fixed fields, each once.
func (c Config) paths() []string {
	return slices.DeleteFunc(c.PeopleFields().Names(), func(name string) bool { return strings.HasPrefix(name, "(") })
}

// valuesAt returns the values at a path: "title", "name.givenName", "urn:…:User:department", "addresses.locality". Of a list it takes
// all, of an object its "value". No value: there is none, or it is neither text, number nor boolean.
func valuesAt(object map[string]any, path string) []string {
	if schema, attribute, found := cutSchema(path); found {
		extension, ok := attributeOf(object, schema).(map[string]any)
		if !ok {
			return nil
		}
		return valuesAt(extension, attribute)
	}
	name, rest, deeper := strings.Cut(path, ".")
	return flatten(attributeOf(object, name), rest, deeper)
}

// cutSchema splits "urn:…:User:department" at its last colon.
func cutSchema(path string) (schema, attribute string, found bool) {
	at := strings.LastIndex(path, ":")
	if at < 0 || !strings.HasPrefix(strings.ToLower(path), "urn:") {
		return "", path, false
	}
	return path[:at], path[at+1:], true
}

// attributeOf returns an attribute of an object; names of SCIM have no case.
func attributeOf(object map[string]any, name string) any {
	if value, exact := object[name]; exact {
		return value
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if strings.EqualFold(key, name) {
			return object[key]
		}
	}
	return nil
}

func flatten(value any, rest string, deeper bool) []string {
	switch v := value.(type) {
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, flatten(one, rest, deeper)...)
		}
		return all
	case map[string]any:
		if !deeper {
			rest = "value"
		}
		return valuesAt(v, rest)
	case string, bool, json.Number:
		if !deeper {
			return []string{fmt.Sprint(v)}
		}
	}
	return nil
}

// rawUser is a user as the directory wrote it.
type rawUser json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (r *rawUser) UnmarshalJSON(text []byte) error {
	*r = slices.Clone(text)
	return nil
}

func (r rawUser) recordID() string {
	var u struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(r, &u) != nil {
		return ""
	}
	return u.ID
}

// named returns what can be read of a user.
func (r rawUser) named() user {
	var u user
	if json.Unmarshal(r, &u) != nil {
		return user{}
	}
	return u
}
