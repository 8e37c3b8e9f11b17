package activities_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

const whyPaused = " are paused by adam since 2026-06-01 09:00:00Z: the directory is repaired"

// unpausable is a ledger that does not answer what is paused.
type unpausable struct{ *store }

func (unpausable) Paused(ctx context.Context, _ access.PausedWork, _ access.TargetName) (*access.Pause, error) {
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) <= time.Second {
		<-ctx.Done()
	}
	return nil, access.Errorf(access.Transient, "read a pause", "the database is away")
}

func (unpausable) Pauses(context.Context) ([]access.Pause, error) {
	return nil, access.Errorf(access.Transient, "list pauses", "the database is away")
}

// slowHolders is a ledger that does not find other leases in time, and answers everything else.
type slowHolders struct{ activities.LedgerStore }

func (slowHolders) Holders(ctx context.Context, _ access.PersonID, _ access.Binding) ([]access.LeaseView, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func pauseOf(what access.PausedWork, target access.TargetName) access.Pause {
	return access.Pause{
		ID: access.PauseID(fmt.Sprintf("%s-%s", what, target)), What: what, Target: target, Paused: true, By: "adam", Reason: "the directory is repaired", At: monday,
	}
}

func (s *store) pause(t *testing.T, p access.Pause) {
	t.Helper()
	_, err := s.SavePause(t.Context(), p)
	require.NoError(t, err)
}

func resumeOf(p access.Pause) access.Pause {
	p.ID, p.Paused, p.At = p.ID+"-resumed", false, p.At.Add(time.Hour)
	return p
}

func TestGrant_paused(t *testing.T) {
	grants, revokes := access.PausedGrants, access.PausedRevokes
	for name, row := range map[string]struct {
		pauses []access.Pause
		held   string
	}{
		"by nothing":                            {nil, ""},
		"by a pause of the target":              {[]access.Pause{pauseOf(grants, "directory")}, "grants on directory" + whyPaused},
		"by a pause of all targets":             {[]access.Pause{pauseOf(grants, "")}, "grants on all targets" + whyPaused},
		"not by a pause of another target":      {[]access.Pause{pauseOf(grants, "crm")}, ""},
		"not by a pause of revokes":             {[]access.Pause{pauseOf(revokes, "")}, ""},
		"not after a resume":                    {[]access.Pause{pauseOf(grants, "directory"), resumeOf(pauseOf(grants, "directory"))}, ""},
		"after a resume of another target":      {[]access.Pause{pauseOf(grants, "directory"), resumeOf(pauseOf(grants, "crm"))}, "grants on directory" + whyPaused},
		"by all after a resume of this target":  {[]access.Pause{pauseOf(grants, ""), resumeOf(pauseOf(grants, "directory"))}, "grants on all targets" + whyPaused},
		"by the target's after a resume of all": {[]access.Pause{pauseOf(grants, "directory"), pauseOf(grants, ""), resumeOf(pauseOf(grants, ""))}, "grants on directory" + whyPaused},
	} {
		for _, asked := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, the ledger is asked along: %t", name, asked), func(t *testing.T) {
				target, port, s := newTarget(t)
				require.NoError(t, s.Record(t.Context(), approved()))
				for _, p := range row.pauses {
					s.pause(t, p)
				}
				call := grantCall()
				if !asked {
					call.Record = nil
				}
				result, err := target.Grant(t.Context(), call)
				require.NoError(t, err)
				if row.held == "" {
					require.Nil(t, result.Record)
					require.Equal(t, []access.PersonID{"ana"}, port.Members("editors"))
					return
				}
				require.Equal(t, row.held, result.Record.Paused)
				require.Equal(t, activities.EvidenceMissing, result.Record.Evidence, "an earlier build waits")
				require.Zero(t, port.Calls(memory.OpGrant))
				require.Zero(t, port.Calls(memory.OpVerify), "what was there before is read with the grant")
				_, err = s.Lease(t.Context(), "r1:1")
				require.True(t, access.IsKind(err, access.NotFound))
			})
		}
	}
}

// What an earlier attempt may have granted is known, so that it is taken away should it have to end.
func TestGrant_paused_after_an_attempt(t *testing.T) {
	target, port, s := newTarget(t)
	require.NoError(t, s.Record(t.Context(), approved()))
	_, err := target.Grant(t.Context(), grantCall())
	require.NoError(t, err)
	s.pause(t, pauseOf(access.PausedGrants, "directory"))
	for _, call := range []activities.GrantInput{grantCall(), {Assignment: grantCall().Assignment, First: grantCall().First}} {
		result, err := target.Grant(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, access.LeaseGranting, result.Record.Lease.State)
		require.Equal(t, 1, port.Calls(memory.OpGrant), "every attempt asks")
	}
}

func TestGrant_pause_unknown(t *testing.T) {
	for _, asked := range []bool{true, false} {
		target, port, s := newTarget(t)
		require.NoError(t, s.Record(t.Context(), approved()))
		target.Ledger = unpausable{s}
		call := grantCall()
		if !asked {
			call.Record = nil
		}
		_, err := target.Grant(t.Context(), call)
		requireKind(t, access.Transient, err)
		require.Zero(t, port.Calls(memory.OpGrant))
	}
}

func TestRevoke_paused(t *testing.T) {
	for name, row := range map[string]struct {
		pause access.Pause
		held  string
	}{
		"by a pause of the target":         {pauseOf(access.PausedRevokes, "directory"), "revokes on directory" + whyPaused},
		"by a pause of all targets":        {pauseOf(access.PausedRevokes, ""), "revokes on all targets" + whyPaused},
		"not by a pause of another target": {pauseOf(access.PausedRevokes, "crm"), ""},
		"not by a pause of grants":         {pauseOf(access.PausedGrants, ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			target, port, s := newTarget(t)
			port.Put("editors", "ana")
			s.pause(t, row.pause)
			result, err := target.Revoke(t.Context(), revokeCall())
			require.NoError(t, err)
			require.Equal(t, row.held, result.Paused)
			require.Equal(t, row.held != "", result.Verification.Present, "an earlier build does not take it for gone")
			require.Equal(t, row.held != "", len(port.Members("editors")) == 1)
		})
	}
	t.Run("also where the question about other leases takes too long", func(t *testing.T) {
		target, port, s := newTarget(t)
		port.Put("editors", "ana")
		s.pause(t, pauseOf(access.PausedRevokes, "directory"))
		target.Ledger = slowHolders{s}
		result, err := target.Revoke(t.Context(), revokeCall())
		require.NoError(t, err)
		require.Equal(t, "revokes on directory"+whyPaused, result.Paused)
		require.Len(t, port.Members("editors"), 1)
	})
	t.Run("not by a ledger that does not answer", func(t *testing.T) {
		target, port, s := newTarget(t)
		port.Put("editors", "ana")
		target.Ledger = unpausable{s}
		began := time.Now()
		result, err := target.Revoke(t.Context(), revokeCall())
		require.NoError(t, err)
		require.Empty(t, result.Paused)
		require.Empty(t, port.Members("editors"))
		require.Less(t, time.Since(began), 3*time.Second)
	})
}

func TestEvidence_paused(t *testing.T) {
	r := newRoom(t)
	r.store.pause(t, pauseOf(access.PausedGrants, "directory"))
	known, err := r.ReadLeaseRecord(t.Context(), leaseQuestion())
	require.NoError(t, err)
	require.Empty(t, known.Paused, "without an approval it is not that which the grant waits for")
	require.NoError(t, r.store.Record(t.Context(), approved()))
	known, err = r.ReadLeaseRecord(t.Context(), leaseQuestion())
	require.NoError(t, err)
	require.Equal(t, activities.EvidenceApproved, known.Evidence, "what is wanted stays as it is")
	require.Equal(t, "grants on directory"+whyPaused, known.Paused)
	r.Ledger = unpausable{r.store}
	_, err = r.ReadLeaseRecord(t.Context(), leaseQuestion())
	requireKind(t, access.Transient, err)
}

func TestPauseTarget(t *testing.T) {
	r := newRoom(t)
	r.Targets = []access.TargetName{"crm", "directory"}
	first := pauseOf(access.PausedGrants, "directory")
	for range 2 {
		result, err := r.PauseTarget(t.Context(), first)
		require.NoError(t, err)
		require.Equal(t, activities.PauseResult{Pause: first, Now: []access.Pause{first}}, result)
	}
	all := pauseOf(access.PausedGrants, "")
	_, err := r.PauseTarget(t.Context(), all)
	require.NoError(t, err)
	result, err := r.PauseTarget(t.Context(), resumeOf(all))
	require.NoError(t, err)
	require.Equal(t, []access.Pause{first}, result.Now, "the pause of one target stays")

	other := first
	other.Reason = "another"
	gone := pauseOf(access.PausedRevokes, "old")
	r.store.pause(t, gone)
	bad := first
	bad.ID, bad.Reason = "bad", ""
	for name, row := range map[string]struct {
		pause access.Pause
		want  access.Refusal
		kind  access.Kind
	}{
		"the id of another":           {other, access.Refusal{Field: "id", Problem: "it was used for another pause or resume"}, access.Conflict},
		"no reason":                   {bad, access.Refusal{Field: "reason", Problem: "is empty, expected why it is paused"}, access.Invalid},
		"no such target":              {pauseOf(access.PausedGrants, "wkii"), access.Refusal{Field: "target", Problem: `there is no target "wkii"; there are: crm, directory`}, access.Invalid},
		"no such target, to resume":   {resumeOf(pauseOf(access.PausedGrants, "wkii")), access.Refusal{Field: "target", Problem: `there is no target "wkii"; there are: crm, directory`}, access.Invalid},
		"a target that is no more":    {pauseOf(access.PausedGrants, "old"), access.Refusal{Field: "target", Problem: `there is no target "old"; there are: crm, directory`}, access.Invalid},
		"a resume of what is no more": {resumeOf(gone), access.Refusal{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := r.PauseTarget(t.Context(), row.pause)
			require.NoError(t, err)
			require.Equal(t, row.kind, result.Kind)
			if row.kind != "" {
				require.Equal(t, []access.Refusal{row.want}, result.Refusals)
			}
		})
	}
	r.Ledger = unpausable{r.store}
	for _, p := range []access.Pause{pauseOf(access.PausedRevokes, "crm"), pauseOf(access.PausedRevokes, "wkii")} {
		_, err = r.PauseTarget(t.Context(), p)
		requireKind(t, access.Transient, err)
	}
}
