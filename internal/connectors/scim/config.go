package scim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
)

// Match is how a person finds the directory's user.
type Match string

// The ways to match.
const (
	// MatchID: the user's id is the person's id. One record, no search; use it wherever source and target are one.
	MatchID Match = "id"
	// MatchExternalID: the user's externalId is the person's id, in its exact spelling.
	MatchExternalID Match = "externalId"
	// MatchUserName: the user's userName is the person's user name, without regard to case where the directory can
	// search so. User names change: a person who was renamed on one side only has no account any more.
	MatchUserName Match = "userName"
)

// RolesBy is how a binding's role names the directory's group.
type RolesBy string

// The ways to name a group.
const (
	RolesByID          RolesBy = "id"
	RolesByDisplayName RolesBy = "displayName"
)

// DefaultRequestTimeout is the deadline of one call where the configuration sets none.
const DefaultRequestTimeout = 10 * time.Second

// Config is where a directory is and how to speak to it.
type Config struct {
	// BaseURL is where SCIM's paths start: "https://directory.example.com/scim/v2". Required.
	BaseURL string `yaml:"base_url"`
	// AllowPlainHTTP takes an address without TLS on another machine, to which the credentials then go unprotected. For a network that
	// nobody else is in, such as that of the containers of one host.
	AllowPlainHTTP bool `yaml:"allow_plain_http"`
	// Token is the bearer token. Required.
	Token string `yaml:"token" secret:"true"`
	// Match and RolesBy matter to a Target only; "" means MatchID and RolesByDisplayName.
	Match   Match   `yaml:"match"`
	RolesBy RolesBy `yaml:"roles_by"`
	// Attributes are the paths in a user of what a listing of people has besides, by usher's names: {team: "urn:…:User:division"}. They
	// are added to the usual ones, and a name of these is replaced: department, cost_center, employee_number, title, employee_type,
	// location, phone. Starts and Ends are the paths of the first and the last day of the employment. For a Source only.
	Attributes map[string]string `yaml:"attributes"`
	Starts     string            `yaml:"starts"`
	Ends       string            `yaml:"ends"`
	// RequestTimeout is the deadline of one call; 0 means DefaultRequestTimeout. A grant or a revoke is three to
	// sixteen calls, one after the other.
	RequestTimeout access.Duration `yaml:"request_timeout"`
	// Rate is this worker's share of the directory's limit, in calls per second; 0 sets no limit.
	Rate float64 `yaml:"rate"`
}

// Validate names every key that is wrong and says what was expected. It makes no call.
func (c Config) Validate() error {
	var problems []error
	expect := func(ok bool, key, expected string) {
		if !ok {
			problems = append(problems, fmt.Errorf("%s: expected %s", key, expected))
		}
	}
	if err := rest.ValidSecretURL(c.BaseURL, c.AllowPlainHTTP); err != nil {
		problems = append(problems, fmt.Errorf("base_url: %w", err))
	}
	expect(c.Token != "" && !strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }),
		"token", "a bearer token, without spaces and line breaks")
	switch c.Match {
	case "", MatchID, MatchExternalID, MatchUserName:
	default:
		expect(false, "match", "id, externalId or userName")
	}
	switch c.RolesBy {
	case "", RolesByID, RolesByDisplayName:
	default:
		expect(false, "roles_by", "id or displayName")
	}
	expect(c.RequestTimeout >= 0, "request_timeout", `a duration such as "10s", or none for the default`)
	if err := c.PeopleFields().Validate(); err != nil {
		problems = append(problems, err)
	}
	// Written so that NaN is refused as well.
	expect(c.Rate >= 0, "rate", "calls per second, 0 for no limit")
	return errors.Join(problems...)
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	if c.Match == "" {
		c.Match = MatchID
	}
	if c.RolesBy == "" {
		c.RolesBy = RolesByDisplayName
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = access.Duration(DefaultRequestTimeout)
	}
	return c
}

func newClient(c Config) (*client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	wire, err := rest.NewBaseTransport()
	if err != nil {
		return nil, err
	}
	calls, err := rest.NewClient(rest.Config{
		BaseURL:   c.BaseURL,
		Timeout:   c.RequestTimeout.Std(),
		PerSecond: c.Rate,
		Header:    http.Header{"Authorization": {"Bearer " + c.Token}, "Accept": {mediaType}},
		Secrets:   []string{c.Token},
		ErrorText: errorText,
		Base:      patchCutter{wire},
	})
	if err != nil {
		return nil, err
	}
	return &client{rest: calls}, nil
}
