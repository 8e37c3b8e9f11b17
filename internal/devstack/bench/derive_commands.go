package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// command reads an event that a command of a workflow task has become.
func (r *reader) command(e *historypb.HistoryEvent) error {
	if r.turn < 0 {
		return errors.New("a command before the first workflow task")
	}
	c := Command{ID: e.GetEventId(), Summary: summaryOf(e.GetUserMetadata())}
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		r.scheduled(&c, e.GetActivityTaskScheduledEventAttributes())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		c.Kind, c.Of = DoCancelActivity, e.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId()
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		c.Kind, c.After = DoTimer, e.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration()
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		c.Kind, c.Of = DoCancelTimer, e.GetTimerCanceledEventAttributes().GetStartedEventId()
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		if err := r.marker(&c, e); err != nil {
			return err
		}
	case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		if r.freeUpsert {
			r.freeUpsert = false
			return nil
		}
		c.Kind = DoAttributes
		c.Fields = fieldsOf(e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields())
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		c.Kind, c.Fields = DoMemo, fieldsOf(e.GetWorkflowPropertiesModifiedEventAttributes().GetUpsertedMemo().GetFields())
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		// There are two workflows in a request, so the other one is meant.
		c.Kind, c.Name, c.Input, c.To = DoSignal, a.GetSignalName(), valuesOf(a.GetInput()), 1-min(r.index, 1)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		r.update(&c, e)
	default:
		return errors.New("the floor cannot play it")
	}
	turn := &r.part.Turns[r.turn]
	r.where[c.ID] = [2]int{r.turn, len(turn.Commands)}
	turn.Commands = append(turn.Commands, c)
	return nil
}

func (r *reader) scheduled(c *Command, a *historypb.ActivityTaskScheduledEventAttributes) {
	retry := a.GetRetryPolicy()
	c.Kind, c.Name, c.Input, c.Queue = DoActivity, a.GetActivityType().GetName(), valuesOf(a.GetInput()), a.GetTaskQueue().GetName()
	c.Timeout = Timeouts{
		ScheduleToClose: a.GetScheduleToCloseTimeout().AsDuration(),
		ScheduleToStart: a.GetScheduleToStartTimeout().AsDuration(),
		StartToClose:    a.GetStartToCloseTimeout().AsDuration(),
		Heartbeat:       a.GetHeartbeatTimeout().AsDuration(),
		RetryFirst:      retry.GetInitialInterval().AsDuration(),
		RetryMost:       retry.GetMaximumInterval().AsDuration(),
		RetryFactor:     retry.GetBackoffCoefficient(),
		Attempts:        retry.GetMaximumAttempts(),
	}
}

func (r *reader) marker(c *Command, e *historypb.HistoryEvent) error {
	a := e.GetMarkerRecordedEventAttributes()
	switch a.GetMarkerName() {
	case markerLocalActivity:
		// It ran within its workflow task.
		r.ran[c.ID] = interval{from: r.began, to: e.GetEventTime().AsTime()}
		c.Kind, c.Result, c.Name = DoLocal, valuesOf(a.GetDetails()["result"]), localType(a)
	case markerSideEffect:
		c.Kind, c.Result = DoSideEffect, valuesOf(a.GetDetails()["data"])
	case markerVersion:
		c.Kind = DoVersion
		if values := valuesOf(a.GetDetails()["change-id"]); len(values) == 1 {
			c.Name = text(values[0])
		}
		r.freeUpsert = true
	default:
		return fmt.Errorf("the floor cannot play the marker %s", a.GetMarkerName())
	}
	return nil
}

// localType is the type of the local activity that a marker records; "" for another marker.
func localType(a *historypb.MarkerRecordedEventAttributes) string {
	var data struct{ ActivityType string }
	values := valuesOf(a.GetDetails()["data"])
	if a.GetMarkerName() != markerLocalActivity || len(values) != 1 || json.Unmarshal(values[0].Data, &data) != nil {
		return ""
	}
	return data.ActivityType
}

func (r *reader) update(c *Command, e *historypb.HistoryEvent) {
	if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED {
		r.accepted(c, e.GetWorkflowExecutionUpdateAcceptedEventAttributes(), e.GetEventTime().AsTime())
		return
	}
	a := e.GetWorkflowExecutionUpdateCompletedEventAttributes()
	c.Kind, c.Of = DoAnswer, a.GetAcceptedEventId()
	r.at(c.Of).Result = valuesOf(a.GetOutcome().GetSuccess())
}

func (r *reader) accepted(c *Command, a *historypb.WorkflowExecutionUpdateAcceptedEventAttributes, at time.Time) {
	request := a.GetAcceptedRequest()
	c.Kind, c.Name = DoAccept, request.GetInput().GetName()
	c.Input = valuesOf(request.GetInput().GetArgs())
	update := Delivery{To: r.index, Name: c.Name, ID: request.GetMeta().GetUpdateId(), Input: c.Input, Turn: r.turn}
	if r.turn == 0 && r.call == nil && r.index == 0 {
		r.call = &update
		return
	}
	r.received = append(r.received, received{at: at, from: request.GetMeta().GetIdentity(), delivery: update})
}

// text is a JSON string's text; "" when it is none.
func text(v Value) string {
	var s string
	if json.Unmarshal(v.Data, &s) != nil {
		return ""
	}
	return s
}
