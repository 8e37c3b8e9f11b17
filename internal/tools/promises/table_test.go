package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lines are the events of tests: "<action> <package> <test>" each, or a line of output of that test.
func lines(all ...string) string {
	var b strings.Builder
	for _, line := range all {
		parts := strings.SplitN(line, " ", 4)
		output := ""
		if len(parts) == 4 {
			output = `,"Output":"    suite_test.go:7: ` + parts[3] + `\n"`
		}
		b.WriteString(`{"Action":"` + parts[0] + `","Package":"usher/internal/connectors/` + parts[1] + `","Test":"` + parts[2] + `"` + output + "}\n")
	}
	return b.String()
}

func read(t *testing.T, all ...string) (*table, string) {
	t.Helper()
	table := newTable()
	require.NoError(t, table.read(strings.NewReader(lines(all...))))
	var out strings.Builder
	table.print(&out)
	return table, out.String()
}

func good() []string {
	return []string{
		"output jira TestServiceDesk/cloud/found promise: a ticket is found", "output jira TestServiceDesk/cloud/cut promise: texts are cut",
		"output memory TestServiceDesk/found promise: a ticket is found", "output memory TestServiceDesk/cut promise: texts are cut",
		"output rt TestServiceDesk/found promise: a ticket is found", "output rt TestServiceDesk/cut promise: texts are cut",
		"pass memory TestServiceDesk/cut/in_the_middle",
		"pass jira TestServiceDesk/cloud/found", "pass jira TestServiceDesk/cloud/cut", "pass jira TestServiceDesk/cloud",
		"pass memory TestServiceDesk/found", "pass memory TestServiceDesk/cut", "pass memory TestServiceDesk", "pass jira TestServiceDesk",
		"pass memory TestOther/a_thing",
	}
}

func TestTable(t *testing.T) {
	table, printed := read(t, good()...)
	require.NoError(t, table.problem([]string{"jira/cloud", "memory"}))
	require.Equal(t, strings.Join([]string{
		"promise            jira/cloud  memory",
		"a ticket is found  yes         yes",
		"texts are cut      yes         yes",
		"promises kept      2/2         2/2",
		"with a fallback    0           0",
		"",
	}, "\n"), printed)
}

func TestTable_fallback(t *testing.T) {
	table, printed := read(t, append(good(),
		"output rt TestServiceDesk/cut fallback: no limit (https://docs.example.test/limits)", "pass rt TestServiceDesk/cut",
		"output rt TestServiceDesk real server: Request Tracker 5.0.3", "pass rt TestServiceDesk/found")...)
	require.NoError(t, table.problem(nil))
	require.Contains(t, printed, "texts are cut      yes         yes       fallback\n")
	require.Contains(t, printed, "fallback: texts are cut: no limit (https://docs.example.test/limits)\n")
	require.Contains(t, printed, "real server: Request Tracker 5.0.3\n")
}

func TestTable_problems(t *testing.T) {
	for name, row := range map[string]struct {
		events []string
		need   []string
		want   string
	}{
		"no desk":               {nil, nil, "found no desk"},
		"a desk that is needed": {good(), []string{"rt"}, "rt is not there"},
		"a failure":             {append(good(), "fail rt TestServiceDesk/cut", "pass rt TestServiceDesk/found"), nil, "rt: 1 of 2 promises are not kept"},
		"a failed fallback": {
			append(good(), "output rt TestServiceDesk/cut fallback: x", "fail rt TestServiceDesk/cut", "pass rt TestServiceDesk/found"),
			nil, "rt: 1 of 2",
		},
		"a test that was skipped": {append(good(), "skip rt TestServiceDesk/cut", "pass rt TestServiceDesk/found"), nil, "rt: 1 of 2"},
		"a test that is missing":  {append(good(), "pass rt TestServiceDesk/found"), nil, "rt: 1 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			table, _ := read(t, row.events...)
			require.ErrorContains(t, table.problem(row.need), row.want)
		})
	}
	require.ErrorContains(t, newTable().read(strings.NewReader("ok usher")), "expected the output of go test -json")
}
