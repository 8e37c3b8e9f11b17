package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// mend returns the patch that puts one body in place of the function's.
func mend(header, body string) string {
	return header + "\n--- a/x.go\n+++ b/x.go\n@@ -1,3 +1,3 @@\n package x\n \n-func One() int { return 1 }\n+func One() int { " + body + " }\n"
}

func TestMutantsAreNoticedOrNot(t *testing.T) {
	const header = "what: One is wrong\ntest: ."
	const test = "package x\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tif One() < 1 {\n\t\tt.Fatal(One())\n\t}\n}\n"
	rows := map[string]struct{ patch, test, want string }{
		"a mistake that a test notices":   {mend(header, "return 0"), test, ""},
		"a mistake that no test notices":  {mend(header, "return 2"), test, "1 mistakes were not noticed"},
		"a mistake that does not build":   {mend(header, "return nil"), test, "1 mistakes were not noticed"},
		"a patch that does not fit":       {header + "\n--- a/x.go\n+++ b/x.go\n@@ -1 +1 @@\n-package y\n+package z\n", test, "1 mistakes were not noticed"},
		"tests that are red already":      {mend("what: a\ntest: -run TestOne .", "return 0"), "package x\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) { t.Fatal() }\n", "1 mistakes were not noticed"},
		"a patch that says no test":       {mend("what: a", "return 0"), test, `expected a line "what: ..." and then a line "test: ..."`},
		"a patch that says no what":       {mend("test: .", "return 0"), test, `expected a line "what: ..." and then a line "test: ..."`},
		"a folder in which is no mistake": {"", test, "there are no patches"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "go.mod", "module x\n\ngo 1.26\n")
			write(t, "x.go", "package x\n\nfunc One() int { return 1 }\n")
			write(t, "x_test.go", row.test)
			if row.patch != "" {
				write(t, "planted/one.patch", row.patch)
			}
			output, err := exec.CommandContext(t.Context(), "git", "init", "-q").CombinedOutput()
			require.NoError(t, err, string(output))

			err = run(t.Context(), "planted")
			if row.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, row.want)
			}
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o750))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}
