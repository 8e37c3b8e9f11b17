package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"usher/workflows"
)

// idle is a namespace in which no worker runs.
const idle = "idle"

// world is the one server that all tests of this package share.
type world struct {
	temporal client.Client
	idle     client.Client
}

var (
	shared     world
	errMissing = errors.New("the temporal CLI is missing: run `make tools` (it builds bin/temporal) or put temporal on PATH")
	errStartUp error
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) //nolint:forbidigo // no test runs yet, so there is no t.Context()
	defer cancel()
	path, err := temporalBinary()
	if err != nil {
		errStartUp = err
		return m.Run()
	}
	quiet := tlog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath:  path,
		Stdout:        io.Discard,
		ClientOptions: &client.Options{Logger: quiet},
		LogLevel:      "error",
		ExtraArgs: []string{
			"--namespace", idle,
			"--search-attribute", workflows.AttributeState + "=Keyword",
			"--search-attribute", workflows.AttributeSince + "=Datetime",
			"--search-attribute", workflows.AttributeTicket + "=Keyword",
			"--search-attribute", workflows.AttributeRequester + "=Keyword",
			"--search-attribute", workflows.AttributeSubject + "=Keyword",
			"--search-attribute", workflows.AttributeWaitingOn + "=KeywordList",
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the Temporal dev server:", err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the Temporal dev server:", err)
		}
	}()
	nobody, err := client.Dial(client.Options{HostPort: server.FrontendHostPort(), Namespace: idle, Logger: quiet})
	if err != nil {
		fmt.Fprintln(os.Stderr, "dial the Temporal dev server:", err)
		return 1
	}
	defer nobody.Close()
	shared = world{temporal: server.Client(), idle: nobody}
	w := worker.New(shared.temporal, workflows.TaskQueue, worker.Options{})
	register(w)
	if err := w.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "start a worker:", err)
		return 1
	}
	defer w.Stop()
	return m.Run()
}

// temporalBinary looks in the repository's bin, then on PATH. Nothing is ever downloaded.
func temporalBinary() (string, error) {
	built, err := filepath.Abs(filepath.Join("..", "..", "bin", "temporal"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	found, err := exec.LookPath("temporal")
	if err != nil {
		return "", errMissing
	}
	return found, nil
}

// server returns the shared server, or skips the test by the name of what is missing.
func server(t *testing.T) world {
	t.Helper()
	if errStartUp == nil {
		return shared
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(errStartUp)
	}
	t.Skip(errStartUp)
	return world{}
}
