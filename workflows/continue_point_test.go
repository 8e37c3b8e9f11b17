package workflows_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/ledger"
)

// point is the testing.TB of one point: a requirement that fails is kept as the point's violation, and ends the point
// instead of the test.
type point struct {
	testing.TB
	dir string
	// ledger is an empty ledger that has its schema, so that not every point makes one anew.
	ledger []byte

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// pointFailed is what FailNow panics with, because a point runs on a goroutine that is not its test's.
type pointFailed struct{}

func newPoint(t testing.TB, name string, ledger []byte) *point {
	return &point{TB: t, dir: filepath.Join(t.TempDir(), name), ledger: ledger}
}

// emptyLedger returns the file of a ledger that holds nothing.
func emptyLedger(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), ledgerFile)
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + path})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	return file
}

// whereFailed is what testify says of the place of a failure.
var whereFailed = regexp.MustCompile(`(?s)^.*Error Trace:.*Error:|Test:.*?(Messages:|$)`)

// Errorf implements testing.TB. It keeps what a requirement says without where it stands.
func (p *point) Errorf(format string, args ...any) {
	text := whereFailed.ReplaceAllString(fmt.Sprintf(format, args...), "")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, strings.Join(strings.Fields(text), " "))
}

// FailNow implements testing.TB.
func (p *point) FailNow() { panic(pointFailed{}) }

// Fatalf implements testing.TB.
func (p *point) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	p.FailNow()
}

// Helper implements testing.TB.
func (p *point) Helper() {}

// Cleanup implements testing.TB.
func (p *point) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

// TempDir implements testing.TB. The ledger is in it.
func (p *point) TempDir() string {
	err := errors.Join(os.MkdirAll(p.dir, 0o700), os.WriteFile(filepath.Join(p.dir, ledgerFile), p.ledger, 0o600))
	if err != nil {
		p.Fatalf("%v", err)
	}
	return p.dir
}

// close cleans up, and returns what has failed.
func (p *point) close() []string {
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.cleanups[i]()
	}
	_ = os.RemoveAll(p.dir)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}
