package leasescan_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/leasescan"
)

// people are those who hold access; it answers as activities.Records does.
type people struct {
	env   *testsuite.TestWorkflowEnvironment
	begun time.Time
	all   []access.PersonID
	// asked are the calls: when, after the beginning, and after whom. fails are the errors of the first calls.
	asked []string
	fails []error
	calls []activities.StartSubjectsInput
	// refused are those whose workflow Temporal will never start.
	refused []access.PersonID
}

// StartSubjects answers as activities.Records does. A page has two people, whatever the limit is.
func (p *people) StartSubjects(_ context.Context, c activities.StartSubjectsInput) (activities.StartSubjectsResult, error) {
	p.asked = append(p.asked, fmt.Sprintf("%s %s", p.env.Now().Sub(p.begun).Round(time.Second), c.After))
	p.calls = append(p.calls, c)
	if len(p.fails) > 0 {
		err := p.fails[0]
		p.fails = p.fails[1:]
		return activities.StartSubjectsResult{}, err
	}
	const page = 2
	first, found := slices.BinarySearch(p.all, c.After)
	if found {
		first++
	}
	last := min(first+page, len(p.all))
	done := activities.StartSubjectsResult{Started: last - first, Refused: p.refused}
	if last < len(p.all) {
		done.Next = p.all[last-1]
	}
	return done, nil
}

func newScan(t *testing.T, all ...access.PersonID) *people {
	t.Helper()
	p := &people{all: all}
	p.newRun()
	p.begun = p.env.Now()
	return p
}

func (p *people) newRun() {
	before := p.env
	var suite testsuite.WorkflowTestSuite
	p.env = suite.NewTestWorkflowEnvironment()
	if before != nil {
		p.env.SetStartTime(before.Now())
	}
	p.env.RegisterActivity(p)
}

// stopAfter runs the scan until it is cancelled.
func (p *people) stopAfter(t *testing.T, after time.Duration, params leasescan.Params) {
	t.Helper()
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, after)
	p.env.ExecuteWorkflow(leasescan.Workflow, params)
	require.True(t, temporal.IsCanceledError(p.env.GetWorkflowError()), "%v", p.env.GetWorkflowError())
}

// details are what operators see on the run's page.
func (p *people) details(t *testing.T) string {
	t.Helper()
	value, err := p.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&metadata))
	return metadata.GetCurrentDetails()
}

func TestScan(t *testing.T) {
	t.Run("everybody once a day, page by page", func(t *testing.T) {
		p := newScan(t, "ana", "ben", "cleo", "dora", "emil")
		p.stopAfter(t, 30*time.Hour, leasescan.Params{})
		require.Equal(t, []string{"0s ", "0s ben", "0s dora", "24h0m0s ", "24h0m0s ben", "24h0m0s dora"}, p.asked)
		require.Equal(t, workflows.SubjectPrefix, p.calls[0].IDPrefix)
		require.Equal(t, workflows.SubjectAccessType, p.calls[0].WorkflowType)
		require.Equal(t, workflows.TaskQueue, p.calls[0].TaskQueue)
		require.Equal(t, workflows.SignalRevoke, p.calls[0].RevokeSignal)
		require.Positive(t, p.calls[0].Limit)
		require.Contains(t, p.details(t), "5 workflows were started.", "those of the last scan only")
	})
	t.Run("nobody holds access", func(t *testing.T) {
		p := newScan(t)
		p.stopAfter(t, time.Hour, leasescan.Params{})
		require.Equal(t, []string{"0s "}, p.asked)
		require.Contains(t, p.details(t), "0 workflows were started.")
	})
	t.Run("a page that cannot be had is asked for again, ever more slowly", func(t *testing.T) {
		p := newScan(t, "ana", "ben", "cleo")
		refused := temporal.NewNonRetryableApplicationError("the *database* says no", string(access.Forbidden), nil)
		p.fails = []error{refused, refused}
		p.env.RegisterDelayedCallback(func() {
			require.Contains(t, p.details(t), "**Problem:** the \\*database\\* says no")
		}, 10*time.Minute)
		p.stopAfter(t, time.Hour, leasescan.Params{})
		require.Equal(t, []string{"0s ", "5m0s ", "15m0s ", "15m0s ben"}, p.asked)
		require.NotContains(t, p.details(t), "Problem")
	})
	t.Run("whoever cannot be started is named", func(t *testing.T) {
		p := newScan(t, "ana", "ben", "c_leo")
		p.refused = []access.PersonID{"c_leo"}
		p.stopAfter(t, time.Hour, leasescan.Params{})
		require.Contains(t, p.details(t), "**Problem:** Temporal will never start the workflows of \\[c\\_leo\\]")
	})
	t.Run("a run that continues as new goes on where it was", func(t *testing.T) {
		p := newScan(t, "ana", "ben", "cleo", "dora", "emil")
		p.env.SetContinueAsNewSuggested(true)
		p.env.ExecuteWorkflow(leasescan.Workflow, leasescan.Params{})
		var next *workflow.ContinueAsNewError
		require.ErrorAs(t, p.env.GetWorkflowError(), &next)
		require.Equal(t, workflows.LeaseScanType, next.WorkflowType.Name)
		require.Equal(t, []string{"0s "}, p.asked)
		var params leasescan.Params
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &params))
		p.newRun()
		p.stopAfter(t, 25*time.Hour, params)
		require.Equal(t, []string{"0s ", "0s ben", "0s dora", "24h0m0s ", "24h0m0s ben", "24h0m0s dora"}, p.asked)
	})
}
