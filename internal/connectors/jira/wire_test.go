package jira_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// newOperated is a site with one ticket, and a desk that has had its first contact.
func newOperated(t *testing.T, edition jiratest.Edition) (*site, *jira.Desk, access.TicketID) {
	t.Helper()
	s := newSite(t, jiratest.Config{Edition: edition})
	desk := s.desk(t, func(c *jira.Config) { c.Reporter = false; c.RequestTimeout = access.Duration(5 * time.Second) })
	ref := open(t, desk)
	require.Equal(t, access.TicketID("10001"), ref.ID)
	return s, desk, ref.ID
}

func TestCaptcha_is_forbidden(t *testing.T) {
	s, desk, id := newOperated(t, jiratest.Cloud)
	s.tap.AnswerInstead("GET /issue/10001", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATION_DENIED")
		w.WriteHeader(http.StatusForbidden)
	})
	_, err := desk.ReadTicket(t.Context(), id)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "CAPTCHA")
}

func TestRefusal_shapes(t *testing.T) {
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"Jira's", "application/json", `{"errorMessages":["one","two"],"errors":{"b":"bad","a":"worse"}}`, "one; two; a: worse; b: bad"},
		{"errors that hold more than strings", "application/json", `{"errors":{"a":["x"],"b":{"c":1}}}`, `a: ["x"]; b: {"c":1}`},
		{"errors that are a list", "application/json", `{"errorMessages":["one"],"errors":["x"]}`, `one; errors: ["x"]`},
		{"null members", "application/json", `{"errorMessages":null,"errors":null,"message":"so"}`, "so"},
		{"the service desk's", "application/json", `{"errorMessage":"no","i18nErrorMessage":{"i18nKey":"k"}}`, "no"},
		{"the gateway's", "application/json", `{"code":400,"message":"bad"}`, "bad"},
		{"Connect's", "application/json", `{"error":"Failed to parse token"}`, "Failed to parse token"},
		{"a page", "text/html;charset=UTF-8", `<html>`, "text/html"},
		{"nothing", "application/json", ``, "400 Bad Request (invalid)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, desk, id := newOperated(t, jiratest.Cloud)
			s.tap.AnswerInstead("GET /issue/10001", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := desk.ReadTicket(t.Context(), id)
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRate(t *testing.T) {
	s, _, id := newOperated(t, jiratest.Cloud)
	desk := s.desk(t, func(c *jira.Config) { c.Rate, c.RequestTimeout = 0.01, access.Duration(time.Second) })
	_, err := desk.ReadTicket(t.Context(), id)
	requireKind(t, access.RateLimited, err)
	require.Greater(t, access.RetryAfterOf(err), time.Minute)
}

// TestAnonymous_emptiness: an empty answer to an anonymous caller proves nothing.
func TestAnonymous_emptiness(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, desk, _ := newOperated(t, edition)
		call := map[jiratest.Edition]string{jiratest.Cloud: "POST /search/jql", jiratest.DataCenter: "POST /search"}[edition]
		s.tap.AnswerInstead(call, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
			_, _ = io.WriteString(w, `{"issues":[]}`)
		})
		_, err := desk.FindTicket(t.Context(), "usher-r1")
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "does not accept")
	})
}

func TestCall_headers(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, desk, id := newOperated(t, edition)
		_, err := desk.ReadTicket(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, desk.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "text"}))
		c := s.config()
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Email+c.User+":"+c.Token))
		require.NotEmpty(t, s.tap.Calls("GET /myself"))
		for _, c := range s.tap.Calls("") {
			require.Equal(t, want, c.Header.Get("Authorization"), c.Path)
			require.Equal(t, "application/json", c.Header.Get("Accept"), c.Path)
			require.Equal(t, "usher", c.Header.Get("User-Agent"), c.Path)
			require.Empty(t, c.Header.Get("Cookie"), c.Path)
		}
	})
}
