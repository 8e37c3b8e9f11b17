package usersync_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// beside is another desk whose users follow the same people, with the same ledger.
func (o *office) beside(name access.DeskName) *office {
	other := *o
	other.name, other.users, other.handedIn, other.closed = name, memory.NewUsers(), nil, nil
	other.port = other.users
	// It has the people: only one of them writes the snapshot.
	other.changed = false
	return &other
}

// Many leave at once by a released listing, and three desks plan to switch their users off at the same time: each holds that class, whoever joins and
// moves goes on, and after a release of each nobody is switched off but those who have left.
func TestUserSync_three_desks_at_once(t *testing.T) {
	people, leavers := 300, 100
	if os.Getenv("FULL") != "" {
		people, leavers = 6_000, 5_000
	}
	first := newOffice(t, people)
	first.longest = time.Hour
	desks := []*office{first, first.beside("hq"), first.beside("plant")}
	atOnce := func(do func(*office)) {
		var all sync.WaitGroup
		for _, o := range desks {
			all.Go(func() { do(o) })
		}
		all.Wait()
	}
	runs := make([]access.SyncRun, len(desks))
	run := func(params func(i int) workflows.UserSyncParams) {
		first.written()
		var mu sync.Mutex
		atOnce(func(o *office) {
			i := 0
			for desks[i] != o {
				i++
			}
			got, err := o.run(params(i))
			mu.Lock()
			defer mu.Unlock()
			runs[i] = got
			if err != nil {
				t.Errorf("%s: %v", o.name, err)
			}
		})
		require.False(t, t.Failed())
	}
	scheduled := func(int) workflows.UserSyncParams { return workflows.UserSyncParams{} }
	run(scheduled)
	run(scheduled)

	for i := range leavers {
		first.leaves(people - 1 - i)
	}
	first.put(employee(people))
	first.change(1, func(p *access.KnownPerson) { p.Record.DisplayName = "Another name" })
	run(scheduled)
	for i, o := range desks {
		require.Equal(t, leavers, runs[i].States[access.SyncHeld], o.name)
		require.Equal(t, "Another name", o.of(1).Values[access.UserFieldDisplayName], o.name)
		require.True(t, o.of(people).Active, "%s: whoever joins goes on", o.name)
		require.Equal(t, people+1, o.active(), "%s: nobody is switched off", o.name)
	}

	run(func(i int) workflows.UserSyncParams {
		// A release is of a run that has just ended.
		desks[i].now = runs[i].EndedAt
		return workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: runs[i].ID, Reason: "a plant closes"}}
	})
	for i, o := range desks {
		require.Zero(t, runs[i].States[access.SyncHeld], o.name)
		require.Equal(t, people+1-leavers, o.active(), o.name)
		for _, u := range o.users.All() {
			require.Equal(t, u.Active, first.people[u.Person].State == access.PersonPresent, "%s: %+v", o.name, u)
		}
		names := map[string]bool{}
		for _, u := range o.users.All() {
			require.Falsef(t, names[u.Values[access.UserFieldName]], "%s: twice", o.name)
			names[u.Values[access.UserFieldName]] = true
		}
	}
	t.Logf("row %d of %d people leave on three desks at once", leavers, people)
}

// active is how many users are on.
func (o *office) active() int {
	n := 0
	for _, u := range o.users.All() {
		if u.Active {
			n++
		}
	}
	return n
}
