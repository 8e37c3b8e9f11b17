package jira

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	gojira "github.com/andygrunwald/go-jira"
)

// Auth is how usher logs in.
type Auth string

// The ways to log in. AuthBasic sends Email (or, on Data Center, User) and Token: an API token on Cloud, a password or a
// token on Data Center. AuthBearer sends Token alone: a service account's or an OAuth access token on Cloud, where the
// base URL is then the gateway's; one that expires must be replaced in the configuration before. AuthPAT is Data Center's
// personal access token.
const (
	AuthBasic  Auth = "basic"
	AuthBearer Auth = "bearer"
	AuthPAT    Auth = "pat"
)

func auths() []Auth { return []Auth{AuthBasic, AuthBearer, AuthPAT} }

// auth is Auth, or what the other keys say.
func (c Config) auth() Auth {
	switch {
	case c.Auth != "":
		return c.Auth
	case c.Email != "" || c.User != "":
		return AuthBasic
	default:
		return AuthBearer
	}
}

// login is the name before the password.
func (c Config) login() string { return cmp.Or(c.Email, c.User) }

// authenticated adds the credentials to every call over wire.
func (c Config) authenticated(wire http.RoundTripper) http.RoundTripper {
	if c.auth() == AuthBasic {
		return &gojira.BasicAuthTransport{Username: c.login(), Password: c.Token, Transport: wire}
	}
	return &gojira.BearerAuthTransport{Token: c.Token, Transport: wire}
}

// secrets are what no text may show.
func (c Config) secrets() []string {
	list := []string{c.Token, base64.StdEncoding.EncodeToString([]byte(c.login() + ":" + c.Token))}
	if c.Webhook.URL != "" {
		list = append(list, c.Webhook.URL)
	}
	return list
}

func (c Config) validateAuth(problem func(key, format string, args ...any)) {
	if !slices.Contains(auths(), c.auth()) {
		problem("auth", "%w", unknownOf(c.Auth, auths()))
		return
	}
	switch {
	case c.auth() == AuthBasic && strings.TrimSpace(c.login()) == "":
		problem("email", "expected a value, or user on Data Center, because auth is basic")
	case c.auth() != AuthBasic && c.Email != "":
		problem("email", "expected none, because auth is %s", c.auth())
	case c.auth() != AuthBasic && c.User != "":
		problem("user", "expected none, because auth is %s", c.auth())
	case c.Email != "" && c.User != "":
		problem("user", "expected none beside email")
	}
}

func (c Config) validateEdition(problem func(key, format string, args ...any)) {
	if c.Edition != "" && !slices.Contains(editions(), c.Edition) {
		problem("edition", "%w", unknownOf(c.Edition, editions()))
	}
	if c.Edition == Cloud && c.User != "" {
		problem("user", "expected none, because Jira Cloud knows accounts by email")
	}
	if c.Edition == Cloud && c.Auth == AuthPAT {
		problem("auth", "found pat, which is Data Center's; expected basic or bearer for Jira Cloud")
	}
}
