package workflows_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/workflows"
	"usher/workflows/registry"
)

// recorded are the files of the histories, for each release a folder. Real programs on a real server wrote them ("make
// record-histories"); a name is "<scenario>-<workflow type>.json.gz", or ends in "-run<n>" where a workflow continued as
// new.
func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/histories/*/*.json.gz")
	require.NoError(t, err)
	require.NotEmpty(t, files, "there are no recorded histories; make record-histories writes them")
	return files
}

// history reads a recorded history.
func history(file string) (*historypb.History, error) {
	packed, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return client.HistoryFromJSON(text, client.HistoryJSONOptions{})
}

// replay runs a recorded history against the workflows that register registers, as the worker would.
func replay(file string, register func(registry.Registry)) error {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	if err != nil {
		return err
	}
	register(replayer)
	h, err := history(file)
	if err != nil {
		return err
	}
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h)
}

func TestReplayOfEveryRecordedHistory(t *testing.T) {
	for _, file := range recorded(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json.gz"), func(t *testing.T) {
			require.NoError(t, replay(file, registry.Register))
		})
	}
}

func TestReplayHasAHistoryOfEveryWorkflowAndScenario(t *testing.T) {
	files := strings.Join(recorded(t), "\n")
	for _, name := range []string{
		"/one-stage-" + workflows.AccessRequestType + ".", "/one-stage-" + workflows.SubjectAccessType + ".",
		"/two-stages-", "/denied-", "/long-expired-", "/withdrawn-before-a-decision-", "/withdrawn-while-granting-", "/refused-",
		"/granted-by-hand-closed-as-done-", "/not-granted-by-hand-closed-as-won-t-do-", "/approver-moves-it-to-approved-",
		"/somebody-else-moves-it-to-approved-put-back-", "/deleted-opened-again-", "/desk-down-and-back-",
		"/cancelled-by-an-operator-", "/lease-ended-", "/overlapping-leases-", "/long-stuck-revoke-", "/kill-9-worker-",
		"-" + workflows.ReopenedTicketType + ".", "-" + workflows.DoctorType + ".",
		"/asked-on-the-desk-" + workflows.AskedTicketType, "/asked-on-the-desk-" + workflows.AccessRequestType,
		"/asked-with-findings-" + workflows.AskedTicketType,
		"/watch-" + workflows.TicketWatchType + ".", "/long-watch-" + workflows.TicketWatchType + "-run2.",
		"/users-handed-over-" + workflows.UserSyncType + ".", "/unlinked-1-" + workflows.UserUnlinkType + ".",
		"-" + workflows.AccessRequestType + "-run2.", "-" + workflows.SubjectAccessType + "-run2.",
	} {
		require.Contains(t, files, name)
	}
}

// changed registers the workflows, each with one command more at its beginning.
func changed(r registry.Registry) { registry.Register(paused{r}) }

// paused is a registry whose workflows begin with a timer.
type paused struct{ registry.Registry }

func (p paused) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	inner := reflect.ValueOf(w)
	begin := func(args []reflect.Value) []reflect.Value {
		if ctx, ok := args[0].Interface().(workflow.Context); ok {
			_ = workflow.Sleep(ctx, time.Minute)
		}
		return inner.Call(args)
	}
	p.Registry.RegisterWorkflowWithOptions(reflect.MakeFunc(inner.Type(), begin).Interface(), options)
}

func TestReplayNoticesAChangedWorkflow(t *testing.T) {
	for _, kind := range []string{
		workflows.AccessRequestType, workflows.SubjectAccessType, workflows.ReopenedTicketType, workflows.DoctorType,
		workflows.TicketWatchType, workflows.AskedTicketType,
	} {
		t.Run(kind, func(t *testing.T) {
			files, err := filepath.Glob("testdata/histories/*/*-" + kind + ".json.gz")
			require.NoError(t, err)
			require.NotEmpty(t, files)
			for _, file := range files {
				// The code of the SDK's every nondeterminism error.
				require.ErrorContains(t, replay(file, changed), "[TMPRL1100]", file)
			}
		})
	}
}
