package jira

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gojira "github.com/andygrunwald/go-jira"

	"usher/internal/rest"
)

// Auth is how usher logs in.
type Auth string

// The ways to log in. AuthBasic sends Email (or, on Data Center, User) and Token: an API token on Cloud, a password or a
// token on Data Center. AuthBearer sends Token alone: a service account's or an OAuth access token on Cloud, where the
// base URL is then the gateway's; one that expires must be replaced in the configuration before. AuthOAuth sends tokens
// that usher gets for ClientID and ClientSecret, those of a service account, and renews by itself. AuthPAT is Data Center's
// personal access token.
const (
	AuthBasic  Auth = "basic"
	AuthBearer Auth = "bearer"
	AuthOAuth  Auth = "oauth"
	AuthPAT    Auth = "pat"
)

func auths() []Auth { return []Auth{AuthBasic, AuthBearer, AuthOAuth, AuthPAT} }

// Where service accounts get their tokens: Atlassian's for all sites of the cloud
// (support.atlassian.com/user-management/docs/create-oauth-2-0-credential-for-service-accounts), and each Data Center site
// (confluence.atlassian.com/enterprise/service-accounts-overview-1627095923.html).
const (
	cloudTokens      = "https://auth.atlassian.com/oauth/token"
	dataCenterTokens = "/rest/oauth2/latest/token"
)

// auth is Auth, or what the other keys say.
func (c Config) auth() Auth {
	switch {
	case c.Auth != "":
		return c.Auth
	case c.Email != "" || c.User != "":
		return AuthBasic
	case c.ClientID != "":
		return AuthOAuth
	default:
		return AuthBearer
	}
}

// login is the name before the password.
func (c Config) login() string { return cmp.Or(c.Email, c.User) }

// authenticated adds credentials that stay the same to every call over wire.
func (c Config) authenticated(wire http.RoundTripper) http.RoundTripper {
	switch c.auth() {
	case AuthBasic:
		return &gojira.BasicAuthTransport{Username: c.login(), Password: c.Token, Transport: wire}
	case AuthOAuth:
		return wire // The tokens come from below: see base.
	case AuthBearer, AuthPAT:
	}
	return &gojira.BearerAuthTransport{Token: c.Token, Transport: wire}
}

// base is what calls go out over; nil means the usual wire.
func (c Config) base() (http.RoundTripper, error) {
	if c.auth() != AuthOAuth {
		return nil, nil
	}
	wire, err := rest.NewBaseTransport()
	if err != nil {
		return nil, err
	}
	return rest.NewOAuthTransport(wire, rest.ClientCredentials{
		ID: c.ClientID, Secret: c.ClientSecret, TokenURL: c.tokenURL(), Scopes: c.Scopes,
	}), nil
}

// tokenURL is TokenURL, or where the site's vendor gives tokens.
func (c Config) tokenURL() string {
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.TokenURL != "":
		return c.TokenURL
	case c.Edition == Cloud || (err == nil && atGateway(u)):
		return cloudTokens
	default:
		return strings.TrimSuffix(c.BaseURL, "/") + dataCenterTokens
	}
}

// secrets are what no text may show.
func (c Config) secrets() []string {
	list := []string{c.Token, c.ClientSecret, base64.StdEncoding.EncodeToString([]byte(c.login() + ":" + c.Token))}
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
	c.validateOAuth(problem)
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

func (c Config) validateOAuth(problem func(key, format string, args ...any)) {
	oauth := c.auth() == AuthOAuth
	for _, one := range []struct {
		key, value string
		needed     bool
	}{
		{"token", c.Token, !oauth},
		{"client_id", c.ClientID, oauth},
		{"client_secret", c.ClientSecret, oauth},
	} {
		switch given := strings.TrimSpace(one.value) != ""; {
		case one.needed && !given:
			problem(one.key, "expected a value")
		case !one.needed && given:
			problem(one.key, "expected none, because auth is %s", c.auth())
		}
	}
	switch {
	case !oauth && c.TokenURL != "":
		problem("token_url", "expected none, because auth is %s", c.auth())
	case !oauth && len(c.Scopes) > 0:
		problem("scopes", "expected none, because auth is %s", c.auth())
	case c.TokenURL != "":
		if err := rest.ValidSecretURL(c.TokenURL, c.AllowPlainHTTP); err != nil {
			problem("token_url", "%w", err)
		}
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
