// Command promises reads the output of "go test -json" of the connectors and prints one table: a row for each promise of the
// port to a service desk (package accesstest), a column for each desk that was held to it.
//
//	go test -json -run '^TestServiceDesk$' ./internal/connectors/... | go run ./internal/tools/promises [-need jira/cloud,...]
//
// A cell is "yes"; "NO" for a test that failed; "fallback" where the vendor makes a promise impossible and the test holds the declared
// fallback instead, which is listed below the table with the vendor's page; and "-" where the test did not run. The exit code
// is 1 when a cell is NO or "-", when a desk that -need names is missing, and when there is no desk at all.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	need := flag.String("need", "", "the desks, separated by commas, that must be there")
	flag.Parse()
	t := newTable()
	err := t.read(os.Stdin)
	if err == nil {
		t.print(os.Stdout)
		err = t.problem(strings.FieldsFunc(*need, func(r rune) bool { return r == ',' }))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "promises:", err)
		os.Exit(1)
	}
}
