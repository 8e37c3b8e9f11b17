package bench

import (
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// Kind is a kind of Temporal Cloud action.
type Kind string

// The kinds that a history shows.
const (
	KindStart         Kind = "workflow started"
	KindChild         Kind = "child workflow"
	KindActivity      Kind = "activity started"
	KindRetry         Kind = "activity retried"
	KindLocal         Kind = "local activities, once a workflow task"
	KindTimer         Kind = "timer started"
	KindSignal        Kind = "signal received"
	KindSignalSent    Kind = "signal sent by a workflow"
	KindUpdate        Kind = "update accepted"
	KindAttributes    Kind = "search attributes upserted"
	KindMemo          Kind = "memo changed"
	KindSideEffect    Kind = "side effect"
	KindVersionMarker Kind = "version marker"
	KindNexus         Kind = "nexus operation"
	KindOptions       Kind = "execution options updated"
)

// The marker names of the Go SDK.
const (
	markerLocalActivity     = "LocalActivity"
	markerSideEffect        = "SideEffect"
	markerMutableSideEffect = "MutableSideEffect"
	markerVersion           = "Version"
)

// changeVersion is the search attribute that the SDK writes with a version marker; writing it is free.
const changeVersion = "TemporalChangeVersion"

// Tally is what histories hold.
type Tally struct {
	// Events counts all events; Types counts them by type, in the spelling of the API's enumeration ("TimerStarted").
	Events int
	Types  map[string]int
	// Actions counts Temporal Cloud actions by kind.
	Actions map[Kind]int
}

// InAll is the number of actions of every kind.
func (t Tally) InAll() int {
	n := 0
	for _, of := range t.Actions {
		n += of
	}
	return n
}

// Plus is both tallies together.
func (t Tally) Plus(other Tally) Tally {
	sum := Tally{Events: t.Events + other.Events, Types: map[string]int{}, Actions: map[Kind]int{}}
	for _, one := range []Tally{t, other} {
		for name, n := range one.Types {
			sum.Types[name] += n
		}
		for kind, n := range one.Actions {
			sum.Actions[kind] += n
		}
	}
	return sum
}

// Count counts the events of one run and the actions that they stand for. Each action is counted in one history only, so
// the tallies of all workflows that took part can be added up:
//   - a start is the first event of a run, whoever started it; a child costs one more, in its parent's history;
//   - a signal is counted where it is received, unless a workflow sent it: then where it was sent. The signal of a
//     signal-with-start is part of the start;
//   - an activity is counted once for each attempt that its history shows, and once when it has not begun;
//   - the local activities of one workflow task are one action together;
//   - a change of the memo and a version marker are counted, though the list does not name them: the server's own counter
//     counts them. The search attribute that comes with a version marker is free, as the list says.
func Count(history *historypb.History) Tally {
	t := Tally{Types: map[string]int{}, Actions: map[Kind]int{}}
	local := map[int64]bool{}
	for i, event := range history.GetEvents() {
		t.Events++
		t.Types[event.GetEventType().String()]++
		kind := kindOf(event)
		switch {
		case kind == KindSignal && i == 1 && withStart(history):
			continue
		case kind == KindLocal:
			task := event.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId()
			if local[task] {
				continue
			}
			local[task] = true
		}
		if kind != "" {
			t.Actions[kind]++
		}
		if retries := event.GetActivityTaskStartedEventAttributes().GetAttempt() - 1; retries > 0 {
			t.Actions[KindRetry] += int(retries)
		}
	}
	return t
}

// withStart reports whether the run was started by a signal-with-start: the signal then stands before the first workflow
// task. A delayed start leaves a gap in which other signals can come.
func withStart(history *historypb.History) bool {
	start := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return start != nil && start.GetFirstWorkflowTaskBackoff().AsDuration() == 0 && start.GetContinuedExecutionRunId() == ""
}

// kindOf is the kind of action that an event stands for; "" for none.
func kindOf(event *historypb.HistoryEvent) Kind {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		return KindStart
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		return KindChild
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return KindActivity
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		return KindTimer
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		if event.GetWorkflowExecutionSignaledEventAttributes().GetExternalWorkflowExecution() != nil {
			return ""
		}
		return KindSignal
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return KindSignalSent
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return KindUpdate
	case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		return kindOfUpsert(event)
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		return KindMemo
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		return kindOfMarker(event)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED, enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
		return KindNexus
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
		return KindOptions
	default:
		return ""
	}
}

func kindOfUpsert(event *historypb.HistoryEvent) Kind {
	fields := event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()
	if _, version := fields[changeVersion]; version && len(fields) == 1 {
		return ""
	}
	return KindAttributes
}

func kindOfMarker(event *historypb.HistoryEvent) Kind {
	switch event.GetMarkerRecordedEventAttributes().GetMarkerName() {
	case markerLocalActivity:
		return KindLocal
	case markerVersion:
		return KindVersionMarker
	default:
		return KindSideEffect
	}
}

// ordered are the keys of a count, the largest first.
func ordered[K ~string](of map[K]int) []K {
	keys := slices.Sorted(maps.Keys(of))
	slices.SortStableFunc(keys, func(a, b K) int { return of[b] - of[a] })
	return keys
}
