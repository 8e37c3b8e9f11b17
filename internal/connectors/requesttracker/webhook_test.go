package requesttracker_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

const hookSecret = "a secret of the tests"

// documentedScrip is the scrip of docs/connectors.md, with the address and the secret of the tests.
func documentedScrip(t *testing.T, address string) string {
	t.Helper()
	docs, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "connectors.md"))
	require.NoError(t, err)
	_, code, found := strings.Cut(string(docs), "```perl\n")
	require.True(t, found)
	code, _, found = strings.Cut(code, "```")
	require.True(t, found)
	changed := strings.NewReplacer("https://usher.example.com", address, "the secret", hookSecret).Replace(code)
	require.Contains(t, changed, address)
	require.Contains(t, changed, hookSecret)
	return changed
}

func TestWebhook_scrip(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	human := one.addAccount(t, eve())
	type call struct {
		header http.Header
		path   string
		body   []byte
	}
	calls := make(chan call, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			calls <- call{r.Header, r.URL.Path, body}
		}
	}))
	require.NoError(t, server.Listener.Close())
	server.Listener = s.hooks
	server.Start()
	t.Cleanup(server.Close)
	one.queue = "Hooked"
	id := one.openAs(t, human)
	next := func() (got call) {
		select {
		case got = <-calls:
		case <-time.After(10 * time.Second):
			require.FailNow(t, "the scrip does not call")
		}
		return got
	}
	next()
	one.moveAs(t, human, id, access.TicketApproved)
	got := next()
	require.Equal(t, "/v1/desks/rt/webhook", got.path)
	sum := hmac.New(sha256.New, []byte(hookSecret))
	sum.Write(got.body)
	require.Equal(t, "sha256="+hex.EncodeToString(sum.Sum(nil)), got.header.Get("X-RT-Signature"))
	var said struct{ Ticket, Actor, Transaction string }
	require.NoError(t, json.Unmarshal(got.body, &said))
	require.Equal(t, string(id), said.Ticket)
	require.Equal(t, string(human), said.Actor)
	require.NotEmpty(t, said.Transaction)
	require.Equal(t, said.Transaction, got.header.Get("X-RT-Transaction"))
}
