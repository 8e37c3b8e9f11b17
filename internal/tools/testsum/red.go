package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// redList holds the tests that are expected to fail, each as its package and its full name with a space between. The value
// is the rest of the line: the defects that the test proves.
type redList map[string]string

// readRedList reads lines of "<package> <Test/name> <defects>". Empty lines and lines that begin with "#" say nothing.
func readRedList(path string) (redList, error) {
	if path == "" {
		return redList{}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list := redList{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s: found %q, expected a package, a test and a defect", path, strings.TrimSpace(line))
		}
		list[fields[0]+" "+fields[1]] = strings.Join(fields[2:], " ")
	}
	return list, nil
}

// has reports whether a test is listed.
func (l redList) has(test event) bool {
	_, listed := l[test.Package+" "+test.Test]
	return listed
}

// expected reports whether a test is listed and failed. It is false for a package whose program did not reach its end: then
// other tests never ran.
func (r *reader) expected(test event) bool {
	return test.Action == "fail" && r.red.has(test) && slices.Contains(r.output[test.Package+" "], "FAIL\n")
}

// healed returns the tests of a package that are listed and passed.
func (r *reader) healed(pkg string) []event {
	var tests []event
	for _, test := range r.ended[pkg] {
		if test.Action == "pass" && r.red.has(test) {
			tests = append(tests, test)
		}
	}
	slices.SortFunc(tests, func(a, b event) int { return strings.Compare(a.Test, b.Test) })
	return tests
}
