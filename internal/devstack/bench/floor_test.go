package bench_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/devstack/bench"
)

func oneStage(t *testing.T) []bench.Record {
	t.Helper()
	return []bench.Record{
		{ID: "request/one-stage", History: recorded(t, "one-stage-AccessRequest.json.gz")},
		{ID: "access/user-1", History: recorded(t, "one-stage-SubjectAccess.json.gz")},
	}
}

func TestPlay_commands_and_arrivals(t *testing.T) {
	records := oneStage(t)
	play, err := bench.Derive("copy", records)
	require.NoError(t, err)
	require.Len(t, play.Parts, 2)
	require.Equal(t, 140, play.Events())
	require.NotNil(t, play.Call)
	require.Equal(t, "submit", play.Call.Name)
	for i, part := range play.Parts {
		require.Equal(t, records[i].Types(), part.Types)
		turns := 0
		for _, name := range part.Types {
			if name == "WorkflowTaskCompleted" {
				turns++
			}
		}
		require.Len(t, part.Turns, turns)
		count := map[bench.CommandKind]int{}
		for _, turn := range part.Turns {
			for _, c := range turn.Commands {
				count[c.Kind]++
			}
		}
		tally := bench.Count(records[i].History)
		require.Equal(t, tally.Types["ActivityTaskScheduled"], count[bench.DoActivity])
		require.Equal(t, tally.Types["TimerStarted"], count[bench.DoTimer])
		require.Equal(t, tally.Types["MarkerRecorded"], count[bench.DoLocal])
		require.Equal(t, tally.Types["UpsertWorkflowSearchAttributes"], count[bench.DoAttributes])
		require.Equal(t, tally.Types["SignalExternalWorkflowExecutionInitiated"], count[bench.DoSignal])
	}
	require.True(t, play.Parts[0].Ends)
	require.False(t, play.Parts[1].Ends, "access is held")
}

func TestPlay_senders(t *testing.T) {
	play, err := bench.Derive("copy", oneStage(t))
	require.NoError(t, err)
	sends, outside := map[string][]string{}, map[string]int{}
	for _, part := range play.Parts {
		for _, turn := range part.Turns {
			for _, d := range turn.Outside {
				outside[d.Name]++
			}
			for _, c := range turn.Commands {
				for _, d := range c.Sends {
					sends[c.Name] = append(sends[c.Name], d.Name)
				}
			}
		}
	}
	require.Equal(t, []string{"ensure"}, sends["EnsureLease"], "the activity that names the receiver sent it")
	require.Equal(t, 1, outside["decide"])
	require.Zero(t, outside["lease_status"], "a workflow sent it")
}

func TestFloor_timer_that_never_fired(t *testing.T) {
	play, err := bench.Derive("copy", oneStage(t))
	require.NoError(t, err)
	short := 0
	for _, part := range play.Parts {
		fired := map[int64]bool{}
		for _, turn := range part.Turns {
			for _, a := range turn.Arrivals {
				fired[a.Of] = fired[a.Of] || a.Kind == bench.ArriveTimer
			}
		}
		for _, turn := range part.Turns {
			for _, c := range turn.Commands {
				if c.Kind == bench.DoTimer && c.After < time.Hour {
					require.True(t, fired[c.ID])
					short++
				}
			}
		}
	}
	require.Equal(t, 1, short, "one timer of the record fired")
}

func TestFloor_cannot_play(t *testing.T) {
	_, err := bench.Derive("copy", []bench.Record{{ID: "request/x", History: recorded(t, "long-by-hand-AccessRequest-run1.json.gz")}})
	require.ErrorContains(t, err, "request/x")
	require.ErrorContains(t, err, "event ")
}

func TestPlay_file(t *testing.T) {
	play, err := bench.Derive("copy", oneStage(t))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "plays.json")
	require.NoError(t, bench.WritePlays(path, []bench.Play{play}))
	again, err := bench.ReadPlays(path)
	require.NoError(t, err)
	require.Equal(t, []bench.Play{play}, again)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = bench.ReadPlays(path)
	require.ErrorContains(t, err, path)
}

func TestFloorWorker_without_plays(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := bench.RunFloorWorker(ctx, bench.FloorOptions{Plays: filepath.Join(t.TempDir(), "none"), In: &bytes.Buffer{}, Out: &bytes.Buffer{}})
	require.ErrorContains(t, err, "read the plays")
}
