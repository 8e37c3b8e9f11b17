package httpapi_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// signer is a desk that signs tokens, and publishes its keys.
type signer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	s := &signer{key: key}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	}))
	t.Cleanup(s.Close)
	return s
}

// token signs claims with a key, whose algorithm the head names.
func (s *signer) token(t *testing.T, key *rsa.PrivateKey, alg string, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": alg, "kid": "k1", "typ": "JWT"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	require.NoError(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestWebhook_jwt(t *testing.T) {
	s := newSigner(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{
			"iss": "https://desk.example", "aud": "usher", "sub": "desk", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		}
		if change != nil {
			change(c)
		}
		return c
	}
	set := func(key string, value any) map[string]any { return claims(func(c map[string]any) { c[key] = value }) }
	for name, row := range map[string]struct {
		token  string
		status int
	}{
		"a token of the desk":           {s.token(t, s.key, "RS256", claims(nil)), 202},
		"a token with the word Bearer":  {"Bearer " + s.token(t, s.key, "RS256", claims(nil)), 202},
		"by another key":                {s.token(t, other, "RS256", claims(nil)), 401},
		"of another issuer":             {s.token(t, s.key, "RS256", set("iss", "https://evil.example")), 401},
		"for another audience":          {s.token(t, s.key, "RS256", set("aud", "other")), 401},
		"expired":                       {s.token(t, s.key, "RS256", set("exp", time.Now().Add(-time.Minute).Unix())), 401},
		"without an end":                {s.token(t, s.key, "RS256", claims(func(c map[string]any) { delete(c, "exp") })), 401},
		"replayed after five minutes":   {s.token(t, s.key, "RS256", set("iat", time.Now().Add(-6*time.Minute).Unix())), 401},
		"without the time of its issue": {s.token(t, s.key, "RS256", claims(func(c map[string]any) { delete(c, "iat") })), 401},
		"from the future":               {s.token(t, s.key, "RS256", set("iat", time.Now().Add(6*time.Minute).Unix())), 401},
		"that says it is not signed":    {s.token(t, s.key, "none", claims(nil)), 401},
		"that is none":                  {"abc", 401},
		"no token":                      {"", 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
				c.Webhooks["jwt"] = httpapi.Webhook{
					Check: httpapi.CheckJWT, SignatureHeader: "X-Token", TicketPath: "id",
					WebhookKeys: httpapi.WebhookKeys{KeysURL: s.URL, Issuer: "https://desk.example", Audience: "usher"},
				}
			})
			w.recorded("r1", func(v *access.RequestView) { v.Ticket.Desk, v.Ticket.ID = "jwt", "J-1" })
			got := w.call("", "POST", "/v1/desks/jwt/webhook", `{"id":"J-1"}`, "X-Token", row.token)
			require.Equal(t, row.status, got.status, got.body)
			if row.status == 401 {
				require.Equal(t, `Bearer realm="usher"`, got.header.Get("WWW-Authenticate"))
			}
			require.Equal(t, row.status == 202, len(w.gateway.hints) == 1)
			got = w.call("", "POST", "/v1/desks/jira/webhook", `{"id":"J-1"}`, "X-Hub-Signature", row.token)
			require.Equal(t, 401, got.status, "a desk that signs otherwise takes no token")
		})
	}
}

func TestWebhook_jwt_problems(t *testing.T) {
	good := httpapi.Webhook{
		Check: httpapi.CheckJWT, TicketPath: "id", WebhookKeys: httpapi.WebhookKeys{KeysURL: "https://desk.example/keys", Issuer: "desk"},
	}
	require.NoError(t, good.Validate("webhooks.desk"))
	for problem, change := range map[string]func(*httpapi.Webhook){
		"webhooks.desk.keys_url: expected an https URL (http only on loopback), because check is jwt": func(h *httpapi.Webhook) { h.KeysURL = "http://desk.example/keys" },
		"webhooks.desk.issuer: expected what the tokens' iss says, because check is jwt":              func(h *httpapi.Webhook) { h.Issuer = "" },
		"webhooks.desk.secret: expected none, because check is jwt":                                   func(h *httpapi.Webhook) { h.Secret = hookSecret },
	} {
		h := good
		change(&h)
		require.EqualError(t, h.Validate("webhooks.desk"), problem)
	}
}
