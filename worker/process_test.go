package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// program is the real program as it runs.
type program struct {
	cmd  *exec.Cmd
	url  string
	code chan int

	mu   sync.Mutex
	said bytes.Buffer
}

// binary is the program, built once for all tests.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "usher-worker-"); built.err != nil {
			return
		}
		var output []byte
		output, built.err = exec.Command("go", "build", "-o", built.dir, "usher/worker").CombinedOutput()
		built.text = string(output)
	})
	require.NoError(t, built.err, built.text)
	return filepath.Join(built.dir, "worker")
}

// built is how the one build went.
var built struct {
	once sync.Once
	dir  string
	text string
	err  error
}

// run starts the program with a configuration.
func run(t *testing.T, path, text string) *program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "worker.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	p := &program{cmd: exec.Command(path, "-config", file), code: make(chan int, 1)}
	p.cmd.Env = []string{"SCIM_TOKEN=s3cret-scim"}
	errors, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	address := make(chan string, 1)
	go p.read(errors, address)
	select {
	case found := <-address:
		p.url = "http://" + found
	case code := <-p.code:
		p.code <- code
	case <-time.After(soon):
		require.Fail(t, "the program does not listen", p.log())
	}
	return p
}

// read keeps what the program says, finds where it answers, and gives its exit code.
func (p *program) read(from io.Reader, address chan<- string) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		p.mu.Lock()
		p.said.Write(append(lines.Bytes(), '\n'))
		p.mu.Unlock()
		var said struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "worker answers probes" {
			address <- said.Address
		}
	}
	var exit *exec.ExitError
	switch err := p.cmd.Wait(); {
	case err == nil:
		p.code <- 0
	case errors.As(err, &exit):
		p.code <- exit.ExitCode()
	default:
		p.code <- -1
	}
}

func (p *program) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// get returns the status and the text of an answer; 0 when there was none.
func (p *program) get(t *testing.T, path string) (int, string) {
	t.Helper()
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// becomes waits until a probe gives a status.
func (p *program) becomes(t *testing.T, probe string, want int) {
	t.Helper()
	require.Eventually(t, func() bool { got, _ := p.get(t, probe); return got == want }, soon, 20*time.Millisecond, "%s", probe)
}

// ends waits for the program's exit code.
func (p *program) ends(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case code := <-p.code:
		return code
	case <-time.After(within):
		require.Fail(t, "the program does not end", p.log())
		return -1
	}
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// slowSource is a directory that answers when it is told to.
type slowSource struct {
	url   string
	asked chan struct{}
	free  chan struct{}
}

func newSlowSource(t *testing.T) *slowSource {
	t.Helper()
	s := &slowSource{asked: make(chan struct{}, 8), free: make(chan struct{}, 8)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked <- struct{}{}
		select {
		case <-s.free:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"ana","userName":"ana","active":true}`)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// edge is the configuration of a worker that serves this source alone.
func (s *slowSource) edge(address, grace string) string {
	return strings.NewReplacer("ADDRESS", address, "GRACE", grace, "URL", s.url).Replace(`
temporal: {address: "ADDRESS", namespace: ` + drain + `}
serve: {workflows: false}
sources:
  slow: {kind: scim, scim: {base_url: "URL", token: "${SCIM_TOKEN}", request_timeout: 50s}}
health: {address: "127.0.0.1:0"}
shutdown_timeout: GRACE
`)
}

// trialQueue is where the tests' own workflow runs.
const trialQueue = "trial"

// lookup asks the source once, through the queue that the program serves.
func lookup(ctx workflow.Context) ([]access.Person, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: workflows.SourceQueue("slow"), StartToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var people []access.Person
	err := workflow.ExecuteActivity(ctx, "LookupPeople", activities.LookupPeopleInput{People: []access.PersonID{"ana"}}).Get(ctx, &people)
	return people, err
}

// trial starts the tests' own workflow.
func trial(t *testing.T, server client.Client) client.WorkflowRun {
	t.Helper()
	started, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: trialQueue}, "lookup")
	require.NoError(t, err)
	return started
}

// trialWorker runs the tests' own workflow.
func trialWorker(t *testing.T, server client.Client) {
	t.Helper()
	w := worker.New(server, trialQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(lookup, workflow.RegisterOptions{Name: "lookup"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func TestStop_lets_an_activity_finish(t *testing.T) {
	server, address := devServer(t, drain)
	trialWorker(t, server)
	source := newSlowSource(t)
	p := run(t, binary(t), source.edge(address, "30s"))
	p.becomes(t, "/readyz", http.StatusOK)
	code, said := p.probes(t, source.edge(address, "30s"))
	require.Zero(t, code, said)
	require.Empty(t, said)

	source.free <- struct{}{}
	require.NoError(t, trial(t, server).Get(t.Context(), nil))
	<-source.asked
	for _, want := range []string{
		`usher_connector_calls_total\{connector="slow",kind="ok",operation="lookup",port="source"\} 1`,
		`temporal_activity_execution_latency_seconds_count\{[^}]*activity_type="LookupPeople"[^}]*task_queue="usher-source-slow"[^}]*\} 1`,
		`temporal_worker_task_slots_available\{[^}]*task_queue="usher-source-slow"[^}]*\} 50`,
	} {
		pattern := regexp.MustCompile(want)
		require.Eventually(t, func() bool { _, text := p.get(t, "/metrics"); return pattern.MatchString(text) }, soon, 20*time.Millisecond, want)
	}
	_, text := p.get(t, "/metrics")
	require.NotContains(t, text, "s3cret")

	held := trial(t, server)
	<-source.asked
	p.signal(t, syscall.SIGTERM)
	p.becomes(t, "/readyz", http.StatusServiceUnavailable)
	live, _ := p.get(t, "/livez")
	require.Equal(t, http.StatusOK, live, "a worker that drains lives")
	source.free <- struct{}{}
	require.Equal(t, 0, p.ends(t, soon), p.log())
	var people []access.Person
	require.NoError(t, held.Get(t.Context(), &people))
	require.Equal(t, access.PersonID("ana"), people[0].ID)
	require.NotContains(t, p.log(), "shutdown timeout exceeded")
}

// terminate ends a trial. One whose activity was cut may have ended already.
func terminate(t *testing.T, server client.Client, id string) {
	t.Helper()
	err := server.TerminateWorkflow(t.Context(), id, "", "the test is over")
	var ended *serviceerror.NotFound
	if !errors.As(err, &ended) {
		require.NoError(t, err)
	}
}

func TestStop_second_signal(t *testing.T) {
	server, address := devServer(t, drain)
	trialWorker(t, server)
	source := newSlowSource(t)
	path := binary(t)
	for _, second := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := run(t, path, source.edge(address, "10m"))
		p.becomes(t, "/readyz", http.StatusOK)
		held := trial(t, server)
		<-source.asked
		p.signal(t, syscall.SIGTERM)
		p.becomes(t, "/readyz", http.StatusServiceUnavailable)
		p.signal(t, second)
		require.Equal(t, exitFatal, p.ends(t, soon), p.log())
		require.Contains(t, p.log(), "worker ends at once")
		terminate(t, server, held.GetID())
	}
}

func TestStop_after_the_timeout(t *testing.T) {
	server, address := devServer(t, drain)
	trialWorker(t, server)
	source := newSlowSource(t)
	p := run(t, binary(t), source.edge(address, "1s"))
	p.becomes(t, "/readyz", http.StatusOK)
	held := trial(t, server)
	<-source.asked
	p.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, p.ends(t, soon), p.log())
	require.Contains(t, p.log(), "shutdown timeout exceeded")
	terminate(t, server, held.GetID())
}

func TestWorker_waits_for_temporal(t *testing.T) {
	text := newSlowSource(t).edge("127.0.0.1:1", "1s")
	p := run(t, binary(t), text)
	require.Eventually(t, func() bool { return strings.Count(p.log(), "waiting for an unavailable service") >= 2 }, soon, 20*time.Millisecond)
	live, _ := p.get(t, "/livez")
	require.Equal(t, http.StatusOK, live)
	ready, why := p.get(t, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready)
	require.Contains(t, why, "does not poll")
	code, said := p.probes(t, text)
	require.Equal(t, exitFatal, code)
	require.Contains(t, said, "not ready: 503 Service Unavailable: ")
	code, said = p.probes(t, strings.Replace(text, `health: {address: "127.0.0.1:0"}`, "", 1))
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "health.address: expected an address")
	p.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, p.ends(t, soon), p.log())
}

func TestWorker_without_search_attributes(t *testing.T) {
	_, address := devServer(t, bare)
	catalog := filepath.Join(t.TempDir(), "catalog.yaml")
	require.NoError(t, os.WriteFile(catalog, []byte(goodCatalog), 0o600))
	p := run(t, binary(t), strings.NewReplacer(append(at(address, bare), "CATALOG", catalog,
		"LEDGER", filepath.Join(t.TempDir(), "ledger.db"), "JIRA_TOKEN", "SCIM_TOKEN")...).Replace(goodConfig))
	require.Equal(t, exitFatal, p.ends(t, soon), p.log())
	require.Contains(t, p.log(), "temporal operator search-attribute create --namespace bare --name UsherState")
	require.NotContains(t, p.log(), "worker polls")
}

// probes runs the program beside itself, as a container's runtime does, and gives its exit code and what it said. text is
// the configuration that it runs with.
func (p *program) probes(t *testing.T, text string) (int, string) {
	t.Helper()
	text = strings.Replace(text, `health: {address: "127.0.0.1:0"}`, `health: {address: "`+strings.TrimPrefix(p.url, "http://")+`"}`, 1)
	file := filepath.Join(t.TempDir(), "worker.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	ask := exec.CommandContext(t.Context(), p.cmd.Path, "-probe", "-config", file)
	ask.Env = p.cmd.Env
	said, err := ask.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(said)
	}
	require.NoError(t, err)
	return 0, string(said)
}
