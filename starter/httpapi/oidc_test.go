package httpapi_test

import (
	"bufio"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

const audience = "https://usher.example"

// issuer is a real OpenID Connect issuer, in a process of its own.
type issuer struct {
	url     string
	kid     string
	key     *rsa.PrivateKey
	process *exec.Cmd
	stopped sync.Once
}

// needIssuer skips the test by the name of what is missing.
func needIssuer(t *testing.T) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "node is missing: install Node.js 20 or later"
	} else if _, err := os.Stat(filepath.Join("testdata", "oidc", "node_modules")); err != nil {
		missing = "oidc-provider is missing: run `npm ci` in starter/httpapi/testdata/oidc"
	}
	if missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	return port
}

// issuerAnswers is how long the issuer may take to say anything on a busy machine.
const issuerAnswers = time.Minute

func startIssuer(t *testing.T, port int) *issuer {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", "issuer.mjs", strconv.Itoa(port))
	command.Dir = filepath.Join("testdata", "oidc")
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	i := &issuer{process: command}
	t.Cleanup(i.stop)
	var announced struct {
		Issuer, Version string
		Key             struct{ N, D, P, Q, Kid string }
	}
	// A process that says nothing must not hold the test up.
	silent := time.AfterFunc(issuerAnswers, i.stop)
	line, err := bufio.NewReader(output).ReadBytes('\n')
	silent.Stop()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &announced))
	t.Log("real server: oidc-provider " + announced.Version)
	number := func(text string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		return new(big.Int).SetBytes(raw)
	}
	i.url, i.kid = announced.Issuer, announced.Key.Kid
	i.key = &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(announced.Key.N), E: 65537},
		D:         number(announced.Key.D), Primes: []*big.Int{number(announced.Key.P), number(announced.Key.Q)},
	}
	i.key.Precompute()
	return i
}

// stop ends the process; a second stop does nothing.
func (i *issuer) stop() {
	i.stopped.Do(func() {
		_ = i.process.Process.Kill()
		_ = i.process.Wait()
	})
}

// token asks the issuer for an access token for a resource.
func (i *issuer) token(t *testing.T, resource string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"requests"}, "resource": {resource}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("ana-laptop", "only-for-tests")
	client := http.Client{Timeout: issuerAnswers}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	var said struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&said))
	require.Equal(t, http.StatusOK, response.StatusCode)
	return said.Token
}

// forge takes the issuer's own token apart, changes it, and signs it with the issuer's own key, or another.
func (i *issuer) forge(t *testing.T, change func(header, claims map[string]any) *rsa.PrivateKey) string {
	t.Helper()
	parts := strings.Split(i.token(t, audience), ".")
	open := func(part string) map[string]any {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		require.NoError(t, err)
		var said map[string]any
		require.NoError(t, json.Unmarshal(raw, &said))
		return said
	}
	header, claims := open(parts[0]), open(parts[1])
	key := change(header, claims)
	text := seal(t, header) + "." + seal(t, claims)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch header["alg"] {
	case "RS256":
		var err error
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		require.NoError(t, err)
	case "HS256":
		mac := hmac.New(sha256.New, i.key.N.Bytes())
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func seal(t *testing.T, value map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func oidcWorld(t *testing.T, config httpapi.OIDCConfig) *world {
	t.Helper()
	authenticator, err := httpapi.NewOIDC(config, time.Now)
	require.NoError(t, err)
	return newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) { d.Authenticator = authenticator })
}

func TestTokensOfARealIssuer(t *testing.T) {
	needIssuer(t)
	i := startIssuer(t, freePort(t))
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	with := func(name string, value any) func(header, claims map[string]any) *rsa.PrivateKey {
		return func(_, claims map[string]any) *rsa.PrivateKey {
			claims[name] = value
			return i.key
		}
	}
	inHeader := func(name string, value any) func(header, claims map[string]any) *rsa.PrivateKey {
		return func(header, _ map[string]any) *rsa.PrivateKey {
			header[name] = value
			return i.key
		}
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for name, row := range map[string]struct {
		authorization string
		status        int
		says          string
	}{
		"the issuer's own token":             {"Bearer " + i.token(t, audience), 200, ""},
		"the scheme in lower case":           {"bearer " + i.token(t, audience), 200, ""},
		"the same, taken apart and resealed": {"Bearer " + i.forge(t, func(_, _ map[string]any) *rsa.PrivateKey { return i.key }), 200, ""},
		"just past its end, within the skew": {"Bearer " + i.forge(t, with("exp", ago(10*time.Second))), 200, ""},
		"two audiences, ours among them":     {"Bearer " + i.forge(t, with("aud", []string{"x", audience})), 200, ""},
		"a token for somebody else's API":    {"Bearer " + i.token(t, "https://other.example"), 401, "audience"},
		"a token that has expired":           {"Bearer " + i.forge(t, with("exp", ago(time.Minute))), 401, "expired"},
		"a token without an end":             {"Bearer " + i.forge(t, with("exp", 0)), 401, "expired"},
		"a token of the future":              {"Bearer " + i.forge(t, with("nbf", ago(-time.Hour))), 401, "not before"},
		"a token of another issuer":          {"Bearer " + i.forge(t, with("iss", "https://evil.example")), 401, "issued by a different provider"},
		"a token signed with another key":    {"Bearer " + i.forge(t, func(_, _ map[string]any) *rsa.PrivateKey { return stranger }), 401, "signature"},
		"a token that nobody signed":         {"Bearer " + i.forge(t, inHeader("alg", "none")), 401, "malformed jwt"},
		"signed with the public key":         {"Bearer " + i.forge(t, inHeader("alg", "HS256")), 401, "malformed jwt"},
		"an identity token":                  {"Bearer " + i.forge(t, inHeader("typ", "JWT")), 401, "at+jwt"},
		"a token without the person":         {"Bearer " + i.forge(t, with("employee", nil)), 401, `claim "employee"`},
		"a person that is a number":          {"Bearer " + i.forge(t, with("employee", 7)), 401, `claim "employee"`},
		"a person with a control character":  {"Bearer " + i.forge(t, with("employee", "a\x00b")), 401, `claim "employee"`},
		"no header":                          {"", 401, "expected the header Authorization"},
		"a password":                         {"Basic YW5hOmFuYQ==", 401, "expected Bearer"},
		"no token behind Bearer":             {"Bearer", 401, "expected Bearer"},
		"no token at all":                    {"Bearer abc", 401, "malformed jwt"},
	} {
		t.Run(name, func(t *testing.T) {
			w := oidcWorld(t, httpapi.OIDCConfig{Issuer: i.url, Audience: audience, PersonClaim: "employee"})
			var headers []string
			if row.authorization != "" {
				headers = []string{"Authorization", row.authorization}
			}
			got := w.call("eve", "GET", "/v1/requests?requester=ana", "", headers...)
			require.Equal(t, row.status, got.status, got.body)
			require.Empty(t, got.header.Get("X-Usher-Development"))
			if row.status == http.StatusOK {
				return
			}
			require.Contains(t, got.problem.Detail, row.says)
			require.True(t, strings.HasPrefix(got.header.Get("WWW-Authenticate"), `Bearer realm="usher"`))
			if token := strings.TrimPrefix(row.authorization, "Bearer "); len(token) > 20 {
				require.NotContains(t, got.body+w.log.String(), token)
			}
		})
	}
}

func TestOIDC_caller(t *testing.T) {
	needIssuer(t)
	i := startIssuer(t, freePort(t))
	bearer := "Bearer " + i.token(t, audience)
	for name, row := range map[string]struct {
		config  httpapi.OIDCConfig
		person  access.PersonID
		auditor bool
	}{
		"sub is the person where nothing else is said": {httpapi.OIDCConfig{}, "ana-laptop", false},
		"another claim":          {httpapi.OIDCConfig{PersonClaim: "employee"}, "ana", false},
		"a role inside of claim": {httpapi.OIDCConfig{RolesClaim: "realm.roles", AuditorRole: "auditor"}, "ana-laptop", true},
		"another role":           {httpapi.OIDCConfig{RolesClaim: "realm.roles", AuditorRole: "admin"}, "ana-laptop", false},
		"an administrator":       {httpapi.OIDCConfig{RolesClaim: "realm.roles", AdministratorRole: "auditor"}, "ana-laptop", false},
		"a ticket caller":        {httpapi.OIDCConfig{RolesClaim: "realm.roles", TicketRole: "auditor"}, "ana-laptop", false},
		"the help desk":          {httpapi.OIDCConfig{RolesClaim: "realm.roles", HelpDeskRole: "auditor"}, "ana-laptop", false},
		"a role in a text":       {httpapi.OIDCConfig{RolesClaim: "scope", AuditorRole: "requests"}, "ana-laptop", true},
	} {
		t.Run(name, func(t *testing.T) {
			row.config.Issuer, row.config.Audience = i.url, audience
			authenticator, err := httpapi.NewOIDC(row.config, time.Now)
			require.NoError(t, err)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", bearer)
			caller, err := authenticator.Authenticate(r)
			require.NoError(t, err)
			require.Equal(t, httpapi.Caller{
				Person: row.person, Auditor: row.auditor, Administrator: row.config.AdministratorRole != "", Tickets: row.config.TicketRole != "", HelpDesk: row.config.HelpDeskRole != "", Evidence: "oidc " + i.url + " sub=ana-laptop",
			}, caller)
		})
	}
}

func TestOIDC_name(t *testing.T) {
	needIssuer(t)
	i := startIssuer(t, freePort(t))
	w := oidcWorld(t, httpapi.OIDCConfig{Issuer: i.url, Audience: audience})
	for _, row := range []struct {
		said any
		name string
	}{
		{"Ana Ä.", "Ana Ä."}, {nil, ""}, {7, ""}, {"a\x1b[31m", ""}, {strings.Repeat("a", 257), ""},
	} {
		token := i.forge(t, func(_, claims map[string]any) *rsa.PrivateKey {
			claims["name"] = row.said
			return i.key
		})
		got := decode[httpapi.Me](t, w.call("", "GET", "/v1/me", "", "Authorization", "Bearer "+token))
		require.Equal(t, row.name, got.Name)
		require.False(t, got.Development)
	}
}

// TestOIDC_service: a token of a service asks on behalf of people; one that a person got by the same client is the person's.
func TestOIDC_service(t *testing.T) {
	needIssuer(t)
	i := startIssuer(t, freePort(t))
	w := oidcWorld(t, httpapi.OIDCConfig{
		Issuer: i.url, Audience: audience, PersonClaim: "employee", RolesClaim: "realm.roles", AuditorRole: "auditor",
		ServiceCallers: []httpapi.ServiceCaller{{Client: "portal", Applications: []string{"wiki"}}},
	})
	w.gateway.submission.Created = true
	for sub, status := range map[string]int{"portal": http.StatusCreated, "ana-laptop": http.StatusForbidden} {
		token := i.forge(t, func(_, claims map[string]any) *rsa.PrivateKey {
			claims["client_id"], claims["sub"] = "portal", sub
			return i.key
		})
		got := w.call("", "POST", "/v1/requests", onBehalf, "Authorization", "Bearer "+token)
		require.Equal(t, status, got.status, got.body)
		desks := w.call("", "GET", "/v1/desks", "", "Authorization", "Bearer "+token)
		require.Equal(t, sub == "portal", desks.status == http.StatusForbidden, "a service has no role")
	}
	require.Equal(t, "oidc "+i.url+" sub=portal client=portal", w.gateway.submitted[0].Evidence)
}

func TestOIDC_issuer_changes(t *testing.T) {
	needIssuer(t)
	port := freePort(t)
	w := oidcWorld(t, httpapi.OIDCConfig{Issuer: "http://127.0.0.1:" + strconv.Itoa(port), Audience: audience})
	ask := func(token string) answer {
		return w.call("", "GET", "/v1/requests?requester=ana-laptop", "", "Authorization", "Bearer "+token)
	}
	got := ask("any")
	require.Equal(t, http.StatusServiceUnavailable, got.status, "usher runs without its issuer")
	require.NotContains(t, got.body, strconv.Itoa(port))
	require.Equal(t, http.StatusServiceUnavailable, w.call("", "GET", "/readyz", "").status)

	first := startIssuer(t, port)
	require.Eventually(t, func() bool { return ask(first.token(t, audience)).status == http.StatusOK }, 10*time.Second, 100*time.Millisecond)
	require.Equal(t, http.StatusOK, w.call("", "GET", "/readyz", "").status)
	old := first.token(t, audience)
	first.stop()
	require.Equal(t, http.StatusOK, ask(old).status, "known keys need no issuer")

	second := startIssuer(t, port)
	require.Equal(t, http.StatusOK, ask(second.token(t, audience)).status, "new keys are fetched")
	forged := second.forge(t, func(header, _ map[string]any) *rsa.PrivateKey {
		header["kid"] = "never-seen"
		return second.key
	})
	second.stop()
	require.Equal(t, http.StatusServiceUnavailable, ask(forged).status, "an unknown key cannot be fetched now: no verdict")
}

func TestOIDC_settings(t *testing.T) {
	good := httpapi.OIDCConfig{Issuer: "https://id.example", Audience: "usher"}
	require.NoError(t, good.Validate())
	for key, change := range map[string]func(*httpapi.OIDCConfig){
		"auth.oidc.issuer":             func(c *httpapi.OIDCConfig) { c.Issuer = "http://id.example" },
		"auth.oidc.audience":           func(c *httpapi.OIDCConfig) { c.Audience = "" },
		"auth.oidc.scopes[1]":          func(c *httpapi.OIDCConfig) { c.Scopes = []string{"usher", "a b"} },
		"auth.oidc.scopes[0]":          func(c *httpapi.OIDCConfig) { c.Scopes = []string{`a"b`} },
		"auth.oidc.authorized_parties": func(c *httpapi.OIDCConfig) { c.AuthorizedParties = []string{""} },
		"auth.oidc.clock_skew":         func(c *httpapi.OIDCConfig) { c.ClockSkew = access.Duration(time.Hour) },
	} {
		bad := good
		change(&bad)
		require.ErrorContains(t, bad.Validate(), key+":")
		_, err := httpapi.NewOIDC(bad, time.Now)
		require.Equal(t, access.Invalid, access.KindOf(err))
	}
}
