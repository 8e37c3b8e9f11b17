package servicenow

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Config is one ServiceNow desk. The keys are those of the configuration file.
type Config struct {
	// Config is what every desk has. Statuses go by the labels or the values of the field state; one that is not listed goes by
	// its value in ServiceNow's own numbering. Fields are columns of the table or, with a CatalogItem, variables of the
	// item; ClosingFields are columns. Match is user_name by default: people may be able to change their own addresses.
	desk.Config `yaml:",inline"`
	// BaseURL is the instance: "https://example.service-now.com". Required.
	BaseURL string `yaml:"base_url"`
	// AllowPlainHTTP takes an address without TLS on another machine, to which the credentials then go unprotected. For a network that
	// nobody else is in, such as that of the containers of one host.
	AllowPlainHTTP bool `yaml:"allow_plain_http"`
	// Auth is how usher logs in; "" means oauth where ClientID is set, api_key where APIKey is, else basic.
	Auth Auth `yaml:"auth"`
	// User and Password are those of usher's own account, for basic. APIKey is for api_key.
	User     string `yaml:"user"`
	Password string `yaml:"password" secret:"true"`
	APIKey   string `yaml:"api_key" secret:"true"`
	// ClientID and ClientSecret are those of an OAuth application, for oauth. With a RefreshToken usher acts as whoever
	// that was given to, else as the application's own user. TokenURL is "" for /oauth_token.do of the instance.
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret" secret:"true"`
	RefreshToken string `yaml:"refresh_token" secret:"true"`
	TokenURL     string `yaml:"token_url"`
	// Table is where tickets are opened: one that extends task; "" means DefaultTable.
	Table string `yaml:"table"`
	// CatalogItem is the sys_id of a catalog item. With it a ticket is a requested item (sc_req_item) that is ordered.
	CatalogItem string `yaml:"catalog_item"`
	// MarkerVariable is the name of the item's variable that carries the marker. "" means that the marker is written to the
	// requested item after it was ordered: an order whose answer is lost in between may then be made twice.
	MarkerVariable string `yaml:"marker_variable"`
	// TaskTable is the table of the tasks by which requested items are fulfilled; "" means DefaultTaskTable.
	TaskTable string `yaml:"task_table"`
	// Journal is where comments go: comments, which the caller sees, or work_notes; "" means comments.
	Journal string `yaml:"journal"`
	// History is how usher finds out who changed a ticket; "" means audit.
	History History `yaml:"history"`
	// Users is how usher reads and writes the users of the instance.
	Users UsersConfig `yaml:"users"`
}

// History is where the history of tickets comes from.
type History string

// HistoryAudit reads the table sys_audit. HistoryLastUpdater, for accounts that may not read it, takes whoever updated a ticket
// last for the one who moved and assigned it, and does not know who changed its text.
const (
	HistoryAudit       History = "audit"
	HistoryLastUpdater History = "last_updater"
)

// The defaults. An instance has no rate limit of its own.
const (
	DefaultRequestTimeout = 20 * time.Second
	DefaultRate           = 10.0
	DefaultTable          = "incident"
	DefaultTaskTable      = "sc_task"
)

// itemTable is the table of requested items.
const itemTable = "sc_req_item"

var (
	sysID     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	tableName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Validate names every key that is wrong, relative to the desk, and says what was expected. It asks nobody.
func (c Config) Validate() error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
	if err := rest.ValidSecretURL(c.BaseURL, c.AllowPlainHTTP); err != nil || strings.Contains(c.BaseURL, "/api/") {
		problem("base_url", "%w", cmp.Or(err, errors.New("expected the address of the instance, without /api/now")))
	}
	c.validateAuth(problem)
	for key, table := range map[string]string{"table": c.table(), "task_table": c.taskTable()} {
		if !tableName.MatchString(table) {
			problem(key, "expected the name of a table, such as incident")
		}
	}
	if journals := []string{"", "comments", "work_notes"}; !slices.Contains(journals, c.Journal) {
		problem("journal", "unknown value %q; expected comments or work_notes", c.Journal)
	}
	if histories := []History{"", HistoryAudit, HistoryLastUpdater}; !slices.Contains(histories, c.History) {
		problem("history", "unknown value %q; expected %s or %s", c.History, HistoryAudit, HistoryLastUpdater)
	}
	if c.Approvals && c.History == HistoryLastUpdater {
		problem("history", "expected %s beside approvals: who changed the text of a ticket is not known otherwise", HistoryAudit)
	}
	c.validateItem(problem)
	own := []string{"correlation_id", "correlation_display", "short_description", "description", "assigned_to", "state"}
	if c.CatalogItem != "" {
		own = []string{c.MarkerVariable}
	}
	if _, mapped := c.Fields["caller_id"]; mapped {
		problem("fields.caller_id", "usher fills this field itself; expected reporter: true, and in opening_fields who calls where the requester has no account")
	}
	c.validateIntake(problem)
	c.Users.validate(problem)
	return errors.Join(append(wrong, c.Config.Validate(own...))...)
}

func (c Config) validateItem(problem func(key, format string, args ...any)) {
	switch {
	case c.CatalogItem == "" && c.table() == itemTable:
		problem("catalog_item", "expected the sys_id of a catalog item: requested items come from orders only")
	case c.CatalogItem == "" && c.MarkerVariable != "":
		problem("marker_variable", "expected none without catalog_item")
	case c.CatalogItem != "" && !sysID.MatchString(c.CatalogItem):
		problem("catalog_item", "expected a sys_id: 32 characters of 0-9 and a-f")
	case c.CatalogItem != "" && c.Table != "" && c.Table != itemTable:
		problem("table", "expected none beside catalog_item: what is ordered is in %s", itemTable)
	}
}

// table is the table of the tickets.
func (c Config) table() string {
	if c.CatalogItem != "" {
		return itemTable
	}
	return cmp.Or(c.Table, DefaultTable)
}

func (c Config) taskTable() string { return cmp.Or(c.TaskTable, DefaultTaskTable) }

func (c Config) journal() string { return cmp.Or(c.Journal, "comments") }
