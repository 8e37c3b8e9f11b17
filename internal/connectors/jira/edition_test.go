package jira_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
)

func TestEdition(t *testing.T) {
	for _, tt := range []struct {
		name, deployment string
		configured       jira.Edition
		path             string
		questions        int
	}{
		{"Cloud", "Cloud", "", "/rest/api/3/issue/1", 1},
		{"Server means Data Center", "Server", "", "/rest/api/2/issue/1", 1},
		{"configured as Cloud, nobody is asked", "Server", jira.Cloud, "/rest/api/3/issue/1", 0},
		{"configured as Data Center, nobody is asked", "Cloud", jira.DataCenter, "/rest/api/2/issue/1", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t)
			s.on("GET /rest/api/2/serverInfo", okay(`{"deploymentType":"`+tt.deployment+`"}`))
			s.on("GET /rest/api/2/myself", okay(`{"name":"bot"}`))
			s.on("GET /rest/api/3/myself", okay(`{"accountId":"bot"}`))
			desk := s.desk(t, func(c *jira.Config) { c.Edition = tt.configured })
			for range 2 {
				_, err := desk.ReadTicket(t.Context(), "1")
				requireKind(t, access.NotFound, err)
			}
			require.Equal(t, []string{"GET " + tt.path, "GET " + tt.path}, s.calls())
			require.Equal(t, tt.questions, s.count("GET /rest/api/2/serverInfo"), "it is asked once")
		})
	}
}

func TestEdition_unknown(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		kind   access.Kind
		says   string
	}{
		{"something else", okay(`{"deploymentType":"Fridge"}`), access.Invalid, `deploymentType is "Fridge"`},
		{"no Jira at all", status(404, ``), access.Invalid, "desks.jira.base_url"},
		{"a refusal", status(403, ``), access.Forbidden, "desks.jira.edition"},
		{"a failure", status(502, ``), access.Transient, "502"},
		{"a login page", with(okay(`<html>`), "Content-Type", "text/html"), access.Transient, "not JSON"},
		{"a redirect to a login", with(status(302, ``), "Location", "https://sso.example.test/?x=1"), access.Forbidden, "redirect is not followed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t)
			s.on("GET /rest/api/2/serverInfo", inTurn(tt.answer, okay(`{"deploymentType":"Cloud"}`)))
			s.on("GET /rest/api/3/myself", okay(`{"accountId":"bot"}`))
			desk := s.desk(t, nil)
			_, err := desk.CreateTicket(t.Context(), newTicket(""))
			requireKind(t, tt.kind, err)
			require.ErrorContains(t, err, tt.says)
			_, err = desk.ReadTicket(t.Context(), "1")
			requireKind(t, access.NotFound, err)
		})
	}
}

func TestEachWayToLogIn(t *testing.T) {
	basic := func(name string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":a-secret-token"))
	}
	for _, tt := range []struct {
		name   string
		change func(*jira.Config)
		want   string
	}{
		{"an e-mail means basic", func(*jira.Config) {}, basic("bot@example.test")},
		{"a user means basic", func(c *jira.Config) { c.Email, c.User = "", "bot" }, basic("bot")},
		{"a token alone means bearer", func(c *jira.Config) { c.Email = "" }, "Bearer a-secret-token"},
		{"bearer", func(c *jira.Config) { c.Email, c.Auth = "", jira.AuthBearer }, "Bearer a-secret-token"},
		{"a personal access token", func(c *jira.Config) { c.Email, c.Auth = "", jira.AuthPAT }, "Bearer a-secret-token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dataCenterScript(t)
			s.on("GET /rest/api/2/issue/7", func(w http.ResponseWriter, r *http.Request) {
				status(400, `{"errorMessages":["you sent `+r.Header.Get("Authorization")+`"]}`)(w, r)
			})
			_, err := s.desk(t, tt.change).ReadTicket(t.Context(), "7")
			requireKind(t, access.Invalid, err)
			require.NotContains(t, err.Error(), "a-secret-token")
			require.NotContains(t, err.Error(), tt.want)
			for _, c := range s.all() {
				require.Equal(t, tt.want, c.Header.Get("Authorization"), c.Path)
			}
		})
	}
}

func TestBaseURL_gateway_path(t *testing.T) {
	s := newScript(t)
	const base = "/ex/jira/11223344-a1b2-3b33-c444-def123456789"
	s.on("GET "+base+"/rest/api/2/serverInfo", okay(`{"deploymentType":"Cloud"}`))
	s.on("GET "+base+"/rest/api/3/myself", okay(`{"accountId":"bot"}`))
	s.on("GET "+base+"/rest/api/3/issue/10001", okay(`{"id":"10001","key":"ACCESS-1","fields":{"status":{"id":"1","name":"Open"}},"changelog":{}}`))
	desk := s.desk(t, func(c *jira.Config) {
		c.BaseURL += base
		c.SiteURL, c.Email = "https://example.test/", ""
	})
	got, err := desk.ReadTicket(t.Context(), "10001")
	require.NoError(t, err)
	require.Equal(t, "https://example.test/browse/ACCESS-1", got.Ref.URL)
}

func TestCaptcha_stops_every_call(t *testing.T) {
	for name, headers := range map[string][]string{
		"by the log-in reason":   {"X-Seraph-LoginReason", "AUTHENTICATION_DENIED"},
		"by the denial's reason": {"X-Authentication-Denied-Reason", "CAPTCHA_CHALLENGE; login-url=https://jira.example.test/login.jsp"},
	} {
		for _, code := range []int{401, 403} {
			t.Run(name, func(t *testing.T) {
				s := dataCenterScript(t)
				s.on("GET /rest/api/2/myself", inTurn(with(status(code, ``), headers...), okay(`{"name":"bot"}`)))
				now := newClock()
				desk := s.desk(t, nil)
				desk.SetClock(now.read)
				_, err := desk.ReadTicket(t.Context(), "10001")
				requireKind(t, access.Forbidden, err)
				require.ErrorContains(t, err, "CAPTCHA")
				before := len(s.all())
				for range 3 {
					_, err = desk.CreateTicket(t.Context(), newTicket(""))
					requireKind(t, access.Forbidden, err)
					require.ErrorContains(t, err, "CAPTCHA")
				}
				require.Len(t, s.all(), before, "each try would keep the lock")
				now.pass(6 * 60e9)
				_, err = desk.ReadTicket(t.Context(), "10001")
				require.NoError(t, err)
			})
		}
	}
}

func TestAnonymous_without_reason(t *testing.T) {
	s := dataCenterScript(t)
	s.on("POST /rest/api/2/search", with(okay(`{"issues":[],"total":0}`), "X-AUSERNAME", "anonymous"))
	_, err := s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Forbidden, err)
}

func TestRemovedEndpoint(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/2/myself", okay(`{"accountId":"bot"}`))
	s.on("POST /rest/api/2/search", status(410, `{"errorMessages":["The requested API has been removed."],"errors":{}}`))
	desk := s.desk(t, func(c *jira.Config) { c.Edition = jira.DataCenter })
	_, err := desk.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "has been removed")
	require.ErrorContains(t, err, "is the configured edition right?")
}

func TestSearch_missing_endpoint(t *testing.T) {
	s := dataCenterScript(t)
	s.on("GET /rest/api/3/myself", okay(`{"accountId":"bot"}`))
	desk := s.desk(t, func(c *jira.Config) { c.Edition = jira.Cloud })
	_, err := desk.FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.jira.edition")
	_, err = desk.ReadTickets(t.Context(), []access.TicketID{"1"})
	requireKind(t, access.Invalid, err)
}
