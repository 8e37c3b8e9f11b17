package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// searchAttributes are the names and types that workflows write (workflows/messages.go).
func searchAttributes() [][2]string {
	return [][2]string{
		{"UsherState", "Keyword"},
		{"UsherSince", "Datetime"},
		{"UsherTicket", "Keyword"},
		{"UsherRequester", "Keyword"},
		{"UsherSubject", "Keyword"},
		{"UsherWaitingOn", "KeywordList"},
	}
}

// part is a service with what all of them share.
func (s *Stack) part(name string, path string, args ...string) *service {
	return &service{
		name: name, within: othersWithin, say: s.say, changed: s.changed,
		command: command{path: path, args: args, env: s.environment(), dir: s.options.Dir, log: s.Log(name)},
	}
}

// environment is this program's, without what would reach into the configuration of the parts: the variables of usher,
// and, where the server is ours, those of Temporal's tools.
func (s *Stack) environment(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "USHER_") || (s.ownTemporal() && strings.HasPrefix(entry, "TEMPORAL_"))
	})
	return append(env, more...)
}

func (s *Stack) defineServices() {
	s.temporal = s.part("temporal", "")
	s.temporal.within, s.temporal.ready = temporalWithin, s.temporalReady
	s.simulator = s.part("simulator", s.bin("usher-simulator"), s.simulatorArguments()...)
	s.simulator.ready = s.simulatorReady
	s.worker = s.part("worker", s.bin("usher-worker"), "-config", s.path(workerFile))
	s.worker.command.env = s.environment(s.options.WorkerEnv...)
	s.worker.supervised, s.worker.ready = true, s.workerReady
	s.starter = s.part("starter", s.bin("usher"), "serve", "--config", s.path(starterFile))
	s.starter.command.env = s.environment(s.options.StarterEnv...)
	s.starter.ready = func(ctx context.Context) error { return answers(ctx, s.urls.API+"/readyz") }
}

func (s *Stack) workerReady(ctx context.Context) error {
	return answers(ctx, s.urls.WorkerHealth+"/readyz")
}

func (s *Stack) simulatorReady(ctx context.Context) error {
	if err := answers(ctx, "http://"+s.listen.desk+s.options.Desk.alive()); err != nil {
		return err
	}
	return answers(ctx, s.urls.DirectoryAPI+"/_sim/groups")
}

// startTemporal starts the server, or makes one that runs already ready for usher.
func (s *Stack) startTemporal(ctx context.Context) error {
	if !s.ownTemporal() {
		s.say("using the Temporal server at %s", s.options.TemporalAddress)
		s.registerAttributes(ctx)
		return nil
	}
	path, err := s.temporalPath(ctx)
	if err != nil {
		return err
	}
	s.temporal.command.path, s.temporal.command.args = path, s.temporalArguments()
	return s.temporal.start(ctx)
}

func (s *Stack) temporalArguments() []string {
	args := []string{
		"server", "start-dev", "--ip", loopback, "--port", portOf(s.listen.temporal), "--http-port", portOf(s.listen.temporalHTTP),
		"--db-filename", s.path("temporal.db"), "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal",
		"--log-level", "warn",
	}
	if s.options.Headless {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-port", portOf(s.listen.temporalUI))
	}
	for _, attribute := range searchAttributes() {
		args = append(args, "--search-attribute", attribute[0]+"="+attribute[1])
	}
	return append(args, s.options.TemporalArgs...)
}

// temporalReady asks whether the server answers and knows every search attribute.
func (s *Stack) temporalReady(ctx context.Context) error {
	var known struct {
		CustomAttributes map[string]string `json:"customAttributes"`
	}
	if err := getJSON(ctx, s.urls.TemporalHTTP+"/cluster/namespaces/default/search-attributes", &known); err != nil {
		return err
	}
	for _, attribute := range searchAttributes() {
		if _, ok := known.CustomAttributes[attribute[0]]; !ok {
			return fmt.Errorf("the search attribute %s is not there yet", attribute[0])
		}
	}
	return nil
}

// registerAttributes adds the search attributes on a server that is not ours, where the CLI is at hand and the right is
// given. Whether they are there is checked by the worker, which says what is missing.
func (s *Stack) registerAttributes(ctx context.Context) {
	path := s.bin(temporalCLI)
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(temporalCLI); err != nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, temporalWithin)
	defer cancel()
	args := []string{"operator", "search-attribute", "create", "--address", s.options.TemporalAddress}
	for _, attribute := range searchAttributes() {
		args = append(args, "--name", attribute[0], "--type", attribute[1])
	}
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		s.say("the search attributes could not be added; if the worker misses them, it says how to: %s", strings.TrimSpace(string(out)))
	}
}

// KillWorker ends the worker's process with SIGKILL, as if the machine had lost it, and gives its pid. The supervisor
// starts another one: see AwaitWorker.
func (s *Stack) KillWorker() (int, error) {
	pid := s.worker.pid()
	if pid == 0 {
		return 0, fmt.Errorf("kill the worker: none runs")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return pid, fmt.Errorf("kill the worker: %w", err)
	}
	return pid, nil
}

// AwaitWorker waits until a worker with another pid than the given one polls, and gives its pid.
func (s *Stack) AwaitWorker(ctx context.Context, not int) (int, error) {
	pid := 0
	err := Poll(ctx, func(ctx context.Context) error {
		if pid = s.worker.pid(); pid == 0 || pid == not {
			return fmt.Errorf("no new worker runs yet")
		}
		return s.workerReady(ctx)
	})
	return pid, err
}

// StopWorker ends the worker's process with SIGKILL. No other one is started until StartWorker.
func (s *Stack) StopWorker() { s.worker.crash() }

// StartWorker starts the worker again after StopWorker, and waits until it polls.
func (s *Stack) StartWorker(ctx context.Context) error { return s.worker.start(ctx) }

// KillTemporal ends the Temporal server with SIGKILL; it stays away until RestartTemporal.
func (s *Stack) KillTemporal() { s.temporal.crash() }

// RestartTemporal starts the server again, on the same address and database, after KillTemporal.
func (s *Stack) RestartTemporal(ctx context.Context) error { return s.temporal.start(ctx) }

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// answers asks whether a page answers with a status below 300.
func answers(ctx context.Context, address string) error { return getJSON(ctx, address, nil) }

// getJSON reads a JSON answer into a pointer; nil drops it.
func getJSON(ctx context.Context, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("%s answers %s: %s", address, response.Status, strings.TrimSpace(string(text)))
	}
	if into == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(into)
}
