package people

import (
	"cmp"
	"errors"
	"slices"

	"usher/internal/access"
)

// Key is a field, and the key of the configuration that names it.
type Key struct {
	// Name is the key: "fields.user_name", "fields.attributes.department".
	Name string
	// Field is the field, in the source's own words.
	Field string
}

// Keys are all fields that are asked for, sorted by their keys. A field may be there under several.
func (f Fields) Keys() []Key {
	keys := []Key{
		{"fields.id", f.ID},
		{"fields.user_name", f.UserName},
		{"fields.display_name", f.DisplayName},
		{"fields.email", f.Email},
		{"fields.manager", f.Manager},
		{"fields.active", f.Active},
		{"fields.starts", f.Starts},
		{"fields.ends", f.Ends},
	}
	for name, field := range f.Attributes {
		keys = append(keys, Key{"fields.attributes." + name, field})
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return slices.DeleteFunc(keys, func(k Key) bool { return k.Field == "" })
}

// Of returns the source's field of a field by which people are found; "" where the source has none.
func (f Fields) Of(field string) string {
	switch field {
	case access.FieldID:
		return f.ID
	case access.FieldUserName:
		return f.UserName
	case access.FieldEmail:
		return f.Email
	}
	name, _ := access.AttributeOf(field)
	return f.Attributes[name]
}

// Searched returns the source's field that a search goes by, and Invalid where it has none.
func (f Fields) Searched(op, field string) (string, error) {
	if of := f.Of(field); of != "" {
		return of, nil
	}
	return "", access.Errorf(access.Invalid, op, "fields.%s: is empty, so nobody can be found by it", field)
}

// KeyError is the cause of an error that a human can mend at one key of the configuration, or at what the key names.
type KeyError struct{ access.Finding }

// Error is "key: the problem".
func (e *KeyError) Error() string { return e.Key + ": " + e.Problem }

// Findings returns what a Checker returns for an error: the finding where the error names a key, else the error.
func Findings(err error) ([]access.Finding, error) {
	if named, ok := errors.AsType[*KeyError](err); ok {
		return []access.Finding{named.Finding}, nil
	}
	return nil, err
}
