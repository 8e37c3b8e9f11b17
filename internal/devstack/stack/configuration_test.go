package stack

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// written is a stack whose configuration is written, and of which nothing runs.
func written(t *testing.T, options Options) *Stack {
	t.Helper()
	options.Dir = t.TempDir()
	options, err := options.withDefaults()
	require.NoError(t, err)
	s := &Stack{options: options, since: time.Now()}
	require.NoError(t, s.chooseAddresses(t.Context()))
	s.defineServices()
	require.NoError(t, s.writeConfiguration())
	t.Cleanup(func() { s.worker.crash(); s.starter.crash() })
	return s
}

// The programs themselves are the judges: they refuse a configuration that is wrong, and answer /livez with one that is
// right, though nothing else of the stack runs.
func TestConfiguration_is_taken(t *testing.T) {
	bin := t.TempDir()
	for name, options := range map[string]Options{
		"with the simulator's Jira":        {},
		"without a Temporal UI":            {Headless: true},
		"with a Temporal that is not ours": {TemporalAddress: "127.0.0.1:1"},
		"with staff":                       {Staff: true, Joined: true, Groups: true},
		"with a real Jira":                 {Jira: &RealJira{URL: "https://example.atlassian.net", User: "u@example.com", Project: "ACCESS", IssueType: "Task", FulfilledBy: []string{"nobody"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("JIRA_TOKEN", "not a real one")
			options.BinDir = bin
			s := written(t, options)
			require.NoError(t, s.buildPrograms(t.Context()))
			s.worker.ready = func(ctx context.Context) error { return answers(ctx, s.urls.WorkerHealth+"/livez") }
			require.NoError(t, s.worker.start(t.Context()))
			s.starter.ready = func(ctx context.Context) error { return answers(ctx, s.urls.API+"/livez") }
			require.NoError(t, s.starter.start(t.Context()))
		})
	}
}

func TestSecrets_file_mode(t *testing.T) {
	s := written(t, Options{})
	files, err := filepath.Glob(filepath.Join(s.Dir(), "secrets", "*"))
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range append(files, filepath.Join(s.Dir(), workerFile), filepath.Join(s.Dir(), starterFile)) {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
	before, err := s.webhookSecret()
	require.NoError(t, err)
	require.NoError(t, s.writeConfiguration())
	after, err := s.webhookSecret()
	require.NoError(t, err)
	require.Equal(t, before, after, "the desk and usher go on with the secret that they have")
}

func TestCatalog_is_kept(t *testing.T) {
	s := written(t, Options{})
	file := filepath.Join(s.Dir(), catalogFile)
	require.NoError(t, os.WriteFile(file, []byte("# mine\n"), 0o600))
	require.NoError(t, s.writeConfiguration())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# mine\n", string(text))
	s.options.Catalog = DemoCatalog()
	require.NoError(t, s.writeConfiguration())
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, DemoCatalog(), string(text), "a catalog that is asked for wins")
}

func TestEnvironment_of_parts(t *testing.T) {
	t.Setenv("USHER_LEDGER_URL", "sqlite:elsewhere.db")
	t.Setenv("TEMPORAL_NAMESPACE", "elsewhere")
	own := &Stack{}
	require.NotContains(t, own.environment(), "USHER_LEDGER_URL=sqlite:elsewhere.db")
	require.NotContains(t, own.environment(), "TEMPORAL_NAMESPACE=elsewhere")
	require.Contains(t, own.environment("USHER_DESKS_JIRA_POLL_INITIAL_INTERVAL=1s"), "USHER_DESKS_JIRA_POLL_INITIAL_INTERVAL=1s")
	theirs := &Stack{options: Options{TemporalAddress: "temporal.example.com:7233"}}
	require.Contains(t, theirs.environment(), "TEMPORAL_NAMESPACE=elsewhere")
}

func TestSearchAttributes_names(t *testing.T) {
	text, err := os.ReadFile("../../../workflows/messages.go")
	require.NoError(t, err)
	var want [][2]string
	for _, m := range regexp.MustCompile(`\tAttribute(\w+) += .*// (Keyword|Datetime|KeywordList):`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, [2]string{"Usher" + m[1], m[2]})
	}
	require.Len(t, want, 6)
	require.ElementsMatch(t, want, searchAttributes())
}

func TestStateIsWhatOthersRead(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadState(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	state := State{URLs: URLs{API: "http://127.0.0.1:1"}, Pids: Pids{Stack: 1, Worker: 2}, Dir: dir, Ready: true, Since: time.Unix(1, 0).UTC()}
	require.NoError(t, writeState(dir, state))
	read, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, state, read)
}
