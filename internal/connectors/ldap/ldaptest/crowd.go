package ldaptest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// Debian's Python, for which Samba has its modules.
const python = "/usr/bin/python3"

//go:embed crowd.py
var crowdProgram string

// Crowd is many people of a domain, in an organizational unit of their own. Their logins are Prefix with 1, 2 and so on up to Size, and their manager is
// another one besides. Whoever has a login has it in sAMAccountName and CN, and before MailDomain in mail and userPrincipalName.
type Crowd struct {
	// Size is at least 1.
	Size int `json:"size"`
	// Unit and Prefix are without what LDAP would escape.
	Unit       string `json:"unit"`
	Prefix     string `json:"prefix"`
	Manager    string `json:"manager"`
	MailDomain string `json:"mail_domain"`
	// Title is everybody's but the manager's.
	Title string `json:"title"`
}

// BaseDN is the entry of the crowd's unit.
func (c Crowd) BaseDN() string { return "OU=" + c.Unit + "," + activeDirectoryBase }

// DN is the entry of the nth of the crowd, from 1 on.
func (c Crowd) DN(n int) string { return "CN=" + c.Prefix + strconv.Itoa(n) + "," + c.BaseDN() }

// SetTitle writes another title of some of a crowd, as an administrator.
func (c Crowd) SetTitle(s *Server, title string, numbers []int) (err error) {
	admin, err := s.Admin()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	for _, n := range numbers {
		change := goldap.NewModifyRequest(c.DN(n), nil)
		change.Replace("title", []string{title})
		if err := admin.Modify(change); err != nil {
			return fmt.Errorf("set the title of %s: %w", c.DN(n), err)
		}
	}
	return nil
}

// ActiveDirectoryOf does what ActiveDirectory does, for a domain with a crowd. 100,000 people take half a minute and 1.2 GB of the folder. This domain is kept
// in LMDB, which finds changes by an index on uSNChanged; what ActiveDirectory has it kept in looks through all entries.
func ActiveDirectoryOf(ctx context.Context, home string, crowd Crowd) (*Server, error) {
	if err := crowd.valid(); err != nil {
		return nil, err
	}
	return activeDirectory(ctx, home, domain{backend: "mdb", crowd: &crowd})
}

// StartActiveDirectoryOf runs a domain with a crowd for the length of a test.
func StartActiveDirectoryOf(t testing.TB, crowd Crowd) *Server {
	t.Helper()
	return start(t, ActiveDirectoryInstalled, func(ctx context.Context, home string) (*Server, error) { return ActiveDirectoryOf(ctx, home, crowd) })
}

// domain is what a domain is made of; crowd is nil for nobody.
type domain struct {
	backend string
	crowd   *Crowd
}

// enrol puts a crowd into the domain of a folder.
func (c Crowd) enrol(ctx context.Context, home string) error {
	text, err := json.Marshal(struct {
		Crowd
		Base string `json:"base"`
	}{c, activeDirectoryBase})
	if err != nil {
		return err
	}
	run := exec.CommandContext(ctx, python, "-I", "-c", crowdProgram, home)
	run.Stdin = bytes.NewReader(text)
	said, err := run.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: put %d people into the domain: %w: %s", filepath.Base(python), c.Size, err, said)
	}
	return nil
}

// valid returns nil for a crowd that can be made.
func (c Crowd) valid() error {
	if c.Size < 1 || c.Unit == "" || c.Prefix == "" || c.Manager == "" || c.MailDomain == "" || c.Title == "" {
		return errors.New("a crowd: expected at least one person, and no empty field")
	}
	return nil
}
