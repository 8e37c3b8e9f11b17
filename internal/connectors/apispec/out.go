package apispec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// EnvOut is the environment variable with the folder that reports are written to.
const EnvOut = "CONTRACT_OUT"

// EnvSpecs returns the name of the environment variable with the folder of an edition's documents.
func EnvSpecs(e Edition) string {
	if e == ServiceNow {
		return "SERVICENOW_SPECS"
	}
	return "JIRA_SPECS"
}

// ErrNoDocuments is what errors wrap that say that the vendor's documents are not there, so that nothing can be checked.
var ErrNoDocuments = errors.New("no documents")

// noDocuments is whose are not there, and where.
type noDocuments struct {
	edition Edition
	where   string
}

func (e noDocuments) Error() string {
	checked := "contract checks did not run"
	if slices.ContainsFunc(sources()[e.edition], func(s source) bool { return s.own }) {
		checked = "contract checks ran against usher's own document only"
	}
	return fmt.Sprintf("SKIPPED: the vendor's OpenAPI documents are not at %s=%s; %s", EnvSpecs(e.edition), e.where, checked)
}

func (noDocuments) Is(target error) bool { return target == ErrNoDocuments }

// FromEnv makes the contract of an edition from the documents in the folder of EnvSpecs; its Close writes to CONTRACT_OUT. The
// error wraps ErrNoDocuments, and its text is what to tell people, where the documents are not there. A folder for reports
// that is not an absolute path is refused.
func FromEnv(getenv func(string) string, edition Edition) (*Contract, error) {
	c, err := Load(getenv(EnvSpecs(edition)), edition)
	if err != nil {
		return nil, err
	}
	if c.out = getenv(EnvOut); c.out != "" && !filepath.IsAbs(c.out) {
		return nil, fmt.Errorf("%s: expected an absolute path, because tests run in folders of their own", EnvOut)
	}
	return c, nil
}

// Close writes the report to the folder of CONTRACT_OUT, which is made, where FromEnv found one named; otherwise it
// does nothing. Only the first call writes. Call it when the servers behind the contract are closed.
func (c *Contract) Close() error {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	c.mu.Unlock()
	if already || c.out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(c.Report(), "", "  ")
	if err == nil {
		err = os.MkdirAll(c.out, 0o755)
	}
	if err != nil {
		return fmt.Errorf("write the contract's report: %w", err)
	}
	return writeWhole(c.out, string(c.edition), raw)
}

// writeWhole puts a file with a name of its own into a folder at once: a reader finds all of it or none.
func writeWhole(dir, name string, content []byte) error {
	file, err := os.CreateTemp(dir, name+"-*.part")
	if err != nil {
		return fmt.Errorf("write the contract's report: %w", err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), strings.TrimSuffix(file.Name(), ".part")+".json")
	}
	if err != nil {
		return fmt.Errorf("write the contract's report: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// ReadReports reads all reports that processes left in a folder. None is no error; a file that is no report is one.
func ReadReports(dir string) ([]Report, error) {
	files, err := fs.Glob(os.DirFS(dir), "*.json")
	if err != nil {
		return nil, fmt.Errorf("read the reports: %w", err)
	}
	var all []Report
	for _, name := range files {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read the reports: %w", err)
		}
		var r Report
		if err := json.Unmarshal(raw, &r); err != nil || r.Edition == "" {
			return nil, fmt.Errorf("read the reports: %s is no report of a contract", name)
		}
		all = append(all, r)
	}
	return all, nil
}

// Merge adds reports up, one for each edition, in the order of the editions' names.
func Merge(reports ...Report) []Report {
	byEdition := map[Edition]*Contract{}
	titles := map[Edition][]string{}
	for _, r := range reports {
		if byEdition[r.Edition] == nil {
			byEdition[r.Edition] = newContract(r.Edition)
		}
		byEdition[r.Edition].add(r)
		titles[r.Edition] = append(titles[r.Edition], r.Documents...)
	}
	var merged []Report
	for _, edition := range slices.Sorted(maps.Keys(byEdition)) {
		r := byEdition[edition].Report()
		slices.Sort(titles[edition])
		r.Documents = slices.Compact(titles[edition])
		merged = append(merged, r)
	}
	return merged
}

// add adds what a report says.
func (c *Contract) add(r Report) {
	for _, o := range r.Operations {
		count := c.operation(o.Name)
		count.Seen += o.Seen
		count.Validated += o.Validated
		addUp(count.Statuses, o.Statuses)
		addUp(count.Faults, o.Faults)
	}
	for _, v := range r.Violations {
		c.violations[v.Violation] += v.Times
	}
	addUp(c.missing, r.Missing)
	addUp(c.outside, r.Outside)
}

func addUp(to, from map[string]int) {
	for name, n := range from {
		to[name] += n
	}
}
