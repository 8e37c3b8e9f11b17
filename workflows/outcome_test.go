package workflows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// kinds are all kinds of error.
var kinds = []access.Kind{
	access.Transient, access.RateLimited, access.Invalid, access.NotFound, access.Conflict, access.Forbidden, access.Unknown,
}

func TestKindOf(t *testing.T) {
	require.Empty(t, workflows.KindOf(nil))
	for _, kind := range kinds {
		app := temporal.NewApplicationError("it says no", string(kind))
		require.Equal(t, kind, workflows.KindOf(app))
		require.Equal(t, kind, workflows.KindOf(fmt.Errorf("wrapped: %w", app)))
	}
	rows := map[string]struct {
		err  error
		want access.Kind
	}{
		"an activity that no worker took":    {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), access.Transient},
		"an attempt that got no answer":      {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), access.Unknown},
		"attempts that got no answer":        {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil), access.Unknown},
		"one whose heartbeat stopped":        {temporal.NewHeartbeatTimeoutError(), access.Unknown},
		"one that was cancelled":             {temporal.NewCanceledError(), access.Unknown},
		"an application error of elsewhere":  {temporal.NewApplicationError("x", "another type"), access.Transient},
		"an error that nobody classified":    {errors.New("x"), access.Transient},
		"an error that is no activity's own": {access.Errorf(access.Invalid, "x", "y"), access.Transient},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) { require.Equal(t, row.want, workflows.KindOf(row.err)) })
	}
}

func TestErrorText(t *testing.T) {
	app := temporal.NewApplicationError("find ticket: no such ticket (not_found)", string(access.NotFound))
	require.Equal(t, "find ticket: no such ticket (not_found)", workflows.ErrorText(fmt.Errorf("activity error: %w", app)))
	timeout := workflows.ErrorText(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil))
	require.Equal(t, "no answer in time (StartToClose); is a worker polling the queue?", timeout)
	require.Equal(t, "x", workflows.ErrorText(errors.New("x")))
}

func TestRefusalError(t *testing.T) {
	require.NoError(t, workflows.RefusalError(nil))
	err := workflows.RefusalError(&policy.Rejection{Kind: access.Conflict, Field: "state", Problem: "it has ended"})
	require.Equal(t, access.Conflict, workflows.KindOf(err))
	require.Equal(t, "it has ended", workflows.ErrorText(err))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	var refusals []access.Refusal
	require.NoError(t, app.Details(&refusals))
	require.Equal(t, []access.Refusal{{Field: "state", Problem: "it has ended"}}, refusals)
}

func TestBackoff(t *testing.T) {
	b := workflows.Backoff{First: 10 * time.Second, Max: time.Minute}
	for failures, want := range []time.Duration{10 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		require.Equal(t, want, b.After(failures), "after %d failures", failures)
	}
	require.Equal(t, time.Minute, b.After(1_000_000))
	require.Equal(t, time.Second, workflows.Backoff{First: time.Second, Max: time.Second}.After(5))
}

func TestNextVersion(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	first := workflows.NextVersion(0, now)
	require.Equal(t, int(now.UnixMicro()), first)
	require.Equal(t, first+1, workflows.NextVersion(first, now), "it grows though the time stands still")
	require.Equal(t, first+2, workflows.NextVersion(first+1, now.Add(-time.Hour)), "it never goes back")
	require.Greater(t, workflows.NextVersion(0, now.Add(time.Millisecond)), first+1, "a run that forgot how far it was goes on above")
}

func TestCappedKeywords(t *testing.T) {
	const stored = 2048
	require.Equal(t, []string{"a", "b"}, workflows.CappedKeywords([]string{"a", "b", "a", strings.Repeat("x", 256)}))
	require.Equal(t, []string{}, workflows.CappedKeywords(nil))
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprintf("\"quoted\" %08d", i)
	}
	kept := workflows.CappedKeywords(many)
	require.Less(t, len(fmt.Sprintf("%q", kept)), stored)
	require.Greater(t, len(kept), 50)
	require.Equal(t, many[:len(kept)], kept, "those who come first stay")
}

func TestPhrases(t *testing.T) {
	require.Equal(t, "2026-03-04 04:06 UTC", workflows.Clock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("CET", 3600))))
	require.Equal(t, "denied", workflows.Sentence("denied", ""))
	require.Equal(t, "denied: not now", workflows.Sentence("denied", "not now"))
	require.Empty(t, workflows.EvidenceText(nil))
	require.Equal(t, "read-back: member", workflows.EvidenceText(&access.Verification{Method: "read-back", Evidence: "member"}))
	require.Equal(t, "\\[a\\](https\\://b) \\*c\\* \\_d\\_ \\`e\\` \\<f\\> \\|g", workflows.Inline("[a](https://b)\n*c*\r_d_ `e` <f> |g"))
}

func TestWorkflowIDs(t *testing.T) {
	id, ok := workflows.RequestOfWorkflow(workflows.RequestWorkflowID("r1"))
	require.True(t, ok)
	require.Equal(t, access.RequestID("r1"), id)
	others := []string{workflows.SubjectWorkflowID("ana"), workflows.ReopenedWorkflowID("r1"), workflows.WatchWorkflowID("jira"), workflows.EnsureScanInputOf().WorkflowID}
	for _, other := range others {
		_, ok := workflows.RequestOfWorkflow(other)
		require.False(t, ok, other)
	}
	require.Equal(t, []string{"access/ana", "reopened/r1", "ticketwatch/jira", "leasescan"}, others)
	require.Equal(t, []string{"usher-desk-jira", "usher-target-dir", "usher-source-hr"},
		[]string{workflows.DeskQueue("jira"), workflows.TargetQueue("dir"), workflows.SourceQueue("hr")})
}

func TestDoctorTimes(t *testing.T) {
	for _, within := range []time.Duration{0, time.Second, workflows.DoctorTimeout, time.Hour} {
		longest := workflows.DoctorLongest(within)
		if within == 0 {
			within = workflows.DoctorTimeout
		}
		require.Less(t, longest, within, "it comes back before nobody waits any more")
		require.Greater(t, longest, within/2)
	}
	require.False(t, workflows.DoctorReport{Refusals: []access.Refusal{{}}}.Healthy())
	require.False(t, workflows.DoctorReport{Lines: []workflows.DoctorLine{{}, {Problem: "x"}}}.Healthy())
	require.False(t, workflows.DoctorReport{Lines: []workflows.DoctorLine{{}, {Findings: []access.Finding{{}}}}}.Healthy())
	require.True(t, workflows.DoctorReport{Lines: []workflows.DoctorLine{{Note: "good"}}}.Healthy())
}
