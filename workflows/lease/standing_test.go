package lease

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// on puts a lease on a target.
func on(name access.TargetName) func(*record) {
	return func(r *record) { r.Binding = &access.Binding{Target: name, Role: "editors of " + string(r.ID)} }
}

// leaver is a person who has left and holds leases. They end on "vpn" first, and then on "wiki".
func leaver(absent bool, leases ...*record) *person {
	w := &person{state: &state{
		Standing: access.Standing{Person: "ana", Absent: absent, Revision: 7}, Order: []access.TargetName{"vpn", "wiki", "vpn"},
	}, index: newIndex()}
	w.order()
	for i, r := range leases {
		r.ID = access.LeaseID(rune('a' + i))
		if r.Binding != nil {
			r.Binding = &access.Binding{Target: r.Binding.Target, Role: r.Binding.Role + string(r.ID)}
		}
		w.add(&lease{record: *r})
	}
	return w
}

func TestTurn(t *testing.T) {
	ending := func(target access.TargetName, change ...func(*record)) *record {
		return base(access.LeaseRevoking, append([]func(*record){left, on(target)}, change...)...)
	}
	down := slices.Repeat([]*record{ending("vpn", failed)}, downAfter)
	rows := []struct {
		name    string
		present bool
		leases  []*record
		want    int
	}{
		{"nobody waits for nothing", false, nil, 3},
		{"the first target goes first", false, []*record{ending("wiki"), ending("vpn"), ending("desk")}, 0},
		{"then the second", false, []*record{ending("wiki"), ending("desk")}, 1},
		{"then those without a place", false, []*record{ending("desk"), ending("", free), ending("vpn", byHand)}, 3},
		{"nobody waits while the person is there", true, []*record{ending("wiki"), ending("vpn")}, 3},
		{"one that has ended holds nothing back", false, []*record{ending("vpn", func(r *record) { r.State = access.LeaseEnded }), ending("wiki")}, 1},
		{"one that must begin to end does", false, []*record{base(access.LeaseActive, left, on("vpn")), ending("wiki")}, 0},
		{"one that is being granted and must end does", false, []*record{base(access.LeaseGranting, left, tried, on("vpn")), ending("wiki")}, 0},
		{"one that has failed holds nothing back", false, []*record{ending("vpn", failed), ending("wiki")}, 1},
		{"one that was not asked yet does, though another has failed", false, []*record{ending("vpn", failed), ending("vpn"), ending("wiki")}, 0},
		{"it does not where as many have failed as are asked at once", false, append(slices.Clone(down), ending("vpn"), ending("wiki")), 1},
		{"one that a person takes away holds nothing back", false, []*record{ending("vpn", withRemoval), ending("wiki")}, 1},
		{"a message about somebody else holds nothing back", false, []*record{base(access.LeaseGranting, unwanted, on("vpn"), func(r *record) { r.Foreign = true }), ending("wiki")}, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, leaver(!row.present, row.leases...).lowest(noon)) })
	}
	t.Run("one that waits for another lease of the same access holds nothing back", func(t *testing.T) {
		w := leaver(true, ending("vpn", ungranted), base(access.LeaseGranting, left, tried, unloaded, failed, on("vpn")), ending("wiki"))
		same := access.Binding{Target: "vpn", Role: "same"}
		v := leaver(true)
		for i, l := range w.leases {
			r := l.record
			if i < 2 {
				r.Binding = &same
			}
			v.add(&lease{record: r})
		}
		require.Equal(t, 1, v.lowest(noon))
	})
	t.Run("those whose turn has come are evaluated", func(t *testing.T) {
		w := leaver(true, ending("wiki"), ending("vpn"), ending("desk"))
		w.agenda.changed = nil
		require.False(t, w.moveTurn(noon))
		require.True(t, w.others(w.leases[0], noon).waitsTurn)
		require.False(t, w.others(w.leases[1], noon).waitsTurn)
		w.leases[1].State = access.LeaseEnded
		require.True(t, w.moveTurn(noon))
		require.Equal(t, []*lease{w.leases[0]}, w.agenda.changed)
		require.False(t, w.moveTurn(noon), "its turn does not come twice")
		w.Standing.Absent = false
		require.True(t, w.moveTurn(noon))
		require.Equal(t, []*lease{w.leases[0], w.leases[2]}, w.agenda.changed)
	})
}

func TestLeave(t *testing.T) {
	const why = "Ana has left"
	rows := []struct {
		name    string
		l       *record
		left    bool
		refused string
	}{
		{"what is asked for", base(access.LeaseGranting, unloaded), true, ""},
		{"what may have been granted is refused, and told", base(access.LeaseGranting, tried), true, why},
		{"what a person has granted is not refused", base(access.LeaseGranting, tried, byHand, proved), true, ""},
		{"what its request has taken back before it was granted", base(access.LeaseGranting, unwanted, tried), false, ""},
		{"what is held", base(access.LeaseActive), true, ""},
		{"what ends already", base(access.LeaseRevoking, over), true, ""},
		{"what has ended", base(access.LeaseEnded, unwanted), false, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			l := &lease{record: *row.l}
			l.leave(why)
			require.Equal(t, row.left, l.Left)
			require.Equal(t, row.refused, l.Refused)
			require.Equal(t, row.refused != "", l.StatusDue)
			require.Equal(t, access.Absent, l.DesiredState)
			again := l.record
			l.leave("for another reason")
			require.Equal(t, again, l.record, "the first word counts")
		})
	}
	t.Run("a newer message counts again before the grant only", func(t *testing.T) {
		for _, row := range []struct {
			l    *record
			want access.DesiredState
		}{
			{base(access.LeaseGranting, tried), access.Present}, {base(access.LeaseActive), access.Absent}, {base(access.LeaseRevoking), access.Absent},
		} {
			l := &lease{record: *row.l}
			l.leave(why)
			l.applySpec(access.LeaseSpec{Revision: 2, DesiredState: access.Present})
			require.Equal(t, row.want, l.DesiredState)
			require.Equal(t, row.want == access.Present, l.Refused == "", l.Refused)
			require.Equal(t, row.want == access.Absent, l.Left)
		}
	})
	t.Run("a newer message counts only if it is newer than the standing", func(t *testing.T) {
		for revision, want := range map[int]access.DesiredState{6: access.Absent, 7: access.Present} {
			w := leaver(false, base(access.LeaseGranting, tried, on("vpn")))
			l := w.leases[0]
			w.judge(l)
			require.Equal(t, access.Absent, l.DesiredState)
			w.wish(l, access.LeaseSpec{Revision: revision, DesiredState: access.Present})
			require.Equal(t, want, l.DesiredState)
		}
	})
	t.Run("the reason stays the person's", func(t *testing.T) {
		l := &lease{record: *base(access.LeaseActive)}
		l.leave(why)
		l.applySpec(access.LeaseSpec{Revision: 2, DesiredState: access.Absent, Reason: "withdrawn", GivenBack: "r7"})
		require.Equal(t, why, l.Reason)
		require.Equal(t, access.RequestID("r7"), l.GivenBack)
	})
}
