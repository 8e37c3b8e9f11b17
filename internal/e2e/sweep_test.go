package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// full reports whether every row of a sweep is played. Otherwise a sample is. ONLY, a regular expression, leaves out every
// row whose name it does not match, and takes no sample of the others.
func full() bool { return os.Getenv("FULL") == "1" || os.Getenv("ONLY") != "" }

// only returns the rows of a group that ONLY does not leave out.
func only[R sweeper](t *testing.T, group string, all []R) []R {
	t.Helper()
	wanted, err := regexp.Compile(os.Getenv("ONLY"))
	require.NoError(t, err, "ONLY")
	return slices.DeleteFunc(all, func(r R) bool { return !wanted.MatchString(group + "/" + r.base().name) })
}

// sweeper is a row of a sweep with what its test adds to it.
type sweeper interface{ base() *swept }

// side does one step of all rows side by side. A row that goes wrong takes no further step.
func side[R sweeper](all []R, step func(R) error) {
	var wg sync.WaitGroup
	for _, r := range all {
		if of := r.base(); of.wrong == nil {
			wg.Go(func() { of.wrong = step(r) })
		}
	}
	wg.Wait()
}

// tellStories keeps what the workflows of the rows did that are wrong.
func tellStories[R sweeper](ctx context.Context, all []R) {
	for _, r := range all {
		if of := r.base(); of.wrong != nil {
			of.story = of.tellStory(ctx)
		}
	}
}

// drawing returns the source of the sample, and logs the seed with which USHER_SEED repeats it.
func drawing(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("USHER_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "USHER_SEED")
	}
	if !full() {
		t.Logf("row seed: USHER_SEED=%d plays this sample again, FULL=1 plays all", seed)
	}
	return rand.New(rand.NewPCG(seed, seed))
}

// sample returns n of all, in their order; all of them in a full run.
func sample[T any](from *rand.Rand, all []T, n int) []T {
	if full() || n >= len(all) {
		return all
	}
	chosen := from.Perm(len(all))[:n]
	slices.Sort(chosen)
	some := make([]T, n)
	for i, at := range chosen {
		some[i] = all[at]
	}
	return some
}

// swept is one row of a sweep.
type swept struct {
	row
	// wrong is what was found wrong; nil for nothing. played is true when somebody has looked for it at the end.
	wrong  error
	played bool
	// story is what its workflows did, kept for a row that is wrong.
	story string
}

// base implements sweeper.
func (s *swept) base() *swept { return s }

// sweep is the rows of one test, and how many of them were wrong.
type sweep struct {
	name             string
	rows, violations int
}

// report makes a subtest of each row, with the given name of the group above it, and counts.
func report[R sweeper](t *testing.T, s *sweep, group string, rows []R) {
	t.Helper()
	width := 0
	for _, r := range rows {
		width = max(width, len(r.base().name))
	}
	t.Run(group, func(t *testing.T) {
		for _, of := range rows {
			r := of.base()
			if !r.played && r.wrong == nil {
				r.wrong = errors.New("it was not played to its end")
			}
			s.rows++
			if r.wrong != nil {
				s.violations++
			}
			t.Run(r.name, func(t *testing.T) {
				t.Logf("row %s %s %-*s  %s %s", s.name, group, width, r.name, r.found, verdictOf(r.wrong))
				if r.wrong != nil {
					t.Logf("request %s\n%s", r.id, r.story)
				}
				require.NoError(t, r.wrong)
			})
		}
	})
}

// total logs the line that sums the sweep up.
func (s *sweep) total(t *testing.T) {
	t.Helper()
	t.Logf("%s: rows %d, violations %d", s.name, s.rows, s.violations)
}

func verdictOf(wrong error) string {
	if wrong != nil {
		return "WRONG"
	}
	return "right"
}

// workflowIDs are the workflows that a row is about.
func (r *row) workflowIDs() []string {
	return []string{workflows.RequestWorkflowID(r.id), workflows.SubjectWorkflowID(r.who)}
}

// runStatus is where a workflow stands: unspecified where none ever ran.
func (s *system) runStatus(ctx context.Context, id string) (enumspb.WorkflowExecutionStatus, error) {
	found, err := s.temporal.DescribeWorkflowExecution(ctx, id, "")
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, nil
	case err != nil:
		return enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, err
	}
	return found.WorkflowExecutionInfo.Status, nil
}

// runEnds returns an error while the request's workflow runs, or when it did not end by itself.
func (r *row) runEnds(ctx context.Context) error {
	status, err := r.runStatus(ctx, workflows.RequestWorkflowID(r.id))
	switch {
	case err != nil:
		return err
	case status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return nil
	case status == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED && r.want.outcome == access.OutcomeCancelled:
		return nil
	}
	return fmt.Errorf("the request's workflow is %s", status)
}

const (
	// stillFor is how long nothing may happen about a row that is not at its end, while nothing is under way.
	stillFor = 20 * time.Second
	// glance is the pause between two looks at whether something happens.
	glance = 3 * time.Second
	// failsOften is the attempt from which on a task or an activity counts as failing for ever.
	failsOften = 4
)

// sweepPause is the pause between two questions about one of many rows.
const sweepPause = 1500 * time.Millisecond

// awaited asks until the answer is nil, as stack.Poll does, with the pause of a sweep. The error is the last answer that was
// no error of a context.
func awaited(ctx context.Context, ask func(context.Context) error) error {
	ticker := time.NewTicker(sweepPause)
	defer ticker.Stop()
	var last error
	err := stack.Poll(ctx, func(ctx context.Context) error {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		return err
	})
	if err != nil && ctx.Err() != nil && last != nil {
		return fmt.Errorf("gave up waiting: %w", last)
	}
	return err
}

// errStill means that a row will not come to its end.
var errStill = errors.New("nothing happens any more")

// motion notices that nothing happens any more about a row.
type motion struct {
	looked, since time.Time
	seen          string
}

// goesOn returns errStill when nothing has happened for long and nothing is under way that changes anything.
func (m *motion) goesOn(ctx context.Context, r *row, seen string) error {
	now := time.Now()
	if m.since.IsZero() {
		m.since = now
	}
	if now.Sub(m.looked) < glance {
		return nil
	}
	m.looked = now
	for _, id := range r.workflowIDs() {
		found, err := r.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			continue
		}
		// What fails again and again is no progress.
		busy := found.PendingWorkflowTask != nil && found.PendingWorkflowTask.Attempt < failsOften
		busy = busy || slices.ContainsFunc(found.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool {
			return a.ActivityType.Name != "ReadTicket" && a.Attempt < failsOften
		})
		seen += " " + found.WorkflowExecutionInfo.Status.String()
		if busy {
			seen = now.String()
		}
	}
	if seen != m.seen {
		m.seen, m.since = seen, now
		return nil
	}
	if now.Sub(m.since) > stillFor {
		return errStill
	}
	return nil
}

// progressOf is what of the evidence changes while a row goes on.
func progressOf(e evidence) string {
	seen := fmt.Sprint(e.detail.State, e.detail.Version, len(e.detail.Timeline), len(e.changes))
	for _, t := range e.tickets {
		seen += fmt.Sprint(" ", t.Key, t.Status, len(t.Comments))
	}
	for _, l := range e.leases {
		seen += fmt.Sprint(" ", l.Lease.ID, l.State, l.Revision)
	}
	return seen
}

// storyLimit is how many runs of a workflow are told: the last ones.
const storyLimit = 6

// tellStory returns what a row's workflows did: the events of their last runs, and what is under way.
func (r *row) tellStory(ctx context.Context) string {
	var b strings.Builder
	for _, id := range r.workflowIDs() {
		found, err := r.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", id, err)
			continue
		}
		info := found.WorkflowExecutionInfo
		runs, last := r.eventsOf(ctx, id, info.FirstRunId)
		if last != info.Execution.RunId {
			// A reset began it.
			reset, _ := r.eventsOf(ctx, id, info.Execution.RunId)
			runs = append(runs, reset...)
		}
		fmt.Fprintf(&b, "%s: %s, %d runs\n", id, info.Status, len(runs))
		for _, run := range runs[max(0, len(runs)-storyLimit):] {
			fmt.Fprintf(&b, "    %s\n", run)
		}
		for _, a := range found.PendingActivities {
			fmt.Fprintf(&b, "    under way: %s attempt %d %s: %s\n", a.ActivityType.Name, a.Attempt, a.State, a.LastFailure.GetMessage())
		}
	}
	return b.String()
}

// eventsOf returns a line for each run of a workflow, from one run on, and the last of these runs.
func (s *system) eventsOf(ctx context.Context, id, run string) (lines []string, last string) {
	for run != "" {
		last = run
		line, next, before := []string{}, "", time.Time{}
		for events := s.history(ctx, id, run); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				return append(lines, err.Error()), last
			}
			at := event.EventTime.AsTime()
			if gap := at.Sub(before).Round(time.Second); !before.IsZero() && gap > time.Second {
				line = append(line, gap.String())
			}
			line, before = append(line, nameOf(event)), at
			next = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		lines, run = append(lines, strings.Join(line, " ")), next
	}
	return lines, last
}

// nameOf is an event in a word or two.
func nameOf(event *historypb.HistoryEvent) string {
	switch event.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
		return "("
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		if event.GetWorkflowTaskStartedEventAttributes().SuggestContinueAsNew {
			return "long!"
		}
		return "task"
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		return ")"
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return event.GetActivityTaskScheduledEventAttributes().ActivityType.Name + "?"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return "signal:" + event.GetWorkflowExecutionSignaledEventAttributes().SignalName
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return "update:" + event.GetWorkflowExecutionUpdateAcceptedEventAttributes().AcceptedRequest.GetInput().GetName()
	default:
		return event.EventType.String()
	}
}

// history is that of a run; "" is the present one.
func (s *system) history(ctx context.Context, id, run string) client.HistoryEventIterator {
	return s.temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
}
