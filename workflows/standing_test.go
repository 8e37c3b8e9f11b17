package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// The revisions of what is said of ana in these tests: what requests say before she leaves is lower, and what they say while she is absent
// lies between the two.
const (
	leftRevision, backRevision = 100, 1000
	whyLeft                    = "Ana has left: is no longer listed"
	whyEarly                   = "it was asked for before the person came back"
)

func hasLeft(order ...access.TargetName) access.SubjectStanding {
	return access.SubjectStanding{
		Standing: access.Standing{Person: "ana", Absent: true, Revision: leftRevision, Reason: whyLeft}, Order: order,
	}
}

func isBack() access.SubjectStanding {
	return access.SubjectStanding{Standing: access.Standing{Person: "ana", Revision: backRevision}}
}

// applies has a run over people, which begins now, record that somebody has left or is back.
func (w *world) applies(id access.PersonID, class access.PersonClass) {
	w.t.Helper()
	ctx, began := w.t.Context(), w.env.Now().UTC()
	run := access.PeopleRun{Source: "directory", ID: fmt.Sprint("run-", began.UnixMicro()), BeganAt: began}
	require.NoError(w.t, w.ledger.BeginPeopleRun(ctx, run))
	run.Plan = run.ID
	require.NoError(w.t, w.ledger.SavePeopleRun(ctx, run))
	change := access.PersonChange{Person: id, Class: class, Reason: "is no longer listed"}
	change.After.Record.ID, change.After.Record.DisplayName, change.After.State = id, "Ana", access.PersonPresent
	if class == access.ClassLeaver {
		change.After.State = access.PersonLeft
	}
	require.NoError(w.t, w.ledger.ApplyPeople(ctx, run, []access.PersonChange{change}))
	run.EndedAt = began.Add(time.Second)
	require.NoError(w.t, w.ledger.SavePeopleRun(ctx, run))
}

// told sends a standing.
func (r *holderRuns) told(after time.Duration, m access.SubjectStanding) {
	r.at(after, func() { r.signal(workflows.SignalStanding, m) })
}

// leaverState is where the lease r1:1 stands when ana leaves.
type leaverState struct {
	name  string
	begin func(r *holderRuns) access.LeaseSpec
	// before is true where ana held the access before usher did anything, kept where it was kept at the end of the lease.
	before, kept bool
}

func leaverStates() []leaverState {
	asks := func(role string, lasts time.Duration, change ...func(r *holderRuns, e *access.LeaseSpec)) func(r *holderRuns) access.LeaseSpec {
		return func(r *holderRuns) access.LeaseSpec {
			e := lease("r1:1", role, lasts)
			for _, c := range change {
				c(r, &e)
			}
			r.asks(0, e)
			return e
		}
	}
	down := func(after time.Duration) func(r *holderRuns, e *access.LeaseSpec) {
		return func(r *holderRuns, _ *access.LeaseSpec) { r.at(after, func() { r.target.Down(true) }) }
	}
	existing := func(r *holderRuns, e *access.LeaseSpec) {
		r.target.Put("wiki-editors", "ana")
		e.Lease.ExistingAccess = access.ExistingKeep
	}
	byHand := func(r *holderRuns, e *access.LeaseSpec) {
		*e = r.byHand("r1:1", "vault", 30*day)
		r.target.Put("vault", "ana")
	}
	unapproved := func(r *holderRuns, e *access.LeaseSpec) { r.approved["r1"] = true }
	lost := func(r *holderRuns, _ *access.LeaseSpec) {
		r.target.DropAnswerNext(memory.OpGrant)
		r.at(time.Second, func() { r.target.Down(true) })
	}
	return []leaverState{
		{name: "nothing", begin: func(*holderRuns) access.LeaseSpec { return lease("r1:1", "wiki-editors", 0) }},
		{name: "granting", begin: asks("wiki-editors", 0, down(0))},
		{name: "granting, the answer was lost", begin: asks("wiki-editors", 0, lost)},
		{name: "granting, without an approval", begin: asks("wiki-editors", 0, unapproved)},
		{name: "held", begin: asks("wiki-editors", 0)},
		{name: "held, and before", begin: asks("wiki-editors", 0, existing), before: true},
		{name: "granting what was held before", begin: asks("wiki-editors", 0, existing, down(0)), before: true},
		{name: "held by hand", begin: asks("vault", 0, byHand)},
		{name: "being revoked", begin: asks("wiki-editors", 30*time.Minute, down(20*time.Minute))},
		{name: "ended and kept", begin: asks("wiki-editors", 30*time.Minute, existing), before: true, kept: true},
		{name: "ended", begin: asks("wiki-editors", 30*time.Minute)},
	}
}

// leaverMessages are what the request of that lease may say along with it.
func leaverMessages() map[string]func(r *holderRuns, e access.LeaseSpec) access.LeaseSpec {
	again := func(revision int) func(*holderRuns, access.LeaseSpec) access.LeaseSpec {
		return func(_ *holderRuns, e access.LeaseSpec) access.LeaseSpec {
			e.Revision, e.Window, e.Granted = revision, access.Window{Duration: access.Duration(30 * day)}, nil
			return e
		}
	}
	return map[string]func(*holderRuns, access.LeaseSpec) access.LeaseSpec{
		"the same again":                   func(_ *holderRuns, e access.LeaseSpec) access.LeaseSpec { return e },
		"present, older than the standing": again(2), "present, newer than the standing": again(leftRevision + 7),
		"absent": func(_ *holderRuns, e access.LeaseSpec) access.LeaseSpec { return absent(e) },
		"granted by hand": func(r *holderRuns, e access.LeaseSpec) access.LeaseSpec {
			by := r.byHand("r1:1", "vault", 30*day)
			e.Revision, e.Granted, e.Window = 3, by.Granted, by.Window
			return e
		},
		"its time is over": func(r *holderRuns, e access.LeaseSpec) access.LeaseSpec {
			until := r.env.Now().UTC()
			e.Revision, e.Window, e.Granted = 4, access.Window{Until: &until}, nil
			return e
		},
	}
}

// leaverCase is a state, a message and how they come. ana is back half an hour after she has left where returns is set; the run continues
// as new between the two words where long is.
type leaverCase struct {
	state                leaverState
	message              string
	first, long, returns bool
}

func (c leaverCase) name() string {
	order := "the standing first"
	if c.first {
		order = "the message first"
	}
	return fmt.Sprintf("%s/%s/%s, long %t, returns %t", c.state.name, c.message, order, c.long, c.returns)
}

// TestLeaver is the sweep over where a lease stands, what its request says, and in which order it says so: while ana is absent, she holds
// nothing that usher has granted, each lease has ended or is being revoked, and each request has been told.
func TestLeaver(t *testing.T) {
	for _, state := range leaverStates() {
		for message := range leaverMessages() {
			for mask := range 8 {
				c := leaverCase{state: state, message: message, first: mask&1 != 0, long: mask&2 != 0, returns: mask&4 != 0}
				if state.name == "nothing" && message == "granted by hand" || c.long && raceDetector {
					// A lease by hand is its own kind: see TestLeaver_granted_by_hand.
					continue
				}
				t.Run(c.name(), func(t *testing.T) {
					t.Parallel()
					c.play(t)
				})
			}
		}
	}
}

func (c leaverCase) play(t *testing.T) {
	r := newHolderRuns(t)
	held := c.state.begin(r)
	// A person takes this one away much later: it keeps the run alive.
	anchor := r.byHand("r9:1", "lab", 30*day)
	anchor.Lease.Binding = nil
	r.asks(0, anchor)
	says := func() {
		if c.state.name != "granting, without an approval" {
			r.holder.evidence(held.Lease)
		}
		r.signal(workflows.SignalApplyLease, leaverMessages()[c.message](r, held))
	}
	words := []func(){func() { r.signal(workflows.SignalStanding, hasLeft("directory")) }, says}
	if c.first {
		slices.Reverse(words)
	}
	r.at(time.Hour, func() {
		words[0]()
		if c.long {
			r.growsLong()
		}
	})
	r.at(time.Hour+time.Second, words[1])
	asked := 0
	r.at(61*time.Minute, func() { asked = r.target.Calls(memory.OpGrant) })
	r.at(89*time.Minute, func() {
		require.Equal(t, asked, r.target.Calls(memory.OpGrant), "nothing is granted to somebody who has left")
	})
	if c.returns {
		r.told(90*time.Minute, isBack())
		r.at(91*time.Minute, func() {
			early := lease("r2:1", "wiki-admins", 0)
			early.Revision = backRevision - 1
			r.holder.evidence(early.Lease)
			r.signal(workflows.SignalApplyLease, early)
			late := lease("r3:1", "wiki-admins", day)
			late.Revision = backRevision
			r.holder.evidence(late.Lease)
			r.signal(workflows.SignalApplyLease, late)
		})
	}
	judged := r.judgedAfter(says, func() { c.judge(r) })
	r.mustEndBy(3 * day)
	r.run()
	require.True(t, *judged)
	rows, err := r.ledger.LeasesOf(t.Context(), "ana")
	require.NoError(t, err)
	for _, row := range rows {
		require.Equal(t, access.LeaseEnded, row.State, "%s at the end", row.Lease.ID)
	}
	require.Empty(t, r.target.Members("wiki-admins"))
	require.NotContains(t, r.details(), "refuses")
}

// judge demands what must hold while ana is absent, and since.
func (c leaverCase) judge(r *holderRuns) {
	t := r.t
	rows, err := r.ledger.LeasesOf(t.Context(), "ana")
	require.NoError(t, err)
	for _, row := range rows {
		if row.Lease.ID == "r3:1" {
			require.Equal(t, access.LeaseActive, row.State, "what was asked for since she is back is granted")
			continue
		}
		require.Contains(t, []access.LeaseState{access.LeaseEnded, access.LeaseRevoking}, row.State, row.Lease.ID)
		require.True(t, row.State == access.LeaseEnded || isByHand(row), "%s is gone at once: %s", row.Lease.ID, row.Problem)
	}
	about := slices.IndexFunc(rows, func(row access.LeaseView) bool { return row.Lease.ID == "r1:1" })
	require.GreaterOrEqual(t, about, 0, "the ledger knows what was asked for")
	endedFirst := c.state.kept || c.first && (c.message == "absent" || c.message == "its time is over")
	kept := c.state.before && (endedFirst || rows[about].GrantedAt == nil)
	require.Equal(t, kept, slices.Contains(r.target.Members("wiki-editors"), "ana"), "what usher has granted is gone, and nothing else")
	require.Equal(t, c.returns, slices.Contains(r.target.Members("wiki-admins"), "ana"))
	last := r.holder.last("r1:1")
	require.True(t, last.Refused != "" || last.GrantedAt != nil || last.State == access.LeaseEnded, "the request is told: %+v", last)
	told := rows[about].DesiredState == access.Present || rows[about].State == access.LeaseRevoking
	require.True(t, told || last.State == access.LeaseEnded, "the request is told of the end: %+v", last)
	if c.returns {
		require.Equal(t, whyEarly, r.holder.last("r2:1").Refused)
		require.Equal(t, 1, has(r.events("r2"), access.EventLeaseRefused))
	}
	if c.state.name == "nothing" && c.message != "absent" && !c.first {
		require.Equal(t, whyLeft, last.Refused)
		require.Equal(t, []string{"wiki-editors of Ana is refused: " + whyLeft + "."}, texts(r.events("r1"), access.EventLeaseRefused))
		require.Zero(t, has(r.events("r1"), access.EventLeaseGranted))
	}
	if c.state.name == "held" && !c.first {
		require.Equal(t, []string{"wiki-editors of Ana ends: " + whyLeft + "."}, texts(r.events("r1"), access.EventLeaseEnding))
	}
}

// What a person has granted by hand to somebody who has left is taken in, and then taken away.
func TestLeaver_granted_by_hand(t *testing.T) {
	for _, known := range []string{"by the workflow", "by the ledger", "by both, and the request has ended"} {
		t.Run(known, func(t *testing.T) {
			r := newHolderRuns(t)
			r.target.Put("vault", "ana")
			e := r.byHand("r1:1", "vault", 30*day)
			r.asks(0, lease("r9:1", "wiki-admins", 3*time.Hour))
			r.at(time.Hour, func() {
				if known != "by the ledger" {
					r.signal(workflows.SignalStanding, hasLeft())
				}
				if known != "by the workflow" {
					r.applies("ana", access.ClassLeaver)
				}
				r.holder.approved("r1", e)
				if known == "by both, and the request has ended" {
					entry := r.holder.approval("r1", e)
					entry.Events, entry.View.State, entry.View.Version = nil, access.OutcomeWithdrawn, 7
					require.NoError(t, r.ledger.Record(t.Context(), entry))
				}
				r.signal(workflows.SignalApplyLease, e)
			})
			asked := false
			r.at(2*time.Hour, func() {
				asked = true
				known := r.known("r1:1")
				require.Equal(t, access.LeaseRevoking, known.State)
				require.NotNil(t, known.GrantedAt)
				require.NotNil(t, r.holder.last("r1:1").GrantedAt)
				require.Empty(t, r.holder.last("r1:1").Refused)
				require.Equal(t, access.RemovalMarkerOf("r1:1"), r.ticket().New.Marker)
				r.target.Take("vault", "ana")
				r.move("ben", access.TicketDone)
			})
			r.mustEndBy(day)
			r.run()
			require.True(t, asked)
			require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
			require.Equal(t, 1, has(r.events("r1"), access.EventLeaseGranted))
			require.Len(t, texts(r.events("r1"), access.EventLeaseEnding), 1)
			require.Contains(t, texts(r.events("r1"), access.EventLeaseEnding)[0], "has left")
		})
	}
}

// A standing of somebody else changes nothing, nor does one that is known or older.
func TestStanding_of_somebody_else(t *testing.T) {
	r := newHolderRuns(t)
	e := lease("r1:1", "wiki-editors", 5*time.Hour)
	e.Revision = 60
	r.asks(0, e)
	other := hasLeft()
	other.Standing.Person, other.Standing.Revision = "ben", backRevision+7
	r.told(time.Hour, other)
	r.told(time.Hour, access.SubjectStanding{})
	r.told(time.Hour, access.SubjectStanding{Standing: access.Standing{Person: "ana", Revision: 50}})
	for _, revision := range []int{20, 50} {
		older := hasLeft()
		older.Standing.Revision = revision
		r.told(time.Hour+time.Minute, older)
	}
	looked := false
	r.at(2*time.Hour, func() {
		looked = true
		require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-editors"))
		require.Contains(t, r.details(), "2 messages could not be read, or are about somebody else")
		require.NotContains(t, r.details(), "none is granted")
	})
	r.told(3*time.Hour, hasLeft())
	r.mustEndBy(4 * time.Hour)
	r.run()
	require.True(t, looked)
	require.Empty(t, r.target.Members("wiki-editors"))
}

// The word about somebody who holds nothing starts a run that ends at once.
func TestStanding_of_somebody_without_leases(t *testing.T) {
	r := newHolderRuns(t)
	r.told(0, hasLeft("directory"))
	r.mustEndBy(time.Minute)
	r.run()
	require.Empty(t, r.target.History())
}

// A run that knows nothing reads from the ledger that ana has left, before it takes a lease on: nobody has told it.
func TestLeaver_recovery(t *testing.T) {
	r := newHolderRuns(t)
	r.leaveOrder = []access.TargetName{"directory"}
	r.at(0, func() {
		e := lease("r1:1", "wiki-editors", 0)
		e.Lease.ExistingAccess = access.ExistingKeep
		r.holder.approved("r1", e)
		r.target.Put("wiki-editors", "ana")
		require.NoError(t, r.ledger.Record(t.Context(), access.Entry{Lease: &access.LeaseView{
			Lease: e.Lease, Revision: 1, DesiredState: access.Present, State: access.LeaseActive, Version: 1, GrantedAt: &chainStart, Existing: true,
		}}))
		r.applies("ana", access.ClassLeaver)
	})
	r.mustEndBy(time.Hour)
	r.run()
	require.Empty(t, r.target.Members("wiki-editors"))
	require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
	require.Equal(t, []string{"wiki-editors of Ana ends: " + whyLeft + "."}, texts(r.events("r1"), access.EventLeaseEnding))
	require.Contains(t, r.details(), "Every lease ends, and none is granted: "+whyLeft)
}

// What the ledger knows stops a grant, though nobody has told the workflow; and it ends what a request does not keep, with the reason.
func TestLeaver_evidence(t *testing.T) {
	r := newHolderRuns(t)
	r.asks(0, lease("r9:1", "wiki-admins", 3*time.Hour))
	r.at(time.Hour, func() { r.applies("ana", access.ClassLeaver) })
	r.asks(time.Hour+time.Minute, lease("r1:1", "wiki-editors", 0))
	r.mustEndBy(day)
	r.run()
	require.Equal(t, whyLeft, r.holder.last("r1:1").Refused)
	require.Equal(t, 1, has(r.events("r1"), access.EventLeaseRefused))
	require.NotContains(t, r.target.History(), memory.TargetChange{Op: memory.OpGrant, Role: "wiki-editors", Person: "ana"})
}

// ana leaves while a grant is on its way that her request has taken back by then: what it granted goes, although it existed before.
func TestLeaver_while_granting(t *testing.T) {
	for _, takenBack := range []bool{false, true} {
		r := newHolderRuns(t)
		r.target.Put("wiki-editors", "ana")
		e := lease("r1:1", "wiki-editors", 0)
		e.Lease.ExistingAccess = access.ExistingKeep
		r.each(func() {
			target := &activities.Target{Port: r.target, Ledger: r.ledger}
			r.replace("Grant", func(ctx context.Context, c activities.GrantInput) (activities.GrantResult, error) {
				result, err := target.Grant(ctx, c)
				if takenBack {
					r.signal(workflows.SignalApplyLease, absent(e))
				}
				r.signal(workflows.SignalStanding, hasLeft())
				return result, err
			})
		})
		r.asks(0, e)
		r.mustEndBy(time.Hour)
		r.run()
		require.Empty(t, r.target.Members("wiki-editors"))
		require.NotNil(t, r.known("r1:1").GrantedAt)
		require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
	}
}

// calls are the revokes of a target, in the order in which they begin and are answered.
type calls struct {
	*holderRuns
	lines []string
	down  string
}

func (c *calls) watch() {
	c.each(func() {
		target := &activities.Target{Port: c.target, Ledger: c.ledger}
		c.replace("Revoke", func(ctx context.Context, call activities.RevokeInput) (activities.RevokeResult, error) {
			role := call.Assignment.Role
			c.say("begin " + role)
			defer c.say("end " + role)
			if role == c.down {
				return activities.RevokeResult{}, access.Errorf(access.Forbidden, "revoke", "the token may not remove members")
			}
			return target.Revoke(ctx, call)
		})
	})
}

func (c *calls) say(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

// TestLeaver_order: the leases of an earlier target end before those of a later one; what fails holds nothing back.
func TestLeaver_order(t *testing.T) {
	for _, down := range []string{"", "vpn-1"} {
		for _, long := range []bool{false, true} {
			t.Run(fmt.Sprintf("fails %q, long %t", down, long), func(t *testing.T) {
				c := &calls{holderRuns: newHolderRuns(t), down: down}
				c.watch()
				for i, role := range []string{"other-1", "mail-1", "vpn-1", "mail-2", "vpn-2", "other-2"} {
					c.target.AddRole(role)
					e := lease(access.LeaseID(fmt.Sprintf("r%d:1", i+1)), role, 0)
					e.Lease.Binding.Target = access.TargetName(role[:len(role)-2])
					c.asks(0, e)
				}
				c.at(time.Hour, func() {
					c.signal(workflows.SignalStanding, hasLeft("vpn", "mail"))
					if long {
						c.growsLong()
					}
				})
				c.at(2*time.Hour, func() {
					for _, role := range []string{"other-1", "mail-1", "mail-2", "vpn-2", "other-2"} {
						require.Empty(t, c.target.Members(role), role)
					}
					c.down = ""
				})
				c.mustEndBy(day)
				c.run()
				place := func(line string) int { return slices.Index(c.lines, line) }
				require.Len(t, slices.Compact(slices.Sorted(slices.Values(c.lines))), 12)
				for _, pair := range [][2]string{{"vpn", "mail"}, {"mail", "other"}} {
					for i := range 2 {
						for j := range 2 {
							earlier, later := fmt.Sprint("end ", pair[0], "-", i+1), fmt.Sprint("begin ", pair[1], "-", j+1)
							require.Less(t, place(earlier), place(later), "%s before %s: %v", earlier, later, c.lines)
						}
					}
				}
			})
		}
	}
}
