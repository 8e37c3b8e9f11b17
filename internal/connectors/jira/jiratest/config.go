package jiratest

import (
	"cmp"
	"log/slog"
	"slices"
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
	// /rest/webhooks/1.0/webhook, from 10 on at /rest/jira-webhook/1.0/webhooks. From 10 on a search for users goes no further than the
	// first 100, and from 10.3 on there is a list of all users.
	Version string
	// Accounts are the people and integrations that the site knows; the default account when empty.
	Accounts []Account
	// Projects are DefaultProjects() when empty.
	Projects []Project
	// Groups are the groups that are there from the start.
	Groups []Group
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

// Account is one account of the site. The type is "atlassian" when empty ("app" and "customer" exist). On Cloud the token is an
// API token (basic authentication, with the e-mail address), and at the gateway also a bearer token; there are no names and no
// keys there. On Data Center it is a personal access token (bearer), people go by Name and Key ("JIRAUSER" and a number when
// empty), and nobody sees the id. JQL times are read in the zone of the caller's profile, DefaultZone when nil.
type Account = desktest.Account

// Project is a project with one issue type, one workflow and one set of screens.
type Project = desktest.Project

// issue is one issue.
type issue = desktest.Ticket

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

// streamsUsers reports whether the site lists all of its users.
func (c Config) streamsUsers() bool {
	version := numbers(c.Version)
	return len(version) > 1 && slices.Compare(version, []int{10, 3}) >= 0
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
func withDefaults(a Account, number int) Account {
	a.Key = cmp.Or(a.Key, "JIRAUSER"+strconv.Itoa(10100+number))
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

// DefaultProjects are "ACCESS", where access requests live, and "OTHER", where an issue can be moved to. Both have
// the issue type "Access request" and the same workflow. Its custom fields are, from customfield_10041 on: request id,
// request link, requester, subject, items, duration, reason, and risk (a select); customfield_10049 is on no screen.
func DefaultProjects() []Project {
	access := Project{
		ID: "10000", Key: "ACCESS", Name: "Access requests",
		IssueType:   desktest.IssueType{ID: "10010", Name: "Access request"},
		Workflow:    desktest.DefaultWorkflow(desktest.ScreenField{ID: "resolution", Required: true}),
		Fields:      defaultFields(),
		Resolutions: []string{"Done", "Won't Do", "Duplicate"},
	}
	other := access
	other.ID, other.Key, other.Name = "10001", "OTHER", "Other requests"
	return []Project{access, other}
}

func defaultFields() []desktest.Field {
	return []desktest.Field{
		{ID: "summary", Name: "Summary", Type: desktest.TextField, Required: true},
		{ID: "description", Name: "Description", Type: desktest.TextAreaField},
		{ID: "labels", Name: "Labels", Type: desktest.LabelsField},
		{ID: "reporter", Name: "Reporter", Type: desktest.UserField},
		{ID: "assignee", Name: "Assignee", Type: desktest.UserField},
		{ID: "duedate", Name: "Due date", Type: desktest.DateField},
		{ID: "customfield_10041", Name: "Request id", Type: desktest.TextField},
		{ID: "customfield_10042", Name: "Request link", Type: desktest.URLField},
		{ID: "customfield_10043", Name: "Requester", Type: desktest.TextField},
		{ID: "customfield_10044", Name: "Requested for", Type: desktest.TextField},
		{ID: "customfield_10045", Name: "Items", Type: desktest.TextAreaField},
		{ID: "customfield_10046", Name: "Duration", Type: desktest.TextField},
		{ID: "customfield_10047", Name: "Reason", Type: desktest.TextAreaField},
		{ID: "customfield_10048", Name: "Risk", Type: desktest.SelectField, Options: []string{"Low", "High"}},
		{ID: "customfield_10049", Name: "Cost centre", Type: desktest.TextField, OffScreen: true},
	}
}
