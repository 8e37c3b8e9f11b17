package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A reference is ${NAME} or ${file:PATH}; a dollar sign before it makes it plain text.
var (
	references   = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// hasReference reports whether any scalar of a subtree holds a reference. Aliases are not followed.
func hasReference(n *yaml.Node) bool {
	for _, found := range references.FindAllString(n.Value, -1) {
		if !strings.HasPrefix(found, "$$") {
			return true
		}
	}
	for _, child := range n.Content {
		if hasReference(child) {
			return true
		}
	}
	return false
}

// interpolate returns a scalar's text with its references replaced; false when a problem was reported instead.
func (d *decoder) interpolate(at keyPath, n *yaml.Node) (string, bool) {
	if d.override[n] != "" {
		return n.Value, true
	}
	if at.secret && !isOneReference(n.Value) {
		d.problem(at, n, "a secret must not stand in the file: use ${NAME} or ${file:PATH}")
		return "", false
	}
	ok := true
	text := references.ReplaceAllStringFunc(n.Value, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		value, problem := d.lookup(found)
		if problem == "" && value == "" && at.secret {
			problem = found + " is empty, and this is a secret"
		}
		if problem != "" {
			d.problem(at, n, "%s", problem)
			ok = false
		}
		return value
	})
	return text, ok
}

func isOneReference(text string) bool {
	at := references.FindStringIndex(text)
	return at != nil && at[0] == 0 && at[1] == len(text) && !strings.HasPrefix(text, "$$")
}

// lookup returns what a reference stands for, or says what is wrong with it.
func (d *decoder) lookup(reference string) (value, problem string) {
	name, closed := strings.CutSuffix(strings.TrimPrefix(reference, "${"), "}")
	if path, isFile := strings.CutPrefix(name, "file:"); isFile && closed && path != "" {
		return d.lookupFile(path)
	}
	if !closed || !variableName.MatchString(name) {
		return "", "found a reference that is neither ${NAME} nor ${file:PATH}; a plain ${ is written $${"
	}
	value, ok := d.environ[name]
	if !ok {
		return "", "the environment variable " + name + " is not set"
	}
	return value, ""
}

func (d *decoder) lookupFile(path string) (value, problem string) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder(d.path), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return "", "cannot read the file " + path + ": " + err.Error()
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), ""
}
