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

// rowLine is a line that a test logs to show what it measured: "row ..." and the totals of the sweeps are printed, green or not.
var rowLine = regexp.MustCompile(`^ +\S+\.go:\d+: ((?:row |continuations: |queued: |resets: |freezes: ).*\S)\s*$`)

// reader follows the events, and prints rows, packages and failures as they come.
type reader struct {
	out     io.Writer
	output  map[string][]string         // by package and test; by "build:" and import path for a build
	ended   map[string]map[string]event // tests, by package, then by name
	broken  int                         // packages that failed without a failed test
	failed  bool                        // a package has failed
	servers map[string]bool
	red     redList
}

func newReader(out io.Writer, red redList) *reader {
	return &reader{out: out, output: map[string][]string{}, ended: map[string]map[string]event{}, servers: map[string]bool{}, red: red}
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
		r.plainLine(string(line))
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

// exitMark begins the line that the Makefile adds with the exit code of "go test", when it is not 0.
const exitMark = "go test: exit status "

// plainLine takes a line that is no event. An exit code that no failed package explains fails the run.
func (r *reader) plainLine(line string) {
	code, exit := strings.CutPrefix(line, exitMark)
	if exit && strings.TrimSpace(code) == "1" && r.failed {
		return
	}
	if exit {
		r.broken++
	}
	fmt.Fprint(r.out, line)
}

// endPackage prints a package's line and, when it failed, all that its failed tests said. A package in which only tests
// failed that are expected to has not failed.
func (r *reader) endPackage(e event) {
	r.failed = r.failed || e.Action == "fail"
	tests, healed := r.testsOf(e.Package), r.healed(e.Package)
	all := len(tests)
	tests = slices.DeleteFunc(tests, r.expected)
	red := all - len(tests)
	failed := slices.ContainsFunc(tests, func(t event) bool { return t.Action == "fail" })
	broken := e.Action == "fail" && !failed && red == 0
	if !failed && !broken && len(healed) == 0 {
		r.printGreen(e, all, red)
		return
	}
	fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	for _, line := range r.output[e.Package+" "] {
		if strings.HasPrefix(line, "-test.shuffle") {
			r.indent([]string{line})
		}
	}
	for _, test := range tests {
		if test.Action == "fail" {
			r.indent(r.story(test))
		}
	}
	for _, test := range healed {
		r.indent([]string{test.Test + " passed and is still listed: remove its line\n"})
	}
	if broken {
		r.broken++
		r.printBroken(e)
	}
}

// printBroken prints what a program said that failed without a failed test.
func (r *reader) printBroken(e event) {
	r.indent(r.output["build:"+e.FailedBuild])
	// A test that never ended was running when the program died.
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		test, ofPackage := strings.CutPrefix(key, e.Package+" ")
		if _, ended := r.ended[e.Package][test]; ofPackage && !ended {
			r.indent(r.output[key])
		}
	}
}

// printGreen prints the line of a package that has not failed.
func (r *reader) printGreen(e event, tests, red int) {
	switch {
	case red > 0:
		fmt.Fprintf(r.out, "ok    %s  %d tests, expected red %d  %.1fs\n", e.Package, tests, red, e.Elapsed)
	case tests > 0:
		fmt.Fprintf(r.out, "ok    %s  %d tests  %.1fs\n", e.Package, tests, e.Elapsed)
	}
}

// testsOf returns a package's tests that have no subtests, and those that failed while all their subtests passed.
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
		total.Failed += len(r.healed(pkg))
		for _, test := range r.testsOf(pkg) {
			switch {
			case r.expected(test):
				total.ExpectedRed++
			case test.Action == "fail":
				total.Failed++
			case test.Action == "pass" && !r.red.has(test):
				total.Passed++
			case test.Action == "skip":
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
