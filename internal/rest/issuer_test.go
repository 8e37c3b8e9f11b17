package rest

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// issuerFolder is the real OpenID Connect issuer that the API is tested with.
var issuerFolder = filepath.Join("..", "..", "starter", "httpapi", "testdata", "oidc")

// startIssuer returns the address of a real token server, or skips the test by the name of what is missing.
func startIssuer(t *testing.T) string {
	t.Helper()
	_, noNode := exec.LookPath("node")
	_, noIssuer := os.Stat(filepath.Join(issuerFolder, "node_modules"))
	if noNode != nil || noIssuer != nil {
		const missing = "node or oidc-provider is missing: run `npm ci` in starter/httpapi/testdata/oidc"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	issuer := exec.CommandContext(t.Context(), "node", "issuer.mjs", strconv.Itoa(port))
	issuer.Dir = issuerFolder
	output, err := issuer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, issuer.Start())
	t.Cleanup(func() {
		_ = issuer.Process.Kill()
		_ = issuer.Wait()
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	require.NoError(t, err)
	var announced struct{ Issuer, Version string }
	require.NoError(t, json.Unmarshal(line, &announced))
	t.Log("real server: oidc-provider " + announced.Version)
	return announced.Issuer + "/token"
}

func TestTokensOfARealServer(t *testing.T) {
	address := startIssuer(t)
	of := func(secret string) *login {
		return newLogin(t, func(c *ClientCredentials) { c.ID, c.Secret, c.TokenURL = "ana-laptop", secret, address })
	}
	good := of("only-for-tests")
	require.NoError(t, good.call(Create))
	require.NoError(t, good.call(Create))
	require.Len(t, good.api.bodies, 2)
	require.NotEmpty(t, good.api.tried[0])
	require.Equal(t, good.api.tried[0], good.api.tried[1], "one token for both")
	require.False(t, good.login.current.until.IsZero(), "it says when it ends")

	bad := of("guessed")
	err := bad.call(Create)
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.ErrorContains(t, err, "401 Unauthorized: invalid_client")
	require.Empty(t, bad.api.tried)
}
