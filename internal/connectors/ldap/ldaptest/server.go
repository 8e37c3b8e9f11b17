// Package ldaptest runs real directories for tests and demonstrations: OpenLDAP's slapd, and Samba as a domain controller of Active
// Directory, both from Debian's packages. A Wire between them and a connector does what they do not do themselves, or stands for
// a server with a script.
package ldaptest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// Server is a running directory.
type Server struct {
	// URL is without TLS, TLSURL with it, for those who trust CAFile. Both are on this machine alone.
	URL, TLSURL, CAFile string
	// AdminDN and AdminPassword are an account that may do everything, BaseDN is the entry above all others.
	AdminDN, AdminPassword, BaseDN string
	// Version is what the server says of itself.
	Version string

	output  bytes.Buffer
	stdin   io.Closer
	process *exec.Cmd
	held    io.Closer
}

// startWithin is how long a server may take to answer: the machine may be busy.
const startWithin = 2 * time.Minute

// run starts the server's process. The shell ends it with its pipe, also when this program is killed.
func (s *Server) run(ctx context.Context, name string, args ...string) error {
	all := append([]string{"-c", `"$@" & cat >/dev/null; kill $!; wait`, "sh", name}, args...)
	s.process = exec.CommandContext(context.WithoutCancel(ctx), "sh", all...)
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	s.process.WaitDelay = 10 * time.Second
	var err error
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return err
	}
	return s.process.Start()
}

// await waits until the server takes the administrator.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		c, err := s.Admin()
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-every.C:
		}
	}
}

// Stop ends the server.
func (s *Server) Stop() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	// The shell was told to kill: how it ended says nothing.
	_ = s.process.Wait()
	if s.held != nil {
		return s.held.Close()
	}
	return nil
}

// Output returns what the server said. It is for a server that has ended.
func (s *Server) Output() string { return s.output.String() }

// TLS returns how the server proves itself.
func (s *Server) TLS() (*tls.Config, error) {
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// Admin returns a connection of the administrator.
func (s *Server) Admin() (*goldap.Conn, error) {
	config, err := s.TLS()
	if err != nil {
		return nil, err
	}
	c, err := goldap.DialURL(s.TLSURL, goldap.DialWithTLSConfig(config), goldap.DialWithDialer(&net.Dialer{Timeout: time.Second}))
	if err != nil {
		return nil, err
	}
	if err := c.Bind(s.AdminDN, s.AdminPassword); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// certify writes a certificate for an address and its key.
func certify(folder, address, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour), IPAddresses: []net.IP{net.ParseIP(address)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, file := range []struct {
		name string
		pem.Block
	}{{certFile, pem.Block{Type: "CERTIFICATE", Bytes: raw}}, {keyFile, pem.Block{Type: "PRIVATE KEY", Bytes: secret}}} {
		if err := os.WriteFile(filepath.Join(folder, file.name), pem.EncodeToMemory(&file.Block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const (
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

// output runs a command and returns what it says.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(name), err, out)
	}
	return string(out), err
}

// start starts a server for the length of a test. Where it is not installed, the test is skipped, and fails where everything has to be
// installed.
func start(t testing.TB, installed func() error, begin func(context.Context, string) (*Server, error)) *Server {
	t.Helper()
	if err := installed(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Not t.TempDir: the names of sockets in there must be short.
	home, err := os.MkdirTemp("", "usher-ldap-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	s, err := begin(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("real server: %s", s.Version)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server said: %s", s.Output())
		}
	})
	return s
}
