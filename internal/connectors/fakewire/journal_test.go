package fakewire_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

// kept is a state of numbers in a file.
type kept struct {
	*fakewire.Journal
	file    string
	numbers []int
}

func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{file: filepath.Join(t.TempDir(), "state.jsonl")}
	k.Journal = fakewire.NewJournal(k.file, func(yield func(any) bool) {
		for _, n := range k.numbers {
			if !yield(n) {
				return
			}
		}
	})
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func (k *kept) add(numbers ...int) error {
	var lines []any
	for _, n := range numbers {
		lines = append(lines, n)
	}
	k.numbers = append(k.numbers, numbers...)
	return k.Append(lines...)
}

func (k *kept) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(k.file)
	require.NoError(t, err)
	return string(text)
}

func TestJournal_begins_with_the_state(t *testing.T) {
	k := newKept(t)
	k.numbers = []int{1, 2}
	require.NoError(t, os.WriteFile(k.file, []byte("what was there before"), 0o600))
	require.NoError(t, k.add(3))
	require.Equal(t, "1\n2\n3\n", k.text(t))
	require.NoError(t, k.add(4, 5))
	require.Equal(t, "1\n2\n3\n4\n5\n", k.text(t))
	require.NoError(t, k.Close())
	require.NoError(t, k.Close())
	k.numbers = []int{8}
	require.NoError(t, k.add(9))
	require.Equal(t, "8\n9\n", k.text(t))
	left, err := filepath.Glob(k.file + "*")
	require.NoError(t, err)
	require.Equal(t, []string{k.file}, left, "no half-written file stays behind")
}

func TestJournal_compaction(t *testing.T) {
	k := newKept(t)
	longest, shorter := int64(0), 0
	for before, n := int64(0), 0; n < 40_000; n++ {
		k.numbers = nil
		require.NoError(t, k.add(1_000_000+n))
		now, err := os.Stat(k.file)
		require.NoError(t, err)
		if now.Size() < before {
			shorter++
		}
		before, longest = now.Size(), max(longest, now.Size())
	}
	require.GreaterOrEqual(t, shorter, 2)
	require.Less(t, longest, int64(100<<10))
}

func TestState_failed_write(t *testing.T) {
	k := newKept(t)
	require.NoError(t, k.add(1))
	require.NoError(t, k.BreakFile())
	require.Error(t, k.add(2))
	require.NoError(t, k.add(3))
	require.Equal(t, "1\n2\n3\n", k.text(t))
	require.NoError(t, k.BreakFile())
	require.NoError(t, os.RemoveAll(filepath.Dir(k.file)))
	require.Error(t, k.add(4))
	require.Error(t, k.add(5), "there is no folder")
}

func TestState_no_json(t *testing.T) {
	k := newKept(t)
	require.NoError(t, k.add(1))
	require.Error(t, k.Append(func() {}))
	require.Equal(t, "1\n", k.text(t))
	require.Error(t, fakewire.NewJournal(k.file, func(yield func(any) bool) { yield(func() {}) }).Rewrite())
	require.Equal(t, "1\n", k.text(t))
}

func TestJournal_none(t *testing.T) {
	var j *fakewire.Journal
	require.NoError(t, j.Append(1))
	require.NoError(t, j.Close())
}

func TestJournal_values(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want []string
		err  error
	}{
		"none":                   {"", nil, nil},
		"lines":                  {"{\"a\":1}\n2\n", []string{`{"a":1}`, "2"}, nil},
		"with line breaks":       {"{\n\"a\": 1\n}\n2", []string{"{\n\"a\": 1\n}", "2"}, nil},
		"half a line at the end": {"1\n{\"a\":", []string{"1"}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			values, last := read(row.text)
			require.Equal(t, row.want, values)
			require.ErrorIs(t, last, row.err)
		})
	}
	values, err := read("1\nhello\n2\n")
	require.Equal(t, []string{"1"}, values)
	var syntax *json.SyntaxError
	require.ErrorAs(t, err, &syntax)
}

func read(text string) (values []string, last error) {
	for v, err := range fakewire.Values([]byte(text)) {
		if err != nil {
			return values, err
		}
		values = append(values, string(v))
	}
	return values, nil
}
