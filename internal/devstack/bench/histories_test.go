package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestLastedIsFromTheScheduleToTheResult(t *testing.T) {
	at := func(second int64, e *historypb.HistoryEvent) *historypb.HistoryEvent {
		e.EventTime = &timestamppb.Timestamp{Seconds: second}
		return e
	}
	scheduled := func(name string) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{ActivityType: &commonpb.ActivityType{Name: name}},
		}}
	}
	completed := func(of int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
			ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: of},
		}}
	}
	record := Record{History: &historypb.History{Events: []*historypb.HistoryEvent{
		at(1, scheduled("Plan")), at(3, completed(1)), at(4, scheduled("Apply")), at(9, completed(3)), at(9, scheduled("Apply")), at(10, completed(5)),
		at(11, scheduled("End")),
	}}}
	require.Equal(t, map[string]time.Duration{"Plan": 2 * time.Second, "Apply": 6 * time.Second}, record.lasted())
}

func TestPeakMemoryIsRead(t *testing.T) {
	status := []byte("VmHWM:\t  900 kB\nVmRSS:\t  512 kB\n")
	n, err := parseStatus(status, "VmHWM:")
	require.NoError(t, err)
	require.Equal(t, int64(900<<10), n)
}
