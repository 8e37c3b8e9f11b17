package policy

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"usher/internal/access"
)

// parser reads YAML nodes, and collects what is wrong with them, and the applications that it has read.
type parser struct {
	problems     []string
	applications []access.PublishedApplication
}

// problem notes what is wrong at a path. n is the node itself or, for what is missing, the node around it.
func (p *parser) problem(path string, n *yaml.Node, format string, args ...any) {
	if path == "" {
		path = "the file"
	}
	p.problems = append(p.problems, fmt.Sprintf("%s (line %d): %s", path, n.Line, fmt.Sprintf(format, args...)))
}

// section returns the values of a mapping by key; nil when n is none. A key without a value counts as absent.
func (p *parser) section(path string, n *yaml.Node, allowed ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		p.problem(path, n, "found %s, expected the keys %s", found(n), strings.Join(allowed, ", "))
		return nil
	}
	keys, lines := map[string]*yaml.Node{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		if line, twice := lines[key.Value]; twice {
			p.problem(at, key, "the key stands twice; it was first set in line %d", line)
			continue
		}
		if key.Kind != yaml.ScalarNode || !slices.Contains(allowed, key.Value) {
			p.problem(at, key, "unknown key; allowed here: %s", strings.Join(nearestFirst(key.Value, allowed), ", "))
			continue
		}
		lines[key.Value] = key.Line
		if value.ShortTag() != "!!null" {
			keys[key.Value] = value
		}
	}
	return keys
}

// list returns the items of a sequence; none when n is nil or no sequence.
func (p *parser) list(path string, n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.problem(path, n, "found %s, expected a list", found(n))
		return nil
	}
	return n.Content
}

// text returns a scalar's text; "" when n is nil or no scalar.
func (p *parser) text(path string, n *yaml.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		p.problem(path, n, "found %s, expected text", found(n))
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// required is text that is not empty and has one line.
func (p *parser) required(path string, parent, n *yaml.Node) string {
	text := p.text(path, n)
	switch {
	case text == "" && (n == nil || n.Kind == yaml.ScalarNode):
		p.problem(path, parent, "found none, expected text")
	case strings.ContainsAny(text, "\r\n"):
		p.problem(path, n, "found a line break, expected one line")
	}
	return text
}

func (p *parser) name(path string, parent, n *yaml.Node) string {
	text := p.required(path, parent, n)
	if text != "" && !names.MatchString(text) {
		p.problem(path, n, "found %q, expected up to 64 letters, digits, and . _ - after a letter or digit", text)
	}
	return text
}

func (p *parser) oneOf(path string, parent, n *yaml.Node, allowed ...string) string {
	text := p.text(path, n)
	expected := strings.Join(allowed, " or ")
	switch {
	case slices.Contains(allowed, text):
		return text
	case text != "":
		p.problem(path, n, "found %q, expected %s", text, expected)
	case n == nil, n.Kind == yaml.ScalarNode:
		p.problem(path, parent, "found none, expected %s", expected)
	}
	return ""
}

// once notes a value that stands elsewhere already. seen holds where each value was first seen.
func (p *parser) once(path string, n *yaml.Node, value string, seen map[string]string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		p.problem(path, n, "found %q, which is the value of %s already", value, first)
		return
	}
	seen[value] = path
}

func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which a catalog cannot hold"
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	return fmt.Sprintf("%q", n.Value)
}
