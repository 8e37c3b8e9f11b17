package config

import (
	"encoding"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const prefix = "USHER_"

// maxKeyLength is the most names in a dotted key that can be overridden; it ends the walk of a type that holds itself.
const maxKeyLength = 8

// notOurs are the variables of the command line, which are no keys.
var notOurs = []string{"USHER_URL", "USHER_TOKEN", "USHER_AS", "USHER_CONFIG"}

// overrides lays the USHER_ variables of the environment over the tree.
type overrides struct {
	*decoder
	ignore []string
	// targets are the scalars that can be overridden, by variable; more than one path is an ambiguity.
	targets map[string][][]string
}

func (o *overrides) apply(root *yaml.Node, into reflect.Value) {
	o.targets = map[string][][]string{}
	o.collect(nil, root, into)
	var names []string
	for name := range o.environ {
		if strings.HasPrefix(name, prefix) && !o.ignored(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		o.one(root, name)
	}
}

func (o *overrides) ignored(name string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.Contains(notOurs, name) || slices.ContainsFunc(o.ignore, begins)
}

func (o *overrides) one(root *yaml.Node, name string) {
	paths := o.targets[name]
	switch len(paths) {
	case 0:
		if o.setByKubernetes(name) {
			return
		}
		text := "matches no key of the configuration"
		if near := o.near(name); len(near) > 0 {
			text += "; nearest: " + strings.Join(near, ", ")
		}
		o.problems = append(o.problems, Problem{Where: name, Text: text})
	case 1:
		value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: o.environ[name]}
		o.override[value] = name
		put(root, paths[0], value)
	default:
		var keys []string
		for _, path := range paths {
			keys = append(keys, strings.Join(path, "."))
		}
		o.problems = append(o.problems, Problem{Where: name, Text: "matches more than one key: " + strings.Join(keys, ", ")})
	}
}

func (o *overrides) near(name string) []string {
	var known []string
	for candidate := range o.targets {
		known = append(known, candidate)
	}
	sorted := nearestFirst(name, known)
	return sorted[:min(3, len(sorted))]
}

// collect finds the scalars that can be overridden: those of the struct's fields, and those below the names that a map
// has in the tree or in the defaults.
func (o *overrides) collect(path []string, n *yaml.Node, v reflect.Value) {
	if len(path) > maxKeyLength {
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		v = v.Elem()
	}
	switch v.Addr().Interface().(type) {
	case *yaml.Node, yaml.Unmarshaler:
		return
	case encoding.TextUnmarshaler:
		o.target(path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range fieldsOf(v) {
			o.collect(append(slices.Clone(path), field.name), childOf(n, field.name), field.value)
		}
	case reflect.Map:
		o.collectNames(path, n, v)
	default:
		if expectation(v) != "" {
			o.target(path)
		}
	}
}

func (o *overrides) collectNames(path []string, n *yaml.Node, v reflect.Value) {
	var names []string
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			names = append(names, n.Content[i].Value)
		}
	}
	if v.Type().Key().Kind() == reflect.String {
		for _, key := range v.MapKeys() {
			names = append(names, key.String())
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		o.collect(append(slices.Clone(path), name), childOf(n, name), reflect.New(v.Type().Elem()).Elem())
	}
}

func (o *overrides) target(path []string) {
	name := prefix + variableOf(strings.Join(path, "_"))
	o.targets[name] = append(o.targets[name], path)
}

// variableOf is a key in the spelling of an environment variable.
func variableOf(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
}

// childOf is the value of a key; nil when the node has no such key.
func childOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// put sets the value at a path, and makes the sections on the way. A path that leads through something else than a
// section is left for the decoder to report.
func put(n *yaml.Node, path []string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value != path[0] {
			continue
		}
		if len(path) == 1 {
			n.Content[i+1] = value
			return
		}
		n.Content[i+1] = ownSection(n.Content[i+1])
		put(n.Content[i+1], path[1:], value)
		return
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := len(path) - 1; i > 0; i-- {
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[i]}, value}}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0]}, value)
}

// ownSection is a node that can be changed without changing what an anchor shares.
func ownSection(n *yaml.Node) *yaml.Node {
	if isNull(n) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line}
	}
	if n.Kind != yaml.AliasNode {
		return n
	}
	fresh := *n.Alias
	fresh.Anchor = ""
	fresh.Content = slices.Clone(n.Alias.Content)
	return &fresh
}
