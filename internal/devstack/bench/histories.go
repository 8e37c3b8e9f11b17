package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/devstack/stack"
)

// recordOf takes the history of a workflow's last run once nothing of it is under way. An id that never ran gives a
// record without events.
func recordOf(ctx context.Context, temporal client.Client, id string) (Record, error) {
	record := Record{ID: id, History: &historypb.History{}}
	err := stack.Poll(ctx, func(ctx context.Context) error {
		now, err := temporal.DescribeWorkflowExecution(ctx, id, "")
		if err == nil && (now.PendingWorkflowTask != nil || len(now.PendingActivities) > 0) {
			return errors.New("something is under way")
		}
		if err != nil {
			return stack.Stop(err)
		}
		return nil
	})
	var absent *serviceerror.NotFound
	if errors.As(err, &absent) {
		return record, nil
	}
	if err != nil {
		return record, fmt.Errorf("read the history of %s: %w", id, err)
	}
	return eventsOfRun(ctx, temporal, id, "")
}

// eventsOfRun takes a history as it is now; run "" is the last one.
func eventsOfRun(ctx context.Context, temporal client.Client, id, run string) (Record, error) {
	record := Record{ID: id, History: &historypb.History{}}
	events := temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return record, fmt.Errorf("read the history of %s: %w", id, err)
		}
		record.History.Events = append(record.History.Events, event)
	}
	return record, nil
}

// runsOf takes the histories of all runs of a workflow id, the last run first.
func runsOf(ctx context.Context, temporal client.Client, id string) ([]Record, error) {
	var records []Record
	for run := ""; ; {
		record, err := eventsOfRun(ctx, temporal, id, run)
		var absent *serviceerror.NotFound
		if errors.As(err, &absent) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		records = append(records, record)
		run = record.History.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		if run == "" {
			return records, nil
		}
	}
}

// between is the part of a record whose events happened in a time, from included and to not.
func (r Record) between(from, to time.Time) Record {
	part := Record{ID: r.ID, History: &historypb.History{}}
	for _, event := range r.History.GetEvents() {
		if at := event.GetEventTime().AsTime(); !at.Before(from) && at.Before(to) {
			part.History.Events = append(part.History.Events, event)
		}
	}
	return part
}

// steps counts the activities and local activities by their types.
func (r Record) steps() map[string]int {
	count := map[string]int{}
	for _, event := range r.History.GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			count[event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()]++
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			if name := localType(event.GetMarkerRecordedEventAttributes()); name != "" {
				count[name]++
			}
		default:
		}
	}
	return count
}

// lasted are how long the activities took, by their types, from being scheduled to their result.
func (r Record) lasted() map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, event := range r.History.GetEvents() {
		if done := event.GetActivityTaskCompletedEventAttributes(); done != nil {
			began := r.History.GetEvents()[done.GetScheduledEventId()-1]
			all[began.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()] += event.GetEventTime().AsTime().Sub(began.GetEventTime().AsTime())
		}
	}
	return all
}

// recordsOf takes the histories of several workflows; those that never ran are left out.
func recordsOf(ctx context.Context, temporal client.Client, ids ...string) ([]Record, error) {
	var records []Record
	for _, id := range ids {
		record, err := recordOf(ctx, temporal, id)
		if err != nil {
			return nil, err
		}
		if len(record.History.Events) > 0 {
			records = append(records, record)
		}
	}
	return records, nil
}

// openRequests are the ids of the request workflows that run.
func openRequests(ctx context.Context, temporal client.Client) ([]string, error) {
	list, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'AccessRequest' AND ExecutionStatus = 'Running'", PageSize: 1000,
	})
	if err != nil {
		return nil, fmt.Errorf("list the open requests: %w", err)
	}
	var ids []string
	for _, one := range list.GetExecutions() {
		ids = append(ids, one.GetExecution().GetWorkflowId())
	}
	return ids, nil
}
