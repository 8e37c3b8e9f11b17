package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

var editors = access.Binding{Target: "directory", Role: "editors"}

func testHolders(t *testing.T, d databases) {
	s := d.open(t)
	keep := func(l access.LeaseView, change ...func(*access.LeaseView)) access.LeaseView {
		l.Lease.Binding = pointer(*l.Lease.Binding)
		for _, c := range change {
			c(&l)
		}
		record(t, s, access.Entry{Lease: &l})
		return l
	}
	another := func(l *access.LeaseView) { l.Lease.Entitlement = "wiki/writer" }
	held := keep(leaseOf("p-bo", "b", access.LeaseActive, 1))
	granting := keep(leaseOf("p-bo", "a", access.LeaseGranting, 1), another)
	revoking := keep(leaseOf("p-bo", "c", access.LeaseRevoking, 1))
	keep(leaseOf("p-bo", "d", access.LeaseEnded, 1))
	keep(leaseOf("p-bo", "e", access.LeaseActive, 1), func(l *access.LeaseView) { l.Lease.Binding.Role = "Editors" })
	keep(leaseOf("p-bo", "f", access.LeaseActive, 1), func(l *access.LeaseView) { l.Lease.Binding.Target = "another" })
	free := leaseOf("p-bo", "g", access.LeaseActive, 1)
	free.Lease.Binding = nil
	record(t, s, access.Entry{Lease: &free})
	other := keep(leaseOf("p-Bo", "h", access.LeaseActive, 1))

	holders := func(subject access.PersonID, b access.Binding) []access.LeaseView {
		t.Helper()
		found, err := s.Holders(t.Context(), subject, b)
		require.NoError(t, err)
		return found
	}
	require.Equal(t, []access.LeaseView{granting, held, revoking}, holders("p-bo", editors), "by id, whatever the entitlement")
	require.Equal(t, []access.LeaseView{other}, holders("p-Bo", editors))
	require.Empty(t, holders("p-nobody", editors))
	require.Empty(t, holders("p-bo", access.Binding{Target: "directory", Role: "nobody's"}))
	require.Empty(t, holders("p-bo", access.Binding{Target: "directory", Role: strings.Repeat("x", 513)}))
	require.Empty(t, holders("p-bo", access.Binding{Target: "\x00", Role: "editors"}))
	require.Empty(t, holders("\xff", editors))

	ended, moved := held, revoking
	ended.State, ended.Version = access.LeaseEnded, 2
	record(t, s, access.Entry{Lease: &ended})
	moved.Lease.Binding, moved.Version = &access.Binding{Target: "directory", Role: "authors"}, 2
	record(t, s, access.Entry{Lease: &moved})
	require.Equal(t, []access.LeaseView{granting}, holders("p-bo", editors), "what has ended, or is another role now, is left out")
	require.Equal(t, []access.LeaseView{moved}, holders("p-bo", *moved.Lease.Binding))

	late := held
	record(t, s, access.Entry{Lease: &late})
	require.Equal(t, []access.LeaseView{granting}, holders("p-bo", editors), "an older record brings nothing back")
}

func testKeptProof(t *testing.T, d databases) {
	s := d.open(t)
	verification := &access.Verification{Present: true, Method: "read-back", Evidence: "member of editors", Account: "a1", RoleID: "r1", At: noon}
	kept := func(change func(*access.LeaseView)) *access.Verification {
		t.Helper()
		l := leaseOf("p-bo", "a", access.LeaseActive, 0)
		change(&l)
		record(t, s, access.Entry{Lease: &l})
		found, err := s.Lease(t.Context(), l.Lease.ID)
		require.NoError(t, err)
		return found.Verification
	}
	at := func(state access.LeaseState, version int, p *access.Verification) func(*access.LeaseView) {
		return func(l *access.LeaseView) { l.State, l.Version, l.Verification = state, version, p }
	}
	require.Nil(t, kept(at(access.LeaseGranting, 1, nil)), "there is none yet")
	require.Equal(t, verification, kept(at(access.LeaseActive, 2, verification)))
	require.Equal(t, verification, kept(at(access.LeaseActive, 3, nil)), "a lease at rest does not carry it")
	require.Equal(t, verification, kept(at(access.LeaseRevoking, 4, nil)))
	gone := &access.Verification{Method: "read-back", Evidence: "no member", At: noon.Add(time.Hour)}
	require.Equal(t, gone, kept(at(access.LeaseRevoking, 5, gone)), "a new one takes its place")
	require.Equal(t, gone, kept(at(access.LeaseActive, 4, verification)), "an older record does not")
	require.Nil(t, kept(at(access.LeaseGranting, 6, nil)), "a grant that begins anew has none")
	require.Equal(t, gone, kept(at(access.LeaseEnded, 7, gone)))
	require.Equal(t, gone, kept(at(access.LeaseGranting, 8, nil)), "a lease that has ended keeps its end")
}

// testMigrateFromFour: a ledger of that version does not keep where a lease's access lives in columns of its own.
func testMigrateFromFour(t *testing.T, d databases) {
	url := d.newURL(t)
	s := openAt(t, url)
	d.migrateTo(t, url, 4)
	bound, free, over := leaseOf("p-bo", "a", access.LeaseActive, 1), leaseOf("p-bo", "b", access.LeaseActive, 1), leaseOf("p-bo", "c", access.LeaseEnded, 1)
	free.Lease.Binding = nil
	for _, l := range []access.LeaseView{bound, free, over} {
		body, err := json.Marshal(l)
		require.NoError(t, err)
		require.NoError(t, d.exec(t, url, fmt.Sprintf(`INSERT INTO leases (id, version, state, request_id, subject_id, entitlement_id, body)
			VALUES ('%s', 1, '%s', '%s', 'p-bo', '%s', '%s')`, l.Lease.ID, l.State, l.Lease.Request, l.Lease.Entitlement, body)))
	}
	require.NoError(t, s.Migrate(t.Context()))
	holders, err := s.Holders(t.Context(), "p-bo", editors)
	require.NoError(t, err)
	require.Equal(t, []access.LeaseView{bound}, holders, "what was held then is found")
	require.Equal(t, []access.LeaseView{bound, free}, liveLeases(t, s, "p-bo", 10))
}
