package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const redStream = `
{"Action":"pass","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestMany/two","Output":"    x_test.go:3: found 1, expected 2\n"}
{"Action":"fail","Package":"a","Test":"TestMany/two"}
{"Action":"pass","Package":"a","Test":"TestMany/one"}
{"Action":"fail","Package":"a","Test":"TestMany"}
{"Action":"fail","Package":"a","Test":"TestAlone"}
{"Action":"output","Package":"a","Output":"FAIL\n"}
{"Action":"fail","Package":"a","Elapsed":1.5}`

func TestExpectedRed(t *testing.T) {
	t.Run("tests that are listed do not fail the run", func(t *testing.T) {
		printed, r := read(t, redStream, "a TestMany/two", "a TestAlone", "a TestElsewhere", "b TestMany/one")
		require.Equal(t, "ok    a  4 tests, expected red 2  1.5s\n\nskipped 0\nexpected red 2\n2 passed, 0 failed, 0 skipped\n", printed)
		require.True(t, r.ok(true))
	})
	t.Run("a test that is not listed fails the run", func(t *testing.T) {
		printed, r := read(t, redStream, "a TestAlone")
		require.Contains(t, printed, "found 1, expected 2")
		require.Equal(t, result{Passed: 2, Failed: 1, ExpectedRed: 1}, r)
		require.False(t, r.ok(false))
	})
	t.Run("a line for a parent excuses none of its subtests", func(t *testing.T) {
		_, r := read(t, redStream, "a TestMany", "a TestAlone")
		require.Equal(t, 1, r.Failed)
	})
	t.Run("a test that passes and is still listed fails the run", func(t *testing.T) {
		printed, r := read(t, redStream, "a TestMany/one", "a TestMany/two", "a TestAlone")
		require.Equal(t, "FAIL  a  1.5s\n      TestMany/one passed and is still listed: remove its line\n"+
			"\nskipped 0\nexpected red 2\n1 passed, 1 failed, 0 skipped\n", printed)
		require.False(t, r.ok(false))
	})
	t.Run("a parent that passes and is still listed fails the run", func(t *testing.T) {
		printed, r := read(t, `{"Action":"pass","Package":"a","Test":"T/one"}
{"Action":"pass","Package":"a","Test":"T"}
{"Action":"pass","Package":"a"}`, "a T")
		require.Contains(t, printed, "T passed and is still listed: remove its line")
		require.Equal(t, result{Passed: 1, Failed: 1}, r)
	})
}

func TestExpectedRed_excuses_no_more(t *testing.T) {
	rows := map[string]string{
		"a panic in a test that is listed": `{"Action":"output","Package":"a","Test":"TestDies","Output":"panic: boom\n"}
{"Action":"fail","Package":"a","Test":"TestDies"}
{"Action":"fail","Package":"a"}`,
		"a panic after a test that is listed has failed": `{"Action":"fail","Package":"a","Test":"TestDies"}
{"Action":"output","Package":"a","Test":"TestNext","Output":"panic: boom\n"}
{"Action":"fail","Package":"a"}`,
		"a panic after a test that is listed has passed": `{"Action":"pass","Package":"a","Test":"TestDies"}
{"Action":"output","Package":"a","Test":"TestNext","Output":"panic: boom\n"}
{"Action":"fail","Package":"a"}`,
		"a panic without a test": `{"Action":"output","Package":"a","Output":"panic: boom\n"}
{"Action":"fail","Package":"a"}`,
		"a build that fails": `{"ImportPath":"a [a.test]","Action":"build-output","Output":"panic: boom\n"}
{"Action":"fail","Package":"a","FailedBuild":"a [a.test]"}`,
	}
	for name, stream := range rows {
		t.Run(name, func(t *testing.T) {
			printed, r := read(t, stream, "a TestDies")
			require.Contains(t, printed, "FAIL  a")
			require.Positive(t, r.Failed)
			require.Zero(t, r.ExpectedRed)
		})
	}
}

func TestExitCodeOfGoTest(t *testing.T) {
	const good = `{"Action":"pass","Package":"b","Test":"TestGood"}` + "\n"
	rows := map[string]struct {
		stream string
		ok     bool
	}{
		"explained by a test that is listed": {redStream + "\ngo test: exit status 1", true},
		"explained by nothing":               {good + "go test: exit status 1", false},
		"not that of failed tests":           {redStream + "\ngo test: exit status 2", false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, r := read(t, row.stream, "a TestMany/two", "a TestAlone")
			require.Equal(t, row.ok, r.ok(true))
		})
	}
}

func TestReadRedList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "red")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }

	write("# why\n\nusher/workflows TestX/sub 3\nusher/workflows TestY  3 5\n")
	list, err := readRedList(path)
	require.NoError(t, err)
	require.Equal(t, redList{"usher/workflows TestX/sub": "3", "usher/workflows TestY": "3 5"}, list)

	write("usher/workflows TestX/sub\n")
	_, err = readRedList(path)
	require.ErrorContains(t, err, "expected a package, a test and a defect")

	_, err = readRedList(path + ".none")
	require.Error(t, err)
	list, err = readRedList("")
	require.NoError(t, err)
	require.Empty(t, list)
}
