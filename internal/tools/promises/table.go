package main

import (
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
	Action, Package, Test, Output string
}

// The cells.
const (
	kept     = "yes"
	broken   = "NO"
	fallback = "fallback"
	absent   = "-"
)

// suite is the test that holds a desk to the promises. Between it and the promise a package with several desks has a name
// for each.
const suite = "TestServiceDesk"

// What tests log: the promise that one is about, that a vendor makes it impossible, and a real server that was met.
var (
	promiseLine  = regexp.MustCompile(`\.go:\d+: promise: (.*\S)\s*$`)
	fallbackLine = regexp.MustCompile(`\.go:\d+: fallback: (.*\S)\s*$`)
	serverLine   = regexp.MustCompile(`\.go:\d+: real server: (.*\S)\s*$`)
)

// table is what is known of the tests.
type table struct {
	// promises and desks are in the order in which they were met.
	promises, desks []string
	cells           map[[2]string]string // by promise and desk
	about           map[string]string    // the promise that a test is about, by package and name of the test
	ended           []event
	fallbacks       map[string]string // by package and name of the test
	servers         map[string]bool
}

func newTable() *table {
	return &table{cells: map[[2]string]string{}, about: map[string]string{}, fallbacks: map[string]string{}, servers: map[string]bool{}}
}

// read reads the events, and fills the table.
func (t *table) read(in io.Reader) error {
	events := json.NewDecoder(in)
	for {
		var e event
		switch err := events.Decode(&e); {
		case errors.Is(err, io.EOF):
			t.fill()
			return nil
		case err != nil:
			return fmt.Errorf("expected the output of go test -json: %w", err)
		}
		t.take(e)
	}
}

func (t *table) take(e event) {
	if e.Test != suite && !strings.HasPrefix(e.Test, suite+"/") {
		return
	}
	name := e.Package + " " + e.Test
	if found := fallbackLine.FindStringSubmatch(e.Output); found != nil {
		t.fallbacks[name] = found[1]
	}
	if found := serverLine.FindStringSubmatch(e.Output); found != nil {
		t.servers[found[1]] = true
	}
	if found := promiseLine.FindStringSubmatch(e.Output); found != nil {
		t.about[name] = found[1]
	}
	if e.Action == "pass" || e.Action == "fail" || e.Action == "skip" {
		t.ended = append(t.ended, e)
	}
}

// fill makes a cell of each test that is about a promise.
func (t *table) fill() {
	for _, e := range t.ended {
		name := e.Package + " " + e.Test
		promise, is := t.about[name]
		if !is {
			continue
		}
		desk := deskOf(e)
		cell := map[string]string{"pass": kept, "fail": broken, "skip": absent}[e.Action]
		if cell == kept && t.fallbacks[name] != "" {
			cell = fallback
		}
		if !slices.Contains(t.promises, promise) {
			t.promises = append(t.promises, promise)
		}
		if !slices.Contains(t.desks, desk) {
			t.desks = append(t.desks, desk)
		}
		t.cells[[2]string{promise, desk}] = cell
	}
	slices.Sort(t.desks)
}

// deskOf returns the column of a test: the package, and what stands between the suite and the promise.
func deskOf(e event) string {
	desk := e.Package[strings.LastIndexByte(e.Package, '/')+1:]
	between := strings.TrimPrefix(e.Test, suite)
	return desk + between[:strings.LastIndexByte(between, '/')]
}

func (t *table) cell(promise, desk string) string {
	if cell := t.cells[[2]string{promise, desk}]; cell != "" {
		return cell
	}
	return absent
}

// print writes the table, what is fallen back to, and how many cells of each kind every column has.
func (t *table) print(out io.Writer) {
	wide := len("promises kept")
	for _, promise := range t.promises {
		wide = max(wide, len(promise))
	}
	line := func(first string, cell func(desk string) string) {
		text := fmt.Sprintf("%-*s", wide, first)
		for _, desk := range t.desks {
			text += fmt.Sprintf("  %-*s", max(len(desk), len(fallback)), cell(desk))
		}
		fmt.Fprintln(out, strings.TrimRight(text, " "))
	}
	line("promise", func(desk string) string { return desk })
	for _, promise := range t.promises {
		line(promise, func(desk string) string { return t.cell(promise, desk) })
	}
	line("promises kept", func(desk string) string { return fmt.Sprintf("%d/%d", t.count(desk, kept), len(t.promises)) })
	line("with a fallback", func(desk string) string { return fmt.Sprint(t.count(desk, fallback)) })
	for _, name := range slices.Sorted(maps.Keys(t.fallbacks)) {
		fmt.Fprintf(out, "fallback: %s: %s\n", t.about[name], t.fallbacks[name])
	}
	for _, server := range slices.Sorted(maps.Keys(t.servers)) {
		fmt.Fprintf(out, "real server: %s\n", server)
	}
}

func (t *table) count(desk, cell string) int {
	n := 0
	for _, promise := range t.promises {
		if t.cell(promise, desk) == cell {
			n++
		}
	}
	return n
}

// problem returns what is wrong with the table; nil when every desk keeps every promise, or has its fallback.
func (t *table) problem(need []string) error {
	if len(t.desks) == 0 {
		return errors.New("found no desk, expected tests called " + suite)
	}
	var wrong []string
	for _, desk := range need {
		if !slices.Contains(t.desks, desk) {
			wrong = append(wrong, desk+" is not there")
		}
	}
	for _, desk := range t.desks {
		if n := len(t.promises) - t.count(desk, kept) - t.count(desk, fallback); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %d of %d promises are not kept", desk, n, len(t.promises)))
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}
