package usersync

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"usher/internal/access"
)

// Field is how one field of a desk's users is made of a person.
type Field struct {
	// Value is a CEL expression over id, user_name, display_name, email, starts, ends and attributes, which is a text. first(attributes,
	// "department") is the first value of an attribute, and table("department", key) what a table has for a key.
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
	run  cel.Program
	keep bool
}

// costLimit is how much work one value may be.
const costLimit = 100_000

// NewMapping compiles fields. An error names each one that is wrong, by fields.<name>. The field manager takes no value: with it the manager's
// user is written.
func NewMapping(fields map[string]Field, tables Tables) (*Mapping, error) {
	env, err := environment(tables)
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
		run, err := compile(env, f.Value)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("fields.%s.value: %w", name, err))
		}
		m.fields[name] = program{run: run, keep: f.Keep}
		m.names = append(m.names, name)
	}
	return m, errors.Join(wrong...)
}

// environment is what expressions can use.
func environment(tables Tables) (*cel.Env, error) {
	texts := cel.MapType(cel.StringType, cel.ListType(cel.StringType))
	variables := []cel.EnvOption{cel.Variable("attributes", texts)}
	for _, name := range []string{"id", "user_name", "display_name", "email", "starts", "ends"} {
		variables = append(variables, cel.Variable(name, cel.StringType))
	}
	return cel.NewEnv(append(variables,
		cel.Function("first", cel.Overload("first_of_attribute", []*cel.Type{texts, cel.StringType}, cel.StringType, cel.BinaryBinding(first))),
		cel.Function("table", cel.Overload("value_of_table", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(tables.value))),
	)...)
}

func compile(env *cel.Env, text string) (cel.Program, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("expected an expression")
	}
	tree, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	if !tree.OutputType().IsExactType(cel.StringType) {
		return nil, fmt.Errorf("found an expression that is a %s, expected one that is a string", tree.OutputType())
	}
	return env.Program(tree, cel.CostLimit(costLimit))
}

// first returns the first value of an attribute, or "" where the person has none.
func first(attributes, name ref.Val) ref.Val {
	native, err := attributes.ConvertToNative(reflect.TypeFor[map[string][]string]())
	all, is := native.(map[string][]string)
	if err != nil || !is {
		return types.NewErr("first: expected the attributes of a person")
	}
	if values := all[fmt.Sprint(name.Value())]; len(values) > 0 {
		return types.String(values[0])
	}
	return types.String("")
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
	input := inputOf(p)
	values = map[string]string{}
	for _, name := range m.names {
		out, _, err := m.fields[name].run.Eval(input)
		if err != nil {
			notes = append(notes, name+": "+err.Error())
			continue
		}
		values[name] = strings.TrimSpace(fmt.Sprint(out.Value()))
	}
	return values, notes
}

// inputOf is what expressions see of a person.
func inputOf(p access.PersonRecord) map[string]any {
	attributes := p.Attributes
	if attributes == nil {
		attributes = map[string][]string{}
	}
	return map[string]any{
		"id": string(p.ID), "user_name": p.UserName, "display_name": p.DisplayName, "email": p.Email,
		"starts": string(p.Starts), "ends": string(p.Ends), "attributes": attributes,
	}
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
