package stack

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFreePorts(t *testing.T) {
	var p ports
	seen := map[string]bool{}
	for range 50 {
		address, err := p.pick(t.Context(), "test", 0)
		require.NoError(t, err)
		require.False(t, seen[address])
		seen[address] = true
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		require.Equal(t, loopback, host)
		number, err := strconv.Atoi(port)
		require.NoError(t, err)
		require.GreaterOrEqual(t, number, firstPort)
		require.LessOrEqual(t, number, lastPort)
	}
}
