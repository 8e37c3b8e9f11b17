package arch

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxLines is how many lines a Go file may have that nobody generated.
const MaxLines = 500

// Violation is one place where a rule is broken.
type Violation struct {
	// File is the path of the file or, for a folder without a rule, of the folder.
	File string
	// Rule names the rule: "rule 3", or "style: size".
	Rule string
	// Text is what was found, and the rule's sentence.
	Text string
}

func (v Violation) String() string { return v.File + ": " + v.Rule + ": " + v.Text }

// Check reads the Go files of a module's file system and gives every import that breaks a rule, in the order of the
// paths; none is the goal. Folders named testdata, bin or node_modules, those that begin with a dot or an underscore, and
// modules within the module are left out. A file that cannot be read or parsed is a violation.
func Check(fsys fs.FS) []Violation {
	var violations []Violation
	unknown := map[string]bool{}
	walk(fsys, func(file string, text []byte, err error) {
		if err != nil {
			violations = append(violations, Violation{File: file, Rule: "no rule can be checked", Text: err.Error()})
			return
		}
		dir := path.Dir(file)
		r, ok := ruleOf(dir)
		if !ok && !unknown[dir] {
			unknown[dir] = true
			violations = append(violations, broken(dir, ruleRoom, "the folder has Go files and no rule"))
		}
		violations = append(violations, checkFile(file, text, r)...)
		violations = append(violations, checkWaiting(file, text)...)
	})
	return violations
}

// checkWaiting returns every place in a workflow's file that waits otherwise than by the loop.
func checkWaiting(file string, text []byte) []Violation {
	dir := path.Dir(file)
	if isTest(file) || dir == waitingFolder || (dir != "workflows" && !strings.HasPrefix(dir, "workflows/")) {
		return nil
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
	if err != nil {
		return nil // checkFile has said so.
	}
	var violations []Violation
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := call.X.(*ast.Ident); ok && slices.Contains(waiting, from.Name+"."+call.Sel.Name) {
			violations = append(violations, broken(file, ruleWaiting, "it uses "+from.Name+"."+call.Sel.Name))
		}
		return true
	})
	return violations
}

// CheckSize returns every Go file that is longer than MaxLines and was not generated. It leaves out what Check leaves out.
func CheckSize(fsys fs.FS) []Violation {
	var violations []Violation
	walk(fsys, func(file string, text []byte, err error) {
		lines := bytes.Count(text, []byte("\n"))
		if err != nil || lines <= MaxLines || generated(text) {
			return
		}
		violations = append(violations, Violation{File: file, Rule: "style: size", Text: fmt.Sprintf(
			"found %d lines; a file has about 300, and %d at most: split it by subject", lines, MaxLines)})
	})
	return violations
}

// walk visits the module's Go files.
func walk(fsys fs.FS, visit func(file string, text []byte, err error)) {
	walked := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			visit(name, nil, err)
		case entry.IsDir() && name != "." && leftOut(fsys, name):
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(name) == ".go":
			text, err := fs.ReadFile(fsys, name)
			visit(name, text, err)
		}
		return nil
	})
	if walked != nil {
		visit(".", nil, walked)
	}
}

func leftOut(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "bin" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func checkFile(file string, text []byte, r packageRule) []Violation {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
	if err != nil {
		return []Violation{{File: file, Rule: "no rule can be checked", Text: err.Error()}}
	}
	var violations []Violation
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			imported = spec.Path.Value
		}
		if ours, ok := folderOf(imported); ok {
			if r.pattern != "" && !r.allows(file, ours) {
				violations = append(violations, broken(file, r.rule, "it imports "+ours))
			}
			continue
		}
		if !confinementAllows(file, imported) {
			violations = append(violations, broken(file, ruleConfined, "it imports "+imported))
		}
	}
	return violations
}

func broken(file string, r rule, what string) Violation {
	return Violation{File: file, Rule: "rule " + strconv.Itoa(r.number), Text: what + ", but " + r.sentence}
}

// folderOf is the folder of a package of ours.
func folderOf(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func ruleOf(dir string) (packageRule, bool) {
	for _, r := range packageRules {
		if matches(r.pattern, dir, dir) {
			return r, true
		}
	}
	return packageRule{}, false
}

func (r packageRule) allows(file, imported string) bool {
	allowed := r.imports
	if isTest(file) {
		allowed = slices.Concat(r.imports, r.tests, everyTest)
	}
	return slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, imported, path.Dir(file)) })
}

// matches compares a folder with a pattern that stands in the room of dir.
func matches(pattern, folder, dir string) bool {
	pattern = strings.NewReplacer("{dir}", dir, "{up}", path.Dir(dir)).Replace(pattern)
	ok, err := path.Match(pattern, folder)
	return ok && err == nil
}

func confinementAllows(file, imported string) bool {
	for _, c := range confined {
		within := imported == c.path || strings.HasPrefix(imported, c.path+"/")
		dir := path.Dir(file)
		if within && !isTest(file) && !slices.ContainsFunc(c.folders, func(pattern string) bool { return matches(pattern, dir, dir) }) {
			return false
		}
	}
	return true
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

var generatedLine = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

func generated(text []byte) bool {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if generatedLine.Match(lines.Bytes()) {
			return true
		}
		if bytes.HasPrefix(lines.Bytes(), []byte("package ")) {
			return false
		}
	}
	return false
}
