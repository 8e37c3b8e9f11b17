package sqlview

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// DefaultRequestTimeout is the deadline of one call where the configuration sets none.
const DefaultRequestTimeout = time.Minute

// connectTimeout is how long one attempt to reach the server may take, unless the DSN sets connect_timeout.
const connectTimeout = 5 * time.Second

// Config is where the view is, and what its columns are.
type Config struct {
	// DSN is a PostgreSQL connection URL with libpq's parameters: "postgres://usher:...@db.example.com/hr?sslmode=verify-full". User and
	// password are percent-encoded. Required.
	DSN string `yaml:"dsn" secret:"true"`
	// View is the view or table, with its schema and in the database's spelling: "hr.people". Required.
	View string `yaml:"view"`
	// Fields are the names of columns. Where no column is spelt so, case does not count.
	Fields people.Fields `yaml:"fields"`
	// RequestTimeout is the deadline of one call, a listing of everybody included; 0 means DefaultRequestTimeout.
	RequestTimeout access.Duration `yaml:"request_timeout"`
}

// viewName is a schema and a name in it, of letters that need no quotes in any tool.
var viewName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,62}\.[A-Za-z_][A-Za-z0-9_$]{0,62}$`)

// Validate names every key that is wrong and says what was expected. It contacts nothing, but certificate and password files that the DSN
// names must exist.
func (c Config) Validate() error {
	var problems []error
	if _, err := c.server(); err != nil {
		problems = append(problems, fmt.Errorf("dsn: %w", err))
	}
	if !viewName.MatchString(c.View) {
		problems = append(problems, errors.New(`view: expected a schema and a name of letters, digits and _, as "hr.people"`))
	}
	if c.RequestTimeout < 0 {
		problems = append(problems, errors.New(`request_timeout: expected a duration such as "1m", or none for the default`))
	}
	if err := c.Fields.Validate(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// server returns where the DSN leads. The error shows no part of it.
func (c Config) server() (*pgx.ConnConfig, error) {
	scheme, rest, _ := strings.Cut(c.DSN, "://")
	if scheme != "postgres" && scheme != "postgresql" {
		return nil, errors.New(`expected "postgres://user:password@host:5432/database"`)
	}
	// A second @, or one behind the host, means that a password was written raw. A part of it would be shown as a host name.
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	if at := strings.Count(rest, "@"); at > 1 || at != strings.Count(authority, "@") {
		return nil, errors.New("found an @ that does not stand before the host; in user, password and parameters write @ as %40, / as %2F, ? as %3F, # as %23, : as %3A and % as %25")
	}
	server, err := pgx.ParseConfig(c.DSN)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("a certificate, key or password file that it names does not exist")
	}
	if err != nil {
		return nil, errors.New("cannot be used (its text is not shown, because it may hold a password)")
	}
	if server.ConnectTimeout == 0 {
		server.ConnectTimeout = connectTimeout
	}
	if server.RuntimeParams["application_name"] == "" {
		server.RuntimeParams["application_name"] = "usher"
	}
	return server, nil
}

// quotedView is the view for a statement. viewName leaves nothing to escape.
func (c Config) quotedView() string {
	schema, name, _ := strings.Cut(c.View, ".")
	return quote(schema) + "." + quote(name)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
