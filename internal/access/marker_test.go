package access_test

import (
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
