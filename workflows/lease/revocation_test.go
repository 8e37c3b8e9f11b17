package lease

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A lease that was revoked stays so, whatever its request and the person's standing say later.
func TestRevokedAgain(t *testing.T) {
	const why = "it was revoked by the help desk (hal): stolen laptop"
	single, wide := access.RevokedLease{Revocation: "single", Reason: why, Single: true}, access.RevokedLease{Revocation: "wide", Reason: why}
	for _, state := range []access.LeaseState{access.LeaseGranting, access.LeaseActive, access.LeaseRevoking} {
		t.Run("a newer message grants nothing, "+string(state), func(t *testing.T) {
			w := leaver(false, base(state, tried, on("vpn")))
			l := w.leases[0]
			l.revokedBy(single)
			require.Equal(t, access.Absent, l.DesiredState)
			w.wish(l, access.LeaseSpec{Revision: 9, DesiredState: access.Present})
			require.Equal(t, access.Absent, l.DesiredState)
			require.True(t, l.Left)
			require.NotEmpty(t, l.Refused, "its request is told")
			require.Equal(t, access.RevocationID("single"), l.Revoked)
			if state != access.LeaseRevoking {
				require.Equal(t, why, l.Reason, "the first word counts")
			}
		})
	}
	t.Run("a record of the ledger that wants it does not count", func(t *testing.T) {
		w := leaver(false, base(access.LeaseGranting, tried, on("vpn")))
		l := w.leases[0]
		l.revokedBy(wide)
		l.applyRecord(access.LeaseView{State: access.LeaseGranting, DesiredState: access.Present, Revision: 9})
		w.judge(l)
		require.Equal(t, access.Absent, l.DesiredState)
	})
	t.Run("existing access is spared by the revocation of this lease alone", func(t *testing.T) {
		for name, row := range map[string]struct {
			does func(w *person, l *lease)
			want bool
		}{
			"alone":                      {func(_ *person, l *lease) { l.revokedBy(single) }, true},
			"alone, twice":               {func(_ *person, l *lease) { l.revokedBy(single); l.revokedBy(single) }, true},
			"everything":                 {func(_ *person, l *lease) { l.revokedBy(wide) }, false},
			"alone, and then everything": {func(_ *person, l *lease) { l.revokedBy(single); l.revokedBy(wide) }, false},
			"everything, and then alone": {func(_ *person, l *lease) { l.revokedBy(wide); l.revokedBy(single) }, false},
			"the person leaves as well": {func(w *person, l *lease) {
				l.revokedBy(single)
				w.stand(access.SubjectStanding{Standing: access.Standing{Person: "ana", Absent: true, Revision: 8}})
			}, false},
			"the person has left": {func(w *person, l *lease) {
				w.stand(access.SubjectStanding{Standing: access.Standing{Person: "ana", Absent: true, Revision: 8}})
				l.revokedBy(single)
			}, false},
		} {
			t.Run(name, func(t *testing.T) {
				w := leaver(false, base(access.LeaseActive, existing, keeps, on("vpn")))
				l := w.leases[0]
				row.does(w, l)
				l.State = access.LeaseRevoking
				require.Equal(t, row.want, next(&l.record, w.index.others(l, noon), noon) == endKept)
			})
		}
	})
	t.Run("what has ended, and what its request has taken back, stays as it is", func(t *testing.T) {
		for _, r := range []*record{base(access.LeaseEnded), base(access.LeaseGranting, unwanted, tried)} {
			l := &lease{record: *r}
			l.revokedBy(wide)
			require.Equal(t, *r, l.record)
		}
	})
}
