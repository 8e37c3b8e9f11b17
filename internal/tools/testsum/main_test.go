package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const stream = `
{"Action":"output","Package":"a","Output":"-test.shuffle 42\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    x_test.go:1: real server: Temporal 1.29\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    x_test.go:5: row one  tickets=1\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    x_test.go:6: a row of which nobody needs to know\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    x_test.go:7: continuations: scenarios 1, points 2\n"}
{"Action":"pass","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestMany","Output":"=== RUN   TestMany\n"}
{"Action":"output","Package":"a","Test":"TestMany","Output":"    x_test.go:2: around both\n"}
{"Action":"pass","Package":"a","Test":"TestMany/one"}
{"Action":"output","Package":"a","Test":"TestMany/two","Output":"    x_test.go:3: found 1, expected 2\n"}
{"Action":"fail","Package":"a","Test":"TestMany/two"}
{"Action":"fail","Package":"a","Test":"TestMany"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"=== RUN   TestAway\n"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"    x_test.go:4: slapd is missing\n"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"--- SKIP: TestAway (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestAway"}
{"Action":"fail","Package":"a","Elapsed":1.5}
{"Action":"skip","Package":"without/tests"}
{"Action":"output","Package":"b","Test":"TestDies","Output":"panic: boom\n"}
{"Action":"fail","Package":"b"}
{"ImportPath":"c [c.test]","Action":"build-output","Output":"c.go:1: undefined: x\n"}
{"ImportPath":"c [c.test]","Action":"build-fail"}
{"Action":"fail","Package":"c","FailedBuild":"c [c.test]"}
{"Action":"pass","Package":"d","Test":"TestFine"}
{"Action":"pass","Package":"d","Elapsed":0.25}
go: a line that is no event`

func read(t *testing.T, stream string, red ...string) (printed string, r result) {
	t.Helper()
	list := redList{}
	for _, test := range red {
		list[test] = "3"
	}
	var out bytes.Buffer
	reader := newReader(&out, list)
	require.NoError(t, reader.read(strings.NewReader(strings.TrimSpace(stream))))
	r = reader.result()
	r.print(&out)
	return out.String(), r
}

func TestReader(t *testing.T) {
	printed, r := read(t, stream)
	require.Equal(t, `row one  tickets=1
continuations: scenarios 1, points 2
FAIL  a  1.5s
      -test.shuffle 42
      === RUN   TestMany
          x_test.go:2: around both
          x_test.go:3: found 1, expected 2
FAIL  b  0.0s
      panic: boom
FAIL  c  0.0s
      c.go:1: undefined: x
ok    d  1 tests  0.2s
go: a line that is no event
real servers:
  Temporal 1.29

skipped:
  a TestAway: x_test.go:4: slapd is missing

skipped 1
3 passed, 3 failed, 1 skipped
`, printed)
	require.False(t, r.ok(false))
}

func TestSummary_run(t *testing.T) {
	rows := map[string]struct {
		result        result
		loose, strict bool
	}{
		"all passed":     {result{Passed: 1}, true, true},
		"one failed":     {result{Passed: 1, Failed: 1}, false, false},
		"one skipped":    {result{Passed: 1, Skipped: []string{"x"}}, true, false},
		"one excused":    {result{Passed: 1, Skipped: []string{"x: " + excused + ` JIRA_SPECS=""`}}, true, true},
		"only expected":  {result{ExpectedRed: 1}, true, true},
		"no test at all": {result{}, false, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.loose, row.result.ok(false))
			require.Equal(t, row.strict, row.result.ok(true))
		})
	}
}

func TestSummary_parent_fails_alone(t *testing.T) {
	_, r := read(t, `{"Action":"pass","Package":"a","Test":"T/one"}
{"Action":"fail","Package":"a","Test":"T"}
{"Action":"fail","Package":"a"}`)
	require.Equal(t, 1, r.Failed)
	require.Equal(t, 1, r.Passed)
}

func TestTotalsAddUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totals")
	require.NoError(t, addTotals(path, result{Passed: 2, Skipped: []string{"b"}, Servers: []string{"y", "x"}}))
	require.NoError(t, addTotals(path, result{Passed: 3, Failed: 1, ExpectedRed: 2, Skipped: []string{"b", "a"}, Servers: []string{"x"}}))
	total, err := readTotals(path)
	require.NoError(t, err)
	require.Equal(t, result{Passed: 5, Failed: 1, ExpectedRed: 2, Skipped: []string{"a", "b"}, Servers: []string{"x", "y"}}, total)
}
