package usersync_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// misled is a desk that writes the row of the first user to somebody else. From then on it forbids every write, and its schema.
type misled struct {
	*memory.Users
	mu    sync.Mutex
	wrong int
	asked int
}

func (m *misled) UserSchema(ctx context.Context) (access.UserSchema, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrong > 0 {
		return access.UserSchema{}, access.Errorf(access.Forbidden, "read user schema", "not asked again: written to another user")
	}
	return m.Users.UserSchema(ctx)
}

func (m *misled) UpdateUser(context.Context, access.UserID, access.UserChange) (access.DeskUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; m.wrong > 0 {
		return access.DeskUser{}, access.Errorf(access.Forbidden, "update user", "not asked again: written to another user")
	}
	m.wrong++
	return access.DeskUser{}, access.Errorf(access.Invalid, "update user", "written to another user")
}

// A desk that forbids every write after one that went to somebody else ends the run: the rows that it forbade have not failed, and no further page
// is tried. Once it writes as it should, the next run has everybody.
func TestUserSync_desk_that_wrote_to_somebody_else(t *testing.T) {
	const page, people = 200, 450
	o := newOffice(t, people)
	o.settings.Brakes.FieldShare = 1
	o.settles()
	writes := o.users.Writes()
	desk := &misled{Users: o.users}
	o.port = desk
	for i := range people {
		o.change(i, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	}
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "written to another user")
	require.Equal(t, page, desk.asked, "one page, once")
	require.Equal(t, writes, o.users.Writes())
	last, err := o.ledger.SyncRuns(t.Context(), it, time.Time{}, 1)
	require.NoError(t, err)
	require.True(t, last[0].Ended())
	require.Contains(t, last[0].Problem, "written to another user")
	states, err := o.ledger.CountSyncRows(t.Context(), it, last[0].Rows)
	require.NoError(t, err)
	require.Equal(t, map[access.SyncState]int{access.SyncFailed: 1, access.SyncReady: people - 1}, states)

	_, err = o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "written to another user")
	require.Equal(t, page, desk.asked, "nothing is planned while the desk forbids it")
	o.port = o.users
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: people}, o.ends().States)
}
