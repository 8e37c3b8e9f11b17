// Package config reads one strict YAML file into a struct.
//
// Load parses the file into a tree, lays the environment's overrides over the tree, and decodes the tree by the struct's
// own fields. It goes on after a mistake, so that one run shows every problem, each with its key, where it stands,
// what was found and what is allowed.
//
// The keys are the names in the fields' yaml tags, else in their json tags, else the field names in lower case. A
// field with the tag option "inline" lends its keys to the struct around it.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"usher/internal/access"
)

const op = "load configuration"

// Problem is one thing that is wrong. Text never holds the value of a secret, nor one that came from the environment or
// from a file.
type Problem struct {
	// Key is the full dotted key ("http.address", "desks.jira.projects[0]"); "" when the problem has none.
	Key string
	// Where is "<file>:<line>", or the name of an environment variable; "" for what Validate found.
	Where string
	// Text is what was found and what is allowed.
	Text string
}

func (p Problem) String() string {
	var parts []string
	for _, part := range []string{p.Where, p.Key, p.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is every problem that Load found, in the order of the file; those that Validate found come last.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d problems:\n  %s\n", len(lines), strings.Join(lines, "\n  "))
}

// Validator is implemented by a configuration that has rules beyond its types. Validate names every key that breaks one,
// as "<full key>: <what was found and what is allowed>"; several are joined with errors.Join.
type Validator interface {
	Validate() error
}

// Defaulter is implemented by a section below a free key (desks.<name>) that is not zero where the file says nothing: the struct that
// Load fills cannot hold it before.
type Defaulter interface {
	// SetDefaults makes the section what it is before the file is read.
	SetDefaults()
}

// Under returns the errors of a section's Validate, whose keys are relative to the section, with full keys: "level: ..."
// under "log" becomes "log.level: ...". nil stays nil.
func Under(key string, err error) error {
	if err == nil {
		return nil
	}
	var full []error
	for _, one := range split(err) {
		full = append(full, fmt.Errorf("%s.%w", key, one))
	}
	return errors.Join(full...)
}

// Load reads the YAML file at path into the struct that into points to, which holds the defaults already: a key that
// is absent, or that has no value, leaves its field alone. A list replaces the default list; a section, and a section
// of freely named keys (a map), is laid over its default. path "" reads no file: defaults and overrides only.
//
// Within a value, ${NAME} stands for an environment variable and ${file:/path} for the text of a file less its final
// line break (a relative path starts at the folder of the configuration file); $${ is a plain ${. A field with the tag
// secret:"true", and everything below it, must be one such reference: a literal is refused.
//
// environ has the form of os.Environ. USHER_<KEY> in it overrides one scalar, <KEY> being the dotted key in upper case
// with _ for every other character: USHER_HTTP_ADDRESS sets http.address. Its value is taken as it is. A key below a
// map can be overridden when the file or the defaults have its section. A USHER_ variable that matches no key is a
// problem, except USHER_URL, USHER_TOKEN, USHER_AS and USHER_CONFIG, which belong to the command line, names that
// begin with one of ignore, and what Kubernetes sets for a Service whose name begins with usher.
//
// When into is a Validator, Validate is called at the end.
//
// The error is nil or an *access.Error: NotFound when there is no such file, else Invalid around Problems with every
// problem. After an error, into is partly filled and must not be used.
func Load(path string, environ []string, into any, ignore ...string) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return access.Errorf(access.Invalid, op, "into is %T, expected a pointer to a struct", into)
	}
	text, err := readFile(path)
	if err != nil {
		return err
	}
	d := newDecoder(path, environ)
	root, err := parse(text)
	if err != nil {
		return &access.Error{Kind: access.Invalid, Op: op, Err: Problems{{Where: path, Text: err.Error()}}}
	}
	o := overrides{decoder: d, ignore: ignore}
	o.apply(root, target.Elem())
	d.value(keyPath{}, root, target.Elem())
	d.validate(into)
	if len(d.problems) > 0 {
		return &access.Error{Kind: access.Invalid, Op: op, Err: d.problems}
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, access.Errorf(access.NotFound, op, "there is no file %s", path)
	case err != nil:
		return nil, access.Errorf(access.Invalid, op, "%w", err)
	}
	return text, nil
}

// parse returns the file's one document as a mapping node; an empty file is an empty mapping.
func parse(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, nil
	}
	if err != nil {
		return nil, syntaxError(err)
	}
	err = decoder.Decode(&second)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(err)
	}
	if err == nil {
		return nil, fmt.Errorf("line %d: a second document begins here, expected one", second.Line)
	}
	root := &document
	if root.Kind == yaml.DocumentNode {
		root = root.Content[0]
	}
	if isNull(root) {
		root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	return root, nil
}

func syntaxError(err error) error {
	return errors.New("not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
}

// validate adds what Validate found, save what is said already about the same key.
func (d *decoder) validate(into any) {
	validator, ok := into.(Validator)
	if !ok {
		return
	}
	err := validator.Validate()
	if err == nil {
		return
	}
	said := map[string]bool{}
	for _, problem := range d.problems {
		said[problem.Key] = true
	}
	for _, one := range split(err) {
		key, _, found := strings.Cut(one.Error(), ":")
		if found && said[key] {
			continue
		}
		d.problems = append(d.problems, Problem{Text: one.Error()})
	}
}

// split returns the errors that errors.Join put together.
func split(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, split(one)...)
	}
	return all
}

// folder is where relative ${file:...} paths start.
func folder(path string) string {
	if path == "" {
		return "."
	}
	return filepath.Dir(path)
}
