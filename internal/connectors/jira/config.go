package jira

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Config is one Jira desk. The keys are those of the configuration file.
type Config struct {
	// Config is what every desk has. A status that statuses does not list goes by its category: "To do" is waiting, "In
	// progress" is working, "Done" is done or, with a resolution of WontDoResolutions, wont_do. Fields are named by their ids
	// ("customfield_10041"), and a closing field is set by transitions that have it on their screen.
	desk.Config `yaml:",inline"`
	// BaseURL is where the API is: "https://example.atlassian.net", or "https://api.atlassian.com/ex/jira/<cloud id>" for
	// a scoped token. Required.
	BaseURL string `yaml:"base_url"`
	// AllowPlainHTTP takes an address without TLS on another machine, to which the credentials then go unprotected. For a network that
	// nobody else is in, such as that of the containers of one host.
	AllowPlainHTTP bool `yaml:"allow_plain_http"`
	// SiteURL is where people open tickets; "" means BaseURL, and no links at all where BaseURL is api.atlassian.com.
	SiteURL string `yaml:"site_url"`
	// Edition is which Jira it is; "" asks the site at the first contact.
	Edition Edition `yaml:"edition"`
	// Auth is how usher logs in; "" means basic where Email or User is set, oauth where ClientID is, else bearer.
	Auth Auth `yaml:"auth"`
	// Email is that of usher's own Atlassian account, User the name of its Data Center account: one of them, for basic.
	Email string `yaml:"email"`
	User  string `yaml:"user"`
	// Token is the API token, the personal access token or the password. Required, save for oauth.
	Token string `yaml:"token" secret:"true"`
	// ClientID and ClientSecret are the OAuth 2.0 credentials of a service account; both for oauth, else none.
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret" secret:"true"`
	// TokenURL is where oauth gets its tokens; "" means Atlassian's on Cloud, and the site's own on Data Center. Scopes
	// are what it asks for: Data Center needs some ("WRITE"), on Cloud those of the credentials hold.
	TokenURL string   `yaml:"token_url"`
	Scopes   []string `yaml:"scopes"`
	// Project is the key of the project that tickets are opened in; IssueType is the name of their type. Required.
	Project   string `yaml:"project"`
	IssueType string `yaml:"issue_type"`
	// WontDoResolutions are the names of the resolutions with which a closed ticket counts as not fulfilled, beside the
	// one of Resolutions. nil means DefaultWontDoResolutions.
	WontDoResolutions []string `yaml:"wont_do_resolutions"`
	// Resolutions are set, for the phases done and wont_do, by transitions that have the field on their screen. A phase
	// that is missing here gets DefaultResolutions'.
	Resolutions map[access.TicketPhase]string `yaml:"resolutions"`
	// MarkerField is the id of a single-line text field that carries the marker. It is for projects whose create
	// screen has no labels; with it the marker becomes a label too only if Labels is true. "" for none.
	MarkerField string `yaml:"marker_field"`
	// Labels makes the marker a label. Without a MarkerField it is one in any case.
	Labels bool `yaml:"labels"`
	// Label is on every ticket whose marker is a label, so that one search finds those that changed; "" means
	// DefaultLabel. Two ushers with tickets in one site need two. Without labels all tickets of the project are looked at.
	Label string `yaml:"label"`
	// MatchHiddenEmail accepts the only account that a search by the whole e-mail address gives although Jira hides its
	// address. The search goes by beginnings, so this can match a stranger in a site with guests.
	MatchHiddenEmail bool `yaml:"match_hidden_email"`
	// Webhook is which webhook Check looks for.
	Webhook WebhookConfig `yaml:"webhook"`
	// Users is how the users of the site are kept.
	Users UsersConfig `yaml:"users"`
}

var (
	projectKey  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	customField = regexp.MustCompile(`^customfield_[0-9]+$`)
	labelWord   = regexp.MustCompile(`^\S{1,255}$`)
)

// The defaults. Jira Cloud allows 100 reads and 100 creates per second on one endpoint, and 50 other writes.
const (
	DefaultRequestTimeout = 10 * time.Second
	DefaultRate           = 20.0
	DefaultLabel          = "usher"
)

// DefaultResolutions are Jira's own names.
func DefaultResolutions() map[access.TicketPhase]string {
	return map[access.TicketPhase]string{access.TicketDone: "Done", access.TicketWontDo: "Won't Do"}
}

// DefaultWontDoResolutions are the resolutions of Jira's own that say that nothing was done.
func DefaultWontDoResolutions() []string {
	return []string{"Won't Do", "Won't Fix", "Declined", "Duplicate", "Cannot Reproduce"}
}

// Validate names every key that is wrong, relative to the desk, and says what was expected. It asks nobody.
func (c Config) Validate() error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
	for _, required := range []struct{ key, value string }{
		{"base_url", c.BaseURL},
		{"project", c.Project},
		{"issue_type", c.IssueType},
	} {
		if strings.TrimSpace(required.value) == "" {
			problem(required.key, "expected a value")
		}
	}
	c.validateAddresses(problem)
	if !projectKey.MatchString(c.Project) && c.Project != "" {
		problem("project", "expected a project's key, such as ACCESS")
	}
	if c.MarkerField != "" && !customField.MatchString(c.MarkerField) {
		problem("marker_field", "expected the id of a custom field, such as customfield_10041")
	}
	if !labelWord.MatchString(c.label()) {
		problem("label", "expected a word without spaces, at most 255 characters long")
	}
	c.validateAuth(problem)
	c.validateEdition(problem)
	if c.Edition == Cloud && c.Match == desk.MatchUserName {
		problem("match", "accounts of Jira Cloud have no user names; expected email or map")
	}
	for _, phase := range slices.Sorted(maps.Keys(c.Resolutions)) {
		if !phase.Closed() {
			problem(fmt.Sprintf("resolutions.%s", phase), "expected done or wont_do")
		}
	}
	for _, wrong := range c.Users.wrong(c.Edition) {
		problem("users."+wrong.key, "%s", wrong.why)
	}
	if _, mapped := c.Fields[c.MarkerField]; mapped {
		problem("fields."+c.MarkerField, "the same field is named by marker_field; expected two fields")
	}
	return errors.Join(append(wrong, c.Config.Validate(ownFields()...))...)
}

func (c Config) validateAddresses(problem func(key, format string, args ...any)) {
	if err := rest.ValidSecretURL(c.BaseURL, c.AllowPlainHTTP); c.BaseURL != "" && err != nil {
		problem("base_url", "%w", err)
	}
	if err := rest.ValidBaseURL(c.SiteURL); c.SiteURL != "" && err != nil {
		problem("site_url", "%w", err)
	}
	if u, err := url.Parse(c.Webhook.URL); c.Webhook.URL != "" && (err != nil || u.Host == "") {
		problem("webhook.url", "expected an absolute URL")
	}
}

// ownFields are the fields that Create fills without a mapping.
func ownFields() []string {
	return []string{"project", "issuetype", "summary", "description", "labels", "reporter", "assignee"}
}

func names[S ~string](list []S) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// timeout is RequestTimeout or its default.
func (c Config) timeout() time.Duration {
	if c.RequestTimeout == 0 {
		return DefaultRequestTimeout
	}
	return c.RequestTimeout.Std()
}

// rate is Rate or its default.
func (c Config) rate() float64 {
	if c.Rate == 0 {
		return DefaultRate
	}
	return c.Rate
}

// resolution is what closing into a phase sets; "" for a phase that is open.
func (c Config) resolution(phase access.TicketPhase) string {
	if name := c.Resolutions[phase]; name != "" {
		return name
	}
	return DefaultResolutions()[phase]
}

// wontDo reports whether a resolution says that nothing was done.
func (c Config) wontDo(resolution string) bool {
	list := c.WontDoResolutions
	if list == nil {
		list = DefaultWontDoResolutions()
	}
	// Names are compared as Jira does, without regard to case.
	return slices.ContainsFunc(append([]string{c.resolution(access.TicketWontDo)}, list...), func(name string) bool {
		return strings.EqualFold(name, resolution)
	})
}

// label is Label or its default.
func (c Config) label() string { return cmp.Or(c.Label, DefaultLabel) }

// useLabel reports whether the marker becomes a label.
func (c Config) useLabel() bool { return c.Labels || c.MarkerField == "" }
