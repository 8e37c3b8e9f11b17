package access_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestNewMarker(t *testing.T) {
	marker := access.NewMarker("r1", "run-1")
	require.Equal(t, marker, access.NewMarker("r1", "run-1"))
	require.NotEqual(t, marker, access.NewMarker("r1", "run-2"), "a later request of the same id has another ticket")
	require.NotEqual(t, marker, access.NewMarker("r2", "run-1"))
	require.True(t, marker.IsOf("r1"))
	require.Regexp(t, "^usher-r1:[0-9a-f]{16}$", string(marker))
	for _, other := range []access.Marker{
		access.MarkerOf("r1"), access.MarkerOf("r1") + ":", access.NewMarker("r1-", "run-1"), access.NewMarker("r", "run-1"),
		access.RemovalMarkerOf(access.LeaseIDOf("r1", "1")), marker + ":1",
	} {
		require.False(t, other.IsOf("r1"), other)
	}
}

// The marker of an incident's ticket is usher's, so that no ticket with it is taken in, and no request's, whatever the request is called.
func TestIncidentMarker(t *testing.T) {
	marker := access.IncidentMarkerOf("i1", "run")
	require.True(t, strings.HasPrefix(string(marker), "usher-"))
	require.Equal(t, marker, access.IncidentMarkerOf("i1", "run"))
	require.NotEqual(t, marker, access.IncidentMarkerOf("i1", "another run"))
	for _, id := range []access.RequestID{"i1", "incident", "incident-i1", "incident.i1"} {
		require.False(t, marker.IsOf(id), id)
		require.NotEqual(t, marker, access.NewMarker(id, "run"))
	}
	const longest = 100 // ServiceNow's correlation_id
	require.LessOrEqual(t, len(access.IncidentMarkerOf(access.IncidentID(strings.Repeat("i", 64)), "run")), longest)
}
