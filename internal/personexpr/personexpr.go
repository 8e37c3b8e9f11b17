package personexpr

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"usher/internal/access"
)

// CostLimit is how much work one expression may be on one record.
const CostLimit = 100_000

// Language is what expressions can use. Safe for concurrent use.
type Language struct{ env *cel.Env }

// New returns the language of expressions over id, user_name, display_name, email, starts and ends, which are texts, and attributes, which is a
// map of lists of texts. first(attributes, "department") is the first value of an attribute, or "". more are functions of the caller.
func New(more ...cel.EnvOption) (*Language, error) {
	texts := cel.MapType(cel.StringType, cel.ListType(cel.StringType))
	options := []cel.EnvOption{
		cel.Variable("attributes", texts),
		cel.Function("first", cel.Overload("first_of_attribute", []*cel.Type{texts, cel.StringType}, cel.StringType, cel.BinaryBinding(first))),
	}
	for _, name := range []string{"id", "user_name", "display_name", "email", "starts", "ends"} {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	env, err := cel.NewEnv(append(options, more...)...)
	return &Language{env: env}, err
}

// Input is a record as expressions read it. Expressions do not change it.
type Input map[string]any

// InputOf returns the input that a record is.
func InputOf(p access.PersonRecord) Input {
	attributes := p.Attributes
	if attributes == nil {
		attributes = map[string][]string{}
	}
	return Input{
		"id": string(p.ID), "user_name": p.UserName, "display_name": p.DisplayName, "email": p.Email,
		"starts": string(p.Starts), "ends": string(p.Ends), "attributes": attributes,
	}
}

// Text is an expression that makes a text of a record. Safe for concurrent use.
type Text struct{ program cel.Program }

// Text compiles an expression. The error says what is wrong with it.
func (l *Language) Text(source string) (Text, error) {
	program, err := l.compile(source, cel.StringType, "a string")
	return Text{program}, err
}

// Of returns the text, without spaces around it. The error says why there is none for this record, and may quote the record.
func (t Text) Of(in Input) (string, error) {
	out, _, err := t.program.Eval(map[string]any(in))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(fmt.Sprint(out.Value())), nil
}

// Condition is an expression that is true or false of a record. Safe for concurrent use.
type Condition struct{ program cel.Program }

// Condition compiles an expression. The error says what is wrong with it.
func (l *Language) Condition(source string) (*Condition, error) {
	program, err := l.compile(source, cel.BoolType, "true or false")
	if err != nil {
		return nil, err
	}
	return &Condition{program}, nil
}

// Of reports whether the condition is true of a record. The error says why that cannot be known, and may quote the record.
func (c *Condition) Of(in Input) (bool, error) {
	out, _, err := c.program.Eval(map[string]any(in))
	return err == nil && out == types.True, err
}

// Holds reports whether the condition is true of a record. The error says why that cannot be known, and quotes nothing of the record.
func (c *Condition) Holds(p access.PersonRecord) (bool, error) {
	holds, err := c.Of(InputOf(p))
	if err != nil {
		return false, errors.New(plainReason(err))
	}
	return holds, nil
}

// plainReason returns why an expression failed. The language's own text names keys and values, which may be of the record.
func plainReason(err error) string {
	for _, reason := range []string{"no such key", "index out of bounds", "actual cost limit exceeded"} {
		if strings.Contains(err.Error(), reason) {
			return reason
		}
	}
	return "the expression fails on this record"
}

// compile compiles an expression of a type; what says of which.
func (l *Language) compile(source string, wanted *cel.Type, what string) (cel.Program, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("expected an expression")
	}
	tree, issues := l.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	if !tree.OutputType().IsExactType(wanted) {
		return nil, fmt.Errorf("found an expression that is a %s, expected one that is %s", tree.OutputType(), what)
	}
	return l.env.Program(tree, cel.CostLimit(CostLimit))
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
