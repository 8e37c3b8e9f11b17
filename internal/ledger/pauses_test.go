package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// pauseCases are the promises about what is paused.
func pauseCases() []suiteCase {
	return []suiteCase{
		{"a pause stays as it was first recorded", testPauseRecorded},
		{"the last of the same work on the same target counts", testPauseStates},
		{"a pause of all and one of a target end by themselves", testPauseOfAll},
		{"what is recorded late counts by its time", testPauseLate},
		{"the database refuses to change pauses", testPausesAppendOnly},
		{"a pause that cannot be kept is refused by field", testBadPauses},
	}
}

// pause is the n-th pause, by its time.
func pause(what access.PausedWork, target access.TargetName, n int) access.Pause {
	return access.Pause{
		ID: access.PauseID(fmt.Sprintf("pause-%d", n)), What: what, Target: target, Paused: true, By: "p-adam", Evidence: "oidc https://id.example sub",
		Reason: "Zoë repairs the directory", At: noon.Add(time.Duration(n) * time.Second),
	}
}

func resume(what access.PausedWork, target access.TargetName, n int) access.Pause {
	p := pause(what, target, n)
	p.Paused, p.Reason = false, ""
	return p
}

func savePauses(t *testing.T, s *ledger.Store, all ...access.Pause) {
	t.Helper()
	for _, p := range all {
		kept, err := s.SavePause(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, p, kept)
	}
}

// requirePaused fails unless exactly these are in force.
func requirePaused(t *testing.T, s *ledger.Store, want ...access.Pause) {
	t.Helper()
	found, err := s.Pauses(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, found)
}

// requireHeld fails unless this pause holds the work on the target; nil for none.
func requireHeld(t *testing.T, s *ledger.Store, what access.PausedWork, target access.TargetName, want *access.Pause) {
	t.Helper()
	found, err := s.Paused(t.Context(), what, target)
	require.NoError(t, err)
	require.Equal(t, want, found)
}

func testPauseRecorded(t *testing.T, d databases) {
	s := d.open(t)
	first := pause(access.PausedGrants, "wiki", 1)
	local := first
	local.At = local.At.In(time.FixedZone("far away", 5*3600))
	kept, err := s.SavePause(t.Context(), local)
	require.NoError(t, err)
	require.Equal(t, first, kept)
	again := first
	again.At, again.Evidence = first.At.Add(time.Hour), "another token"
	kept, err = s.SavePause(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, first, kept, "the same call")
	other := resume(access.PausedGrants, "wiki", 1)
	_, err = s.SavePause(t.Context(), other)
	requireKind(t, access.Conflict, err)
	requirePaused(t, s, first)
}

func testPauseStates(t *testing.T, d databases) {
	s := d.open(t)
	requirePaused(t, s)
	requireHeld(t, s, access.PausedGrants, "wiki", nil)
	wiki := pause(access.PausedGrants, "wiki", 1)
	savePauses(t, s, wiki)
	requireHeld(t, s, access.PausedGrants, "wiki", &wiki)
	requireHeld(t, s, access.PausedGrants, "crm", nil)
	requireHeld(t, s, access.PausedRevokes, "wiki", nil)
	for _, none := range []access.TargetName{"", "\x00", access.TargetName(strings.Repeat("w", 600))} {
		requireHeld(t, s, access.PausedGrants, none, nil)
	}
	again := pause(access.PausedGrants, "wiki", 2)
	savePauses(t, s, again)
	requirePaused(t, s, again)
	savePauses(t, s, resume(access.PausedGrants, "crm", 3), resume(access.PausedRevokes, "wiki", 4))
	requirePaused(t, s, again)
	savePauses(t, s, resume(access.PausedGrants, "wiki", 5))
	requirePaused(t, s)
	requireHeld(t, s, access.PausedGrants, "wiki", nil)
	savePauses(t, s, pause(access.PausedGrants, "wiki", 6))
	requirePaused(t, s, pause(access.PausedGrants, "wiki", 6))
}

func testPauseOfAll(t *testing.T, d databases) {
	s := d.open(t)
	all, wiki := pause(access.PausedRevokes, "", 1), pause(access.PausedRevokes, "wiki", 2)
	savePauses(t, s, all, wiki, pause(access.PausedGrants, "crm", 3))
	requirePaused(t, s, pause(access.PausedGrants, "crm", 3), all, wiki)
	requireHeld(t, s, access.PausedRevokes, "wiki", &wiki)
	requireHeld(t, s, access.PausedRevokes, "crm", &all)
	requireHeld(t, s, access.PausedRevokes, "\x00", &all)
	savePauses(t, s, resume(access.PausedRevokes, "wiki", 4))
	requireHeld(t, s, access.PausedRevokes, "wiki", &all)
	savePauses(t, s, pause(access.PausedRevokes, "wiki", 5), resume(access.PausedRevokes, "", 6))
	requireHeld(t, s, access.PausedRevokes, "crm", nil)
	found, err := s.Paused(t.Context(), access.PausedRevokes, "wiki")
	require.NoError(t, err)
	require.Equal(t, access.PauseID("pause-5"), found.ID)
}

func testPauseLate(t *testing.T, d databases) {
	s := d.open(t)
	savePauses(t, s, resume(access.PausedGrants, "wiki", 2), pause(access.PausedGrants, "wiki", 1))
	requirePaused(t, s)
	same := pause(access.PausedGrants, "wiki", 2)
	same.ID = "of the same time"
	_, err := s.SavePause(t.Context(), same)
	requireKind(t, access.Invalid, err)
	same.ID = "of-the-same-time"
	savePauses(t, s, same)
	requirePaused(t, s, same)
}

func testPausesAppendOnly(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	savePauses(t, s, pause(access.PausedGrants, "wiki", 1))
	for _, statement := range []string{
		`UPDATE pauses SET paused = FALSE`, `UPDATE pauses SET body = '{}' WHERE id = 'pause-1'`, `DELETE FROM pauses`, `DELETE FROM pauses WHERE id = 'pause-1'`,
	} {
		require.ErrorContains(t, d.exec(t, url, statement), "pauses are append-only", statement)
	}
	requirePaused(t, s, pause(access.PausedGrants, "wiki", 1))
}

func testBadPauses(t *testing.T, d databases) {
	s := d.open(t)
	empty := pause(access.PausedGrants, "wiki", 1)
	empty.Reason = ""
	_, err := s.SavePause(t.Context(), empty)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "reason: is empty")
	requirePaused(t, s)
}
