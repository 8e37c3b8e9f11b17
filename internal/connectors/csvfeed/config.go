package csvfeed

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/people"
	"usher/internal/rest"
)

// The defaults of a Config.
const (
	DefaultMaxBytes       = 64 << 20
	DefaultRequestTimeout = time.Minute
)

// minMarker is how many characters an end marker has at least, so that no value of a row is one by chance.
const minMarker = 3

// Encoding is how the bytes of a file are text.
type Encoding string

// The encodings.
const (
	// UTF8 may begin with a byte order mark.
	UTF8 Encoding = "utf-8"
	// UTF16 must begin with a byte order mark.
	UTF16       Encoding = "utf-16"
	ISO88591    Encoding = "iso-8859-1"
	Windows1252 Encoding = "windows-1252"
)

// delimiters are what stands between values, by the names that the configuration has for them.
var delimiters = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}

// Config is where the file is, how it is written, and by what it shows that it is whole.
type Config struct {
	// Path is the file. Either Path or URL is required.
	Path string `yaml:"path"`
	// URL is the file's address: https, or http on loopback. It may have a query.
	URL string `yaml:"url"`
	// Token is a bearer token, and User and Password are for HTTP's basic authentication. One of them, or none. For URL only.
	Token    string `yaml:"token" secret:"true"`
	User     string `yaml:"user"`
	Password string `yaml:"password" secret:"true"`
	// Encoding is "" for UTF8.
	Encoding Encoding `yaml:"encoding"`
	// Delimiter is comma, semicolon, tab or pipe; "" for comma.
	Delimiter string `yaml:"delimiter"`
	// Fields are the names in the header, which is the first row. Case and spaces around them do not count.
	Fields people.Fields `yaml:"fields"`
	Whole  Whole         `yaml:"whole"`
	// MaxBytes is how long the file may be; 0 means DefaultMaxBytes.
	MaxBytes int64 `yaml:"max_bytes"`
	// RequestTimeout is the deadline of one call to URL, the reading included; 0 means DefaultRequestTimeout.
	RequestTimeout access.Duration `yaml:"request_timeout"`
}

// Whole is by what a file shows that it is whole. Exactly one of the keys is required.
type Whole struct {
	// Trailer is the first value of the last record. The second is the number of rows, without the header and the trailer:
	// "TRAILER,1234".
	Trailer string `yaml:"trailer"`
	// EndMarker is the first value of the last record, and the only one: "#END".
	EndMarker string `yaml:"end_marker"`
	// Digest is a second file with the SHA-256 digest of the first, in the form of sha256sum: a path where the file has one, an
	// address on the same host where the file has one. It is written after the file.
	Digest string `yaml:"digest"`
}

// Validate names every key that is wrong and says what was expected. It reads nothing.
func (c Config) Validate() error {
	problems := append(c.placeProblems(), c.Whole.problems(c)...)
	expect := func(ok bool, key, expected string) {
		if !ok {
			problems = append(problems, fmt.Errorf("%s: expected %s", key, expected))
		}
	}
	switch c.Encoding {
	case "", UTF8, UTF16, ISO88591, Windows1252:
	default:
		expect(false, "encoding", "utf-8, utf-16, iso-8859-1 or windows-1252")
	}
	_, known := delimiters[c.Delimiter]
	expect(known || c.Delimiter == "", "delimiter", "one of "+strings.Join(slices.Sorted(maps.Keys(delimiters)), ", "))
	expect(c.MaxBytes >= 0, "max_bytes", "a number of bytes, or none for the default")
	expect(c.RequestTimeout >= 0, "request_timeout", `a duration such as "1m", or none for the default`)
	if err := c.Fields.Validate(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// placeProblems is Validate for where the file is, and for the credentials.
func (c Config) placeProblems() []error {
	var problems []error
	switch {
	case (c.Path == "") == (c.URL == ""):
		problems = append(problems, errors.New("path: expected either path or url"))
	case c.URL != "":
		if err := validURL(c.URL); err != nil {
			problems = append(problems, fmt.Errorf("url: %w", err))
		}
	case c.Token != "" || c.User != "" || c.Password != "":
		problems = append(problems, errors.New("token: expected no token, user and password for a path; they are for url"))
	}
	if c.Token != "" && c.User+c.Password != "" {
		problems = append(problems, errors.New("token: expected either token, or user and password"))
	}
	if (c.User == "") != (c.Password == "") {
		problems = append(problems, errors.New("user: expected user and password, or neither"))
	}
	if strings.Contains(c.User, ":") {
		problems = append(problems, errors.New("user: expected a name without a colon"))
	}
	if strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems = append(problems, errors.New("token: expected a bearer token, without spaces and line breaks"))
	}
	return problems
}

// problems is Validate for the proof.
func (w Whole) problems(c Config) []error {
	given := 0
	for _, value := range []string{w.Trailer, w.EndMarker, w.Digest} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		return []error{errors.New("whole: expected one of whole.trailer, whole.end_marker and whole.digest: without it a file that is cut looks like one with fewer people")}
	}
	switch {
	case w.Trailer != "":
		return markProblems("whole.trailer", w.Trailer)
	case w.EndMarker != "":
		return markProblems("whole.end_marker", w.EndMarker)
	case c.URL == "":
		return nil
	}
	if err := validURL(w.Digest); err != nil {
		return []error{fmt.Errorf("whole.digest: %w", err)}
	}
	if origin(w.Digest) != origin(c.URL) {
		return []error{errors.New("whole.digest: expected an address on the host of url: the credentials go there, too")}
	}
	return nil
}

func markProblems(key, mark string) []error {
	short := len([]rune(mark)) < minMarker
	if short || strings.ContainsAny(mark, "\"\r\n,;\t|") || strings.TrimSpace(mark) != mark {
		return []error{fmt.Errorf("%s: expected at least %d characters, without quotes, delimiters and spaces around them", key, minMarker)}
	}
	return nil
}

// validURL reports whether a file can be asked for at an address. The error shows no part of it.
func validURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && (u.Scheme != "http" || !rest.Loopback(u.Hostname())):
		return errors.New("expected an absolute https address (http only on loopback)")
	case u.User != nil:
		return errors.New("expected an address without a user and a password in it; they have keys of their own")
	case u.Fragment != "":
		return errors.New("expected an address without a fragment (#)")
	}
	return nil
}

// origin is the part of an address that credentials belong to.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	if c.Encoding == "" {
		c.Encoding = UTF8
	}
	if c.Delimiter == "" {
		c.Delimiter = "comma"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = access.Duration(DefaultRequestTimeout)
	}
	return c
}
