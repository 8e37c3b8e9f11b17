// Command testsum reads the output of "go test -json" and tells what happened: a line for each package, the full output of
// every failure, the rows that tests measured (what they log as "row ..." or "continuations: ..."), the real servers that they met, every skipped
// test by name, and the counts.
//
//	go test -json ./... | go run ./internal/tools/testsum [-totals FILE] [-red FILE]
//	go run ./internal/tools/testsum -totals FILE -sum
//
// With -totals the counts are added to a file as well; -sum prints, and removes, what several runs added.
//
// With -red a file names the tests that are expected to fail, because they prove a defect that is not mended yet. Each line
// is "<package> <Test/name> <defects>". Such a test fails the run when it passes; when it does not run, it is ignored. The exit code
// is 1 when a test failed or none ran, and, where CI=true is set, when one was skipped: there every part is installed, save a vendor's documents.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	totals := flag.String("totals", "", "the file that the counts are added to")
	sum := flag.Bool("sum", false, "print what -totals holds, and remove it")
	red := flag.String("red", "", "the file of the tests that are expected to fail")
	flag.Parse()
	ok, err := run(*totals, *sum, *red)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		ok = false
	}
	if !ok {
		os.Exit(1)
	}
}

func run(totals string, sum bool, red string) (ok bool, err error) {
	strict := os.Getenv("CI") == "true"
	if sum {
		total, err := readTotals(totals)
		if err != nil {
			return false, err
		}
		total.print(os.Stdout)
		warn(total, strict)
		return total.ok(strict), os.Remove(totals)
	}
	list, err := readRedList(red)
	if err != nil {
		return false, err
	}
	r := newReader(os.Stdout, list)
	if err := r.read(os.Stdin); err != nil {
		return false, err
	}
	result := r.result()
	result.print(os.Stdout)
	warn(result, strict)
	if totals != "" {
		err = addTotals(totals, result)
	}
	return result.ok(strict), err
}

func warn(r result, strict bool) {
	switch {
	case strict && r.unexcused() > 0:
		fmt.Fprintln(os.Stderr, "testsum: with CI=true no test may be skipped")
	case r.Passed+r.Failed+r.ExpectedRed == 0:
		fmt.Fprintln(os.Stderr, "testsum: no test ran")
	}
}
