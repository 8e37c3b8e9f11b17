package usersync

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"usher/internal/access"
	"usher/internal/personexpr"
)

// Field is how one field of a desk's users is made of a person.
type Field struct {
	// Value is an expression over the person's record that is a text (personexpr). table("department", key) is what a table has for a key.
	Value string `yaml:"value" json:"value"`
	// Keep is true for a field that is filled only while it is empty: what the desk has stays.
	Keep bool `yaml:"keep" json:"keep,omitempty"`
}

// Tables are values by keys, by the names of the tables.
type Tables map[string]map[string]string

// Mapping makes the fields of a desk's users of people. Safe for concurrent use.
type Mapping struct {
	fields map[string]program
	names  []string
	// manager is true where the manager of the source is written to the desk, keepManager where only while there is none.
	manager, keepManager bool
}

type program struct {
	value personexpr.Text
	keep  bool
}

// NewMapping compiles fields. An error names each one that is wrong, by fields.<name>. The field manager takes no value: with it the manager's
// user is written.
func NewMapping(fields map[string]Field, tables Tables) (*Mapping, error) {
	language, err := languageOf(tables)
	if err != nil {
		return nil, err
	}
	m := &Mapping{fields: map[string]program{}}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := fields[name]
		if name == access.UserFieldManager {
			if f.Value != "" {
				wrong = append(wrong, fmt.Errorf("fields.%s.value: expected none: the user of the person's manager is written", name))
			}
			m.manager, m.keepManager = true, f.Keep
			continue
		}
		value, err := language.Text(f.Value)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("fields.%s.value: %w", name, err))
		}
		m.fields[name] = program{value: value, keep: f.Keep}
		m.names = append(m.names, name)
	}
	return m, errors.Join(wrong...)
}

// languageOf returns the language of expressions that look values up in tables. more are variables besides.
func languageOf(tables Tables, more ...cel.EnvOption) (*personexpr.Language, error) {
	return personexpr.New(append(more, cel.Function("table", cel.Overload("value_of_table", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
		cel.BinaryBinding(tables.value))))...)
}

// value returns what a table has for a key, and "" for the key "". A key that it does not have is an error: the field is left as it is.
func (t Tables) value(table, key ref.Val) ref.Val {
	rows, there := t[fmt.Sprint(table.Value())]
	switch {
	case !there:
		return types.NewErr("there is no table %q", table.Value())
	case key.Value() == "":
		return types.String("")
	}
	value, there := rows[fmt.Sprint(key.Value())]
	if !there {
		return types.NewErr("the table %s has no %q", table.Value(), key.Value())
	}
	return types.String(value)
}

// Names returns the fields that the mapping writes, sorted.
func (m *Mapping) Names() []string {
	names := slices.Clone(m.names)
	if m.manager {
		names = append(names, access.UserFieldManager)
	}
	slices.Sort(names)
	return names
}

// Values returns what the fields of a person's user have to be, without the manager, and a note for each value that cannot be made.
func (m *Mapping) Values(p access.PersonRecord) (values map[string]string, notes []string) {
	input := personexpr.InputOf(p)
	values = map[string]string{}
	for _, name := range m.names {
		value, err := m.fields[name].value.Of(input)
		if err != nil {
			notes = append(notes, name+": "+err.Error())
			continue
		}
		values[name] = value
	}
	return values, notes
}

// keeps reports whether a field is filled only while it is empty.
func (m *Mapping) keeps(name string) bool {
	return m.fields[name].keep || (name == access.UserFieldManager && m.keepManager)
}

// has reports whether the mapping makes a field.
func (m *Mapping) has(name string) bool {
	_, is := m.fields[name]
	return is
}
