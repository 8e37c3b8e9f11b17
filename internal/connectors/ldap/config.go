package ldap

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// Directory is the kind of a directory server.
type Directory string

// The kinds.
const (
	OpenLDAP        Directory = "openldap"
	ActiveDirectory Directory = "active_directory"
)

// The defaults of what the configuration leaves out.
const (
	DefaultRequestTimeout = 30 * time.Second
	// DefaultPageSize is below the limits of slapd (500) and of Active Directory (1,000).
	DefaultPageSize = 200
	maxPageSize     = 1000
)

// Config is where a directory is, and who in it are usher's people.
type Config struct {
	// Directory is the kind of the server: it has the defaults of Filter and Fields, and only Active Directory can be asked for
	// changes. Required.
	Directory Directory `yaml:"directory"`
	// URL is "ldaps://dc1.example.com", or "ldap://ldap.example.com" with StartTLS; a port may follow. Without TLS the host must be this one.
	// Required.
	URL      string `yaml:"url"`
	StartTLS bool   `yaml:"start_tls"`
	// CAFile is a PEM file with the certificates that sign the server's; "" for those of the system.
	CAFile string `yaml:"ca_file"`
	// BindDN and Password are the account that reads. Active Directory also takes "usher@example.com". Required.
	BindDN   string `yaml:"bind_dn"`
	Password string `yaml:"password" secret:"true"`
	// BaseDN is the entry below which the people are. Required.
	BaseDN string `yaml:"base_dn"`
	// Filter is what an entry must match to be one of the people that usher knows; "" means DefaultFilter.
	Filter string `yaml:"filter"`
	// Fields are the attributes; what is left out has the defaults of DefaultFields.
	Fields people.Fields `yaml:"fields"`
	// TimeZone is that in which an account's last day ends, as "Europe/Berlin"; "" means UTC. For accountExpires only.
	TimeZone string `yaml:"time_zone"`
	// PageSize is how many entries are asked for at once; 0 means DefaultPageSize.
	PageSize int `yaml:"page_size"`
	// RequestTimeout is the deadline of one operation, of a page for example; 0 means DefaultRequestTimeout.
	RequestTimeout access.Duration `yaml:"request_timeout"`
}

// The attributes that mean something of their own.
const (
	attributeObjectGUID = "objectGUID"
	attributeControl    = "userAccountControl"
	attributeExpires    = "accountExpires"
	attributeLocked     = "pwdAccountLockedTime"
	attributeDisplay    = "displayName"
	attributeCommonName = "cn"
)

// attributeForm is what the name of an attribute looks like, or its number.
var attributeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// lockedForGood is the pwdAccountLockedTime of an account that an administrator has locked.
const lockedForGood = "000001010000Z"

// DefaultFilter returns which entries are people where the configuration does not say.
func (d Directory) DefaultFilter() string {
	if d == ActiveDirectory {
		return "(&(objectCategory=person)(objectClass=user))"
	}
	return "(objectClass=inetOrgPerson)"
}

// DefaultFields returns the attributes where the configuration does not name others.
func (d Directory) DefaultFields() people.Fields {
	if d == ActiveDirectory {
		return people.Fields{
			ID: attributeObjectGUID, UserName: "sAMAccountName", DisplayName: attributeDisplay, Email: "mail", Manager: "manager",
			Active: attributeControl, Ends: attributeExpires,
		}
	}
	return people.Fields{
		ID: "entryUUID", UserName: "uid", DisplayName: attributeDisplay, Email: "mail", Manager: "manager",
		Active: attributeLocked, InactiveValues: []string{lockedForGood},
	}
}

// Mapping returns what of the configuration decides who the people are, and how their entries are read.
func (c Config) Mapping() any {
	c = c.withDefaults()
	return []any{c.Directory, c.BaseDN, c.Filter, c.Fields, c.TimeZone}
}

// PeopleFields returns the attributes, with the defaults of what the configuration leaves out.
func (c Config) PeopleFields() people.Fields { return c.withDefaults().Fields }

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	d, f := c.Directory.DefaultFields(), c.Fields
	if f.Active == "" {
		f.Active, f.InactiveValues = d.Active, d.InactiveValues
	}
	f.ID, f.UserName, f.DisplayName = cmp.Or(f.ID, d.ID), cmp.Or(f.UserName, d.UserName), cmp.Or(f.DisplayName, d.DisplayName)
	f.Email, f.Manager, f.Ends = cmp.Or(f.Email, d.Email), cmp.Or(f.Manager, d.Manager), cmp.Or(f.Ends, d.Ends)
	c.Fields = f
	c.Filter = cmp.Or(c.Filter, c.Directory.DefaultFilter())
	c.PageSize = cmp.Or(c.PageSize, DefaultPageSize)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, access.Duration(DefaultRequestTimeout))
	return c
}

// Validate names every key that is wrong and says what was expected. It makes no call.
func (c Config) Validate() error {
	var problems []error
	expect := func(ok bool, key, expected string) {
		if !ok {
			problems = append(problems, fmt.Errorf("%s: expected %s", key, expected))
		}
	}
	expect(slices.Contains([]Directory{OpenLDAP, ActiveDirectory}, c.Directory), "directory", "openldap or active_directory")
	if err := c.validURL(); err != nil {
		problems = append(problems, err)
	}
	expect(c.BindDN != "", "bind_dn", "the account that reads, as cn=usher,dc=example,dc=com")
	// Many servers take a bind without a password for one of nobody, and answer it with success.
	expect(c.Password != "", "password", "the password of bind_dn")
	base, err := goldap.ParseDN(c.BaseDN)
	expect(err == nil && len(base.RDNs) > 0, "base_dn", "the entry below which the people are, as ou=people,dc=example,dc=com")
	if c.Filter != "" {
		_, err := goldap.CompileFilter(c.Filter)
		expect(err == nil, "filter", "an LDAP filter in parentheses, as (objectClass=inetOrgPerson)")
	}
	if c.Fields.Active == "" && len(c.Fields.ActiveValues)+len(c.Fields.InactiveValues) > 0 {
		expect(false, "fields.active", "the attribute of active_values and inactive_values")
	} else if err := c.withDefaults().Fields.Validate(); err != nil {
		problems = append(problems, err)
	}
	for _, name := range c.withDefaults().Fields.Names() {
		expect(attributeForm.MatchString(name), "fields", fmt.Sprintf("names of attributes without options, found %q", name))
	}
	_, err = time.LoadLocation(c.TimeZone)
	expect(err == nil, "time_zone", `the name of a time zone, as "Europe/Berlin"`)
	expect(c.PageSize >= 0 && c.PageSize <= maxPageSize, "page_size", fmt.Sprintf("1 to %d, or none for the default", maxPageSize))
	expect(c.RequestTimeout >= 0, "request_timeout", `a duration such as "30s", or none for the default`)
	return errors.Join(problems...)
}

// validURL names what is wrong with the address.
func (c Config) validURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || strings.TrimPrefix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("url: expected ldaps://host or ldap://host, with or without a port, and nothing else")
	case u.Scheme == "ldaps":
		if c.StartTLS {
			return errors.New("start_tls: expected false with ldaps://, which begins with TLS")
		}
		return nil
	case u.Scheme != "ldap":
		return errors.New("url: expected ldaps:// or ldap://")
	case !c.StartTLS && !loopback(u.Hostname()):
		return errors.New("url: expected ldaps://, or start_tls: true: ldap:// alone sends the password as it is")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// address returns where the server listens, and whether its connections begin with TLS.
func (c Config) address() (address string, begins bool) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", false
	}
	port := "389"
	if u.Scheme == "ldaps" {
		port = "636"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)), u.Scheme == "ldaps"
}

// tls returns how the server must prove itself. The error names the key.
func (c Config) tls() (*tls.Config, error) {
	address, _ := c.address()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	out := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return out, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file: %s has no certificate, expected PEM", c.CAFile)
	}
	return out, nil
}
