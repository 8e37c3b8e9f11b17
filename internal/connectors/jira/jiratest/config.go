package jiratest

import (
	"cmp"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/desktest"

	_ "time/tzdata" // the zones of accounts are known on machines that have no database of them
)

// Edition is which product is imitated.
type Edition string

// The editions. Cloud speaks the versions 2 and 3 of the API; Data Center speaks version 2, by user names.
const (
	Cloud      Edition = "cloud"
	DataCenter Edition = "data_center"
)

// The account that exists when Config names none. The token is no secret: it opens nothing but a fake.
const (
	DefaultAccountID = "acc-usher-bot"
	DefaultEmail     = "usher-bot@example.test"
	DefaultToken     = "sim-token"
	// DefaultCloudID is the site's id in gateway addresses when Config names none.
	DefaultCloudID = "11111111-2222-4333-8444-555555555555"
	// DefaultZone is the time zone of the profile of an account that names none. It is neither UTC nor the site's zone,
	// so that a client that writes JQL times in a wrong zone is found out.
	DefaultZone = "America/New_York"
)

// Config is what a Server starts with. The zero Config is a Cloud site with the one account above, the projects of
// DefaultProjects, no state file and no webhooks.
type Config struct {
	// Edition is Cloud when empty.
	Edition Edition
	// Version is what serverInfo tells on Data Center, "10.0.0" when empty. Before 10 admin webhooks live at
	// /rest/webhooks/1.0/webhook, from 10 on at /rest/jira-webhook/1.0/webhooks.
	Version string
	// Accounts are the people and integrations that the site knows; the default account when empty.
	Accounts []Account
	// Projects are DefaultProjects() when empty.
	Projects []Project
	// BaseURL is the site's address in links, without a slash at the end; "" takes it from each request's Host.
	BaseURL string
	// CloudID is the site's id at the gateway, under /ex/jira/{cloudId}; DefaultCloudID when empty.
	CloudID string
	// StateFile keeps the issues over a restart (see Restore); "" keeps them in memory only.
	StateFile string
	// Webhooks are told about every change, by the names of KnownEvents.
	Webhooks []desktest.Webhook
	// Faults are switched on from the start.
	Faults Faults
	// PageLimit caps every page of search results, comments, histories and users, in items; 0 is the vendor's limit.
	PageLimit int
	// Zone is the site's time zone, 7 hours behind UTC when nil: Jira writes local times, never UTC.
	Zone *time.Location
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Log is told about lost webhooks and unwritable state; nothing is logged when nil.
	Log *slog.Logger
}

// Account is one account of the site. AccountType is "atlassian" when empty ("app" and "customer" exist).
type Account struct {
	// ID is the account id. Data Center does not show it: there people go by Name and Key.
	ID          string
	Email       string
	DisplayName string
	// Token is what the account calls the API with; "" for somebody who never does. On a Cloud site it is an API token
	// (basic authentication, with the e-mail address); at the gateway it is also a bearer token; on Data Center it is a
	// personal access token (bearer).
	Token string
	// Password is, on Data Center, for basic authentication with the Name; Token when empty.
	Password string
	// Name is the user name on Data Center, ID when empty; Key is the user key, "JIRAUSER" and a number when empty.
	Name, Key   string
	AccountType string
	// Inactive accounts cannot log in, are not found by a search and cannot be assigned.
	Inactive bool
	// HideEmail leaves emailAddress out of every answer; a search by the whole e-mail address still finds the account.
	HideEmail bool
	// Zone is the time zone of the account's profile, in which its JQL times are read; DefaultZone when nil.
	Zone *time.Location
	// Scopes are what a token may do at the gateway ("read:jira-work"); nil is everything.
	Scopes []string
	// TokenExpires is when the token ends; the zero time is never.
	TokenExpires time.Time
	// NoAdmin keeps the account from what only administrators may do: webhooks.
	NoAdmin bool
}

func (c Config) withDefaults() Config {
	c.Edition = cmp.Or(c.Edition, Cloud)
	c.Version = cmp.Or(c.Version, "10.0.0")
	c.CloudID = cmp.Or(c.CloudID, DefaultCloudID)
	if len(c.Accounts) == 0 {
		c.Accounts = []Account{DefaultAccount()}
	}
	if len(c.Projects) == 0 {
		c.Projects = DefaultProjects()
	}
	if c.Zone == nil {
		c.Zone = time.FixedZone("Etc/GMT+7", -7*60*60)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// major is the first number of the version.
func (c Config) major() int {
	first, _, _ := strings.Cut(c.Version, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// deliveryRepeats is how often a delivery is repeated: by Cloud over half an hour, by Data Center not at all.
func (c Config) deliveryRepeats() int {
	if c.Edition == DataCenter {
		return 0
	}
	return 5
}

// DefaultAccount is the integration account of DefaultEmail and DefaultToken, an administrator.
func DefaultAccount() Account {
	return Account{ID: DefaultAccountID, Email: DefaultEmail, DisplayName: "usher", Token: DefaultToken}
}

// withDefaults fills what an account leaves open; number is its place among all accounts.
func (a Account) withDefaults(number int) Account {
	a.Name = cmp.Or(a.Name, a.ID)
	a.Key = cmp.Or(a.Key, "JIRAUSER"+strconv.Itoa(10100+number))
	a.Password = cmp.Or(a.Password, a.Token)
	a.AccountType = cmp.Or(a.AccountType, "atlassian")
	if a.Zone == nil {
		a.Zone = defaultZone()
	}
	return a
}

// defaultZone is DefaultZone; the database is part of the program, so that it is always there.
func defaultZone() *time.Location {
	zone, err := time.LoadLocation(DefaultZone)
	if err != nil {
		return time.FixedZone(DefaultZone, -5*60*60)
	}
	return zone
}
