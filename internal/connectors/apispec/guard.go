package apispec

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
)

// TB is what Guard needs of a test.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Guard puts the contract of an edition in front of a fake for the time of a test, which fails at its end if the contract
// was broken. Ask for it before the server is started, so that the server is closed first. Without the vendor's documents
// it logs that nothing is checked, and gives the fake itself.
func Guard(t TB, edition Edition, fake http.Handler) http.Handler {
	t.Helper()
	c, err := FromEnv(os.Getenv, edition)
	if errors.Is(err, ErrNoDocuments) {
		t.Logf("%v", err)
		return fake
	}
	if err != nil {
		t.Errorf("%v", err)
		return fake
	}
	t.Cleanup(func() {
		for _, line := range c.Report().Broken() {
			t.Errorf("%s", line)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return c.Middleware(fake)
}

// PathReport is where the report of a Front can be read, as JSON.
const PathReport = "/_sim/contract"

// Front is a fake behind the contract, for programs that serve one: an http.Handler with the report at GET PathReport.
// Without the vendor's documents it is the fake alone, and the report only says so.
type Front struct {
	guarded  http.Handler
	contract *Contract
	report   func() Report
}

var _ http.Handler = (*Front)(nil)

// InFront puts the contract of an edition in front of a fake; the environment is FromEnv's. Documents that are not there
// are no error: see Skipped.
func InFront(getenv func(string) string, edition Edition, fake http.Handler) (*Front, error) {
	c, err := FromEnv(getenv, edition)
	if errors.Is(err, ErrNoDocuments) {
		c = newContract(edition)
		report := c.Report()
		report.Skipped = err.Error()
		return &Front{guarded: fake, contract: c, report: func() Report { return report }}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Front{guarded: c.Middleware(fake), contract: c, report: c.Report}, nil
}

// Skipped is what to tell people where nothing is checked; "" where the contract is held.
func (f *Front) Skipped() string { return f.report().Skipped }

// Close is Contract.Close.
func (f *Front) Close() error { return f.contract.Close() }

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != PathReport || r.Method != http.MethodGet {
		f.guarded.ServeHTTP(w, r)
		return
	}
	raw, err := json.MarshalIndent(f.report(), "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The reader has gone when this errs; there is nobody left to tell.
	_, _ = w.Write(append(raw, '\n'))
}
