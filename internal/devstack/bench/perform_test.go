package bench

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
)

// devServer is a Temporal server that knows the search attributes of the recorded histories.
func devServer(t *testing.T) *testsuite.DevServer {
	t.Helper()
	path, err := filepath.Abs("../../../bin/temporal")
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("temporal"); err != nil {
			const missing = "the temporal CLI is missing: run `make tools` (it builds bin/temporal) or put temporal on PATH"
			if os.Getenv("CI") == "true" {
				t.Fatal(missing)
			}
			t.Skip(missing)
		}
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, Stdout: io.Discard, LogLevel: "error", ClientOptions: &client.Options{Logger: silent{}},
		ExtraArgs: []string{
			"--search-attribute", "UsherState=Keyword", "--search-attribute", "UsherSince=Datetime",
			"--search-attribute", "UsherTicket=Keyword", "--search-attribute", "UsherRequester=Keyword",
			"--search-attribute", "UsherSubject=Keyword", "--search-attribute", "UsherWaitingOn=KeywordList",
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

func readRecord(t *testing.T, id, name string) Record {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata/records", name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	history, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return Record{ID: id, History: history}
}

// serveFloor runs a floor worker until the test ends.
func serveFloor(t *testing.T, address string, plays []Play) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plays.json")
	require.NoError(t, WritePlays(path, plays))
	in, end := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- RunFloorWorker(t.Context(), FloorOptions{Address: address, Plays: path, MainQueue: "usher", In: in, Out: out})
	}()
	lines := bufio.NewScanner(said)
	require.True(t, lines.Scan())
	require.Equal(t, floorReady, lines.Text())
	go func() { _, _ = io.Copy(io.Discard, said) }()
	t.Cleanup(func() {
		require.NoError(t, end.Close())
		require.NoError(t, <-ended)
	})
}

// commandsOf counts the event types that a performance decides about itself: how many workflow tasks it takes depends on
// the machine.
func commandsOf(types []string) map[string]int {
	count := map[string]int{}
	for _, name := range types {
		if !strings.HasPrefix(name, "WorkflowTask") {
			count[name]++
		}
	}
	return count
}

func TestFloor_performs_the_record(t *testing.T) {
	server := devServer(t)
	play, err := Derive("copy", []Record{
		readRecord(t, "request/one-stage", "one-stage-AccessRequest.json.gz"),
		readRecord(t, "access/user-1", "one-stage-SubjectAccess.json.gz"),
	})
	require.NoError(t, err)
	serveFloor(t, server.FrontendHostPort(), []Play{play, fixedPlay()})

	ctx, cancel := context.WithTimeout(t.Context(), requestWithin)
	defer cancel()
	id, err := (&stage{temporal: server.Client(), play: play, prefix: "test"}).perform(ctx)
	require.NoError(t, err)
	for i, part := range play.Parts {
		record, err := recordOf(ctx, server.Client(), partID(id, i))
		require.NoError(t, err)
		require.Equal(t, commandsOf(part.Types), commandsOf(record.Types()), part.Type)
		want, got := payloads(play.Parts[i]), payloads(derived(t, record))
		require.Equal(t, want, got, "the payloads are those of the record")
	}

	id, err = (&stage{temporal: server.Client(), play: fixedPlay(), prefix: "test"}).perform(ctx)
	require.NoError(t, err)
	record, err := recordOf(ctx, server.Client(), partID(id, 0))
	require.NoError(t, err)
	tally := Count(record.History)
	require.Equal(t, map[Kind]int{KindStart: 1, KindUpdate: 1, KindTimer: 1, KindActivity: 6}, tally.Actions)
}

// derived is the part that a record makes by itself; who sent what is of no interest here.
func derived(t *testing.T, record Record) Part {
	t.Helper()
	r := newReader(0, record)
	require.NoError(t, r.read())
	return r.part
}

// payloads are the bytes of all inputs and results of the activities, which may finish in another order.
func payloads(p Part) map[string]int {
	bytes := map[string]int{}
	for _, c := range p.commands() {
		if c.Kind != DoActivity {
			continue
		}
		for _, v := range c.Input {
			bytes["inputs"] += len(v.Data)
		}
		for _, v := range c.Result {
			bytes["results"] += len(v.Data)
		}
	}
	return bytes
}
