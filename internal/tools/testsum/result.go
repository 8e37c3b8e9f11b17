package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// result is what one run, or several, came to.
type result struct {
	Passed int
	Failed int
	// ExpectedRed counts the tests that failed and are listed as expected to.
	ExpectedRed int
	Skipped     []string
	Servers     []string
}

func (r *result) sort() {
	slices.Sort(r.Skipped)
	r.Skipped = slices.Compact(r.Skipped)
	slices.Sort(r.Servers)
	r.Servers = slices.Compact(r.Servers)
}

// excused is in the reason of a skip that is no missing part: what belongs to a vendor cannot be installed by a script.
const excused = "SKIPPED: the vendor's OpenAPI documents are not at"

// unexcused are the skipped tests whose part could have been installed.
func (r *result) unexcused() int {
	count := 0
	for _, test := range r.Skipped {
		if !strings.Contains(test, excused) {
			count++
		}
	}
	return count
}

// ok reports whether the run may stand; strict allows no skipped test, save the excused.
func (r *result) ok(strict bool) bool {
	return r.Failed == 0 && r.Passed+r.ExpectedRed > 0 && (!strict || r.unexcused() == 0)
}

func (r *result) print(out io.Writer) {
	if len(r.Servers) > 0 {
		fmt.Fprintln(out, "\nreal servers:")
	}
	for _, server := range r.Servers {
		fmt.Fprintln(out, "  "+server)
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintln(out, "\nskipped:")
	}
	for _, test := range r.Skipped {
		fmt.Fprintln(out, "  "+test)
	}
	fmt.Fprintf(out, "\nskipped %d\n", len(r.Skipped))
	if r.ExpectedRed > 0 {
		fmt.Fprintf(out, "expected red %d\n", r.ExpectedRed)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, len(r.Skipped))
}

// addTotals adds a result to a file, as one line of JSON.
func addTotals(path string, r result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

func readTotals(path string) (result, error) {
	var total result
	text, err := os.ReadFile(path)
	if err != nil {
		return total, err
	}
	for line := range bytes.Lines(text) {
		var one result
		if err := json.Unmarshal(line, &one); err != nil {
			return total, err
		}
		total.Passed += one.Passed
		total.Failed += one.Failed
		total.ExpectedRed += one.ExpectedRed
		total.Skipped = append(total.Skipped, one.Skipped...)
		total.Servers = append(total.Servers, one.Servers...)
	}
	total.sort()
	return total, nil
}
