package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxShown is how many runes of a wrong text a problem shows.
const maxShown = 60

func (d *decoder) text(at keyPath, n *yaml.Node, target encoding.TextUnmarshaler) {
	if n.Kind != yaml.ScalarNode {
		d.problem(at, n, "found %s, expected one value", d.found(at, n))
		return
	}
	text, ok := d.interpolate(at, n)
	if !ok {
		return
	}
	if err := target.UnmarshalText([]byte(text)); err != nil {
		if d.hidden(at, n) {
			d.problem(at, n, "%s was refused (it is not shown)", d.found(at, n))
			return
		}
		d.problem(at, n, "%v", err)
	}
}

func (d *decoder) scalar(at keyPath, n *yaml.Node, out reflect.Value) {
	expected := expectation(out)
	if expected == "" {
		d.problem(at, n, "cannot be set: values of type %s have no form in the file", out.Type())
		return
	}
	if n.Kind != yaml.ScalarNode || !d.fits(n, out) {
		d.problem(at, n, "found %s, expected %s", d.found(at, n), expected)
		return
	}
	text, ok := d.interpolate(at, n)
	if ok && !set(out, text) {
		d.problem(at, n, "found %s, expected %s", d.found(at, n), expected)
	}
}

// fits reports whether the YAML type of a scalar is the wanted one. What comes from outside the file has no YAML type.
func (d *decoder) fits(n *yaml.Node, out reflect.Value) bool {
	if d.override[n] != "" || hasReference(n) || out.Kind() == reflect.String || out.Type() == durationType {
		return true
	}
	switch n.ShortTag() {
	case "!!bool":
		return out.Kind() == reflect.Bool
	case "!!int":
		return out.Kind() != reflect.Bool
	case "!!float":
		return out.CanFloat()
	}
	return false
}

func expectation(out reflect.Value) string {
	switch {
	case out.Type() == durationType:
		return `a duration such as "45s" or "8h"`
	case out.Kind() == reflect.String:
		return "text"
	case out.Kind() == reflect.Bool:
		return "true or false"
	case out.CanInt():
		bits := out.Type().Bits()
		return fmt.Sprintf("a whole number from %d to %d", int64(-1)<<(bits-1), int64(1)<<(bits-1)-1)
	case out.CanUint():
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-out.Type().Bits()))
	case out.CanFloat():
		return "a number"
	}
	return ""
}

func set(out reflect.Value, text string) bool {
	switch {
	case out.Type() == durationType:
		v, err := time.ParseDuration(text)
		out.SetInt(int64(v))
		return err == nil
	case out.Kind() == reflect.String:
		out.SetString(text)
		return true
	case out.Kind() == reflect.Bool:
		v, err := strconv.ParseBool(strings.ToLower(text))
		out.SetBool(v)
		return err == nil
	case out.CanInt():
		v, err := strconv.ParseInt(text, 0, out.Type().Bits())
		out.SetInt(v)
		return err == nil
	case out.CanUint():
		v, err := strconv.ParseUint(text, 0, out.Type().Bits())
		out.SetUint(v)
		return err == nil
	case out.CanFloat():
		v, err := strconv.ParseFloat(text, out.Type().Bits())
		out.SetFloat(v)
		return err == nil
	}
	return false
}

// found describes a node without showing what must stay hidden.
func (d *decoder) found(at keyPath, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return nodeKind(n)
	}
	if d.hidden(at, n) {
		return "a value that comes from outside the file"
	}
	return nodeKind(n)
}

func (d *decoder) hidden(at keyPath, n *yaml.Node) bool {
	return at.secret || d.override[n] != "" || hasReference(n)
}

func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	switch n.ShortTag() {
	case "!!bool":
		return n.Value
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!merge":
		return "a merge (<<)"
	}
	if text := []rune(n.Value); len(text) > maxShown {
		return fmt.Sprintf("the text %q...", string(text[:maxShown]))
	}
	return fmt.Sprintf("the text %q", n.Value)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
