package bench

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
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
	events := temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return record, fmt.Errorf("read the history of %s: %w", id, err)
		}
		record.History.Events = append(record.History.Events, event)
	}
	return record, nil
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
