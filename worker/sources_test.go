package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// loadSource reads a configuration with one source more.
func loadSource(t *testing.T, section string) (sourceConfig, error) {
	t.Helper()
	c, err := load(t, "sources:", "sources:\n  hr: "+section)
	return c.Sources["hr"], err
}

// requireSource holds that a source opens, and that it can list its people.
func requireSource(t *testing.T, section string) {
	t.Helper()
	c, err := loadSource(t, section)
	require.NoError(t, err)
	opened, err := c.open()
	require.NoError(t, err)
	require.Implements(t, (*access.PeopleLister)(nil), opened)
}

func TestSourceKinds_csv(t *testing.T) {
	const fields = `fields: {id: Employee, user_name: Login, attributes: {team: Team}}`
	requireSource(t, `{kind: csv, csv: {path: /srv/hr/people.csv, delimiter: semicolon, whole: {trailer: TRAILER}, `+fields+`}}`)
	requireSource(t, `{kind: csv, csv: {url: "https://hr.example.com/people.csv", token: "${SCIM_TOKEN}", whole: {end_marker: "#END"}, `+fields+`}}`)
	for name, row := range map[string]struct{ section, says string }{
		"no proof":                {`{kind: csv, csv: {path: /srv/hr/people.csv, ` + fields + `}}`, "sources.hr.whole"},
		"no columns":              {`{kind: csv, csv: {path: /srv/hr/people.csv, whole: {trailer: TRAILER}}}`, "sources.hr.fields.id"},
		"a secret in the file":    {`{kind: csv, csv: {url: "https://hr.example.com/", token: abc, whole: {trailer: END}, ` + fields + `}}`, "sources.hr.csv.token"},
		"the settings of another": {`{kind: csv, scim: {base_url: "https://hr.example.com/"}}`, "sources.hr.path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSource(t, row.section)
			require.ErrorContains(t, err, row.says)
		})
	}
}

func TestSourceKinds_postgresql(t *testing.T) {
	const fields = `fields: {id: emp_id, user_name: login}`
	secret := filepath.Join(t.TempDir(), "dsn")
	require.NoError(t, os.WriteFile(secret, []byte("postgres://usher:s3cret@db.example.com/hr?sslmode=verify-full\n"), 0o600))
	requireSource(t, `{kind: postgresql, postgresql: {dsn: "${file:`+secret+`}", view: hr.people, request_timeout: 30s, `+fields+`}}`)
	for name, row := range map[string]struct{ section, says string }{
		"a secret in the file": {`{kind: postgresql, postgresql: {dsn: "postgres://a:s3cret@db/hr", view: hr.people, ` + fields + `}}`, "sources.hr.postgresql.dsn"},
		"no DSN":               {`{kind: postgresql, postgresql: {view: hr.people, ` + fields + `}}`, "sources.hr.dsn"},
		"no schema":            {`{kind: postgresql, postgresql: {dsn: "${file:` + secret + `}", view: people, ` + fields + `}}`, "sources.hr.view"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSource(t, row.section)
			require.ErrorContains(t, err, row.says)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestSourceKinds_ldap(t *testing.T) {
	const account = `bind_dn: "usher@example.com", base_dn: "ou=staff,dc=example,dc=com"`
	requireSource(t, `{kind: ldap, ldap: {directory: active_directory, url: "ldaps://dc1.example.com", password: "${SCIM_TOKEN}", `+account+`}}`)
	requireSource(t, `{kind: ldap, ldap: {directory: openldap, url: "ldap://ldap.example.com", start_tls: true, filter: (uid=*), time_zone: Europe/Berlin, request_timeout: 20s, `+
		`fields: {user_name: mail, attributes: {team: ou}}, password: "${SCIM_TOKEN}", `+account+`}}`)
	for name, row := range map[string]struct{ section, says string }{
		"a secret in the file": {`{kind: ldap, ldap: {directory: openldap, url: "ldaps://ldap.example.com", password: s3cret, ` + account + `}}`, "sources.hr.ldap.password"},
		"no TLS":               {`{kind: ldap, ldap: {directory: openldap, url: "ldap://ldap.example.com", password: "${SCIM_TOKEN}", ` + account + `}}`, "sources.hr.url"},
		"no kind of directory": {`{kind: ldap, ldap: {url: "ldaps://ldap.example.com", password: "${SCIM_TOKEN}", ` + account + `}}`, "sources.hr.directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSource(t, row.section)
			require.ErrorContains(t, err, row.says)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	one, err := loadSource(t, `{kind: ldap, ldap: {directory: openldap, url: "ldaps://a.example.com", password: "${SCIM_TOKEN}", `+account+`}}`)
	require.NoError(t, err)
	before, err := one.mapping()
	require.NoError(t, err)
	one.LDAP.URL = "ldaps://b.example.com"
	same, err := one.mapping()
	require.NoError(t, err)
	require.Equal(t, before, same)
	one.LDAP.Filter = "(uid=*)"
	other, err := one.mapping()
	require.NoError(t, err)
	require.NotEqual(t, before, other)
}
