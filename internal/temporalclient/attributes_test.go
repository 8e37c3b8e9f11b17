package temporalclient_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"usher/internal/access"
	"usher/internal/temporalclient"
)

// temporalCLI is the path of Temporal's CLI, which holds the server.
func temporalCLI(t *testing.T) string {
	t.Helper()
	built, err := filepath.Abs("../../bin/temporal")
	require.NoError(t, err)
	if _, err := os.Stat(built); err == nil {
		return built
	}
	found, err := exec.LookPath("temporal")
	if err == nil {
		return found
	}
	const missing = "the Temporal CLI is missing: run 'make tools', or put temporal on the PATH"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// devServer runs a real server for one test, and gives its path and a client.
func devServer(t *testing.T) (cli string, c client.Client, address string) {
	t.Helper()
	cli = temporalCLI(t)
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{ExistingPath: cli, LogLevel: "error"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	clearEnvironment(t)
	c, err = temporalclient.Dial(t.Context(), temporalclient.Config{Address: server.FrontendHostPort()}, quiet(), nil)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	info, err := c.WorkflowService().GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{})
	require.NoError(t, err)
	t.Logf("real server: Temporal %s", info.GetServerVersion())
	return cli, c, server.FrontendHostPort()
}

func TestSearchAttributes_real_server(t *testing.T) {
	cli, c, address := devServer(t)
	want := map[string]enumspb.IndexedValueType{
		"TrialState": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"TrialSince": enumspb.INDEXED_VALUE_TYPE_DATETIME,
		"TrialWhom":  enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	}
	err := temporalclient.CheckSearchAttributes(t.Context(), c, "default", want)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "the namespace default lacks 3 search attributes")

	// The printed command is run as it is, save for the program's path and the server's address.
	var commands []string
	for line := range strings.Lines(err.Error()) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "temporal "); ok {
			commands = append(commands, command)
		}
	}
	require.Len(t, commands, 3)
	arguments := append(strings.Fields(commands[0]), "--address", address)
	output, err := exec.CommandContext(t.Context(), cli, arguments...).CombinedOutput()
	require.NoError(t, err, string(output))
	require.Eventually(t, func() bool {
		err := temporalclient.CheckSearchAttributes(t.Context(), c, "default", want)
		return err != nil && strings.Contains(err.Error(), "lacks 2 search attributes")
	}, 20*time.Second, 100*time.Millisecond)

	require.NoError(t, temporalclient.CreateSearchAttributes(t.Context(), c, "default", want))
	require.Eventually(t, func() bool {
		return temporalclient.CheckSearchAttributes(t.Context(), c, "default", want) == nil
	}, 20*time.Second, 100*time.Millisecond)
	require.NoError(t, temporalclient.CreateSearchAttributes(t.Context(), c, "default", want), "creating twice is success")

	other := map[string]enumspb.IndexedValueType{
		"TrialState": enumspb.INDEXED_VALUE_TYPE_TEXT, "TrialNew": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
	err = temporalclient.CreateSearchAttributes(t.Context(), c, "default", other)
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "TrialState is Keyword, expected Text")

	err = temporalclient.CheckSearchAttributes(t.Context(), c, "nowhere", want)
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func TestCheckSearchAttributes_server_unavailable(t *testing.T) {
	clearEnvironment(t)
	c, err := temporalclient.Dial(t.Context(), temporalclient.Config{Address: "127.0.0.1:1"}, quiet(), nil)
	require.NoError(t, err)
	defer c.Close()
	err = temporalclient.CheckSearchAttributes(t.Context(), c, "default", nil)
	require.Equal(t, access.Transient, access.KindOf(err))
}
