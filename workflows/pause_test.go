package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// pauses records that some work is paused, or resumed, now.
func (w *world) pauses(what access.PausedWork, target access.TargetName, paused bool) {
	w.t.Helper()
	at := w.env.Now().UTC()
	_, err := w.ledger.Store.SavePause(w.t.Context(), access.Pause{
		ID: access.PauseID(fmt.Sprintf("%s-%s-%t-%d", what, target, paused, at.UnixMicro())), What: what, Target: target, Paused: paused,
		By: "adam", Reason: "the directory is repaired", At: at,
	})
	require.NoError(w.t, err)
}

// pausesAt is pauses some time after the beginning.
func (h *holder) pausesAt(after time.Duration, what access.PausedWork, target access.TargetName, paused bool) {
	h.at(after, func() { h.pauses(what, target, paused) })
}

func (h *holder) leaseNow(id access.LeaseID) access.LeaseView {
	h.t.Helper()
	known, err := h.ledger.Lease(h.t.Context(), id)
	require.NoError(h.t, err)
	return known
}

func (h *holder) writes() int {
	return h.target.Calls(memory.OpGrant) + h.target.Calls(memory.OpRevoke)
}

// TestPaused_grant: nothing is granted while grants are paused, whoever waits for it knows why, and after the resume it is granted for its whole time.
func TestPaused_grant(t *testing.T) {
	for _, target := range []access.TargetName{"", "directory"} {
		for _, edge := range []bool{false, true} {
			t.Run(fmt.Sprintf("target %q, at the edge %t", target, edge), func(t *testing.T) {
				h := newHolder(t)
				h.edge = edge
				h.newRun()
				h.hear()
				h.pauses(access.PausedGrants, target, true)
				h.pauses(access.PausedRevokes, "elsewhere", true)
				h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
				where := access.Pause{Target: target}.Where()
				h.at(31*time.Minute, func() {
					require.Zero(t, h.writes())
					last := h.last("r1:1")
					require.Equal(t, access.LeaseGranting, last.State)
					require.Contains(t, last.Problem, "grants on "+where+" are paused by adam since ")
					require.Contains(t, last.Problem, "the directory is repaired")
					require.Contains(t, h.details(), "grants on "+where+" are paused by adam")
				})
				// The resume of something else ends nothing.
				h.pausesAt(35*time.Minute, access.PausedGrants, "elsewhere", false)
				h.pausesAt(36*time.Minute, access.PausedRevokes, target, false)
				h.membersAt(59*time.Minute, "wiki-editors")
				h.pausesAt(59*time.Minute+30*time.Second, access.PausedGrants, target, false)
				h.membersAt(66*time.Minute, "wiki-editors", "ana")
				h.membersAt(180*time.Minute, "wiki-editors", "ana")
				h.hold()
				require.Equal(t, 1, h.target.Calls(memory.OpGrant))
				require.Empty(t, h.target.Members("wiki-editors"))
				require.Empty(t, h.last("r1:1").Problem)
				require.Empty(t, h.desk.Tickets())
			})
		}
	}
}

// The ledger is asked every five minutes, however long it takes.
func TestPaused_is_asked_every_five_minutes(t *testing.T) {
	h := newHolder(t)
	h.pauses(access.PausedGrants, "directory", true)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	asked := 0
	h.env.SetOnActivityStartedListener(func(i *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if i.ActivityType.Name == "Grant" {
			asked++
		}
	})
	h.at(24*time.Hour+time.Minute, func() {
		require.Equal(t, 24*12+1, asked)
		h.pauses(access.PausedGrants, "directory", false)
	})
	h.hold()
}

// TestPaused_revoke: what must end stays while revokes are paused, which is no failure, and ends after the resume.
func TestPaused_revoke(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.pausesAt(31*time.Minute, access.PausedRevokes, "directory", true)
	h.at(26*time.Hour, func() {
		require.Equal(t, []access.PersonID{"ana"}, h.target.Members("wiki-editors"))
		require.Zero(t, h.target.Calls(memory.OpRevoke))
		known := h.last("r1:1")
		require.Equal(t, access.LeaseRevoking, known.State)
		require.Contains(t, known.Problem, "revokes on directory are paused by adam since ")
		require.Contains(t, h.details(), "revokes on directory are paused by adam")
		require.Empty(t, h.desk.Tickets(), "nobody is asked for help")
		h.pauses(access.PausedRevokes, "elsewhere", false)
	})
	h.membersAt(27*time.Hour, "wiki-editors", "ana")
	h.pausesAt(27*time.Hour+time.Minute, access.PausedRevokes, "directory", false)
	h.membersAt(27*time.Hour+7*time.Minute, "wiki-editors")
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	require.Equal(t, access.LeaseEnded, h.leaseNow("r1:1").State)
	require.Empty(t, texts(h.events("r1"), access.EventRevocationFailing))
	require.Empty(t, h.desk.Tickets())
}

// Failures of before count as before; a pause adds none.
func TestPaused_revoke_that_failed(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.failRevokes(2)
	h.pausesAt(time.Hour+5*time.Second, access.PausedRevokes, "", true)
	h.at(20*time.Hour, func() {
		require.Contains(t, h.last("r1:1").Problem, "revokes on all targets are paused")
		require.Empty(t, h.desk.Tickets())
		h.pauses(access.PausedRevokes, "", false)
	})
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
	require.Empty(t, h.desk.Tickets())
}

// What fails after a pause is not shown as paused.
func TestPaused_revoke_that_fails_afterwards(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.pausesAt(31*time.Minute, access.PausedRevokes, "", true)
	h.at(2*time.Hour, func() {
		require.Contains(t, h.leaseNow("r1:1").Problem, "are paused")
		h.failRevokes(1)
		h.pauses(access.PausedRevokes, "", false)
		h.target.Down(true)
	})
	h.at(2*time.Hour+10*time.Minute, func() {
		require.NotContains(t, h.leaseNow("r1:1").Problem, "are paused")
		require.NotEmpty(t, h.leaseNow("r1:1").Problem)
		h.target.Down(false)
	})
	h.hold()
	require.Equal(t, access.LeaseEnded, h.leaseNow("r1:1").State)
}

// A target at the edge asks nobody whether revokes are paused.
func TestPaused_revoke_at_the_edge(t *testing.T) {
	h := newHolder(t)
	h.edge = true
	h.newRun()
	h.hear()
	h.pauses(access.PausedRevokes, "", true)
	h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
	h.membersAt(61*time.Minute, "wiki-editors")
	h.hold()
}

// TestPaused_and_taken_back: what is taken back waits as well, and goes on after the resume.
func TestPaused_and_taken_back(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 20*time.Hour))
	h.pausesAt(31*time.Minute, access.PausedRevokes, "", true)
	h.at(61*time.Minute, func() { h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0)) })
	h.at(125*time.Minute, func() {
		require.Equal(t, []access.PersonID{"ana"}, h.target.Members("wiki-editors"))
		require.Contains(t, h.leaseNow("r1:1").Problem, "revokes on all targets are paused")
	})
	h.pausesAt(126*time.Minute, access.PausedRevokes, "", false)
	h.membersAt(132*time.Minute, "wiki-editors")
	h.hold()
}

// TestPaused_ends: what must end before it was granted ends at once, and what may have been granted is taken away.
func TestPaused_ends(t *testing.T) {
	for name, row := range map[string]struct {
		tried bool
		ends  func(h *holder, e access.LeaseSpec)
	}{
		"its request takes it back": {false, func(h *holder, e access.LeaseSpec) { h.signal(workflows.SignalApplyLease, absent(e)) }},
		"it is revoked": {false, func(h *holder, _ access.LeaseSpec) {
			h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0))
		}},
		"its time is over":                      {false, nil},
		"its request takes back what was tried": {true, func(h *holder, e access.LeaseSpec) { h.signal(workflows.SignalApplyLease, absent(e)) }},
		"it is revoked after an attempt": {true, func(h *holder, _ access.LeaseSpec) {
			h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0))
		}},
		"the time is over of what may have been held": {true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t)
			e := lease("r1:1", "wiki-editors", 0)
			until := h.env.Now().Add(3 * time.Hour)
			e.Window = access.Window{Until: &until}
			if row.tried {
				// The first attempt grants and its answer is lost, the next is refused.
				h.target.FailNext(memory.OpGrant, nil, access.Errorf(access.Forbidden, "grant", "the token may not"))
				h.target.DropAnswerNext(memory.OpGrant)
			} else {
				h.pauses(access.PausedGrants, "", true)
			}
			h.ensureAt(0, e)
			h.pausesAt(5*time.Second, access.PausedGrants, "", true)
			if row.tried {
				h.membersAt(60*time.Minute, "wiki-editors", "ana")
			}
			endsAt := 3*time.Hour + 6*time.Minute
			if row.ends != nil {
				endsAt = 61*time.Minute + 5*time.Second
				h.at(61*time.Minute, func() { row.ends(h, e) })
			}
			h.membersAt(endsAt, "wiki-editors")
			h.at(endsAt, func() { require.Equal(t, access.LeaseEnded, h.leaseNow("r1:1").State) })
			h.pausesAt(4*time.Hour, access.PausedGrants, "", false)
			h.hold()
			require.Empty(t, h.target.Members("wiki-editors"))
			require.Equal(t, row.tried, h.writes() > 0)
		})
	}
}

// A pause of grants holds no revoke back: what ends goes, though another lease waits for the same access.
func TestPaused_grant_holds_no_revoke_back(t *testing.T) {
	h := newHolder(t)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.pausesAt(31*time.Minute, access.PausedGrants, "directory", true)
	h.ensureAt(45*time.Minute, lease("r2:1", "wiki-editors", 5*time.Hour))
	h.membersAt(119*time.Minute, "wiki-editors", "ana")
	h.membersAt(121*time.Minute, "wiki-editors")
	h.pausesAt(180*time.Minute, access.PausedGrants, "directory", false)
	h.membersAt(186*time.Minute, "wiki-editors", "ana")
	h.hold()
	require.Empty(t, h.target.Members("wiki-editors"))
}

// Where leases end one target after another, a target whose revokes are paused does not keep the others waiting.
func TestPaused_revoke_holds_no_other_target_back(t *testing.T) {
	h := newHolder(t)
	vpn := lease("r2:1", "wiki-admins", 0)
	vpn.Lease.Binding.Target = "vpn"
	h.ensureAt(0, vpn)
	h.ensureAt(0, lease("r1:1", "wiki-editors", 0))
	h.pausesAt(31*time.Minute, access.PausedRevokes, "directory", true)
	h.at(61*time.Minute, func() { h.signal(workflows.SignalStanding, hasLeft("directory", "vpn")) })
	h.membersAt(62*time.Minute, "wiki-admins")
	h.membersAt(62*time.Minute, "wiki-editors", "ana")
	h.pausesAt(120*time.Minute, access.PausedRevokes, "directory", false)
	h.membersAt(126*time.Minute, "wiki-editors")
	h.hold()
}

// What a person grants by hand is not paused, nor is what a person takes away.
func TestPaused_not_by_hand(t *testing.T) {
	h := newHolder(t)
	h.pauses(access.PausedGrants, "", true)
	h.pauses(access.PausedRevokes, "", true)
	h.ensureAt(0, h.byHand(time.Hour))
	h.at(31*time.Minute, func() { require.Equal(t, access.LeaseActive, h.leaseNow("r1:1").State) })
	h.at(125*time.Minute, func() {
		h.target.Take("vault", "ana")
		h.move("ben", access.TicketDone)
	})
	h.hold()
	require.Equal(t, access.LeaseEnded, h.leaseNow("r1:1").State)
}

// TestTargetPause: what somebody pauses is recorded, or refused.
func TestTargetPause(t *testing.T) {
	p := access.Pause{ID: "p-1", What: access.PausedGrants, Target: "directory", Paused: true, By: "adam", Evidence: "test", Reason: "repair", At: chainStart}
	play := func(t *testing.T, p access.Pause, change func(w *world)) workflows.PauseResult {
		w := newWorld(t)
		if change != nil {
			change(w)
		}
		w.env.ExecuteWorkflow(workflows.TargetPauseType, p)
		require.NoError(t, w.env.GetWorkflowError())
		var done workflows.PauseResult
		require.NoError(t, w.env.GetWorkflowResult(&done))
		return done
	}
	// A host whose clock is years ahead: a resume that comes through another one would not count before that.
	ahead := p
	ahead.At = p.At.AddDate(100, 0, 0)
	began := time.Now()
	for _, call := range []access.Pause{p, ahead} {
		done := play(t, call, nil)
		require.Equal(t, call.At, done.Asked)
		require.WithinRange(t, done.Pause.At, began, time.Now(), "the test's server takes its start from the machine's clock")
		recorded := call
		recorded.At = done.Pause.At
		require.Equal(t, workflows.PauseResult{Pause: recorded, Asked: call.At, Now: []access.Pause{recorded}}, done)
	}
	unknown := p
	unknown.Target = "elsewhere"
	require.Equal(t, access.Invalid, play(t, unknown, nil).Kind)
	done := play(t, p, func(w *world) {
		w.ledger.setUnpausable(true)
		w.at(5*time.Second, w.env.CancelWorkflow)
		w.at(time.Minute, func() { w.ledger.setUnpausable(false) })
	})
	require.True(t, p.Same(done.Pause), "it is tried until the ledger is back, and an operator's cancellation is ignored")
}

func TestDoctor_paused(t *testing.T) {
	w := newWorld(t)
	w.pauses(access.PausedGrants, "", true)
	w.pauses(access.PausedRevokes, "directory", true)
	report := diagnose(t, w, workflows.DoctorParams{})
	require.True(t, report.Healthy(), "a pause is a warning")
	require.Equal(t, "ledger", report.Lines[0].Connector)
	require.Equal(t, "paused grants (all targets)", report.Lines[1].Connector)
	require.Contains(t, report.Lines[1].Warning, "grants on all targets are paused by adam since ")
	require.Equal(t, "paused revokes (directory)", report.Lines[2].Connector)
	require.Contains(t, report.Lines[2].Warning, "the directory is repaired")
	require.Len(t, report.Lines, 6)
}
