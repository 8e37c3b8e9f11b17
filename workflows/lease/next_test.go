package lease

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

var (
	noon    = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	before  = noon.Add(-time.Hour)
	later   = noon.Add(time.Hour)
	editors = access.Binding{Target: "directory", Role: "editors"}
)

// base is a lease that is wanted, without an end, in a state.
func base(s access.LeaseState, change ...func(*record)) *record {
	r := &record{
		ID: "r1:1", Entitlement: "wiki/editor", Binding: &editors, Fulfilment: access.FulfilmentSCIM, Revision: 1,
		DesiredState: access.Present, State: s, Loaded: true, Attempted: s != access.LeaseGranting,
	}
	if r.Attempted {
		r.GrantedAt = &before
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func byHand(r *record)      { r.Fulfilment = access.FulfilmentManual }
func unwanted(r *record)    { r.DesiredState = access.Absent }
func over(r *record)        { r.EndsAt = &before }
func ending(r *record)      { r.EndsAt = &later }
func unloaded(r *record)    { r.Loaded = false }
func tried(r *record)       { r.Attempted = true }
func free(r *record)        { r.Binding = nil }
func existing(r *record)    { r.Existing = true }
func keeps(r *record)       { r.AtEnd = access.ExistingKeep }
func proved(r *record)      { r.Granted = &access.Verification{Present: true, At: before} }
func retries(r *record)     { r.RetryAt = later }
func readsFirst(r *record)  { r.ReadFirst = true }
func unconfirmed(r *record) { r.Unconfirmed = 1 }
func removed(r *record)     { r.Removed = &access.TicketSnapshot{Phase: access.TicketDone} }
func failed(r *record)      { r.Failures = 1 }
func left(r *record)        { r.DesiredState, r.Left, r.Reason = access.Absent, true, "Ana has left" }
func ungranted(r *record)   { r.GrantedAt = nil }
func paused(r *record)      { r.Paused = true }

func TestNext(t *testing.T) {
	held := base(access.LeaseActive)
	held.ID = "r2:1"
	rows := []struct {
		name string
		l    *record
		o    others
		want action
	}{
		{"a new lease is granted", base(access.LeaseGranting, unloaded), others{}, grantAccess},
		{"a grant waits for its time", base(access.LeaseGranting, retries), others{}, wait},
		{"a grant waits for another call on the same role", base(access.LeaseGranting, unloaded), others{busy: true}, wait},
		{"a grant that waits asks the ledger again afterwards", base(access.LeaseGranting), others{busy: true}, waitForOther},
		{"a grant at the edge asks the ledger when it need not wait", base(access.LeaseGranting, unloaded, readsFirst), others{}, load},
		{"a grant at the edge waits before it asks the ledger", base(access.LeaseGranting, unloaded, readsFirst), others{granting: held}, wait},
		{"a grant without a role is refused", base(access.LeaseGranting, free), others{}, refuse},
		{"a grant by hand is looked up first", base(access.LeaseGranting, byHand, proved, unloaded), others{}, load},
		{"a grant by hand is taken", base(access.LeaseGranting, byHand, proved), others{}, takeGrant},
		{"a grant by hand is taken though its time is over", base(access.LeaseGranting, byHand, proved, over), others{}, takeGrant},
		{"what is not wanted is looked up before it ends", base(access.LeaseGranting, unwanted, unloaded), others{}, load},
		{"what was never granted ends without a call", base(access.LeaseGranting, unwanted), others{}, endUngranted},
		{"what may have been granted is taken away", base(access.LeaseGranting, unwanted, tried), others{}, beginEnd},
		{"a claimed grant by hand is taken away by hand", base(access.LeaseGranting, unwanted, byHand), others{}, beginEnd},
		{"a held lease waits", base(access.LeaseActive), others{}, wait},
		{"a grant waits for another one of the same access", base(access.LeaseGranting), others{granting: held}, waitForOther},
		{"a grant that was attempted does not wait for another", base(access.LeaseGranting, tried), others{granting: held}, grantAccess},
		{"a held lease waits for its end", base(access.LeaseActive, ending), others{}, wait},
		{"a held lease ends on time", base(access.LeaseActive, over), others{}, beginEnd},
		{"a held lease ends when it is not wanted", base(access.LeaseActive, unwanted), others{}, beginEnd},
		{"a lease of the ledger is looked up", base(access.LeaseActive, over, unloaded), others{}, load},
		{"what ends is revoked", base(access.LeaseRevoking, over), others{}, revoke},
		{"what has begun to end is revoked, whatever is wanted", base(access.LeaseRevoking), others{}, revoke},
		{"a revoke waits for its time", base(access.LeaseRevoking, over, retries), others{}, wait},
		{"a revoke waits for another call on the same role", base(access.LeaseRevoking, over), others{busy: true}, wait},
		{"a revoke waits for a grant on the same role", base(access.LeaseRevoking, over), others{granting: base(access.LeaseGranting)}, wait},
		{"a revoke does not wait for a grant without an approval", base(access.LeaseRevoking, over), others{granting: base(access.LeaseGranting, unconfirmed)}, revoke},
		{"a revoke does not wait for a grant that is paused", base(access.LeaseRevoking, over), others{granting: base(access.LeaseGranting, paused)}, revoke},
		{"a revoke that was paused is tried again", base(access.LeaseRevoking, over, paused), others{}, revoke},
		{"what another lease keeps is verified", base(access.LeaseRevoking, over), others{keeper: held}, verifyKept},
		{"what another lease is being granted waits for it", base(access.LeaseRevoking, over), others{granting: held}, wait},
		{"what a person granted is removed by a person", base(access.LeaseRevoking, over, byHand), others{}, removeByHand},
		{"a removal ticket is waited for", base(access.LeaseRevoking, over, byHand, withRemoval), others{}, wait},
		{"a person's word that the access is gone is verified", base(access.LeaseRevoking, over, byHand, withRemoval, removed), others{}, verifyRemoved},
		{"it is not where another lease keeps the access", base(access.LeaseRevoking, over, byHand, withRemoval, removed), others{keeper: held}, endOverlapped},
		{"what another lease keeps is not removed by hand", base(access.LeaseRevoking, over, byHand, withRemoval), others{keeper: held}, endOverlapped},
		{"what was there before a grant that never came stays", base(access.LeaseRevoking, unwanted, existing, ungranted), others{}, endKept},
		{"what was there before is revoked at the end", base(access.LeaseRevoking, over, existing), others{}, revoke},
		{"what was there before is kept where the catalog says so", base(access.LeaseRevoking, over, existing, keeps), others{}, endKept},
		{"what has ended waits", base(access.LeaseEnded, over), others{}, wait},
		{"of somebody who has left, what was asked for is looked up", base(access.LeaseGranting, left, unloaded), others{}, load},
		{"and refused", base(access.LeaseGranting, left), others{}, refuse},
		{"and refused though another call is in flight", base(access.LeaseGranting, left), others{busy: true, granting: held}, refuse},
		{"what may have been granted to somebody who has left is taken away", base(access.LeaseGranting, left, tried), others{}, beginEnd},
		{"what nobody says was granted by hand is refused", base(access.LeaseGranting, left, byHand), others{}, refuse},
		{"a grant by hand to somebody who has left is looked up", base(access.LeaseGranting, left, byHand, proved, unloaded), others{}, load},
		{"and taken in, so that it ends", base(access.LeaseGranting, left, byHand, proved), others{}, takeGrant},
		{"it is not where its request takes it back", base(access.LeaseGranting, unwanted, byHand, proved), others{}, beginEnd},
		{"what somebody holds who has left ends", base(access.LeaseActive, left), others{}, beginEnd},
		{"and is revoked", base(access.LeaseRevoking, left), others{}, revoke},
		{"and is revoked though it was there before and the catalog keeps it", base(access.LeaseRevoking, left, existing, keeps), others{}, revoke},
		{"what was there before a grant that never came stays, though the person has left", base(access.LeaseRevoking, left, existing, keeps, ungranted), others{}, endKept},
		{"a revoke for somebody who has left does not wait for a grant that must end", base(access.LeaseRevoking, left), others{granting: base(access.LeaseGranting, unwanted, tried)}, revoke},
		{"it waits where usher has granted nothing", base(access.LeaseRevoking, left, ungranted), others{granting: base(access.LeaseGranting, unwanted, tried)}, wait},
		{"it waits for a grant that is wanted", base(access.LeaseRevoking, left), others{granting: base(access.LeaseGranting)}, wait},
		{"what is kept for another lease is kept, though the person had left", base(access.LeaseRevoking, left), others{keeper: held}, verifyKept},
		{"a revoke waits for its turn", base(access.LeaseRevoking, left), others{waitsTurn: true}, wait},
		{"a revoke that has failed waits for its turn", base(access.LeaseRevoking, left, failed), others{waitsTurn: true}, wait},
		{"a removal by hand waits for its turn", base(access.LeaseRevoking, left, byHand), others{waitsTurn: true}, wait},
		{"a removal that was asked for does not", base(access.LeaseRevoking, left, byHand, withRemoval, removed), others{waitsTurn: true}, verifyRemoved},
		{"a revoke that a person was told of does not", base(access.LeaseRevoking, left, withRemoval), others{waitsTurn: true}, revoke},
		{"the end begins before its turn", base(access.LeaseActive, left), others{waitsTurn: true}, beginEnd},
		{"what needs no call ends before its turn", base(access.LeaseRevoking, left, existing, ungranted), others{waitsTurn: true}, endKept},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, next(row.l, row.o, noon)) })
	}
}

func withRemoval(r *record) { r.Removal = newRemovalState() }

// TestNextIsTotal holds for every combination: nothing but a lease that has begun to end is taken away, nothing is granted that must
// end, and nothing happens while a call on the same role is in flight.
func TestNextIsTotal(t *testing.T) {
	changes := []func(*record){byHand, readsFirst, unwanted, over, unloaded, tried, free, existing, keeps, proved, retries, ungranted, withRemoval, removed, left}
	held := base(access.LeaseActive)
	held.ID = "r2:1"
	count := 0
	for _, s := range []access.LeaseState{access.LeaseGranting, access.LeaseActive, access.LeaseRevoking, access.LeaseEnded} {
		for mask := range 1 << len(changes) {
			for _, o := range []others{{}, {busy: true}, {keeper: held}, {granting: held}, {keeper: held, busy: true}, {waitsTurn: true}} {
				l := base(s)
				for i, change := range changes {
					if mask&(1<<i) != 0 {
						change(l)
					}
				}
				a := next(l, o, noon)
				count++
				switch a {
				case grantAccess:
					require.False(t, l.mustEnd(noon) || o.busy || l.Binding == nil, "%+v", l)
				case takeGrant:
					require.True(t, l.Granted != nil && (l.DesiredState == access.Present || l.Left) && l.Loaded, "%+v", l)
				case revoke:
					require.True(t, l.State == access.LeaseRevoking && l.Binding != nil && !o.busy && o.keeper == nil && o.granting == nil, "%+v", l)
					require.True(t, !o.waitsTurn || l.Removal != nil, "%+v", l)
				case refuse:
					require.True(t, l.Binding == nil || (l.Left && !l.Attempted && l.Granted == nil && l.Loaded), "%+v", l)
				case endUngranted:
					require.True(t, !l.Attempted && l.mustEnd(noon) && l.Loaded, "%+v", l)
				case beginEnd:
					require.True(t, l.mustEnd(noon) && l.Loaded, "%+v", l)
				case verifyKept, endOverlapped:
					require.NotNil(t, o.keeper, "%+v", l)
				case removeByHand:
					require.True(t, l.Fulfilment == access.FulfilmentManual || l.Binding == nil, "%+v", l)
				case verifyRemoved:
					require.True(t, l.Removed != nil && l.Binding != nil && l.State == access.LeaseRevoking && o.keeper == nil, "%+v", l)
				case endKept:
					require.True(t, l.Existing && (l.GrantedAt == nil || !l.Left), "%+v", l)
				case waitForOther:
					require.True(t, l.State == access.LeaseGranting && l.Loaded && (o.busy || o.granting != nil), "%+v", l)
				case wait, load:
				}
				require.True(t, a == wait || l.State != access.LeaseEnded, "%+v", l)
				require.True(t, a == wait || !l.RetryAt.After(noon), "%+v", l)
			}
		}
	}
	require.Equal(t, 4*(1<<len(changes))*6, count)
}
