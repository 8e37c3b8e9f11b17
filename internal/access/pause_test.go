package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func pauseOf(what access.PausedWork, target access.TargetName) access.Pause {
	return access.Pause{ID: "p-1", What: what, Target: target, Paused: true, By: "p-adam", Reason: "the directory is repaired", At: revokedAt}
}

func TestPauseText(t *testing.T) {
	require.Equal(t, "grants on wiki are paused by p-adam since 2026-03-14 12:00:00Z: the directory is repaired", pauseOf(access.PausedGrants, "wiki").Text())
	all := pauseOf(access.PausedRevokes, "")
	all.At = all.At.In(time.FixedZone("far away", 5*3600))
	require.Equal(t, "revokes on all targets are paused by p-adam since 2026-03-14 12:00:00Z: the directory is repaired", all.Text())
}

func TestPauseHolds(t *testing.T) {
	resumed := pauseOf(access.PausedGrants, "wiki")
	resumed.Paused = false
	for name, row := range map[string]struct {
		pause access.Pause
		want  bool
	}{
		"this target":    {pauseOf(access.PausedGrants, "wiki"), true},
		"all targets":    {pauseOf(access.PausedGrants, ""), true},
		"another target": {pauseOf(access.PausedGrants, "crm"), false},
		"other work":     {pauseOf(access.PausedRevokes, "wiki"), false},
		"a resume":       {resumed, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, row.want, row.pause.Holds(access.PausedGrants, "wiki")) })
	}
}

func TestPauseSame(t *testing.T) {
	p := pauseOf(access.PausedGrants, "wiki")
	again := p
	again.At, again.Evidence = p.At.Add(time.Hour), "another token"
	require.True(t, p.Same(again))
	for name, change := range map[string]func(*access.Pause){
		"id":     func(o *access.Pause) { o.ID = "p-2" },
		"what":   func(o *access.Pause) { o.What = access.PausedRevokes },
		"target": func(o *access.Pause) { o.Target = "" },
		"paused": func(o *access.Pause) { o.Paused = false },
		"by":     func(o *access.Pause) { o.By = "p-eve" },
		"reason": func(o *access.Pause) { o.Reason = "another" },
	} {
		other := p
		change(&other)
		require.False(t, p.Same(other), name)
	}
}

func TestPauseProblem(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*access.Pause)
		want   string
	}{
		"nothing":                  {func(*access.Pause) {}, ""},
		"of all targets":           {func(p *access.Pause) { p.Target = "" }, ""},
		"a resume without reason":  {func(p *access.Pause) { p.Paused, p.Reason = false, "" }, ""},
		"an id with a blank":       {func(p *access.Pause) { p.ID = "a b" }, "id: expected 1 to 64"},
		"another kind of work":     {func(p *access.Pause) { p.What = "tickets" }, "what: expected one of [grants revokes]"},
		"a target that is no text": {func(p *access.Pause) { p.Target = "\x00" }, "target: expected text without a NUL"},
		"by nobody":                {func(p *access.Pause) { p.By = "" }, "by: is empty"},
		"by no text":               {func(p *access.Pause) { p.By = "\xff" }, "by: expected UTF-8"},
		"without a reason":         {func(p *access.Pause) { p.Reason = " \n" }, "reason: is empty"},
		"a reason without an end":  {func(p *access.Pause) { p.Reason = strings.Repeat("x", 2001) }, "reason: expected at most"},
		"at no time":               {func(p *access.Pause) { p.At = time.Time{} }, "at: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pauseOf(access.PausedGrants, "wiki")
			row.change(&p)
			got := p.Problem()
			require.True(t, got == row.want || row.want != "" && strings.HasPrefix(got, row.want), got)
		})
	}
}
