package bench_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"usher/internal/devstack/bench"
)

// histories are records of real runs, this package's own: recording those of package workflows anew changes no count here.
const histories = "testdata/records"

func recorded(t *testing.T, name string) *historypb.History {
	t.Helper()
	file, err := os.Open(filepath.Join(histories, name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	history, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}

// event is an event with attributes of its type.
type event = *historypb.HistoryEvent

func started(change ...func(*historypb.WorkflowExecutionStartedEventAttributes)) event {
	a := &historypb.WorkflowExecutionStartedEventAttributes{}
	for _, one := range change {
		one(a)
	}
	return &historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: a},
	}
}

func signaled(from *commonpb.WorkflowExecution) event {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{ExternalWorkflowExecution: from},
		},
	}
}

func plain(t enumspb.EventType) event { return &historypb.HistoryEvent{EventType: t} }

func marker(name string, task int64) event {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
		Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: name, WorkflowTaskCompletedEventId: task},
		},
	}
}

func upsert(keys ...string) event {
	fields := map[string]*commonpb.Payload{}
	for _, key := range keys {
		fields[key] = &commonpb.Payload{}
	}
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
			UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: fields},
			},
		},
	}
}

func attempt(n int32) event {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
			ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{Attempt: n},
		},
	}
}

func TestEventsStandForActions(t *testing.T) {
	scheduled := plain(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	rows := []struct {
		name   string
		events []event
		want   map[bench.Kind]int
	}{
		{"a start", []event{started()}, map[bench.Kind]int{bench.KindStart: 1}},
		{"a signal that started the run is part of the start", []event{started(), signaled(nil)}, map[bench.Kind]int{bench.KindStart: 1}},
		{
			"a signal after the first workflow task was scheduled",
			[]event{started(), plain(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), signaled(nil)},
			map[bench.Kind]int{bench.KindStart: 1, bench.KindSignal: 1},
		},
		{
			"a signal during a delayed start",
			[]event{started(func(a *historypb.WorkflowExecutionStartedEventAttributes) {
				a.FirstWorkflowTaskBackoff = durationpb.New(1)
			}), signaled(nil)},
			map[bench.Kind]int{bench.KindStart: 1, bench.KindSignal: 1},
		},
		{
			"a signal to a run that goes on from another one",
			[]event{started(func(a *historypb.WorkflowExecutionStartedEventAttributes) { a.ContinuedExecutionRunId = "x" }), signaled(nil)},
			map[bench.Kind]int{bench.KindStart: 1, bench.KindSignal: 1},
		},
		{
			"a signal from a workflow is counted at the sender",
			[]event{plain(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), scheduled, signaled(&commonpb.WorkflowExecution{WorkflowId: "x"})},
			map[bench.Kind]int{bench.KindActivity: 1},
		},
		{
			"a signal that a workflow sends",
			[]event{plain(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED)},
			map[bench.Kind]int{bench.KindSignalSent: 1},
		},
		{"an activity that has not begun", []event{scheduled}, map[bench.Kind]int{bench.KindActivity: 1}},
		{"an activity at its first attempt", []event{scheduled, attempt(1)}, map[bench.Kind]int{bench.KindActivity: 1}},
		{
			"an activity at its third attempt",
			[]event{scheduled, attempt(3)},
			map[bench.Kind]int{bench.KindActivity: 1, bench.KindRetry: 2},
		},
		{
			"three local activities in two workflow tasks",
			[]event{marker("LocalActivity", 4), marker("LocalActivity", 4), marker("LocalActivity", 9)},
			map[bench.Kind]int{bench.KindLocal: 2},
		},
		{"two side effects", []event{marker("SideEffect", 4), marker("MutableSideEffect", 4)}, map[bench.Kind]int{bench.KindSideEffect: 2}},
		{
			"a version marker and the attribute that comes with it",
			[]event{marker("Version", 4), upsert("TemporalChangeVersion")},
			map[bench.Kind]int{bench.KindVersionMarker: 1},
		},
		{"one upsert of several attributes", []event{upsert("A", "B", "TemporalChangeVersion")}, map[bench.Kind]int{bench.KindAttributes: 1}},
		{"an accepted update", []event{plain(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)}, map[bench.Kind]int{bench.KindUpdate: 1}},
		{"an answered update", []event{plain(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)}, map[bench.Kind]int{}},
		{"a timer that starts", []event{plain(enumspb.EVENT_TYPE_TIMER_STARTED)}, map[bench.Kind]int{bench.KindTimer: 1}},
		{"a timer that fires or is cancelled", []event{plain(enumspb.EVENT_TYPE_TIMER_FIRED), plain(enumspb.EVENT_TYPE_TIMER_CANCELED)}, map[bench.Kind]int{}},
		{"a child", []event{plain(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)}, map[bench.Kind]int{bench.KindChild: 1}},
		{"a memo", []event{plain(enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED)}, map[bench.Kind]int{bench.KindMemo: 1}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			tally := bench.Count(&historypb.History{Events: row.events})
			require.Equal(t, row.want, tally.Actions)
			require.Equal(t, len(row.events), tally.Events)
		})
	}
}

func TestCount_recorded_histories(t *testing.T) {
	request := bench.Count(recorded(t, "one-stage-AccessRequest.json.gz"))
	require.Equal(t, 120, request.Events)
	require.Equal(t, map[bench.Kind]int{
		bench.KindStart: 1, bench.KindUpdate: 2, bench.KindActivity: 19, bench.KindLocal: 2, bench.KindAttributes: 5,
		bench.KindTimer: 4, bench.KindSignal: 5,
	}, request.Actions)
	subject := bench.Count(recorded(t, "one-stage-SubjectAccess.json.gz"))
	require.Equal(t, 20, subject.Events)
	require.Equal(t, map[bench.Kind]int{
		bench.KindStart: 1, bench.KindLocal: 1, bench.KindActivity: 2, bench.KindSignalSent: 1,
	}, subject.Actions)
	both := request.Plus(subject)
	require.Equal(t, 140, both.Events)
	require.Equal(t, request.InAll()+subject.InAll(), both.InAll())
	require.Equal(t, request.Types["TimerStarted"]+subject.Types["TimerStarted"], both.Types["TimerStarted"])
}
