package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// serverMark is how a test names a real server that it met, in its log.
const serverMark = "real server: "

// rowLine is a line that a test logs to show what it measured: "row ..." is printed, green or not.
var rowLine = regexp.MustCompile(`^ +\S+\.go:\d+: (row .*\S)\s*$`)

// reader follows the events, and prints rows, packages and failures as they come.
type reader struct {
	out     io.Writer
	output  map[string][]string         // by package and test; by "build:" and import path for a build
	ended   map[string]map[string]event // tests, by package, then by name
	broken  int                         // packages that failed without a failed test
	servers map[string]bool
}

func newReader(out io.Writer) *reader {
	return &reader{out: out, output: map[string][]string{}, ended: map[string]map[string]event{}, servers: map[string]bool{}}
}

func (r *reader) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *reader) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		fmt.Fprint(r.out, string(line))
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		if _, server, ok := strings.Cut(e.Output, serverMark); ok {
			r.servers[strings.TrimSpace(server)] = true
		}
		if row := rowLine.FindStringSubmatch(e.Output); row != nil {
			fmt.Fprintln(r.out, row[1])
		}
	case "build-output":
		r.output["build:"+e.ImportPath] = append(r.output["build:"+e.ImportPath], e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			if r.ended[e.Package] == nil {
				r.ended[e.Package] = map[string]event{}
			}
			r.ended[e.Package][e.Test] = e
			return
		}
		r.endPackage(e)
	}
}

// endPackage prints a package's line and, when it failed, all that its failed tests said.
func (r *reader) endPackage(e event) {
	tests := r.testsOf(e.Package)
	if e.Action != "fail" {
		if len(tests) > 0 {
			fmt.Fprintf(r.out, "ok    %s  %d tests  %.1fs\n", e.Package, len(tests), e.Elapsed)
		}
		return
	}
	fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	for _, line := range r.output[e.Package+" "] {
		if strings.HasPrefix(line, "-test.shuffle") {
			r.indent([]string{line})
		}
	}
	failed := false
	for _, test := range tests {
		if test.Action == "fail" {
			failed = true
			r.indent(r.story(test))
		}
	}
	if failed {
		return
	}
	r.broken++
	r.indent(r.output["build:"+e.FailedBuild])
	// A test that never ended was running when the program died.
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		test, ofPackage := strings.CutPrefix(key, e.Package+" ")
		if _, ended := r.ended[e.Package][test]; ofPackage && !ended {
			r.indent(r.output[key])
		}
	}
}

// testsOf gives a package's tests that have no subtests, and those that failed while all their subtests passed.
func (r *reader) testsOf(pkg string) []event {
	var tests []event
	for _, test := range r.ended[pkg] {
		if r.counts(test) {
			tests = append(tests, test)
		}
	}
	slices.SortFunc(tests, func(a, b event) int { return strings.Compare(a.Test, b.Test) })
	return tests
}

func (r *reader) counts(test event) bool {
	parent, failedBelow := false, false
	for _, other := range r.ended[test.Package] {
		if strings.HasPrefix(other.Test, test.Test+"/") {
			parent = true
			failedBelow = failedBelow || other.Action == "fail"
		}
	}
	return !parent || test.Action == "fail" && !failedBelow
}

// story is the output of a test after that of the tests around it.
func (r *reader) story(test event) []string {
	var lines []string
	for i, letter := range test.Test {
		if letter == '/' {
			lines = append(lines, r.output[test.Package+" "+test.Test[:i]]...)
		}
	}
	return append(lines, r.output[test.Package+" "+test.Test]...)
}

func (r *reader) indent(lines []string) {
	for _, line := range lines {
		fmt.Fprint(r.out, "      ", line)
	}
}

func (r *reader) result() result {
	total := result{Failed: r.broken}
	for pkg := range r.ended {
		for _, test := range r.testsOf(pkg) {
			switch test.Action {
			case "pass":
				total.Passed++
			case "fail":
				total.Failed++
			case "skip":
				total.Skipped = append(total.Skipped, r.skipped(test))
			}
		}
	}
	for server := range r.servers {
		total.Servers = append(total.Servers, server)
	}
	total.sort()
	return total
}

// skipped names a skipped test and its reason, which is the last thing that it logged.
func (r *reader) skipped(test event) string {
	reason := ""
	for _, line := range r.output[test.Package+" "+test.Test] {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") {
			reason = ": " + text
		}
	}
	return test.Package + " " + test.Test + reason
}
