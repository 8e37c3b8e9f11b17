package ledger

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// connectTimeout is how long one attempt to reach PostgreSQL may take, unless the URL sets connect_timeout.
const connectTimeout = 5 * time.Second

const urlForms = `expected "sqlite:/path/ledger.db" or "postgres://user:password@host:5432/database"`

// Config is where the ledger is.
type Config struct {
	// URL is "sqlite:" and the path of a file (absolute, or relative to the working directory; the file and its
	// folder are created), or a PostgreSQL connection URL with libpq's parameters ("postgres://" or "postgresql://").
	// In a PostgreSQL URL, user and password are percent-encoded. It may be written in the configuration file, so a
	// password does not belong in it, but in Password.
	URL string `yaml:"url"`
	// Password is the PostgreSQL user's; it wins over one in URL. "" for none.
	Password string `yaml:"password" secret:"true"`
}

// Validate returns, as "ledger.url: <what is wrong and what is expected>", why URL cannot be used; nil when it can. It
// contacts nothing, but certificate and password files that a PostgreSQL URL names must exist. The text never holds
// any part of the URL.
func (c Config) Validate() error {
	_, err := c.location()
	return err
}

// location is where the ledger is: a file, or a server.
type location struct {
	file   string
	server *pgx.ConnConfig
}

func (c Config) location() (location, error) {
	scheme, rest, _ := strings.Cut(c.URL, ":")
	switch scheme {
	case "sqlite":
		return sqlitePlace(rest)
	case "postgres", "postgresql":
		p, err := postgresPlace(c.URL)
		if err == nil && c.Password != "" {
			p.server.Password = c.Password
		}
		return p, err
	case "":
		return location{}, errors.New("ledger.url: is empty, " + urlForms)
	}
	return location{}, errors.New("ledger.url: found something else, " + urlForms)
}

func sqlitePlace(path string) (location, error) {
	switch {
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return location{}, errors.New(`ledger.url: found "sqlite://" and a relative path, expected "sqlite:relative/path" or "sqlite:/path"`)
	case strings.ContainsAny(path, "?\x00"):
		return location{}, errors.New(`ledger.url: found parameters after the path, expected none: "sqlite:/path/ledger.db"`)
	case path == "" || strings.HasPrefix(path, ":") || strings.HasSuffix(path, "/"):
		return location{}, errors.New(`ledger.url: found no path of a file, expected "sqlite:/path/ledger.db"`)
	}
	return location{file: filepath.Clean(path)}, nil
}

func postgresPlace(url string) (location, error) {
	_, rest, found := strings.Cut(url, "://")
	if !found {
		return location{}, errors.New("ledger.url: found a PostgreSQL URL without //, " + urlForms)
	}
	// A second @, or one behind the host, means that a password was written raw. Parsers then disagree where the host
	// begins, and a part of the password would be shown as a host name.
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	if at := strings.Count(rest, "@"); at > 1 || at != strings.Count(authority, "@") {
		return location{}, errors.New(`ledger.url: found an @ that does not stand before the host; in user, password and parameters write @ as %40, / as %2F, ? as %3F, # as %23, : as %3A and % as %25`)
	}
	server, err := pgx.ParseConfig(url)
	if errors.Is(err, fs.ErrNotExist) {
		return location{}, errors.New("ledger.url: a certificate, key or password file that the URL names does not exist")
	}
	if err != nil {
		// The driver's text quotes the URL and hides passwords on a best effort, which is not enough.
		return location{}, errors.New("ledger.url: found a PostgreSQL URL that cannot be used (its text is not shown, because it may hold a password), " + urlForms)
	}
	if server.ConnectTimeout == 0 {
		server.ConnectTimeout = connectTimeout
	}
	if server.RuntimeParams["application_name"] == "" {
		server.RuntimeParams["application_name"] = "usher"
	}
	return location{server: server}, nil
}
