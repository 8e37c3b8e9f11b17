package arch_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, from this package.
const root = "../.."

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	pathLike = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)
	symbol   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// words are quoted for another reason than being a symbol of ours.
var words = map[string]bool{"Idempotency": true, "ensure": true, "run": true}

func TestArchitecturePage_names_exist(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	code := source(t)
	files, symbols := 0, 0
	for _, match := range quoted.FindAllStringSubmatch(string(page), -1) {
		name := match[1]
		switch {
		case pathLike.MatchString(name) && strings.Contains(name, "."):
			files++
			require.FileExists(t, filepath.Join(root, name), "docs/architecture.md names it")
		case pathLike.MatchString(name) && !strings.HasPrefix(name, "bin/"):
			files++
			_, err := os.Stat(place(name))
			require.NoError(t, err, "docs/architecture.md names the folder %s", name)
		case symbol.MatchString(name) && !words[name]:
			symbols++
			require.Regexp(t, `\b`+name+`\b`, code, "docs/architecture.md names %s", name)
		}
	}
	require.GreaterOrEqual(t, files, 15, "files that the page names")
	require.GreaterOrEqual(t, symbols, 6, "symbols that the page names")
}

// place is where a folder is that the page may name relative to internal/ ("connectors/jira") or to the repository.
func place(name string) string {
	below := filepath.Join(root, "internal", name)
	if _, err := os.Stat(below); err == nil {
		return below
	}
	return filepath.Join(root, name)
}

func TestArchitecturePage_ten_steps(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	_, walk, found := strings.Cut(string(page), "## One request, in ten steps\n")
	require.True(t, found)
	walk, _, _ = strings.Cut(walk, "\n## ")
	steps := regexp.MustCompile("(?m)^[0-9]+\\. `[^`]+`:").FindAllString(walk, -1)
	require.NotEmpty(t, steps)
	require.LessOrEqual(t, len(steps), 10)
}

// source is the Go code of the repository, tests left out.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "bin") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	require.NoError(t, err)
	return all.String()
}
