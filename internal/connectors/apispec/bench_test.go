package apispec_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/apispec"
	"usher/internal/connectors/jira/jiratest"
)

// BenchmarkCalls measures what the contract costs: calls over the wire to the fake alone, and through the contract.
//
//	go test -run '^$' -bench Calls ./internal/connectors/apispec
func BenchmarkCalls(b *testing.B) {
	for _, call := range []struct{ name, method, path, body string }{
		{"read", http.MethodGet, "/rest/api/3/issue/10001?expand=changelog", ""},
		{"search", http.MethodPost, "/rest/api/3/search/jql", `{"jql":"project = ACCESS","fields":["*all"],"maxResults":100}`},
		{"comment", http.MethodPost, "/rest/api/3/issue/10001/comment", `{"body":{"type":"doc","version":1,"content":[]}}`},
	} {
		for _, way := range []string{"alone", "through the contract"} {
			b.Run(call.name+", "+way, func(b *testing.B) {
				fake := jiratest.New(jiratest.Config{})
				b.Cleanup(func() { require.NoError(b, fake.Close()) })
				var handler http.Handler = fake
				if way != "alone" {
					handler = load(b, apispec.Cloud).Middleware(fake)
				}
				server := httptest.NewServer(handler)
				b.Cleanup(server.Close)
				for range 20 {
					require.Equal(b, http.StatusCreated, send(b, server.URL, http.MethodPost, "/rest/api/3/issue", newIssue))
				}
				for b.Loop() {
					send(b, server.URL, call.method, call.path, call.body)
				}
			})
		}
	}
}

const newIssue = `{"fields":{"project":{"key":"ACCESS"},"issuetype":{"name":"Access request"},"summary":"Wiki","labels":["usher"]}}`

// send makes a call as the integration account and gives the status.
func send(t testing.TB, site, method, path, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, site+path, strings.NewReader(body))
	require.NoError(t, err)
	r.SetBasicAuth(jiratest.DefaultEmail, jiratest.DefaultToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return answer.StatusCode
}
