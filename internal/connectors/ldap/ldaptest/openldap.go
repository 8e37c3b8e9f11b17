package ldaptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where Debian's packages put OpenLDAP.
const (
	slapd     = "/usr/sbin/slapd"
	slapadd   = "/usr/sbin/slapadd"
	ppolicy   = "/usr/lib/ldap/ppolicy.so"
	localhost = "127.0.0.1"
)

// The entries of a directory of StartOpenLDAP that have a part of their own. Accounts have the password of the administrator.
const (
	OpenLDAPBase = "dc=example,dc=test"
	// People is where people may be put, and Reader an account that may read everything but passwords.
	People = "ou=people," + OpenLDAPBase
	Reader = "cn=reader," + OpenLDAPBase
	// Blind may read nothing, Dim no entryUUID, Base only People itself and what is above, and Limited gets ten entries of a search, in pages too.
	Blind   = "cn=blind," + OpenLDAPBase
	Dim     = "cn=dim," + OpenLDAPBase
	Base    = "cn=base," + OpenLDAPBase
	Limited = "cn=limited," + OpenLDAPBase
)

const openLDAPPassword = "the-Passw0rd-of-tests"

// slapdConf is the configuration; %[1]s is the folder, %[2]s the password.
const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile %[1]s/slapd.pid
argsfile %[1]s/slapd.args
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
suffix dc=example,dc=test
rootdn cn=admin,dc=example,dc=test
rootpw %[2]s
directory %[1]s/db
maxsize 268435456
index objectClass,uid,mail,entryUUID eq
limits dn.exact="cn=limited,dc=example,dc=test" size=10 size.prtotal=10
access to attrs=userPassword by anonymous auth by * none
access to attrs=entryUUID by dn.exact="cn=dim,dc=example,dc=test" none by dn.exact="cn=blind,dc=example,dc=test" none by users read by * none
access to dn.children="ou=people,dc=example,dc=test" by dn.exact="cn=base,dc=example,dc=test" none by dn.exact="cn=blind,dc=example,dc=test" none by users read by * none
access to dn.base="dc=example,dc=test" by users read by * none
access to * by dn.exact="cn=blind,dc=example,dc=test" none by users read by * none
overlay memberof
overlay ppolicy
`

// openLDAPSeed is what is in it at first.
const openLDAPSeed = `dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

`

// OpenLDAPInstalled returns nil when the machine has what OpenLDAP needs; else the error says how to install it.
func OpenLDAPInstalled() error {
	for _, file := range []string{slapd, ppolicy} {
		if _, err := os.Stat(file); err != nil {
			return errors.New("OpenLDAP is missing: `apt-get install slapd`, or .ci/run")
		}
	}
	return nil
}

// StartOpenLDAP runs OpenLDAP for the length of a test, with the accounts above.
func StartOpenLDAP(t testing.TB) *Server {
	t.Helper()
	return start(t, OpenLDAPInstalled, OpenLDAP)
}

// OpenLDAP makes a directory in a folder that has none, and runs it until Stop.
func OpenLDAP(ctx context.Context, home string) (*Server, error) {
	s := &Server{AdminDN: "cn=admin," + OpenLDAPBase, AdminPassword: openLDAPPassword, BaseDN: OpenLDAPBase, CAFile: filepath.Join(home, certFile)}
	if err := s.startOpenLDAP(ctx, home); err != nil {
		return nil, fmt.Errorf("start OpenLDAP: %w", err)
	}
	return s, nil
}

func (s *Server) startOpenLDAP(ctx context.Context, home string) error {
	version, err := output(ctx, slapd, "-VV")
	if err != nil && version == "" {
		return err
	}
	// @(#) $OpenLDAP: slapd 2.5.13+dfsg-5 (Feb  8 2023 01:56:12) $
	if fields := strings.Fields(version); len(fields) > 3 {
		s.Version = "OpenLDAP " + strings.Join(fields[2:4], " ")
	}
	if err := certify(home, localhost, "localhost"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(home, "db"), 0o700); err != nil {
		return err
	}
	seed := openLDAPSeed
	for _, account := range []string{Reader, Blind, Dim, Base, Limited} {
		name := strings.TrimPrefix(strings.SplitN(account, ",", 2)[0], "cn=")
		seed += fmt.Sprintf("dn: %s\nobjectClass: person\ncn: %s\nsn: %s\nuserPassword: %s\n\n", account, name, name, s.AdminPassword)
	}
	conf, ldif := filepath.Join(home, "slapd.conf"), filepath.Join(home, "seed.ldif")
	if err := os.WriteFile(conf, fmt.Appendf(nil, slapdConf, home, s.AdminPassword), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(ldif, []byte(seed), 0o600); err != nil {
		return err
	}
	if _, err := output(ctx, slapadd, "-q", "-f", conf, "-l", ldif); err != nil {
		return err
	}
	plain, secure, err := freePorts(ctx)
	if err != nil {
		return err
	}
	s.URL, s.TLSURL = "ldap://"+plain, "ldaps://"+secure
	if err := s.run(ctx, slapd, "-d", "0", "-f", conf, "-h", s.URL+"/ "+s.TLSURL+"/"); err != nil {
		return err
	}
	if err := s.await(ctx); err != nil {
		return errors.Join(err, s.Stop(), errors.New(s.Output()))
	}
	return nil
}

// freePorts returns two addresses at which nobody listens.
func freePorts(ctx context.Context) (one, other string, err error) {
	var listen net.ListenConfig
	a, err := listen.Listen(ctx, "tcp", localhost+":0")
	if err != nil {
		return "", "", err
	}
	b, err := listen.Listen(ctx, "tcp", localhost+":0")
	if err != nil {
		return "", "", errors.Join(err, a.Close())
	}
	return a.Addr().String(), b.Addr().String(), errors.Join(a.Close(), b.Close())
}
