package scim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

func TestFakeDirectory(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(scimtest.New(scimtest.Config{Token: token}))
	t.Cleanup(server.Close)
	d := directory{base: server.URL + scimtest.BasePath, made: &atomic.Int64{}}
	grantIntoALongGroup(t, d, byFilter)
	noticeLostMembers(t, d)
	checkEachWay(t, d)
	conform(t, d)
}

func TestRealServerBetterAuth(t *testing.T) {
	t.Parallel()
	d := startServer(t, "better-auth", "@better-auth/scim", "/api/auth/scim/v2")
	d.derives = true
	grantIntoALongGroup(t, d, byList)
	noticeLostMembers(t, d)
	checkEachWay(t, d)
	conform(t, d)
}

func TestRealServerScimmy(t *testing.T) {
	t.Parallel()
	d := startServer(t, "scimmy", "scimmy", "/scim/v2")
	d.noEmails = "a filter by emails.value fails where one user has no address"
	// It filters by members only as long as every group has some, so this comes first.
	grantIntoALongGroup(t, d, byFilter)
	noticeLostMembers(t, d)
	checkEachWay(t, d)
	conform(t, d)
}

// grantIntoALongGroup grants, grants again and revokes, in a group of more members than a list is believed of.
func grantIntoALongGroup(t *testing.T, d directory, method string) {
	t.Run("a long group", func(t *testing.T) {
		const before = 100
		var people []access.PersonID
		for i := range before + 2 {
			people = append(people, d.createUser(t, access.Person{UserName: fmt.Sprintf("long.%d@example.com", i), Active: true}, ""))
		}
		members := []any{}
		for _, id := range people[:before] {
			members = append(members, map[string]any{"value": string(id)})
		}
		group := d.create(t, "/Groups", map[string]any{
			"schemas":     []string{"urn:ietf:params:scim:schemas:core:2.0:Group"},
			"displayName": "A long group", "members": members,
		})
		base, m := d.metered(t)
		target, err := scim.NewTarget(scim.Config{BaseURL: base, Token: token, RolesBy: scim.RolesByID})
		require.NoError(t, err)
		wanted := map[string][][]string{
			byFilter: {{"account", "list", byValue, "change", byValue, valueOfNobody}, {"account", byValue, "change", byValue}},
			byList:   {{"account", "list", byValue, byMember, "change", "list"}, {"account", "list", byValue, byMember, "change", "list"}},
		}
		for i, calls := range wanted[method] {
			verification, err := target.Grant(t.Context(), access.Assignment{Role: group, Subject: access.Person{ID: people[before+i]}})
			require.NoError(t, err)
			require.True(t, verification.Present)
			require.Equal(t, method, verification.Method)
			require.Equal(t, calls, m.taken())
			require.Len(t, d.members(t, group), before+i+1)
		}
		again, err := target.Grant(t.Context(), access.Assignment{Role: group, Subject: access.Person{ID: people[0]}})
		require.NoError(t, err)
		require.True(t, again.Unchanged)
		gone, err := target.Revoke(t.Context(), access.Assignment{Role: group, Subject: access.Person{ID: people[0]}})
		require.NoError(t, err)
		require.False(t, gone.Present)
		require.Len(t, d.members(t, group), before+1)
	})
}

// conform runs both suites over one directory, in each way to name accounts and roles.
func conform(t *testing.T, d directory) {
	t.Run("as a target, by ids and names", func(t *testing.T) {
		accesstest.RunProvisioner(t, d.provisioners(scim.MatchID, scim.RolesByDisplayName))
	})
	t.Run("as a target, by external ids and ids", func(t *testing.T) {
		accesstest.RunProvisioner(t, d.provisioners(scim.MatchExternalID, scim.RolesByID))
	})
	t.Run("as a target, by user names and names", func(t *testing.T) {
		accesstest.RunProvisioner(t, d.provisioners(scim.MatchUserName, scim.RolesByDisplayName))
	})
	t.Run("as a source", func(t *testing.T) {
		accesstest.RunIdentitySource(t, d.sources)
	})
	// The last: each of its cases removes everybody first.
	t.Run("as a source that lists", func(t *testing.T) {
		accesstest.RunPeopleLister(t, d.listers)
		accesstest.RunPeopleFinder(t, d.listers)
	})
}

// startServer runs a server of testdata/servers for the length of a test.
func startServer(t *testing.T, name, module, path string) directory {
	t.Helper()
	folder := filepath.Join("testdata", "servers", name)
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node", "install Node.js 20 or newer")
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", filepath.FromSlash(module), "package.json"))
	if err != nil {
		missing(t, name, "`npm ci` in internal/connectors/scim/"+filepath.ToSlash(folder)+", or `make test-servers`")
	}
	var installed struct {
		Version string `json:"version"`
	}
	require.NoError(t, json.Unmarshal(manifest, &installed))
	t.Logf("real server: %s %s", name, installed.Version)

	port := freePort(t)
	var output bytes.Buffer
	command := exec.CommandContext(t.Context(), node, "server.mjs", port, token)
	command.Dir, command.Stdout, command.Stderr = folder, &output, &output
	// The server ends with this pipe, even if the test is killed and cleans nothing up.
	_, err = command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		// The context has killed it by now; this waits for its end.
		if err := <-ended; err != nil {
			t.Logf("%s ended: %v", name, err)
		}
		if t.Failed() {
			t.Logf("%s said: %s", name, output.String())
		}
	})
	d := directory{base: "http://127.0.0.1:" + port + path, made: &atomic.Int64{}}
	require.Eventually(t, func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.base+"/ServiceProviderConfig", nil)
		if err != nil {
			return false
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "%s does not answer", name)
	return d
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// missing ends a test that needs something that is not installed: a failure where everything has to be.
func missing(t *testing.T, part, install string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %s", part, install)
	}
	t.Skipf("%s is missing: %s", part, install)
}
