package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"usher/internal/access"
	"usher/internal/config"
	"usher/starter/httpapi"
)

// everything is a file that sets every section.
const everything = `
log: {level: debug, format: text}
temporal: {address: "127.0.0.1:7233", namespace: usher}
gateway: {call_timeout: 4s, doctor_timeout: 30s}
ledger: {url: "${LEDGER}"}
http: {address: "0.0.0.0:8080", shutdown_timeout: 20s}
auth:
  mode: oidc
  oidc:
    issuer: https://id.example
    audience: usher
    person_claim: employee
    scopes: [usher]
    authorized_parties: [portal]
    roles_claim: realm_access.roles
    auditor_role: auditor
    administrator_role: admin
    ticket_role: tickets
    help_desk_role: desk
    clock_skew: 10s
    service_callers:
      - {client: bot, sub: 5f0c, applications: [wiki]}
duplicates: join
quotas: {changes_per_second: 0.5, burst: 7, open_requests: 30}
open_reads: true
auditors: [audra]
administrators: [adam]
ticket_callers: [scanner]
help_desk: [hal]
webhooks:
  jira: {secret: "${SECRET}", ticket_path: issue.id}
`

// file writes a configuration file and gives its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestConfig_every_setting(t *testing.T) {
	c := defaultServerConfig()
	require.NoError(t, config.Load(file(t, everything), []string{"LEDGER=sqlite:/x/ledger.db", "SECRET=a secret of the desk"}, c))
	require.Equal(t, "0.0.0.0:8080", c.HTTP.Address)
	require.Equal(t, 20*time.Second, c.HTTP.ShutdownTimeout.Std())
	require.Equal(t, 4*time.Second, c.Gateway.CallTimeout.Std())
	require.Equal(t, "sqlite:/x/ledger.db", c.Ledger.URL)
	require.Equal(t, authConfig{Mode: modeOIDC, OIDC: httpapi.OIDCConfig{
		Issuer: "https://id.example", Audience: "usher", PersonClaim: "employee", Scopes: []string{"usher"}, AuthorizedParties: []string{"portal"}, RolesClaim: "realm_access.roles",
		AuditorRole: "auditor", AdministratorRole: "admin", TicketRole: "tickets", HelpDeskRole: "desk", ClockSkew: access.Duration(10 * time.Second),
		ServiceCallers: []httpapi.ServiceCaller{{Client: "bot", Sub: "5f0c", Applications: []string{"wiki"}}},
	}}, c.Auth)
	require.Equal(t, httpapi.JoinDuplicates, c.Duplicates)
	require.Equal(t, httpapi.Quotas{ChangesPerSecond: 0.5, Burst: 7, OpenRequests: 30}, c.Quotas)
	require.True(t, c.OpenReads)
	require.Equal(t, []access.PersonID{"audra"}, c.Auditors)
	require.Equal(t, []access.PersonID{"adam"}, c.Administrators)
	require.Equal(t, []access.PersonID{"scanner"}, c.TicketCallers)
	require.Equal(t, []access.PersonID{"hal"}, c.HelpDesk)
	require.Equal(t, httpapi.Webhook{Secret: "a secret of the desk", TicketPath: "issue.id"}, c.Webhooks["jira"])
}

func good(t *testing.T) *serverConfig {
	t.Helper()
	c := defaultServerConfig()
	c.Ledger.URL = "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	c.Auth.Mode = modeDevelopment
	c.HTTP.Address = "127.0.0.1:0"
	c.Temporal.Address = "127.0.0.1:1"
	require.NoError(t, c.Validate())
	return c
}

func TestConfig_names_the_key(t *testing.T) {
	for key, change := range map[string]func(*serverConfig){
		"log.level":                 func(c *serverConfig) { c.Log.Level = "loud" },
		"temporal.address":          func(c *serverConfig) { c.Temporal.Address = "nowhere" },
		"gateway.call_timeout":      func(c *serverConfig) { c.Gateway.CallTimeout = -1 },
		"ledger.url":                func(c *serverConfig) { c.Ledger.URL = "mysql://x" },
		"http.address":              func(c *serverConfig) { c.HTTP.Address = "8080" },
		"http.shutdown_timeout":     func(c *serverConfig) { c.HTTP.ShutdownTimeout = -1 },
		"auth.mode":                 func(c *serverConfig) { c.Auth.Mode = "" },
		"auth.oidc.issuer":          func(c *serverConfig) { c.Auth.Mode = modeOIDC },
		"auth.oidc":                 func(c *serverConfig) { c.Auth.OIDC.Audience = "usher" },
		"auditors[0]":               func(c *serverConfig) { c.Auditors = []access.PersonID{""} },
		"administrators[1]":         func(c *serverConfig) { c.Administrators = []access.PersonID{"adam", ""} },
		"help_desk[0]":              func(c *serverConfig) { c.HelpDesk = []access.PersonID{""} },
		"duplicates":                func(c *serverConfig) { c.Duplicates = "merge" },
		"ticket_callers[0]":         func(c *serverConfig) { c.TicketCallers = []access.PersonID{""} },
		"webhooks.jira.secret":      func(c *serverConfig) { c.Webhooks = map[access.DeskName]httpapi.Webhook{"jira": {TicketPath: "id"}} },
		"webhooks.jira.ticket_path": func(c *serverConfig) { c.Webhooks = map[access.DeskName]httpapi.Webhook{"jira": {}} },
	} {
		t.Run(key, func(t *testing.T) {
			c := good(t)
			change(c)
			err := c.Validate()
			require.ErrorContains(t, err, key+":")
			require.ErrorContains(t, err, "expected")
		})
	}
}

func TestDevelopmentMode_outside_of_loopback(t *testing.T) {
	c := good(t)
	c.HTTP.Address = "0.0.0.0:8080"
	require.ErrorContains(t, c.Validate(), "http.address must be on loopback")
	require.ErrorContains(t, fx.New(module(t.Context(), c, quiet())).Err(), "http.address must be on loopback",
		"even where nobody validated")
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestServer_is_complete(t *testing.T) {
	c := good(t)
	require.NoError(t, fx.ValidateApp(module(t.Context(), c, quiet())))
	for name, change := range map[string]func(*serverConfig){
		"a ledger that cannot be":   func(c *serverConfig) { c.Ledger.URL = "mysql://x" },
		"a mode that cannot be":     func(c *serverConfig) { c.Auth.Mode = "magic" },
		"an issuer that cannot be":  func(c *serverConfig) { c.Auth.Mode = modeOIDC },
		"a Temporal that cannot be": func(c *serverConfig) { c.Temporal.TLS.CertFile = "/nope" },
	} {
		t.Run(name, func(t *testing.T) {
			c := good(t)
			change(c)
			require.Error(t, fx.New(module(t.Context(), c, quiet())).Err())
		})
	}
}

func TestExample_is_read(t *testing.T) {
	c := defaultServerConfig()
	environ := []string{"LEDGER_PASSWORD=x", "JIRA_WEBHOOK_SECRET=a-secret-of-some-length-0123456789"}
	require.NoError(t, config.Load("../docs/examples/usher.yaml", environ, c))
	require.Equal(t, modeOIDC, c.Auth.Mode)
}
