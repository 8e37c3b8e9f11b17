// Command contract adds up the reports that tests and simulators left about what went over the wire to a desk (see package
// apispec), and says for each edition how many operations were seen and how many of them were validated.
//
//	CONTRACT_OUT=DIR go run ./internal/tools/contract [-need cloud,data_center] [-remove]
//
// The exit code is 1 when an operation was seen and never validated, when the contract was broken, and when there is no
// report of an edition that -need names. Of an edition that -need names and whose documents are not there (JIRA_SPECS,
// SERVICENOW_SPECS) that is said, and no report is needed: they are others', and nothing that a script installs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"usher/internal/connectors/apispec"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

// errBroken means that what was printed is not clean.
var errBroken = errors.New("a contract is not kept; see above")

func run(args []string, getenv func(string) string, out io.Writer) error {
	flags := flag.NewFlagSet("contract", flag.ContinueOnError)
	flags.SetOutput(out)
	need := flags.String("need", "", "the editions, separated by commas, of which there must be a report")
	remove := flags.Bool("remove", false, "remove the reports when they are read")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir := getenv(apispec.EnvOut)
	if dir == "" {
		return fmt.Errorf("%s: expected the folder of the reports", apispec.EnvOut)
	}
	needed := slices.DeleteFunc(editions(*need), func(e apispec.Edition) bool {
		err := apispec.Available(getenv(apispec.EnvSpecs(e)), e)
		if err != nil {
			fmt.Fprintln(out, err)
		}
		return err != nil
	})
	reports, err := apispec.ReadReports(dir)
	if err != nil {
		return err
	}
	if len(reports) == 0 && len(needed) == 0 && *need != "" {
		return nil
	}
	ok := tell(out, apispec.Merge(reports...), needed)
	if *remove {
		err = os.RemoveAll(dir)
	}
	if !ok {
		err = errors.Join(errBroken, err)
	}
	return err
}

func editions(list string) []apispec.Edition {
	var all []apispec.Edition
	for name := range strings.SplitSeq(list, ",") {
		if name != "" {
			all = append(all, apispec.Edition(name))
		}
	}
	return all
}

// tell prints the merged reports, and gives whether all is as it shall be.
func tell(out io.Writer, merged []apispec.Report, need []apispec.Edition) bool {
	ok := true
	for _, edition := range need {
		if !slices.ContainsFunc(merged, func(r apispec.Report) bool { return r.Edition == edition }) {
			fmt.Fprintf(out, "%s: there is no report\n", edition)
			ok = false
		}
	}
	if len(merged) == 0 {
		fmt.Fprintln(out, "there is no report of any edition")
		return false
	}
	for _, r := range merged {
		left := r.NotValidated()
		fmt.Fprintf(out, "%s: operations seen: %d, validated: %d, seen minus validated: {%s}\n",
			r.Edition, len(r.Operations), r.Validated(), strings.Join(left, ", "))
		broken := r.Broken()
		for _, line := range broken {
			fmt.Fprintln(out, " ", line)
		}
		if len(left)+len(broken) > 0 || len(r.Operations) == 0 {
			ok = false
		}
	}
	return ok
}
