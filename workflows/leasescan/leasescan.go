// Package leasescan is the workflow LeaseScan: once a day it starts the workflow of every person who holds access by the
// ledger and whose workflow does not run. Somebody may have terminated it; access that must end still ends. A workflow that
// holds what was revoked is notified of it once more.
package leasescan

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Params are what only a continuation brings.
type Params struct {
	Carried *state `json:"carried,omitempty"`
}

// state is where the scan stands.
type state struct {
	// After is the last person of the page before; NextAt is when the next page is due.
	After  access.PersonID `json:"after,omitempty"`
	NextAt time.Time       `json:"next_at,omitzero"`
	// Started counts the workflows that were started in this scan, and Failures the failures in a row.
	Started  int    `json:"started,omitempty"`
	Failures int    `json:"failures,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// interval is the time between two scans, and page how many people one activity looks at.
const (
	interval = 24 * time.Hour
	page     = 200
)

type scan struct {
	*state
	loop    *durable.Loop
	stopped error
}

// Workflow scans for ever.
func Workflow(ctx workflow.Context, p Params) error {
	s := &scan{state: p.Carried}
	if s.state == nil {
		s.state = &state{}
	}
	s.loop = durable.New(ctx, s)
	err := s.loop.Run(func() error {
		return workflow.NewContinueAsNewError(s.loop.Context(), workflows.LeaseScanType, Params{Carried: s.state})
	})
	if err != nil {
		return err
	}
	return s.stopped
}

// Step asks for the next page.
func (s *scan) Step(now time.Time) {
	if s.loop.Busy() || s.stopped != nil || now.Before(s.NextAt) {
		return
	}
	var records *activities.Records
	call := activities.StartSubjectsInput{
		After: s.After, Limit: page, IDPrefix: workflows.SubjectPrefix, WorkflowType: workflows.SubjectAccessType, TaskQueue: workflows.TaskQueue,
		RevokeSignal: workflows.SignalRevoke,
	}
	durable.Start(s.loop, workflows.NotifyChanges(), records.StartSubjects, call, s.started)
}

func (s *scan) started(done activities.StartSubjectsResult, err error) {
	now := s.loop.Now()
	switch {
	case err != nil && s.loop.Leaving():
		return
	case err != nil:
		s.Failures++
		s.NextAt, s.Problem = now.Add(workflows.RetryScan.After(s.Failures)), workflows.ErrorText(err)
	default:
		if s.After == "" {
			s.Started = 0
		}
		if s.After == "" || s.Failures > 0 {
			s.Problem = ""
		}
		if len(done.Refused) > 0 {
			s.Problem = fmt.Sprintf("Temporal will never start the workflows of %v", done.Refused)
		}
		s.After, s.Started, s.Failures = done.Next, s.Started+done.Started, 0
		if done.Next == "" {
			s.NextAt = now.Add(interval)
		}
	}
	text := fmt.Sprintf("%d workflows were started. The next step is due at %s.", s.Started, workflows.Clock(s.NextAt))
	if s.Problem != "" {
		text += "\n\n**Problem:** " + workflows.Inline(s.Problem)
	}
	workflow.SetCurrentDetails(s.loop.Context(), text+workflows.DetailsEnd)
}

// Due returns when the next page is due.
func (s *scan) Due() (time.Time, string) {
	if s.loop.Busy() || s.stopped != nil {
		return time.Time{}, ""
	}
	return s.NextAt, "next scan"
}

// Done reports whether somebody has cancelled the scan.
func (s *scan) Done() bool { return s.stopped != nil }

// Cancelled ends the scan.
func (s *scan) Cancelled() { s.stopped = workflow.ErrCanceled }

// Undecodable is for signals; the scan takes none.
func (s *scan) Undecodable(string, error) {}
