package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// TestWriteDeadline has the machine suspended before each write: its clock goes on by an hour, and the desk's own and the
// target's own do not.
func TestWriteDeadline(t *testing.T) {
	desk, target := clocked(), memory.NewTarget("editor")
	target.SetClock(start)
	target.AddAccounts("ada", "bob")
	target.Put("editor", "bob")
	account := desk.AddAccount(access.Person{ID: "ada", Email: "ada@example.test"})
	id := open(t, desk, "m1")
	now := start()
	clock := func() time.Time { return now }
	desk.SetWriteClock(clock)
	target.SetWriteClock(clock)
	ctx := access.WithWriteDeadline(t.Context(), start().Add(time.Minute))
	before := desk.Writes()
	writes := map[string]func() error{
		"CreateTicket":     func() error { _, err := desk.CreateTicket(ctx, access.NewTicket{Marker: "m2"}); return err },
		"AddComments":      func() error { return desk.AddComments(ctx, id, access.Comment{Marker: "c1", Text: "one"}) },
		"TransitionTicket": func() error { return desk.TransitionTicket(ctx, id, access.TicketDone) },
		"AssignTicket":     func() error { return desk.AssignTicket(ctx, id, account) },
		"Grant": func() error {
			_, err := target.Grant(ctx, access.Assignment{Role: "editor", Subject: access.Person{ID: "ada"}})
			return err
		},
		"Revoke": func() error {
			_, err := target.Revoke(ctx, access.Assignment{Role: "editor", Subject: access.Person{ID: "bob"}})
			return err
		},
	}

	now = start().Add(time.Hour)
	for name, write := range writes {
		t.Run(name+" after its time", func(t *testing.T) {
			err := write()
			require.ErrorIs(t, err, access.ErrTooLate)
			require.Equal(t, access.Transient, access.KindOf(err))
		})
	}
	require.Equal(t, before, desk.Writes())
	require.Empty(t, target.History())

	now = start().Add(time.Minute)
	for name, write := range writes {
		t.Run(name+" in its time", func(t *testing.T) { require.NoError(t, write()) })
	}
	require.Equal(t, before+4, desk.Writes())
	require.Len(t, target.History(), 2)
}
