package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/starter/httpapi"
)

// TestOIDC_person_claim: a claim that people can change would let one become another.
func TestOIDC_person_claim(t *testing.T) {
	for claim, fine := range map[string]bool{
		"": true, "sub": true, "oid": true, "employee": true, "email_id": true,
		"email": false, "preferred_username": false, "upn": false, "name": false, "profile.email": false,
	} {
		config := httpapi.OIDCConfig{Issuer: "https://id.example", Audience: "usher", PersonClaim: claim}
		err := config.Validate()
		if fine {
			require.NoError(t, err, claim)
			continue
		}
		require.ErrorContains(t, err, "auth.oidc.person_claim: found", claim)
		require.ErrorContains(t, err, "person_claim_fixed: true", claim)
		config.PersonClaimFixed = true
		require.NoError(t, config.Validate(), claim)
	}
}

// TestOIDC_scope_and_party: a token for usher's audience counts only where it was issued to a client and for what the configuration names.
func TestOIDC_scope_and_party(t *testing.T) {
	keys := newSigner(t)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": keys.URL})
	}))
	t.Cleanup(issuer.Close)
	scopes, parties := []string{"usher", "requests"}, []string{"portal", "cli"}
	for name, row := range map[string]struct {
		scopes, parties []string
		claims          map[string]any
		status          int
	}{
		"nothing is asked":                   {nil, nil, nil, 200},
		"the scopes and the client":          {scopes, parties, map[string]any{"scope": "requests usher x", "azp": "portal"}, 200},
		"the scopes as a list":               {scopes, nil, map[string]any{"scp": []string{"usher", "requests"}}, 200},
		"one scope is missing":               {scopes, nil, map[string]any{"scope": "usher"}, 403},
		"no scope":                           {scopes, nil, nil, 403},
		"a scope that only begins so":        {[]string{"usher"}, nil, map[string]any{"scope": "usherette"}, 403},
		"another client by RFC 9068":         {nil, parties, map[string]any{"client_id": "cli"}, 200},
		"a client of elsewhere":              {nil, parties, map[string]any{"azp": "wiki"}, 401},
		"two clients, one of elsewhere":      {nil, parties, map[string]any{"azp": "portal", "client_id": "wiki"}, 401},
		"no client":                          {nil, parties, nil, 401},
		"a client that is no text":           {nil, parties, map[string]any{"azp": []string{"portal"}}, 401},
		"a client that is no text, and one":  {nil, parties, map[string]any{"azp": 7, "client_id": "portal"}, 401},
		"a client of elsewhere with a scope": {scopes, parties, map[string]any{"scope": "requests usher", "azp": "wiki"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			authenticator, err := httpapi.NewOIDC(httpapi.OIDCConfig{
				Issuer: issuer.URL, Audience: "usher", AnyTokenType: true, Scopes: row.scopes, AuthorizedParties: row.parties,
			}, time.Now)
			require.NoError(t, err)
			w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) { d.Authenticator = authenticator })
			claims := map[string]any{"iss": issuer.URL, "aud": "usher", "sub": "ana", "exp": time.Now().Add(time.Minute).Unix()}
			for claim, value := range row.claims {
				claims[claim] = value
			}
			got := w.call("", "GET", "/v1/requests?requester=ana", "", "Authorization", "Bearer "+keys.token(t, keys.key, "RS256", claims))
			require.Equal(t, row.status, got.status, got.body)
			switch row.status {
			case http.StatusUnauthorized:
				require.Equal(t, `Bearer realm="usher", error="invalid_token"`, got.header.Get("WWW-Authenticate"))
			case http.StatusForbidden:
				require.Contains(t, got.header.Get("WWW-Authenticate"), `Bearer realm="usher", error="insufficient_scope", scope="usher`)
			}
		})
	}
}
