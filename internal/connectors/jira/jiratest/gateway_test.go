package jiratest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

const throughGateway = "/ex/jira/" + jiratest.DefaultCloudID

func TestTenantInfo(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.CloudID = "c-1" })
	d.email = ""
	require.Equal(t, "c-1", d.want(http.StatusOK, http.MethodGet, "/_edge/tenant_info", nil).json["cloudId"])
	require.Equal(t, 1, d.Count(jiratest.OpTenantInfo))
}

func TestGateway_scoped_token(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.Accounts[0].Scopes = []string{"read:jira-work", "read:jira-user"} })
	d.authorization = "Bearer " + jiratest.DefaultToken
	require.Equal(t, jiratest.DefaultAccountID, d.want(http.StatusOK, http.MethodGet, throughGateway+"/rest/api/3/myself", nil).json["accountId"])
	refused := d.want(http.StatusUnauthorized, http.MethodPost, throughGateway+"/rest/api/3/issue", newIssue(nil))
	require.Equal(t, "Unauthorized; scope does not match", refused.json["message"])
	require.Empty(t, d.Tickets())
	require.Contains(t, d.Requests()[0].URI, throughGateway+"/rest/")

	d.AddAccount(jiratest.DefaultAccount())
	r := d.want(http.StatusCreated, http.MethodPost, throughGateway+"/rest/api/3/issue", newIssue(nil))
	require.Equal(t, d.url+throughGateway+"/rest/api/3/issue/"+r.json["id"].(string), r.json["self"], "links lead through the gateway")
	d.authorization = ""
	d.want(http.StatusOK, http.MethodGet, throughGateway+"/rest/api/3/issue/ACCESS-1", nil)
}

func TestGateway_bad_credentials(t *testing.T) {
	for name, tt := range map[string]struct {
		authorization string
		change        func(*desk)
	}{
		"no credentials":         {"", func(d *desk) { d.email = "" }},
		"an unknown token":       {"Bearer nothing", func(*desk) {}},
		"another spelling":       {"bearer " + jiratest.DefaultToken, func(*desk) {}},
		"two spaces":             {"Bearer  " + jiratest.DefaultToken, func(*desk) {}},
		"an expired token":       {"Bearer " + jiratest.DefaultToken, func(d *desk) { d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{ExpireTokens: true}}) }},
		"credentials turned bad": {"Bearer " + jiratest.DefaultToken, func(d *desk) { d.SetFaults(jiratest.Faults{Anonymous: true}) }},
		"a wrong API token":      {"", func(d *desk) { d.token = "wrong" }},
		"a token past its end":   {"Bearer " + jiratest.DefaultToken, expireDefault},
		"an account switched off": {"Bearer " + jiratest.DefaultToken, func(d *desk) {
			d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{InactiveAccounts: []string{jiratest.DefaultEmail}}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			tt.change(d)
			d.authorization = tt.authorization
			r := d.want(http.StatusUnauthorized, http.MethodPost, throughGateway+"/rest/api/3/search/jql", object{"jql": "project = ACCESS"})
			require.Equal(t, "Unauthorized", r.json["message"])
		})
	}
}

func expireDefault(d *desk) {
	a := jiratest.DefaultAccount()
	a.TokenExpires = d.clock.now().Add(time.Minute)
	d.AddAccount(a)
	d.clock.move(time.Minute)
}

func TestToken_expired(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	expireDefault(d)
	r := d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+key, nil)
	require.Equal(t, "AUTHENTICATED_FAILED", r.header.Get("X-Seraph-LoginReason"))
	require.Empty(t, d.keys("project = ACCESS"))
}

func TestBearerTokensAtTheSite(t *testing.T) {
	d := newDesk(t, nil)
	d.authorization = "Bearer " + jiratest.DefaultToken
	r := d.want(http.StatusForbidden, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, "Failed to parse Connect Session Auth Token", r.json["error"])
	d.authorization = "bearer " + jiratest.DefaultToken
	r = d.want(http.StatusUnauthorized, http.MethodGet, "/rest/api/3/myself", nil)
	require.Empty(t, r.header.Get("X-Seraph-LoginReason"), "a scheme that nobody knows is no log-in")
}

func TestGateway_other_site(t *testing.T) {
	d := newDesk(t, nil)
	d.want(http.StatusNotFound, http.MethodGet, "/ex/jira/another/rest/api/3/myself", nil)
	d.want(http.StatusNotFound, http.MethodGet, throughGateway+"/board", nil)
}
