package jiratest

import (
	"cmp"
	"log/slog"
	"time"
)

// Mode says which product is imitated.
type Mode string

// Cloud is Jira Cloud, the only mode there is, and the default.
const Cloud Mode = "cloud"

// The account that exists when Config names none. The token is no secret: it opens nothing but a fake.
const (
	DefaultAccountID = "acc-usher-bot"
	DefaultEmail     = "usher-bot@example.test"
	DefaultToken     = "sim-token"
)

// Config is what a Server starts with. The zero Config is a server with the one account above, the projects of
// DefaultProjects, no state file and no webhooks.
type Config struct {
	// Mode is Cloud when empty.
	Mode Mode
	// Accounts are the people and integrations that the site knows; the default account when empty.
	Accounts []Account
	// Projects are DefaultProjects() when empty.
	Projects []Project
	// BaseURL is the site's address in links, without a slash at the end; "" takes it from each request's Host.
	BaseURL string
	// StateFile keeps the issues over a restart (see Restore); "" keeps them in memory only.
	StateFile string
	// Webhooks are told about every change.
	Webhooks []Webhook
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
	ID          string
	Email       string
	DisplayName string
	// Token is the API token with which the account may call the API; "" for somebody who never does.
	Token       string
	AccountType string
	// Inactive accounts cannot log in, are not found by a search and cannot be assigned.
	Inactive bool
	// HideEmail leaves emailAddress out of every answer; a search by the whole e-mail address still finds the account.
	HideEmail bool
}

// Webhook is one receiver of events. With a Secret each delivery is signed (see Signature).
type Webhook struct {
	URL    string
	Secret string
	// RetryDelay is the pause before each of at most 5 repetitions; 2 s when 0. Jira spreads them over half an hour.
	RetryDelay time.Duration
}

func (c Config) withDefaults() Config {
	c.Mode = cmp.Or(c.Mode, Cloud)
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

// DefaultAccount is the integration account of DefaultEmail and DefaultToken.
func DefaultAccount() Account {
	return Account{ID: DefaultAccountID, Email: DefaultEmail, DisplayName: "usher", Token: DefaultToken}
}
