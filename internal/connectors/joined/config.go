package joined

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// Config is which sources are joined, and what is taken from which.
type Config struct {
	// Sources are at least two, each once. The first decides who there is.
	Sources []Member `yaml:"sources"`
	// Fields are the sources of a field, by its name: user_name, display_name, email, or attributes.<name>. The value is that of the first one
	// which has one. A field that is not here is taken from all sources, in the order of Sources.
	Fields map[string][]access.SourceName `yaml:"fields"`
}

// Member is one of the sources.
type Member struct {
	Source access.SourceName `yaml:"source"`
	// Key is the field whose value joins: id, user_name, email, or attributes.<name>.
	Key string `yaml:"key"`
}

// Known is what has to be known of a source to join it.
type Known struct {
	// Refused is why it cannot be joined; "" where it can.
	Refused string
	// Fields are what the source has of a person.
	Fields people.Fields
	// NoAttributeKeys is true where nobody can be found by an attribute.
	NoAttributeKeys bool
}

// fieldDisplayName is a field by which nobody is found.
const fieldDisplayName = "display_name"

const (
	expectedKeys   = "expected id, user_name, email or attributes.<name>"
	expectedFields = "expected user_name, display_name, email or attributes.<name>"
)

// Validate names every key that is wrong and says what was expected. known are the sources that could be joined.
func (c Config) Validate(known map[access.SourceName]Known) error {
	var wrong []error
	if len(c.Sources) < 2 {
		wrong = append(wrong, errors.New("sources: expected at least two, with the one that decides who there is before all others"))
	}
	for i, m := range c.Sources {
		at := fmt.Sprintf("sources[%d]", i)
		if err := c.sourceProblem(i, known); err != nil {
			wrong = append(wrong, fmt.Errorf("%s.source: %w", at, err))
			continue
		}
		if err := known[m.Source].keyProblem(m.Key); err != nil {
			wrong = append(wrong, fmt.Errorf("%s.key: %w", at, err))
		}
	}
	for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
		for _, err := range c.fieldProblems(field, known) {
			wrong = append(wrong, fmt.Errorf("fields.%s: %w", field, err))
		}
	}
	return errors.Join(wrong...)
}

// sourceProblem returns why a member is none.
func (c Config) sourceProblem(i int, known map[access.SourceName]Known) error {
	name := c.Sources[i].Source
	source, there := known[name]
	switch {
	case !there:
		return fmt.Errorf("found %q, expected one of sources: %s", name, strings.Join(joinable(known), ", "))
	case source.Refused != "":
		return fmt.Errorf("found %q, which %s", name, source.Refused)
	case slices.ContainsFunc(c.Sources[:i], func(m Member) bool { return m.Source == name }):
		return fmt.Errorf("found %q twice, expected each source once", name)
	}
	return nil
}

func joinable(known map[access.SourceName]Known) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name].Refused == "" {
			names = append(names, string(name))
		}
	}
	return names
}

// keyProblem returns why a field of the source cannot be its key.
func (k Known) keyProblem(key string) error {
	_, attribute := access.AttributeOf(key)
	switch {
	case key == "":
		return errors.New("is empty, " + expectedKeys)
	case !attribute && key != access.FieldID && key != access.FieldUserName && key != access.FieldEmail:
		return fmt.Errorf("found %q, %s", key, expectedKeys)
	case attribute && k.NoAttributeKeys:
		return fmt.Errorf("found %q, expected id, user_name or email: this kind of source cannot be asked by an attribute", key)
	case k.Fields.Of(key) == "":
		return fmt.Errorf("found %q, which this source does not have", key)
	}
	return nil
}

// fieldProblems names what is wrong with the sources of a field.
func (c Config) fieldProblems(field string, known map[access.SourceName]Known) []error {
	switch field {
	case "id", "active", "manager", "starts", "ends":
		return []error{errors.New("comes from the first of sources only; " + expectedFields)}
	}
	if _, attribute := access.AttributeOf(field); !attribute && !slices.Contains(named(), field) {
		return []error{errors.New("is no field, " + expectedFields)}
	}
	if len(c.Fields[field]) == 0 {
		return []error{errors.New("is empty, expected the names of sources")}
	}
	var wrong []error
	for i, name := range c.Fields[field] {
		switch {
		case !slices.ContainsFunc(c.Sources, func(m Member) bool { return m.Source == name }):
			wrong = append(wrong, fmt.Errorf("found %q, expected one of those that are joined", name))
		case slices.Contains(c.Fields[field][:i], name):
			wrong = append(wrong, fmt.Errorf("found %q twice, expected each source once", name))
		case known[name].Refused == "" && !known[name].has(field):
			wrong = append(wrong, fmt.Errorf("found %q, which does not have this field", name))
		}
	}
	return wrong
}

// named are the fields that may come from any source and are no attributes.
func named() []string { return []string{access.FieldUserName, fieldDisplayName, access.FieldEmail} }

// has reports whether the source has a field.
func (k Known) has(field string) bool {
	if field == fieldDisplayName {
		return k.Fields.DisplayName != ""
	}
	return k.Fields.Of(field) != ""
}
