package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProcessorTime(t *testing.T) {
	used, err := parseStat([]byte("7 (a b) c) S 1 7 7 0 -1 4 1 2 3 4 150 50 0 0 20 0 9 0 1 2 3"))
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, used)
	_, err = parseStat([]byte("7 (x) S 1"))
	require.Error(t, err)
	_, err = parseStat([]byte("7 (x) S 1 7 7 0 -1 4 1 2 3 4 many 50 0"))
	require.Error(t, err)
}

func TestResidentMemoryIsRead(t *testing.T) {
	n, err := parseStatus([]byte("Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  512 kB\n"), "VmRSS:")
	require.NoError(t, err)
	require.Equal(t, int64(512<<10), n)
	_, err = parseStatus([]byte("Name:\tx\n"), "VmRSS:")
	require.Error(t, err)
}

func TestServerActions(t *testing.T) {
	counts, err := parseActions(strings.NewReader(`# TYPE action counter
action{action_type="command_StartTimer",namespace="default",operation="RespondWorkflowTaskCompleted"} 4
action{action_type="command_StartTimer",namespace="default",operation="Other"} 1
action{action_type="command_BatchMarkers",namespace="default"} 3
action{action_type="command_RecordMarker_LocalActivity",namespace="default"} 9
action{action_type="command_StartTimer",namespace="temporal-system"} 70
action_other{namespace="default"} 5
`))
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"command_StartTimer": 5, "command_BatchMarkers": 3}, counts)
	require.Equal(t, map[string]float64{"command_StartTimer": 2}, since(map[string]float64{"command_StartTimer": 3, "command_BatchMarkers": 3}, counts))
}

func TestFigures(t *testing.T) {
	f := figures{}
	f.set("throughput_ratio", 0.81234)
	f.set("events_per_request", 63)
	f.lack("watch_actions_per_hour", "no TicketWatch runs")
	var out bytes.Buffer
	f.write(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, len(figureNames))
	require.Equal(t, "throughput_ratio 0.81", lines[0])
	require.Equal(t, "events_per_request 63", lines[2])
	require.Equal(t, "watch_actions_per_hour n/a (no TicketWatch runs)", lines[4])
	require.Equal(t, "worker_mb_per_1000_open n/a (not measured)", lines[9])
}

func TestMedianIsTheMiddle(t *testing.T) {
	require.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 1.5, median([]float64{2, 1}), 0)
	require.Equal(t, "2 (1 to 9)", spread([]float64{9, 1, 2}))
	require.Equal(t, "9", spread([]float64{9}))
}

func TestSequences(t *testing.T) {
	require.Equal(t, -1, firstDifference([]string{"a", "b"}, []string{"a", "b"}))
	require.Equal(t, 1, firstDifference([]string{"a", "b"}, []string{"a", "c"}))
	require.Equal(t, 2, firstDifference([]string{"a", "b"}, []string{"a", "b", "c"}))
	require.Equal(t, "(the end)", around([]string{"a"}, 1))
}

func TestFixedFloor(t *testing.T) {
	play := fixedPlay()
	count := map[CommandKind]int{}
	for _, c := range play.Parts[0].commands() {
		count[c.Kind]++
		for _, v := range append(c.Input, c.Result...) {
			require.Len(t, v.Data, 512)
		}
	}
	require.Equal(t, map[CommandKind]int{DoActivity: 6, DoTimer: 1, DoCancelTimer: 1, DoAccept: 1, DoAnswer: 1}, count)
}

func TestFloor_answer_in_turn(t *testing.T) {
	p := newPacer(func(string, Delivery) {})
	answered := make(chan int, 2)
	for n := range 2 {
		go func() {
			p.answer(t.Context(), "x/0", 2, 2)
			answered <- n
		}()
	}
	p.reached("x/0", 0, nil)
	require.Empty(t, answered)
	p.reached("x/0", 1, nil)
	for range 2 {
		select {
		case <-answered:
		case <-t.Context().Done():
			t.Fatal("no answer")
		}
	}
	require.Zero(t, p.late)
}

func TestFloor_message_in_turn(t *testing.T) {
	sent := make(chan string, 1)
	p := newPacer(func(id string, d Delivery) { sent <- id + " " + d.Name })
	p.reached("x/0", 0, []Delivery{{To: 1, Name: "hint"}})
	require.Equal(t, "x/1 hint", <-sent)
	p.over("x/0")
	p.awaitTurn(t.Context(), "x/0", 99)
	require.Zero(t, p.late, "what is over keeps nobody waiting")
}
