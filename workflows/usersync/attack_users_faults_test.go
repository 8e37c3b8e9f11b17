package usersync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	gosync "sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// attackedFlaky is a desk that loses answers, and refuses, at random.
type attackedFlaky struct {
	*memory.Users
	mu     gosync.Mutex
	random *rand.Rand
	off    bool
}

func (f *attackedFlaky) roll(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.off && f.random.IntN(n) == 0
}

func (f *attackedFlaky) err(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	kinds := []access.Kind{access.Transient, access.RateLimited, access.Unknown, access.Transient}
	return access.Errorf(kinds[f.random.IntN(len(kinds))], op, "flaky")
}

func (f *attackedFlaky) CreateUser(ctx context.Context, n access.NewUser) (access.DeskUser, error) {
	if f.roll(5) {
		return access.DeskUser{}, access.Errorf(access.Transient, "create", "refused before")
	}
	u, err := f.Users.CreateUser(ctx, n)
	if err == nil && f.roll(4) {
		return access.DeskUser{}, access.Errorf(access.Unknown, "create", "answer lost")
	}
	return u, err
}

func (f *attackedFlaky) UpdateUser(ctx context.Context, id access.UserID, c access.UserChange) (access.DeskUser, error) {
	if f.roll(5) {
		return access.DeskUser{}, f.err("update")
	}
	u, err := f.Users.UpdateUser(ctx, id, c)
	if err == nil && f.roll(5) {
		return access.DeskUser{}, access.Errorf(access.Transient, "update", "answer lost")
	}
	return u, err
}

func (f *attackedFlaky) FindUsers(ctx context.Context, q access.UserQuery) ([]access.DeskUser, error) {
	if f.roll(8) {
		return nil, f.err("find")
	}
	return f.Users.FindUsers(ctx, q)
}

func (f *attackedFlaky) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	if f.roll(8) {
		return access.DeskUser{}, f.err("read")
	}
	return f.Users.ReadUser(ctx, id)
}

// Random faults, terminated runs, attempts that die: in the end everybody has one user, and the invariants of the random populations hold.
func TestAttackUsers_held_random_faults_and_terminated_runs(t *testing.T) {
	for seed := range 15 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, uint64(seed)))
			o := newOffice(t, 15)
			o.settings.Brakes.DeactivationsShare, o.settings.Brakes.FieldShare, o.settings.Brakes.MissingShare = 1, 1, 1
			keeps := seed%2 == 0
			o.users.SetSchema(func(s *access.UserSchema) { s.KeepsPerson = keeps })
			flaky := &attackedFlaky{Users: o.users, random: random}
			o.port = flaky
			for round := range 4 {
				for i := range 15 {
					if random.IntN(3) == 0 {
						dep := fmt.Sprint("r", round, random.IntN(3))
						o.change(i, func(p *access.KnownPerson) {
							p.Record.Attributes[access.AttributeDepartment] = []string{dep}
							p.State = access.PersonPresent
							if random.IntN(4) == 0 {
								p.State = access.PersonLeft
							}
						})
					}
				}
				run := o.planned(fmt.Sprint("r", round))
				plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
				for range random.IntN(6) {
					var done activities.ApplyUsersResult
					if err := o.activity("ApplyUsers", plan, &done); err == nil && !done.More {
						_ = o.activity("EndSync", plan, &run)
					}
				}
				// The workflow is terminated; the next run ends this one.
			}
			flaky.off = true
			for range 4 {
				o.ends()
			}
			o.settles()
			byPerson := map[string]int{}
			for _, u := range o.users.All() {
				byPerson[u.Values[access.UserFieldEmail]]++
			}
			for email, n := range byPerson {
				require.Equal(t, 1, n, email)
			}
			for i := range 15 {
				links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(i)})
				require.NoError(t, err)
				if len(links) == 0 {
					require.Equal(t, access.PersonLeft, o.people[idOf(i)].State, "%d has no user", i)
					continue
				}
				require.Equal(t, o.people[idOf(i)].State == access.PersonPresent, o.of(i).Active)
			}
		})
	}
}
