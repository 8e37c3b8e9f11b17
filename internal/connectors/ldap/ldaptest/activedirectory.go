package ldaptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where Debian's packages put Samba.
const (
	samba     = "/usr/sbin/samba"
	sambaTool = "/usr/bin/samba-tool"
	provision = "/usr/share/samba/setup/provision.ldif"
)

// ActiveDirectoryDomain is the DNS name of a domain of StartActiveDirectory.
const ActiveDirectoryDomain = "ad.test"

// activeDirectoryBase is the entry of the domain.
const activeDirectoryBase = "DC=ad,DC=test"

// ActiveDirectoryInstalled returns nil when the machine has what Samba needs; else the error says how to install it.
func ActiveDirectoryInstalled() error {
	for _, file := range []string{samba, sambaTool, provision} {
		if _, err := os.Stat(file); err != nil {
			return errors.New("Samba as Active Directory is missing: `apt-get install samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind python3-cryptography`, or .ci/run") //nolint:staticcheck // It is a name.
		}
	}
	if os.Geteuid() != 0 {
		return errors.New("Samba as Active Directory is missing: its ports need root") //nolint:staticcheck // It is a name.
	}
	return nil
}

// StartActiveDirectory runs Samba as a domain controller for the length of a test. To make its domain takes some seconds.
func StartActiveDirectory(t testing.TB) *Server {
	t.Helper()
	return start(t, ActiveDirectoryInstalled, ActiveDirectory)
}

// ActiveDirectory makes a domain in a folder that has none, and runs its controller until Stop. Its ports are those of Active Directory, at a
// loopback address of its own.
func ActiveDirectory(ctx context.Context, home string) (*Server, error) {
	return activeDirectory(ctx, home, domain{backend: "tdb"})
}

func activeDirectory(ctx context.Context, home string, made domain) (*Server, error) {
	s := &Server{AdminDN: "administrator@" + ActiveDirectoryDomain, AdminPassword: "Adm1n-Passw0rd!", BaseDN: activeDirectoryBase}
	address, held, err := holdAddress(ctx)
	if err != nil {
		return nil, fmt.Errorf("start Samba: %w", err)
	}
	s.held = held
	if err := s.startSamba(ctx, home, address, made); err != nil {
		return nil, errors.Join(fmt.Errorf("start Samba: %w", err), held.Close())
	}
	return s, nil
}

// firstAddress and lastAddress are the last parts of the loopback addresses that are tried, and holdPort is the port that marks one as
// taken.
const (
	firstAddress = 51
	lastAddress  = 99
	holdPort     = "38900"
)

// holdAddress returns a loopback address at which no other domain runs, until held is closed.
func holdAddress(ctx context.Context) (address string, held io.Closer, err error) {
	var listen net.ListenConfig
	for last := firstAddress; last <= lastAddress; last++ {
		address = fmt.Sprintf("127.0.0.%d", last)
		if held, err = listen.Listen(ctx, "tcp", net.JoinHostPort(address, holdPort)); err != nil {
			continue
		}
		var port net.Listener
		if port, err = listen.Listen(ctx, "tcp", net.JoinHostPort(address, "636")); err == nil {
			return address, held, port.Close()
		}
		held.Close()
	}
	return "", nil, fmt.Errorf("no free address from 127.0.0.%d to %d: %w", firstAddress, lastAddress, err)
}

func (s *Server) startSamba(ctx context.Context, home, address string, made domain) error {
	version, err := output(ctx, samba, "-V")
	if err != nil {
		return err
	}
	s.Version = "Samba " + strings.TrimPrefix(strings.TrimSpace(version), "Version ")
	if err := s.provision(ctx, home, address, made); err != nil {
		return err
	}
	secrets := filepath.Join(home, "private", "tls")
	if err := certify(secrets, address, "dc1."+ActiveDirectoryDomain); err != nil {
		return err
	}
	s.CAFile = filepath.Join(secrets, certFile)
	for _, folder := range []string{"log", "run"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o755); err != nil {
			return err
		}
	}
	run := filepath.Join(home, "run")
	s.URL, s.TLSURL = "ldap://"+address, "ldaps://"+address
	if err := s.run(ctx, samba, "-s", filepath.Join(home, "etc", "smb.conf"), "--foreground", "--no-process-group", "--debug-stdout", "-M", "single", "-d", "1",
		"--option=server services=ldap, cldap", "--option=log file="+filepath.Join(home, "log", "log.%m"), "--option=pid directory="+run,
		"--option=ncalrpc dir="+filepath.Join(run, "ncalrpc"), "--option=winbindd socket directory="+filepath.Join(run, "winbindd"),
		"--option=ntp signd socket directory="+filepath.Join(run, "ntp"), "--option=dns update command=/bin/true",
		"--option=tls certfile="+s.CAFile, "--option=tls keyfile="+filepath.Join(secrets, keyFile), "--option=tls cafile="+s.CAFile); err != nil {
		return err
	}
	if err := s.await(ctx); err != nil {
		return errors.Join(err, s.Stop(), errors.New(s.Output()))
	}
	return nil
}

// provision makes the domain.
func (s *Server) provision(ctx context.Context, home, address string, made domain) error {
	if _, err := output(ctx, sambaTool, "domain", "provision", "--realm="+strings.ToUpper(ActiveDirectoryDomain), "--domain=ADTEST",
		"--server-role=dc", "--dns-backend=NONE", "--adminpass="+s.AdminPassword, "--host-name=dc1", "--host-ip="+localhost, "--targetdir="+home,
		"--option=interfaces="+address+"/8", "--option=bind interfaces only=yes", "--backend-store="+made.backend); err != nil {
		return err
	}
	if made.crowd == nil {
		return nil
	}
	return made.crowd.enrol(ctx, home)
}
