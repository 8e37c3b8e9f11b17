package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

func signed(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhooks(t *testing.T) {
	long := `{"issue":{"id":"10001"},"text":"` + strings.Repeat("x", httpapi.MaxWebhookBody-100) + `"}`
	const about = `{"issue":{"id":"10001","key":"ACC-1"}}`
	for name, row := range map[string]struct {
		path, body string
		headers    []string
		status     int
		result     string
	}{
		"a signed hint is passed on":          {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", signed(hookSecret, about)}, 202, "delivered"},
		"a signed hint of nearly 1 MiB":       {"/v1/desks/jira/webhook", long, []string{"X-Hub-Signature", signed(hookSecret, long)}, 202, "delivered"},
		"an id that is a number":              {"/v1/desks/jira/webhook", `{"issue":{"id":10001}}`, []string{"X-Hub-Signature", signed(hookSecret, `{"issue":{"id":10001}}`)}, 202, "delivered"},
		"the secret in a header":              {"/v1/desks/header/webhook", `{"items":[{"id":"H-1"}]}`, []string{"X-Secret", hookSecret}, 202, "delivered"},
		"the secret in the query":             {"/v1/desks/query/webhook?key=It%27s+a+Secret+to+Everybody", `{"id":"Q-1"}`, nil, 202, "delivered"},
		"a ticket that nobody knows":          {"/v1/desks/jira/webhook", `{"issue":{"id":"9"}}`, []string{"X-Hub-Signature", signed(hookSecret, `{"issue":{"id":"9"}}`)}, 202, "ignored"},
		"another desk's ticket":               {"/v1/desks/header/webhook", `{"items":[{"id":"10001"}]}`, []string{"X-Secret", hookSecret}, 202, "ignored"},
		"no ticket in it":                     {"/v1/desks/jira/webhook", `{"issue":[]}`, []string{"X-Hub-Signature", signed(hookSecret, `{"issue":[]}`)}, 202, "ignored"},
		"no JSON":                             {"/v1/desks/jira/webhook", `issue=1`, []string{"X-Hub-Signature", signed(hookSecret, `issue=1`), "Content-Type", "text/plain"}, 202, "ignored"},
		"no signature":                        {"/v1/desks/jira/webhook", about, nil, 401, ""},
		"a signature by another secret":       {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", signed("another secret 12345", about)}, 401, ""},
		"a signature of another body":         {"/v1/desks/jira/webhook", about + " ", []string{"X-Hub-Signature", signed(hookSecret, about)}, 401, ""},
		"a signature by another method":       {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", "sha1" + signed(hookSecret, about)[6:]}, 401, ""},
		"a signature that is no hex":          {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", "sha256=zz"}, 401, ""},
		"half a signature":                    {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", signed(hookSecret, about)[:39]}, 401, ""},
		"a wrong secret in a header":          {"/v1/desks/header/webhook", `{}`, []string{"X-Secret", "guess"}, 401, ""},
		"an empty secret in the query":        {"/v1/desks/query/webhook?key=", `{}`, nil, 401, ""},
		"the secret where a signature is due": {"/v1/desks/jira/webhook", about, []string{"X-Hub-Signature", hookSecret}, 401, ""},
		"a desk that is not configured":       {"/v1/desks/none/webhook", about, nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.recorded("r1")
			w.recorded("r2", func(v *access.RequestView) { v.Ticket.Desk, v.Ticket.ID = "header", "H-1" })
			w.recorded("r3", func(v *access.RequestView) { v.Ticket.Desk, v.Ticket.ID = "query", "Q-1" })
			got := w.call("", "POST", row.path, row.body, row.headers...)
			require.Equal(t, row.status, got.status, got.body)
			if row.status == http.StatusUnauthorized {
				require.Equal(t, `Usher-Webhook realm="usher"`, got.header.Get("WWW-Authenticate"))
			}
			if row.result != "" {
				require.JSONEq(t, `{"result":"`+row.result+`"}`, got.body)
			}
			require.Equal(t, row.result == "delivered", len(w.gateway.hints) == 1)
			require.NotContains(t, w.log.String(), "Everybody", "the secret is in no log")
		})
	}
}

func TestHint_names_ticket_and_delivery(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1")
	const about = `{"issue":{"id":"10001"}}`
	w.call("", "POST", "/v1/desks/jira/webhook", about,
		"X-Hub-Signature", signed(hookSecret, about), "X-Atlassian-Webhook-Identifier", "delivery-7")
	require.Equal(t, []workflows.Hint{{Ticket: "10001", Delivery: "delivery-7"}}, w.gateway.hints)
	require.Equal(t, []access.RequestID{"r1"}, w.gateway.hinted)
}

func TestWebhook_own_change(t *testing.T) {
	for actor, want := range map[string]string{"acc-usher": "ignored", "acc-mia": "delivered"} {
		w := newWorld(t)
		w.recorded("r1")
		body := `{"issue":{"id":"10001"},"user":{"accountId":"` + actor + `"}}`
		got := w.call("", "POST", "/v1/desks/jira/webhook", body, "X-Hub-Signature", signed(hookSecret, body))
		require.JSONEq(t, `{"result":"`+want+`"}`, got.body)
	}
}

func TestHint_goes_to_the_watch(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1")
	w.gateway.watched = "jira"
	const about = `{"issue":{"id":"10001"}}`
	w.call("", "POST", "/v1/desks/jira/webhook", about, "X-Hub-Signature", signed(hookSecret, about))
	require.Equal(t, []workflows.Hint{{Ticket: "10001"}}, w.gateway.hints)
	require.Empty(t, w.gateway.hinted, "the request itself is left alone")
}

// A hint about a ticket that usher does not know goes to the watch where people ask by tickets of their own, and nowhere else.
func TestWebhook_intake(t *testing.T) {
	const about = `{"issue":{"id":"9"}}`
	for name, row := range map[string]struct {
		intake  bool
		watched access.DeskName
		err     error
		result  string
	}{
		"people ask there":                 {true, "jira", nil, "delivered"},
		"people do not ask there":          {false, "jira", nil, "ignored"},
		"no watch runs":                    {true, "", nil, "ignored"},
		"Temporal is away":                 {true, "jira", errAway, "deferred"},
		"Temporal is away, nobody watches": {true, "", errAway, "deferred"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
				hook := c.Webhooks["jira"]
				hook.Intake = row.intake
				c.Webhooks["jira"] = hook
			})
			w.gateway.watched, w.gateway.err = row.watched, row.err
			got := w.call("", "POST", "/v1/desks/jira/webhook", about, "X-Hub-Signature", signed(hookSecret, about))
			require.Equal(t, http.StatusAccepted, got.status, got.body)
			require.JSONEq(t, `{"result":"`+row.result+`"}`, got.body)
			if row.result == "delivered" {
				require.Equal(t, []workflows.Hint{{Ticket: "9"}}, w.gateway.hints)
			}
			require.Empty(t, w.gateway.hinted, "there is no request to tell")
			require.Equal(t, row.err != nil, strings.Contains(w.log.String(), "does not answer"), "what was not delivered is in the log")
		})
	}
}

func TestWebhook_hint_not_delivered(t *testing.T) {
	const about = `{"issue":{"id":"10001"}}`
	for name, make := range map[string]func(t *testing.T) *world{
		"the ledger is unavailable": func(t *testing.T) *world { return newWorld(t, ledgerAway) },
		"Temporal is away": func(t *testing.T) *world {
			w := newWorld(t)
			w.recorded("r1")
			w.gateway.err = access.Errorf(access.Transient, "pass on a hint", "Temporal does not answer")
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := make(t)
			got := w.call("", "POST", "/v1/desks/jira/webhook", about, "X-Hub-Signature", signed(hookSecret, about))
			require.Equal(t, http.StatusAccepted, got.status)
			require.JSONEq(t, `{"result":"deferred"}`, got.body)
			require.Contains(t, w.log.String(), "does not answer")
		})
	}
}

// The vector is the one that vendors publish for this header.
func TestWebhook_signature(t *testing.T) {
	require.Equal(t, "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9", signed(hookSecret, "Hello World!"))
}

func TestWebhook_settings(t *testing.T) {
	good := httpapi.Webhook{Secret: hookSecret, TicketPath: "issue.id"}
	require.NoError(t, good.Validate("webhooks.jira"))
	for key, bad := range map[string]httpapi.Webhook{
		"webhooks.jira.secret":      {Secret: "short", TicketPath: "issue.id"},
		"webhooks.jira.check":       {Secret: hookSecret, TicketPath: "issue.id", Check: "magic"},
		"webhooks.jira.ticket_path": {Secret: hookSecret, TicketPath: "issue..id"},
		"webhooks.jira.actor_path":  {Secret: hookSecret, TicketPath: "issue.id", ActorPath: "user..id", OwnAccount: "a"},
		"webhooks.jira.own_account": {Secret: hookSecret, TicketPath: "issue.id", ActorPath: "user.id"},
	} {
		err := bad.Validate("webhooks.jira")
		require.ErrorContains(t, err, key+":")
		require.NotContains(t, err.Error(), "short")
	}
}

func TestDoctor_roles(t *testing.T) {
	w := newWorld(t)
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "desk/jira", Problem: "credentials are bad"}}}
	require.Equal(t, http.StatusForbidden, w.call("ana", "POST", "/v1/doctor", "").status)
	require.Empty(t, w.gateway.doctored)
	require.Equal(t, http.StatusForbidden, w.call("audra", "POST", "/v1/doctor", `{"test_ticket":"jira"}`).status, "an auditor reads")
	require.Empty(t, w.gateway.doctored)
	require.Equal(t, http.StatusOK, w.call("audra", "POST", "/v1/doctor", `{"test_ticket":""}`).status)
	w.gateway.doctored = nil
	got := w.call("adam", "POST", "/v1/doctor", `{"test_ticket":"jira"}`)
	require.JSONEq(t, `{"healthy":false,"lines":[{"connector":"desk/jira","problem":"credentials are bad"}]}`, got.body)
	require.Equal(t, []workflows.DoctorParams{{TestTicket: "jira"}}, w.gateway.doctored)
	w.gateway.err = errAway
	require.Equal(t, http.StatusServiceUnavailable, w.call("audra", "POST", "/v1/doctor", "").status)
}

func TestDoctor_known_desk(t *testing.T) {
	w := newWorld(t)
	w.gateway.err = &gateway.RefusedError{
		Op: "doctor", Kind: access.Invalid, Message: `there is no desk "jiira"; there are: jira`,
		Refusals: []access.Refusal{{Field: "test_ticket", Problem: `there is no desk "jiira"; there are: jira`}},
	}
	got := w.call("adam", "POST", "/v1/doctor", `{"test_ticket":"jiira"}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
	require.Equal(t, []httpapi.ProblemField{{Location: "body.test_ticket", Pointer: "/test_ticket", Message: `there is no desk "jiira"; there are: jira`}}, got.problem.Errors)
}

func TestDoctor_answer_over_http(t *testing.T) {
	server := httpapi.NewServer(newWorld(t).api, slog.New(slog.DiscardHandler))
	require.Greater(t, server.WriteTimeout, gateway.MaxDoctorTimeout)
}
