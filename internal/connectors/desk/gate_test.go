package desk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

func TestGates(t *testing.T) {
	var g desk.Gates
	require.NoError(t, g.Check("op", minute(0), desk.Everything, "a"))
	g.Shut("a", desk.Refusal{Until: minute(5), Kind: access.RateLimited, Why: "too many"}, minute(0))
	g.Shut("a", desk.Refusal{Until: minute(3), Kind: access.Forbidden}, minute(0))
	err := g.Check("op", minute(4), desk.Everything, "a")
	requireKind(t, access.RateLimited, err)
	require.Equal(t, time.Minute, access.RetryAfterOf(err), "the longer refusal stays")
	require.ErrorContains(t, err, "op: not asked again before 03:05:00 UTC: too many")
	require.NoError(t, g.Check("op", minute(4), desk.Everything, "b"))
	require.NoError(t, g.Check("op", minute(5), "a"))
	g.Shut(desk.Everything, desk.Refusal{Until: minute(9), Kind: access.Forbidden, Why: "locked"}, minute(5))
	err = g.Check("op", minute(6), "a", desk.Everything)
	requireKind(t, access.Forbidden, err)
	require.Zero(t, access.RetryAfterOf(err))
}

func TestGates_Unkept(t *testing.T) {
	var gates desk.Gates
	err := gates.Unkept("create ticket", desk.Creating, "ticket %s has no marker", "T-1")
	require.ErrorContains(t, err, "ticket T-1 has no marker")
	require.True(t, access.IsKind(err, access.Forbidden))
	now := time.Now()
	require.ErrorContains(t, gates.Check("create ticket", now, desk.Creating), "T-1")
	require.NoError(t, gates.Check("add comment", now, desk.Commenting), "another scope")
	require.NoError(t, gates.Check("create ticket", now.Add(time.Hour), desk.Creating), "it is tried again")
}
