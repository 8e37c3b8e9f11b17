package scim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

func TestWriteDeadline(t *testing.T) {
	timeout := 10 * time.Second
	config := wiki(scimtest.Quirks{})
	config.Groups[0].Members = []string{"u-bob"}
	directory := scimtest.New(config)
	target := serve(t, directory, func(c *scim.Config) { c.RequestTimeout = access.Duration(timeout) })
	bob := access.Assignment{Role: "Wiki editor", Subject: access.Person{ID: "u-bob"}}
	// The deadline has yet to come, but a call that takes its whole time-out would end after it.
	late := access.WithWriteDeadline(t.Context(), time.Now().Add(timeout/2))
	for name, write := range map[string]func() error{
		"Grant":        func() error { _, err := target.Grant(late, ada()); return err },
		"Grant by ids": func() error { _, err := target.Grant(late, byIDs()); return err },
		"Revoke":       func() error { _, err := target.Revoke(late, bob); return err },
		"Revoke by ids": func() error {
			_, err := target.Revoke(late, access.Assignment{RoleID: "g-edit", Account: "u-bob"})
			return err
		},
	} {
		err := write()
		require.Equal(t, access.Transient, access.KindOf(err), "%s: %v", name, err)
		require.ErrorIs(t, err, access.ErrTooLate, name)
	}
	require.Zero(t, directory.Count(http.MethodPatch))
	verification, err := target.Verify(late, bob)
	require.NoError(t, err)
	require.True(t, verification.Present)
}
