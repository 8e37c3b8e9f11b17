package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/access"
)

// WebhookKeys are the keys with which a desk signs its webhooks: for check "jwt".
type WebhookKeys struct {
	// KeysURL is where the desk publishes its public keys, as a JSON Web Key Set. https, or http on loopback.
	KeysURL string `yaml:"keys_url"`
	// Issuer is what the tokens' iss must be, and Audience what their aud must contain; "" checks no audience.
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
}

// validate names, below the given key, what is wrong.
func (k WebhookKeys) validate(key string) error {
	var problems []error
	keys, err := url.Parse(k.KeysURL)
	if err != nil || keys.Host == "" || !secureEnough(keys) {
		problems = append(problems, fmt.Errorf("%s.keys_url: expected an https URL (http only on loopback), because check is jwt", key))
	}
	if k.Issuer == "" {
		problems = append(problems, fmt.Errorf("%s.issuer: expected what the tokens' iss says, because check is jwt", key))
	}
	return errors.Join(problems...)
}

// A token is accepted until replayWithin after it was issued, and up to that long before, for clocks differ. keysWithin is how long the
// desk may take to name its keys.
const (
	replayWithin = 5 * time.Minute
	keysWithin   = 2 * time.Second
)

// tokenChecks check the tokens of webhooks, by desk. Safe for concurrent use; the zero value is ready.
type tokenChecks struct{ verifiers sync.Map }

// of returns what checks the tokens of a desk. Keys are asked for at the first token, and when one is unknown.
func (c *tokenChecks) of(ctx context.Context, desk access.DeskName, hook Webhook) *oidc.IDTokenVerifier {
	known, there := c.verifiers.Load(desk)
	if !there {
		// The keys outlive the call.
		ctx := oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: keysWithin})
		known, _ = c.verifiers.LoadOrStore(desk, oidc.NewVerifier(hook.Issuer, oidc.NewRemoteKeySet(ctx, hook.KeysURL), &oidc.Config{
			ClientID: hook.Audience, SkipClientIDCheck: hook.Audience == "",
			SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.PS256, oidc.EdDSA},
		}))
	}
	verifier, _ := known.(*oidc.IDTokenVerifier)
	return verifier
}

// signed reports whether a desk that signs tokens has issued one a moment ago. Such a token does not cover the body, which is a hint only.
func (c *tokenChecks) signed(ctx context.Context, desk access.DeskName, hook Webhook, proof string) bool {
	if hook.Check != CheckJWT || proof == "" {
		return false
	}
	token, err := c.of(ctx, desk, hook).Verify(ctx, strings.TrimPrefix(proof, "Bearer "))
	if err != nil {
		return false
	}
	age := time.Since(token.IssuedAt)
	return age < replayWithin && age > -replayWithin
}
