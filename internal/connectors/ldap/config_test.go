package ldap_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/ldap"
)

func valid() ldap.Config {
	return ldap.Config{
		Directory: ldap.OpenLDAP, URL: "ldaps://ldap.example.com", BindDN: "cn=usher,dc=example,dc=com", Password: "secret", BaseDN: "ou=people,dc=example,dc=com",
	}
}

func TestConfig_right(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ldap.Config){
		"as it is":         func(*ldap.Config) {},
		"Active Directory": func(c *ldap.Config) { c.Directory, c.BindDN = ldap.ActiveDirectory, "usher@example.com" },
		"a port":           func(c *ldap.Config) { c.URL = "ldaps://ldap.example.com:3269/" },
		"StartTLS":         func(c *ldap.Config) { c.URL, c.StartTLS = "ldap://ldap.example.com", true },
		"this machine":     func(c *ldap.Config) { c.URL = "ldap://127.0.0.1:1389" },
		"this machine, v6": func(c *ldap.Config) { c.URL = "ldap://[::1]:1389" },
		"by its name":      func(c *ldap.Config) { c.URL = "ldap://localhost" },
		"more":             func(c *ldap.Config) { c.Filter, c.PageSize, c.TimeZone = "(uid=*)", 1000, "Europe/Berlin" },
		"own active": func(c *ldap.Config) {
			c.Fields.Active, c.Fields.InactiveValues = "employeeType", []string{"left"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid()
			change(&c)
			require.NoError(t, c.Validate())
			_, err := ldap.NewSource(c)
			require.NoError(t, err)
		})
	}
}

func TestConfig_wrong(t *testing.T) {
	t.Parallel()
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(noPEM, []byte("no certificate"), 0o600))
	for want, change := range map[string]func(*ldap.Config){
		"directory: expected openldap or active_directory":               func(c *ldap.Config) { c.Directory = "novell" },
		"url: expected ldaps://host or ldap://host":                      func(c *ldap.Config) { c.URL = "ldaps://host/dc=example" },
		"url: expected ldaps:// or ldap://":                              func(c *ldap.Config) { c.URL = "https://host" },
		"url: expected ldaps://, or start_tls: true":                     func(c *ldap.Config) { c.URL = "ldap://ldap.example.com" },
		"start_tls: expected false":                                      func(c *ldap.Config) { c.StartTLS = true },
		"bind_dn: expected":                                              func(c *ldap.Config) { c.BindDN = "" },
		"password: expected":                                             func(c *ldap.Config) { c.Password = "" },
		"base_dn: expected":                                              func(c *ldap.Config) { c.BaseDN = "people" },
		"filter: expected":                                               func(c *ldap.Config) { c.Filter = "(uid=*" },
		"fields.active: expected":                                        func(c *ldap.Config) { c.Fields.ActiveValues = []string{"x"} },
		"fields.date_format: found":                                      func(c *ldap.Config) { c.Fields.DateFormat = "x" },
		"fields: expected names of attributes without options, found \"": func(c *ldap.Config) { c.Fields.ID = "uid=*)(cn" },
		"time_zone: expected":                                            func(c *ldap.Config) { c.TimeZone = "Mars" },
		"page_size: expected":                                            func(c *ldap.Config) { c.PageSize = 1001 },
		"request_timeout: expected":                                      func(c *ldap.Config) { c.RequestTimeout = -1 },
		"ca_file: ":                                                      func(c *ldap.Config) { c.CAFile = noPEM + ".not" },
		"has no certificate":                                             func(c *ldap.Config) { c.CAFile = noPEM },
	} {
		t.Run(want, func(t *testing.T) {
			c := valid()
			change(&c)
			_, err := ldap.NewSource(c)
			require.ErrorContains(t, err, want)
		})
	}
	err := ldap.Config{}.Validate()
	for _, key := range []string{"directory", "url", "bind_dn", "password", "base_dn"} {
		require.ErrorContains(t, err, key+": ")
	}
}
