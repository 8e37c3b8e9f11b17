package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/access"
)

const (
	issuerWithin    = 5 * time.Second
	issuerRestsFor  = 2 * time.Second
	defaultSkew     = 30 * time.Second
	accessTokenType = "at+jwt"
)

// OIDCConfig is whose access tokens are accepted, and what is read from them.
type OIDCConfig struct {
	// Issuer is the issuer's URL, exactly as its tokens spell it. https, or http on loopback.
	Issuer string `yaml:"issuer"`
	// Audience is what the tokens' aud must contain: the name by which the issuer knows usher.
	Audience string `yaml:"audience"`
	// PersonClaim holds the identity source's id of the person. "" means sub. Dots lead into objects.
	PersonClaim string `yaml:"person_claim"`
	// PersonClaimFixed is true where people cannot change PersonClaim, nor get somebody else's. It is needed for a claim that they can change at many issuers.
	PersonClaimFixed bool `yaml:"person_claim_fixed"`
	// Scopes are what a token must have in scope or scp: all of them. None checks no scope.
	Scopes []string `yaml:"scopes"`
	// AuthorizedParties are the clients to whom a token may have been issued (azp, client_id). None accepts those of every client.
	AuthorizedParties []string `yaml:"authorized_parties"`
	// RolesClaim holds the caller's roles: a list, or one text with spaces. "" means roles. Dots lead into objects
	// ("realm_access.roles").
	RolesClaim string `yaml:"roles_claim"`
	// AuditorRole is the role that makes an auditor. "" means that no role does.
	AuditorRole string `yaml:"auditor_role"`
	// AdministratorRole is the role that makes an administrator. "" means that no role does.
	AdministratorRole string `yaml:"administrator_role"`
	// TicketRole is the role that lets a caller hand in incidents. "" means that no role does.
	TicketRole string `yaml:"ticket_role"`
	// HelpDeskRole is the role that lets a caller take back what others hold. "" means that no role does.
	HelpDeskRole string `yaml:"help_desk_role"`
	// ServiceCallers are the programs that may ask for access on behalf of people.
	ServiceCallers []ServiceCaller `yaml:"service_callers"`
	// ClockSkew is how long after its end a token is still accepted. 0 means 30s.
	ClockSkew access.Duration `yaml:"clock_skew"`
	// AnyTokenType accepts signed tokens that do not say that they are access tokens (typ at+jwt, RFC 9068). Some
	// issuers never say so; then only the audience keeps identity tokens out.
	AnyTokenType bool `yaml:"any_token_type"`
}

// Validate names every key that is wrong.
func (c OIDCConfig) Validate() error {
	var problems []error
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" || !secureEnough(issuer) {
		problems = append(problems, errors.New("auth.oidc.issuer: expected an https URL (http only on loopback)"))
	}
	if c.Audience == "" {
		problems = append(problems, errors.New("auth.oidc.audience: is empty, expected the name by which the issuer knows usher"))
	}
	problems = append(problems, c.personClaimProblem(), c.scopeProblem())
	problems = append(problems, c.serviceProblems()...)
	if c.ClockSkew < 0 || c.ClockSkew.Std() > 5*time.Minute {
		problems = append(problems, fmt.Errorf("auth.oidc.clock_skew: found %s, expected 0s to 5m", c.ClockSkew))
	}
	return errors.Join(problems...)
}

func secureEnough(u *url.URL) bool {
	return u.Scheme == "https" || (u.Scheme == "http" && Loopback(u.Hostname()+":0"))
}

// OIDC accepts the access tokens of one issuer: signed JWTs, checked here against the issuer's published keys. The
// issuer is asked for its keys at the first call and when a key is unknown, so it may start after usher.
type OIDC struct {
	config OIDCConfig
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
	failedAt time.Time
	failure  error
}

var _ Authenticator = (*OIDC)(nil)

// NewOIDC makes the authenticator; it asks nobody yet. Invalid: the configuration, by its keys.
func NewOIDC(config OIDCConfig, now func() time.Time) (*OIDC, error) {
	if err := config.Validate(); err != nil {
		return nil, &access.Error{Kind: access.Invalid, Op: "use OpenID Connect", Err: err}
	}
	return &OIDC{config: config, client: &http.Client{Timeout: issuerWithin}, now: now}, nil
}

// Warning is "": identities are checked.
func (*OIDC) Warning() string { return "" }

// Ready reports whether the issuer has been read.
func (o *OIDC) Ready(ctx context.Context) error {
	_, err := o.ready(ctx)
	return err
}

// ready reads the issuer's document once. After a failure it rests a little, so that a dead issuer does not hold up
// every call.
func (o *OIDC) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.verifier != nil {
		return o.verifier, nil
	}
	if o.failure != nil && o.now().Sub(o.failedAt) < issuerRestsFor {
		return nil, o.failure
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.client), issuerWithin)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, o.config.Issuer)
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err == nil {
		err = provider.Claims(&document)
	}
	if err == nil && document.Keys == "" {
		err = errors.New("the discovery document names no jwks_uri")
	}
	if err != nil {
		o.failedAt, o.failure = o.now(), issuerAway(err)
		return nil, o.failure
	}
	o.verifier, o.failure = o.newVerifier(ctx, document.Keys), nil
	return o.verifier, nil
}

func (o *OIDC) newVerifier(ctx context.Context, keys string) *oidc.IDTokenVerifier {
	skew := defaultSkew
	if o.config.ClockSkew > 0 {
		skew = o.config.ClockSkew.Std()
	}
	return oidc.NewVerifier(o.config.Issuer, &keySet{oidc.NewRemoteKeySet(ctx, keys)}, &oidc.Config{
		ClientID: o.config.Audience,
		// Public keys only: with a shared key, whoever can check a token could make one.
		SupportedSigningAlgs: []string{
			oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
			oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
		},
		Now: func() time.Time { return o.now().Add(-skew) },
	})
}

func issuerAway(err error) error {
	return &access.Error{
		Kind: access.Transient, Op: "check identity",
		Err: &hidden{text: "the identity issuer cannot be asked now", err: err},
	}
}

// hidden shows callers one sentence and keeps the cause for the log.
type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }

// ForCallers returns the sentence.
func (h *hidden) ForCallers() string { return h.text }

func (h *hidden) Unwrap() error { return h.err }

// keySet separates an unavailable issuer from a wrong signature; the verifier's own errors do not.
type keySet struct{ remote *oidc.RemoteKeySet }

type keyTroubleKey struct{}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		if trouble, ok := ctx.Value(keyTroubleKey{}).(*error); ok {
			*trouble = err
		}
	}
	return payload, err
}

// Authenticate checks the bearer token.
func (o *OIDC) Authenticate(r *http.Request) (Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return Caller{}, err
	}
	verifier, err := o.ready(r.Context())
	if err != nil {
		return Caller{}, err
	}
	var trouble error
	checked, err := verifier.Verify(context.WithValue(r.Context(), keyTroubleKey{}, &trouble), token)
	if trouble != nil {
		return Caller{}, issuerAway(trouble)
	}
	if err != nil {
		return Caller{}, &UnauthenticatedError{Reason: reasonOf(err), Offered: true}
	}
	if !o.config.AnyTokenType && !isAccessToken(token) {
		return Caller{}, &UnauthenticatedError{Reason: "the token is no access token: expected typ " + accessTokenType, Offered: true}
	}
	var claims map[string]any
	if err := checked.Claims(&claims); err != nil {
		return Caller{}, &UnauthenticatedError{Reason: "the token's claims cannot be read", Offered: true}
	}
	if err := o.config.permitted(claims); err != nil {
		return Caller{}, err
	}
	return o.callerIn(claims, checked.Subject)
}

func (o *OIDC) callerIn(claims map[string]any, sub string) (Caller, error) {
	if service := o.config.serviceIn(claims, sub); service != nil {
		return Caller{Service: service, Evidence: fmt.Sprintf("oidc %s sub=%s client=%s", o.config.Issuer, sub, service.Client)}, nil
	}
	name := orDefault(o.config.PersonClaim, "sub")
	person, _ := claim(claims, name).(string)
	if !validPerson(person) {
		return Caller{}, &UnauthenticatedError{Reason: fmt.Sprintf("the token's claim %q: %s", name, personExpected()), Offered: true}
	}
	roles := rolesIn(claim(claims, orDefault(o.config.RolesClaim, "roles")))
	has := func(role string) bool { return role != "" && slices.Contains(roles, role) }
	return Caller{
		Person: access.PersonID(person), Name: nameIn(claims), Auditor: has(o.config.AuditorRole), Administrator: has(o.config.AdministratorRole),
		Tickets: has(o.config.TicketRole), HelpDesk: has(o.config.HelpDeskRole), Evidence: fmt.Sprintf("oidc %s sub=%s", o.config.Issuer, sub),
	}, nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// bearer takes the token from the Authorization header.
func bearer(r *http.Request) (string, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", &UnauthenticatedError{Reason: "expected the header Authorization: Bearer <access token>"}
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &UnauthenticatedError{Reason: "Authorization: expected Bearer and an access token", Offered: true}
	}
	return strings.TrimSpace(token), nil
}

// reasonOf returns why a token was refused. The library's texts hold expectations, never the token.
func reasonOf(err error) string {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return "the token has expired, at " + expired.Expiry.UTC().Format(time.RFC3339)
	}
	const longest = 200
	text := strings.TrimPrefix(err.Error(), "oidc: ")
	if len(text) > longest {
		text = text[:longest]
	}
	return "the token is not accepted: " + strings.ToValidUTF8(text, "")
}

// isAccessToken reads the header of a token whose signature has been checked.
func isAccessToken(token string) bool {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return false
	}
	return strings.EqualFold(strings.TrimPrefix(strings.ToLower(header.Type), "application/"), accessTokenType)
}

// claim finds a claim by its name, or by following the name's dots.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	head, rest, found := strings.Cut(name, ".")
	if !found {
		return nil
	}
	inner, ok := claims[head].(map[string]any)
	if !ok {
		return nil
	}
	return claim(inner, rest)
}

func rolesIn(value any) []string {
	switch said := value.(type) {
	case string:
		return strings.Fields(said)
	case []any:
		var roles []string
		for _, one := range said {
			if role, ok := one.(string); ok {
				roles = append(roles, role)
			}
		}
		return roles
	}
	return nil
}
