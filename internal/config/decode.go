package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The bounds keep an alias that contains itself, or that grows with every use, from using up the machine.
const (
	maxDepth = 50
	maxNodes = 100_000
)

// keyPath is where in the configuration a value stands.
type keyPath struct {
	key    string
	secret bool
	depth  int
}

func (p keyPath) child(name string) keyPath {
	p.depth++
	if p.key != "" {
		name = p.key + "." + name
	}
	p.key = name
	return p
}

func (p keyPath) item(i int) keyPath {
	p.depth++
	p.key = fmt.Sprintf("%s[%d]", p.key, i)
	return p
}

type decoder struct {
	path     string
	environ  map[string]string
	override map[*yaml.Node]string // the variable that a node of the tree came from
	problems Problems
	nodes    int
	full     bool
}

func newDecoder(path string, environ []string) *decoder {
	d := &decoder{path: path, environ: map[string]string{}, override: map[*yaml.Node]string{}}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		d.environ[name] = value
	}
	return d
}

func (d *decoder) problem(at keyPath, n *yaml.Node, format string, args ...any) {
	where := d.override[n]
	if where == "" {
		where = fmt.Sprintf("%s:%d", d.path, n.Line)
	}
	d.problems = append(d.problems, Problem{Key: at.key, Where: where, Text: fmt.Sprintf(format, args...)})
}

// tooBig reports, once, that the tree is deeper or larger than any configuration.
func (d *decoder) tooBig(at keyPath, n *yaml.Node) bool {
	d.nodes++
	if at.depth <= maxDepth && d.nodes <= maxNodes {
		return false
	}
	if !d.full {
		d.full = true
		d.problem(at, n, "found more than %d levels or %d values; does an alias contain itself?", maxDepth, maxNodes)
	}
	return true
}

var durationType = reflect.TypeFor[time.Duration]()

// value decodes a node into a settable value, which holds the default.
func (d *decoder) value(at keyPath, n *yaml.Node, out reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.full || d.tooBig(at, n) || isNull(n) {
		return
	}
	if out.Kind() == reflect.Pointer {
		fresh := reflect.New(out.Type().Elem())
		if !out.IsNil() {
			fresh.Elem().Set(out.Elem())
		}
		d.value(at, n, fresh.Elem())
		out.Set(fresh)
		return
	}
	switch target := out.Addr().Interface().(type) {
	case *yaml.Node:
		*target = *d.resolved(at, n)
	case yaml.Unmarshaler:
		d.custom(at, n, target.UnmarshalYAML)
	case encoding.TextUnmarshaler:
		d.text(at, n, target)
	default:
		d.plain(at, n, out)
	}
}

func (d *decoder) plain(at keyPath, n *yaml.Node, out reflect.Value) {
	switch out.Kind() {
	case reflect.Struct:
		d.section(at, n, out)
	case reflect.Map:
		d.names(at, n, out)
	case reflect.Slice:
		d.list(at, n, out)
	case reflect.Interface:
		d.custom(at, n, func(resolved *yaml.Node) error { return resolved.Decode(out.Addr().Interface()) })
	default:
		d.scalar(at, n, out)
	}
}

// custom hands a subtree, with its references replaced, to a type that decodes itself.
func (d *decoder) custom(at keyPath, n *yaml.Node, decode func(*yaml.Node) error) {
	before := len(d.problems)
	resolved := d.resolved(at, n)
	if len(d.problems) > before {
		return
	}
	if err := decode(resolved); err != nil {
		if at.secret || hasReference(n) {
			d.problem(at, n, "the value was refused (it is not shown, because it holds a reference)")
			return
		}
		d.problem(at, n, "%v", err)
	}
}

// resolved is a copy of a subtree with every reference replaced.
func (d *decoder) resolved(at keyPath, n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.full || d.tooBig(at, n) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	fresh := *n
	fresh.Anchor, fresh.Content = "", nil
	switch n.Kind {
	case yaml.ScalarNode:
		fresh.Value, _ = d.interpolate(at, n)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := *n.Content[i]
			key.Anchor = ""
			fresh.Content = append(fresh.Content, &key, d.resolved(at.child(key.Value), n.Content[i+1]))
		}
	default:
		for i, item := range n.Content {
			fresh.Content = append(fresh.Content, d.resolved(at.item(i), item))
		}
	}
	return &fresh
}

func (d *decoder) section(at keyPath, n *yaml.Node, out reflect.Value) {
	fields := fieldsOf(out)
	d.pairs(at, n, func(name *yaml.Node, value *yaml.Node) {
		where := at.child(name.Value)
		for _, field := range fields {
			if field.name == name.Value {
				where.secret = where.secret || field.secret
				d.value(where, value, field.value)
				return
			}
		}
		names := make([]string, len(fields))
		for i, field := range fields {
			names[i] = field.name
		}
		d.problem(where, name, "unknown key; allowed here: %s", strings.Join(nearestFirst(name.Value, names), ", "))
	})
}

// names decodes a section whose keys are free.
func (d *decoder) names(at keyPath, n *yaml.Node, out reflect.Value) {
	if out.Type().Key().Kind() != reflect.String {
		d.problem(at, n, "cannot be set: its keys are of type %s, not text", out.Type().Key())
		return
	}
	fresh := reflect.MakeMap(out.Type())
	for _, key := range out.MapKeys() {
		fresh.SetMapIndex(key, out.MapIndex(key))
	}
	d.pairs(at, n, func(name *yaml.Node, value *yaml.Node) {
		key := reflect.New(out.Type().Key()).Elem()
		key.SetString(name.Value)
		entry := reflect.New(out.Type().Elem()).Elem()
		if old := fresh.MapIndex(key); old.IsValid() {
			entry.Set(old)
		} else if with, ok := entry.Addr().Interface().(Defaulter); ok {
			with.SetDefaults()
		}
		d.value(at.child(name.Value), value, entry)
		fresh.SetMapIndex(key, entry)
	})
	out.Set(fresh)
}

// pairs visits the keys and values of a mapping, each key once.
func (d *decoder) pairs(at keyPath, n *yaml.Node, visit func(name, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.problem(at, n, "found %s, expected keys and values", d.found(at, n))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !d.full; i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || name.ShortTag() == "!!merge" {
			d.problem(at, name, "found %s as a key, expected a plain name", nodeKind(name))
			continue
		}
		if line, seen := first[name.Value]; seen {
			d.problem(at.child(name.Value), name, "the key stands twice; it was first set in line %d", line)
			continue
		}
		first[name.Value] = name.Line
		visit(name, n.Content[i+1])
	}
}

func (d *decoder) list(at keyPath, n *yaml.Node, out reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.problem(at, n, "found %s, expected a list", d.found(at, n))
		return
	}
	fresh := reflect.MakeSlice(out.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(at.item(i), item, fresh.Index(i))
	}
	out.Set(fresh)
}
