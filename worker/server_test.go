package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/fx"

	"usher/internal/access"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
	"usher/workflows"
)

// soon is how long a real server on a busy machine may take for what takes it a moment.
const soon = 60 * time.Second

// shared is the one server of these tests.
var shared struct {
	once   sync.Once
	server *testsuite.DevServer
	err    error
}

var errNoCLI = errors.New("the Temporal CLI is missing: run 'make tools', or put temporal on the PATH")

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			code = 1
		}
	}
	if err := os.RemoveAll(built.dir); err != nil {
		code = 1
	}
	os.Exit(code)
}

// temporalCLI is the path of Temporal's CLI, which holds the server. Nothing is ever downloaded.
func temporalCLI() (string, error) {
	built, err := filepath.Abs("../bin/temporal")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	found, err := exec.LookPath("temporal")
	if err != nil {
		return "", errNoCLI
	}
	return found, nil
}

// The namespaces, one for each test that would disturb another: bare has no search attributes.
const (
	versions  = "versions"
	scale     = "scale"
	drain     = "drain"
	edges     = "edges"
	unserved  = "unserved"
	schedules = "schedules"
	bare      = "bare"
)

// startServer starts the server, whose namespaces have no search attributes yet.
func startServer() (*testsuite.DevServer, error) {
	cli, err := temporalCLI()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath: cli, LogLevel: "error", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: quiet{}},
		ExtraArgs:     []string{"--namespace", versions, "--namespace", scale, "--namespace", drain, "--namespace", edges, "--namespace", unserved, "--namespace", schedules, "--namespace", bare},
	})
}

// quiet is a log that nobody reads.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// devServer returns a namespace of the shared server, or skips the test by the name of what is missing.
func devServer(t *testing.T, namespace string) (temporal client.Client, address string) {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = startServer() })
	if errors.Is(shared.err, errNoCLI) && os.Getenv("CI") != "true" {
		t.Skip(shared.err)
	}
	require.NoError(t, shared.err)
	address = shared.server.FrontendHostPort()
	temporal, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	return temporal, address
}

// withAttributes creates the search attributes that usher writes.
func withAttributes(t *testing.T, temporal client.Client, namespace string) {
	t.Helper()
	require.NoError(t, temporalclient.CreateSearchAttributes(t.Context(), temporal, namespace, searchAttributes()))
	require.Eventually(t, func() bool {
		return temporalclient.CheckSearchAttributes(t.Context(), temporal, namespace, searchAttributes()) == nil
	}, soon, 100*time.Millisecond)
}

// at changes the good configuration to one of a namespace of the server.
func at(address, namespace string) []string {
	return []string{`{address: "127.0.0.1:1"}`, `{address: "` + address + `", namespace: ` + namespace + `}`}
}

// startWorker starts a worker in this process and waits until it polls; it stops with the test.
func startWorker(t *testing.T, c workerConfig) *telemetry.Metrics {
	t.Helper()
	var ready *readiness
	var metrics *telemetry.Metrics
	app := fx.New(module(t.Context(), &c, slog.New(slog.DiscardHandler)), fx.Populate(&ready, &metrics))
	require.NoError(t, app.Err())
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), app.StopTimeout())
		defer cancel()
		require.NoError(t, app.Stop(stopping))
	})
	require.Eventually(t, func() bool { return ready.check(t.Context()) == nil }, soon, 20*time.Millisecond)
	return metrics
}

// doctor starts a run that asks the ledger and all connectors.
func doctor(t *testing.T, temporal client.Client, id string) client.WorkflowRun {
	t.Helper()
	run, err := temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue},
		workflows.DoctorType, workflows.DoctorParams{})
	require.NoError(t, err)
	return run
}

// report waits for what the run says.
func report(t *testing.T, run client.WorkflowRun) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var said workflows.DoctorReport
	require.NoError(t, run.Get(ctx, &said))
	problems := map[string]string{}
	for _, line := range said.Lines {
		problems[line.Connector] = line.Problem
	}
	return problems
}

// away are the connectors of the good configuration: nobody listens there.
var away = []string{"desk/jira", "target/directory", "source/directory"}

func TestVersioning_current(t *testing.T) {
	server, address := devServer(t, versions)
	withAttributes(t, server, versions)
	first, err := load(t, append(at(address, versions), "desk: jira", "deployment: {name: usher-versions, build_id: one}\ndesk: jira")...)
	require.NoError(t, err)
	startWorker(t, first)
	handle := deployment(t, server, "usher-versions", "one")

	run := doctor(t, server, "doctor-versions-1")
	description, err := server.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, description.GetWorkflowExecutionInfo().GetStatus())
	require.Empty(t, description.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId(),
		"no version is current, so nobody has taken it")
	setCurrent(t, handle, "one")
	problems := report(t, run)
	require.Empty(t, problems["ledger"])
	for _, name := range away {
		require.NotContains(t, problems[name], "no answer from the worker", name)
		require.NotEmpty(t, problems[name], name)
	}
	require.Equal(t, "one", buildOf(t, server, run))

	second := first
	second.Deployment.BuildID = "two"
	startWorker(t, second)
	deployment(t, server, "usher-versions", "two")
	run = doctor(t, server, "doctor-versions-2")
	report(t, run)
	require.Equal(t, "one", buildOf(t, server, run), "the new build runs nothing until it is current")
	setCurrent(t, handle, "two")
	run = doctor(t, server, "doctor-versions-3")
	report(t, run)
	require.Equal(t, "two", buildOf(t, server, run))
}

// deployment waits until the server knows a build.
func deployment(t *testing.T, server client.Client, name, build string) client.WorkerDeploymentHandle {
	t.Helper()
	handle := server.WorkerDeploymentClient().GetHandle(name)
	require.Eventually(t, func() bool {
		_, err := handle.DescribeVersion(t.Context(), client.WorkerDeploymentDescribeVersionOptions{BuildID: build})
		return err == nil
	}, soon, 100*time.Millisecond)
	return handle
}

func TestEdge_with_versioning(t *testing.T) {
	server, address := devServer(t, edges)
	withAttributes(t, server, edges)
	main, err := load(t, append(at(address, edges), "desk: jira", "deployment: {name: usher-main, build_id: one}\ndesk: jira",
		"sources:", "sources:\n  plant: {edge: true}\n  cabin: {edge: true}")...)
	require.NoError(t, err)
	startWorker(t, main)
	setCurrent(t, deployment(t, server, "usher-main", "one"), "one")
	for name, versioned := range map[string]string{"plant": "deployment: {name: usher-plant, build_id: first}\n", "cabin": ""} {
		edge, err := load(t, append(at(address, edges), "desk: jira", versioned+"serve: {workflows: false, desks: [], targets: []}\ndesk: jira",
			"sources:\n  directory:", "sources:\n  "+name+":")...)
		require.NoError(t, err)
		require.Equal(t, []access.SourceName{access.SourceName(name)}, edge.servedSources())
		startWorker(t, edge)
	}
	setCurrent(t, deployment(t, server, "usher-plant", "first"), "first")
	problems := report(t, doctor(t, server, "doctor-edges"))
	for _, name := range []string{"source/plant", "source/cabin", "source/directory"} {
		require.NotContains(t, problems[name], "no answer from the worker", name)
		require.NotEmpty(t, problems[name], name)
	}
}

// TestDoctor_without_worker: nobody serves one of the targets, and the report comes back in the time that it
// has.
func TestDoctor_without_worker(t *testing.T) {
	server, address := devServer(t, unserved)
	withAttributes(t, server, unserved)
	c, err := load(t, append(at(address, unserved), "targets:", "targets:\n  far: {edge: true}")...)
	require.NoError(t, err)
	startWorker(t, c)
	const within = 30 * time.Second
	run, err := server.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "doctor-unserved", TaskQueue: workflows.TaskQueue, WorkflowExecutionTimeout: within},
		workflows.DoctorType, workflows.DoctorParams{TestTicket: "jira", Timeout: access.Duration(within)})
	require.NoError(t, err)
	problems := report(t, run)
	require.Contains(t, problems["target/far"], "no answer from the worker that serves usher-target-far")
	requirePublished(t, c)
	require.Empty(t, problems["ledger"])
	for _, name := range append(away, "desk/jira (trial ticket)") {
		require.NotEmpty(t, problems[name], name)
		require.NotContains(t, problems[name], "no answer", name)
	}
}

// setCurrent makes a build the current one, as soon as the server has all of its queues.
func setCurrent(t *testing.T, handle client.WorkerDeploymentHandle, build string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := handle.SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
		return err == nil
	}, soon, 100*time.Millisecond)
}

// buildOf is the build that a run has last run on.
func buildOf(t *testing.T, server client.Client, run client.WorkflowRun) string {
	t.Helper()
	description, err := server.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
	require.NoError(t, err)
	versioning := description.GetWorkflowExecutionInfo().GetVersioningInfo()
	require.Equal(t, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, versioning.GetBehavior())
	return versioning.GetDeploymentVersion().GetBuildId()
}

func TestPollers_autoscale(t *testing.T) {
	server, address := devServer(t, scale)
	withAttributes(t, server, scale)
	c, err := load(t, append(at(address, scale), "desk: jira", "limits: {pollers: {autoscale: true}}\ndesk: jira")...)
	require.NoError(t, err)
	metrics := startWorker(t, c)
	problems := report(t, doctor(t, server, "doctor-scale"))
	require.Empty(t, problems["ledger"])
	for _, name := range away {
		require.NotContains(t, problems[name], "no answer from the worker", name)
	}
	// A worker counts what it has done after it has told the server.
	for _, want := range []string{
		`temporal_num_pollers\{[^}]*poller_type="workflow_task"[^}]*task_queue="usher"[^}]*\} [1-9]`,
		`temporal_workflow_completed_total\{[^}]*workflow_type="Doctor"[^}]*\} 1`,
		`usher_connector_calls_total\{connector="jira",kind="transient",operation="check",port="desk"\} [1-9]`,
		`usher_ledger_calls_total\{kind="ok",operation="ping"\} [1-9]`,
	} {
		pattern := regexp.MustCompile(want)
		require.Eventually(t, func() bool { return pattern.MatchString(metricsOf(t, metrics)) }, soon, 20*time.Millisecond, want)
	}
}
