package fakewire_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

func TestTap(t *testing.T) {
	tap := fakewire.NewTap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	}))
	call := func(method, target, body string) string {
		answer := httptest.NewRecorder()
		tap.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
		return answer.Body.String()
	}
	require.Equal(t, "x", call(http.MethodPost, "/api/issue?a=b", "x"), "the server reads the whole body")
	tap.AnswerInstead("POST /issue", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "instead") })
	require.Equal(t, "instead", call(http.MethodPost, "/api/issue", "y"))
	require.Equal(t, "z", call(http.MethodPut, "/api/issue", "z"))
	tap.AnswerInstead("", nil)
	require.Equal(t, "y", call(http.MethodPost, "/api/issue/7", "y"))
	calls := tap.Calls("POST /issue")
	require.Len(t, calls, 2)
	require.Equal(t, []string{"x", "y"}, []string{calls[0].Body, calls[1].Body})
	require.Equal(t, "b", calls[0].Query.Get("a"))
	require.Len(t, tap.Calls(""), 4)
	tap.Forget()
	require.Empty(t, tap.Calls(""))
}
