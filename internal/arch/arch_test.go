package arch_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"usher/internal/arch"
)

func TestCheck_of_the_module(t *testing.T) {
	require.Empty(t, texts(arch.Check(os.DirFS("../.."))))
}

func TestCheckSize_of_the_module(t *testing.T) {
	require.Empty(t, texts(arch.CheckSize(os.DirFS("../.."))))
}

func texts(violations []arch.Violation) []string {
	var all []string
	for _, v := range violations {
		all = append(all, v.String())
	}
	return all
}

// file is a Go file that imports packages.
func file(imports ...string) *fstest.MapFile {
	var text strings.Builder
	text.WriteString("package planted\n")
	for _, one := range imports {
		fmt.Fprintf(&text, "import _ %q\n", one)
	}
	return &fstest.MapFile{Data: []byte(text.String())}
}

func TestCheck_violations(t *testing.T) {
	const (
		rule1 = "rule 1: it imports %s, but internal/access imports nothing of ours"
		rule2 = "rule 2: it imports %s, but an internal package imports internal/access and no sibling"
		rule3 = "rule 3: it imports %s, but activities imports internal/access, internal/policy, internal/ledger, internal/intake, internal/snapshot, internal/usersync and internal/personexpr, and never a connector"
		rule4 = "rule 4: it imports %s, but workflows imports internal/access, internal/policy and activities, and a workflow's folder never another workflow's"
		rule5 = "rule 5: it imports %s, but starter imports workflows and plain internal helpers, and never a connector"
		rule6 = "rule 6: it imports %s, but worker alone may import everything below it, save what serves only development and tests"
		rule8 = "rule 8: it imports %s, but fx, sdk/workflow, sdk/client and go-jira are confined"
	)
	rows := []struct{ file, imported, want string }{
		{"internal/access/x.go", "usher/internal/policy", rule1},
		{"internal/access/x_test.go", "usher/internal/policy", rule1},
		{"internal/access/accesstest/x.go", "usher/internal/connectors/memory", rule2},
		{"internal/policy/x.go", "usher/internal/ledger", rule2},
		{"internal/policy/x.go", "usher/workflows", rule2},
		{"internal/ledger/x_test.go", "usher/internal/policy", rule2},
		{"internal/temporalclient/x.go", "usher/internal/config", rule2},
		{"internal/connectors/memory/x.go", "usher/internal/rest", rule2},
		{"internal/connectors/jira/x.go", "usher/internal/connectors/scim", rule2},
		{"internal/connectors/desk/x.go", "usher/internal/rest", rule2},
		{"internal/connectors/desk/x.go", "usher/internal/connectors/jira", rule2},
		{"internal/connectors/jira/x.go", "usher/internal/connectors/jira/jiratest", rule2},
		{"internal/connectors/jira/jiratest/x.go", "usher/internal/connectors/scim", rule2},
		{"internal/simulator/x.go", "usher/internal/connectors/jira", rule2},
		{"internal/devstack/x.go", "usher/workflows", rule2},
		{"internal/config/x.go", "usher/worker", rule2},
		{"activities/x.go", "usher/internal/connectors/jira", rule3},
		{"activities/x.go", "usher/internal/connectors/memory", rule3},
		{"activities/x.go", "usher/workflows", rule3},
		{"workflows/x.go", "usher/internal/ledger", rule4},
		{"workflows/x.go", "usher/internal/connectors/memory", rule4},
		{"workflows/x_test.go", "usher/internal/connectors/jira", rule4},
		{"workflows/people/x.go", "usher/internal/snapshot", rule4},
		{"workflows/people/x.go", "usher/workflows/durable", rule4},
		{"internal/snapshot/x.go", "usher/internal/ledger", rule2},
		{"internal/snapshot/x.go", "usher/internal/personexpr", rule2},
		{"internal/personexpr/x.go", "usher/internal/usersync", rule2},
		{"starter/x.go", "usher/internal/connectors/jira", rule5},
		{"starter/httpapi/x.go", "usher/activities", rule5},
		{"starter/gateway/x.go", "usher/internal/rest", rule5},
		{"worker/x.go", "usher/starter/gateway", rule6},
		{"worker/x.go", "usher/internal/connectors/jira/jiratest", rule6},
		{"worker/x.go", "usher/internal/simulator", rule6},
		{"activities/x.go", "go.uber.org/fx", rule8},
		{"starter/gateway/x.go", "go.uber.org/fx/fxevent", rule8},
		{"activities/x.go", "go.temporal.io/sdk/workflow", rule8},
		{"worker/x.go", "go.temporal.io/sdk/workflow", rule8},
		{"starter/httpapi/x.go", "go.temporal.io/sdk/client", rule8},
		{"workflows/request/x.go", "go.temporal.io/sdk/client", rule8},
		{"internal/connectors/scim/x.go", "github.com/andygrunwald/go-jira", rule8},
		{"activities/x.go", "github.com/google/cel-go/cel", rule8},
		{"internal/connectors/jira/jiratest/x.go", "github.com/andygrunwald/go-jira/v2/cloud", rule8},
	}
	for _, row := range rows {
		t.Run(row.file+" must not import "+row.imported, func(t *testing.T) {
			found := arch.Check(fstest.MapFS{row.file: file("fmt", row.imported)})
			require.Len(t, found, 1)
			want := fmt.Sprintf(row.want, strings.TrimPrefix(row.imported, "usher/"))
			require.True(t, strings.HasPrefix(found[0].String(), row.file+": "+want), found[0].String())
		})
	}
}

func TestCheck_folder_without_rule(t *testing.T) {
	for _, folder := range []string{"cmd/usher", "internal/util", "internal/policy/deep", "internal/connectors/jira/deep", "starter/other", "tools"} {
		t.Run(folder, func(t *testing.T) {
			found := arch.Check(fstest.MapFS{folder + "/a.go": file(), folder + "/b.go": file("usher/worker")})
			require.Equal(t, []string{folder + ": rule 7: the folder has Go files and no rule, " +
				"but a folder with no rule is an error: a new room is a decision, with a half-page ADR"}, texts(found))
		})
	}
	require.Len(t, arch.Check(fstest.MapFS{"main.go": file()}), 1, "the top of the module is no room")
}

func TestCheck_allowed(t *testing.T) {
	house := fstest.MapFS{
		"internal/access/x.go":                    file("fmt"),
		"internal/access/x_test.go":               file("usher/internal/access"),
		"internal/policy/x.go":                    file("usher/internal/access"),
		"internal/ledger/ledgertest/x.go":         file("usher/internal/ledger"),
		"internal/temporalclient/x.go":            file("usher/internal/telemetry", "go.temporal.io/sdk/client"),
		"internal/connectors/jira/x.go":           file("usher/internal/rest", "usher/internal/connectors/desk", "github.com/andygrunwald/go-jira"),
		"internal/connectors/jira/x_test.go":      file("usher/internal/connectors/jira/jiratest", "usher/internal/access/accesstest"),
		"internal/connectors/jira/jiratest/x.go":  file("usher/internal/connectors/jira"),
		"internal/simulator/x.go":                 file("usher/internal/connectors/scim/scimtest"),
		"internal/e2e/x_test.go":                  file("usher/worker", "usher/starter/gateway", "usher/internal/connectors/jira/jiratest"),
		"activities/x.go":                         file("usher/internal/ledger", "usher/internal/policy", "go.temporal.io/sdk/client"),
		"activities/x_test.go":                    file("usher/internal/connectors/memory"),
		"workflows/x.go":                          file("usher/activities", "go.temporal.io/sdk/workflow"),
		"workflows/x_test.go":                     file("usher/internal/ledger", "usher/internal/connectors/memory", "go.temporal.io/sdk/client"),
		"starter/main.go":                         file("usher/starter/httpapi", "go.uber.org/fx"),
		"starter/gateway/x.go":                    file("usher/workflows", "go.temporal.io/sdk/client"),
		"worker/main.go":                          file("usher/internal/connectors/jira", "usher/workflows", "go.uber.org/fx", "go.temporal.io/sdk/client"),
		"internal/tools/lint/go.mod":              {Data: []byte("module x")},
		"internal/tools/lint/x.go":                file("usher/worker"),
		"internal/policy/testdata/x.go":           file("usher/worker"),
		"internal/connectors/node_modules/a/x.go": file("usher/worker"),
		".hidden/x.go":                            file("usher/worker"),
	}
	require.Empty(t, texts(arch.Check(house)))
}

func TestCheck_unparsable_file(t *testing.T) {
	found := arch.Check(fstest.MapFS{"worker/x.go": {Data: []byte("no package")}})
	require.Len(t, found, 1)
	require.Contains(t, found[0].String(), "worker/x.go: no rule can be checked")
}

func TestCheckSize(t *testing.T) {
	long := func(first string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(first + "package x\n" + strings.Repeat("\n", arch.MaxLines))}
	}
	found := arch.CheckSize(fstest.MapFS{
		"worker/long.go":           long(""),
		"worker/claims_only.go":    long("// This file holds Code generated nowhere.\n"),
		"worker/generated.go":      long("// Code generated by a tool. DO NOT EDIT.\n\n"),
		"worker/short.go":          {Data: []byte("package x\n" + strings.Repeat("\n", arch.MaxLines-1))},
		"worker/testdata/input.go": long(""),
	})
	var files []string
	for _, v := range found {
		files = append(files, v.File)
		require.Equal(t, "style: size", v.Rule)
	}
	slices.Sort(files)
	require.Equal(t, []string{"worker/claims_only.go", "worker/long.go"}, files)
	require.Contains(t, found[0].Text, "found 502 lines; a file has about 300, and 500 at most")
}

func TestCheck_waiting_workflows(t *testing.T) {
	waits := func(what string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("package planted\n\nfunc f() { " + what + " }\n")}
	}
	for _, what := range []string{
		"workflow.Go(ctx, f)", "workflow.Sleep(ctx, 1)", "workflow.NewTimer(ctx, 1)", "workflow.NewSelector(ctx)",
		"workflow.GetSignalChannel(ctx, name).Receive(ctx, nil)",
	} {
		for dir, bad := range map[string]bool{"workflows/request": true, "workflows": true, "workflows/durable": false, "worker": false} {
			found := strings.Join(texts(arch.Check(fstest.MapFS{dir + "/x.go": waits(what)})), "\n")
			require.Equal(t, bad, strings.Contains(found, "rule 9: it uses workflow."), "%s in %s: %s", what, dir, found)
		}
	}
	require.Empty(t, texts(arch.Check(fstest.MapFS{"workflows/request/x.go": waits("workflow.Await(ctx, f)")})))
}
