package e2e_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGeneratedClient makes a client with a public generator, oapi-codegen, of the document that the running system serves, and has a program ask, read
// the inbox, decide and revoke with it.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	s := start(t, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	url := s.stack.URLs().API
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "apiclient"))))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "client"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "openapi.json"), served(ctx, t, url+"/openapi-3.0.json"), 0o600))

	run := func(name string, args ...string) string {
		command := exec.CommandContext(ctx, name, args...)
		command.Dir = dir
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	out := run("go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "client", "-o", "client/client.go", "openapi.json")
	require.NotContains(t, out, "WARNING")
	run("go", "build", "-o", "apiclient", ".")
	told := run(filepath.Join(dir, "apiclient"), url, "generated")
	require.Equal(t, []string{"submitted generated", "in the inbox of mia", "approved", "granted generated:1", "revoked generated:1"},
		strings.Split(strings.TrimSpace(told), "\n"))
	members, err := s.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.Empty(t, members, "the directory shows that the access is gone")
}

// served returns what a path of the API answers.
func served(ctx context.Context, t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return body
}
