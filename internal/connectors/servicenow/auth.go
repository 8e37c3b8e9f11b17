package servicenow

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"strings"

	"usher/internal/rest"
)

// Auth is how usher logs in.
type Auth string

// The ways to log in.
const (
	AuthBasic  Auth = "basic"
	AuthOAuth  Auth = "oauth"
	AuthAPIKey Auth = "api_key"
)

// auth is Auth, or what the other keys say.
func (c Config) auth() Auth {
	switch {
	case c.Auth != "":
		return c.Auth
	case c.ClientID != "":
		return AuthOAuth
	case c.APIKey != "":
		return AuthAPIKey
	default:
		return AuthBasic
	}
}

func (c Config) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
}

// client is how calls are made, with the credentials.
func (c Config) client() (*rest.Client, error) {
	out := rest.Config{
		BaseURL: c.BaseURL, Timeout: cmp.Or(c.RequestTimeout.Std(), DefaultRequestTimeout), PerSecond: cmp.Or(c.Rate, DefaultRate),
		Secrets:   []string{c.Password, c.ClientSecret, c.RefreshToken, c.APIKey, c.basic()},
		ErrorText: errorText, Kind: kindOf,
	}
	switch c.auth() {
	case AuthBasic:
		out.Header = http.Header{"Authorization": {"Basic " + c.basic()}}
	case AuthAPIKey:
		out.Header = http.Header{"X-Sn-Apikey": {c.APIKey}}
	case AuthOAuth:
		wire, err := rest.NewBaseTransport()
		if err != nil {
			return nil, err
		}
		out.Base = rest.NewOAuthTransport(wire, rest.ClientCredentials{
			ID: c.ClientID, Secret: c.ClientSecret, RefreshToken: c.RefreshToken,
			TokenURL: cmp.Or(c.TokenURL, strings.TrimRight(c.BaseURL, "/")+"/oauth_token.do"),
		})
	}
	return rest.NewClient(out)
}

func (c Config) validateAuth(problem func(key, format string, args ...any)) {
	auth := c.auth()
	if auth != AuthBasic && auth != AuthOAuth && auth != AuthAPIKey {
		problem("auth", "unknown value %q; expected %s, %s or %s", auth, AuthBasic, AuthOAuth, AuthAPIKey)
		return
	}
	for _, one := range []struct {
		of         Auth
		key, value string
		optional   bool
	}{
		{AuthBasic, "user", c.User, false},
		{AuthBasic, "password", c.Password, false},
		{AuthOAuth, "client_id", c.ClientID, false},
		{AuthOAuth, "client_secret", c.ClientSecret, false},
		{AuthOAuth, "refresh_token", c.RefreshToken, true},
		{AuthOAuth, "token_url", c.TokenURL, true},
		{AuthAPIKey, "api_key", c.APIKey, false},
	} {
		switch given := strings.TrimSpace(one.value) != ""; {
		case one.of == auth && !given && !one.optional:
			problem(one.key, "expected a value, because auth is %s", auth)
		case one.of != auth && given:
			problem(one.key, "expected none, because auth is %s", auth)
		}
	}
	if err := rest.ValidSecretURL(c.TokenURL, c.AllowPlainHTTP); c.TokenURL != "" && err != nil {
		problem("token_url", "%w", err)
	}
}
