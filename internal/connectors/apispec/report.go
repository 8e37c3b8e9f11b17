package apispec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Contract is what one edition's documents promise, and how it was kept so far. It is safe for concurrent use.
type Contract struct {
	edition   Edition
	documents []document
	// out is the folder that Close writes to; "" for none.
	out string

	mu sync.Mutex
	// The rest is the report in the making.
	operations map[string]*OperationCount
	violations map[Violation]int
	missing    map[string]int
	outside    map[string]int
	closed     bool
}

func newContract(edition Edition) *Contract {
	return &Contract{
		edition: edition, operations: map[string]*OperationCount{}, violations: map[Violation]int{},
		missing: map[string]int{}, outside: map[string]int{},
	}
}

// Report is what was seen of one edition. It is JSON, and reports of several processes can be merged.
type Report struct {
	Edition Edition `json:"edition"`
	// Skipped is why nothing was checked; "" where the contract was held.
	Skipped string `json:"skipped,omitempty"`
	// Documents are the names and versions of the documents that were read.
	Documents []string `json:"documents"`
	// Operations are those that were seen and that the documents describe, by name.
	Operations []OperationCount `json:"operations"`
	// Violations are what the documents do not allow, without repetitions.
	Violations []ViolationCount `json:"violations"`
	// Missing are calls of operations that the documents do not have, by method and path, and how often.
	Missing map[string]int `json:"missing"`
	// Outside are calls of what the documents do not describe and need not, by the rule's path, and how often.
	Outside map[string]int `json:"outside"`
}

// OperationCount is how often an operation was seen.
type OperationCount struct {
	// Name is the method and the path with its parameters in braces: "GET /rest/api/3/issue/{issueIdOrKey}".
	Name string `json:"name"`
	// Seen counts all calls; Validated counts those with an answer of 200 to 299 in which both sides kept to the
	// documents.
	Seen      int `json:"seen"`
	Validated int `json:"validated"`
	// Statuses counts the answers that were judged by their status; Faults those that were spoiled on purpose by the
	// fault's name.
	Statuses map[string]int `json:"statuses"`
	Faults   map[string]int `json:"faults"`
}

// Violation is one way in which the contract was broken.
type Violation struct {
	Operation string `json:"operation"`
	Side      Side   `json:"side"`
	// What names the place and says what is wrong there. It holds no values.
	What string `json:"what"`
}

// ViolationCount is a violation and how often it happened.
type ViolationCount struct {
	Violation
	Times int `json:"times"`
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Operation, v.Side, v.What) }

// record judges an exchange by every document that describes it, and adds it to the report.
func (c *Contract) record(x exchange) {
	routes := c.routesOf(x.request)
	if len(routes) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.missing[x.request.Method+" "+x.request.URL.Path]++
		return
	}
	var found []finding
	for _, at := range routes {
		found = append(found, validate(at, x)...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := routes[0]
	count := c.operation(at.name)
	count.Seen++
	if x.fault != "" {
		count.Faults[x.fault]++
	} else {
		count.Statuses[strconv.Itoa(x.status)]++
	}
	if len(found) == 0 && x.fault == "" && x.status/100 == 2 {
		count.Validated++
	}
	for _, f := range found {
		c.violations[Violation{Operation: at.name, Side: f.side, What: f.what}]++
	}
}

// operation returns the count of an operation. The caller holds the lock.
func (c *Contract) operation(name string) *OperationCount {
	count := c.operations[name]
	if count == nil {
		count = &OperationCount{Name: name, Statuses: map[string]int{}, Faults: map[string]int{}}
		c.operations[name] = count
	}
	return count
}

// countOutside reports whether a path is none of the documents' business, and counts it.
func (c *Contract) countOutside(path string) bool {
	rule, outside := outsideRule(path)
	if outside {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.outside[rule.Path]++
	}
	return outside
}

// Report is what was seen until now. A call that is not answered yet is not in it.
func (c *Contract) Report() Report {
	r := Report{Edition: c.edition, Operations: []OperationCount{}, Violations: []ViolationCount{}}
	for _, d := range c.documents {
		r.Documents = append(r.Documents, d.title)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Missing, r.Outside = maps.Clone(c.missing), maps.Clone(c.outside)
	for _, count := range c.operations {
		one := *count
		one.Statuses, one.Faults = maps.Clone(one.Statuses), maps.Clone(one.Faults)
		r.Operations = append(r.Operations, one)
	}
	for v, times := range c.violations {
		r.Violations = append(r.Violations, ViolationCount{v, times})
	}
	r.sort()
	return r
}

func (r *Report) sort() {
	slices.SortFunc(r.Operations, func(a, b OperationCount) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.Violations, func(a, b ViolationCount) int {
		return cmp.Or(strings.Compare(a.Operation, b.Operation), strings.Compare(string(a.Side), string(b.Side)), strings.Compare(a.What, b.What))
	})
	slices.Sort(r.Documents)
}

// Validated is how many operations were validated at least once.
func (r Report) Validated() int { return len(r.Operations) - len(r.NotValidated()) }

// NotValidated are the operations that were seen and never validated, by name.
func (r Report) NotValidated() []string {
	var names []string
	for _, o := range r.Operations {
		if o.Validated == 0 {
			names = append(names, o.Name)
		}
	}
	return names
}

// Broken returns, a line each, how the contract was broken: the violations and the operations that the documents do not have.
// It is empty for a report that is clean so far; NotValidated is a question for the end of all tests.
func (r Report) Broken() []string {
	var lines []string
	for _, v := range r.Violations {
		lines = append(lines, fmt.Sprintf("%s: %s (%d times)", r.Edition, v.Violation, v.Times))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		lines = append(lines, fmt.Sprintf("%s: %s: the documents have no such operation (%d times)", r.Edition, name, r.Missing[name]))
	}
	return lines
}
