package requesttracker

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Config is what a human sets for a desk of this kind. Fields and ClosingFields go by the names of custom fields. A status that
// Statuses does not list goes by its name: new is waiting, open and stalled are working, resolved is done, rejected is wont_do.
type Config struct {
	desk.Config `yaml:",inline"`
	// BaseURL is where people open RT: "https://rt.example.com". The API is below it, at /REST/2.0. Required.
	BaseURL string `yaml:"base_url"`
	// AllowPlainHTTP takes an address without TLS on another machine, to which the credentials then go unprotected. For a network that
	// nobody else is in, such as that of the containers of one host.
	AllowPlainHTTP bool `yaml:"allow_plain_http"`
	// Token is an authentication token of usher's own account, such as 1-31-b5dc. Required.
	Token string `yaml:"token" secret:"true"`
	// Queue is the name of the queue in which tickets are opened. Required.
	Queue string `yaml:"queue"`
	// MarkerField is the name of the custom field, of the type "Enter one value", that carries the marker. Required.
	MarkerField string `yaml:"marker_field"`
	// ApprovalsQueue is the name of the queue in which approvers are asked, where the desk has approvals; "" means
	// DefaultApprovalsQueue.
	ApprovalsQueue string `yaml:"approvals_queue"`
	// Users is about the users of the desk, where usher looks after them.
	Users UsersConfig `yaml:"users"`
}

// The defaults. RT sends its mail within the call that changes a ticket, and each call occupies one of few processes.
const (
	DefaultRequestTimeout = 20 * time.Second
	DefaultRate           = 10.0
)

// DefaultApprovalsQueue is where approvers are asked.
const DefaultApprovalsQueue = "Access Approvals"

// rulesQueue is RT's own queue of approvals. RT 5.0.3 fails there, with an answer 500, when somebody approves what no ticket depends on, and moves
// the tickets that depend on it by itself. Its page of approvals shows those of every queue.
const rulesQueue = "___Approvals"

// leastRate reads the histories of a hundred changed tickets in the minute that the watch gives a page.
const leastRate = 2.0

// authToken is what RT gives: its version, the number of the account, and the secret.
var authToken = regexp.MustCompile(`^[0-9]+-([0-9]+)-[0-9A-Za-z]+$`)

// Validate names every key that is wrong, relative to the desk, and what was expected. It asks nobody.
func (c Config) Validate() error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
	if err := rest.ValidSecretURL(c.BaseURL, c.AllowPlainHTTP); err != nil {
		problem("base_url", "%w", err)
	}
	if strings.Contains(c.BaseURL, "/REST/") {
		problem("base_url", "expected the address where people open RT, without /REST/2.0")
	}
	if !authToken.MatchString(c.Token) {
		problem("token", "expected an authentication token of RT: three parts with dashes between them")
	}
	if strings.TrimSpace(c.Queue) == "" {
		problem("queue", "expected the name of a queue")
	}
	if strings.TrimSpace(c.MarkerField) == "" || strings.ContainsAny(c.MarkerField, "{}") {
		problem("marker_field", "expected the name of a custom field, without braces")
	}
	if strings.EqualFold(c.ApprovalsQueue, rulesQueue) {
		problem("approvals_queue", "expected a queue of your own: in %s RT changes tickets by rules of its own", rulesQueue)
	}
	if c.Rate > 0 && c.Rate < leastRate {
		problem("rate", "found %v, expected %v or more: a page of changed tickets is read within a minute, with a call for each", c.Rate, leastRate)
	}
	own := []string{c.MarkerField, "Queue", "Subject", "Content", "Requestor", "Owner", "Status"}
	c.validateIntake(own, problem)
	c.Users.validate(problem)
	return errors.Join(append(wrong, c.Config.Validate(own...))...)
}

// validateIntake wants what desk.Config cannot know of: own are the names by which RT's own fields stand in a history.
func (c Config) validateIntake(own []string, problem func(key, format string, args ...any)) {
	if c.Intake == nil {
		return
	}
	for _, name := range own {
		if _, taken := c.Intake.Fields[name]; taken {
			problem("intake.fields."+name, "usher or RT itself uses this name; expected another custom field")
		}
	}
	for _, channel := range c.Intake.Channels {
		if channel != byMail {
			problem("intake.channels", "unknown value %q; expected %q or none", channel, byMail)
		}
	}
}

// account is the number of the account whose token this is.
func (c Config) account() string {
	parts := authToken.FindStringSubmatch(c.Token)
	if parts == nil {
		return ""
	}
	return parts[1]
}

// New returns the desk of that name; its texts name configuration keys as "desks.<name>.<key>". It calls nobody: wrong
// names show in Check and at the first ticket. A call waits for the configured rate, at most half of the request time-out. The
// error is Validate's.
func New(c Config, name access.DeskName) (*desk.Desk, error) {
	d, err := newDriver(c, name)
	if err != nil {
		return nil, err
	}
	return desk.New(d, c.Config, name), nil
}

// newDriver checks the config and makes what calls RT.
func newDriver(c Config, name access.DeskName) (*driver, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	site := strings.TrimRight(c.BaseURL, "/")
	client, err := rest.NewClient(rest.Config{
		BaseURL:   site + "/REST/2.0",
		Timeout:   cmp.Or(c.RequestTimeout.Std(), DefaultRequestTimeout),
		PerSecond: cmp.Or(c.Rate, DefaultRate),
		Header:    http.Header{"Authorization": {"token " + c.Token}},
		Secrets:   []string{c.Token},
		ErrorText: errorText,
		Kind:      kindOf,
	})
	if err != nil {
		return nil, err
	}
	return &driver{name: name, config: c, site: site, rest: client}, nil
}
