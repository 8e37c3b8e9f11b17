package jiraspec

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

// PathReport is where Handler serves the report.
const PathReport = "/_sim/contract"

// Handler is Middleware that serves the report as JSON at GET /_sim/contract besides.
func (c *Contract) Handler(next http.Handler) http.Handler {
	guarded := c.Middleware(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != PathReport || r.Method != http.MethodGet {
			guarded.ServeHTTP(w, r)
			return
		}
		raw, err := json.MarshalIndent(c.Report(), "", "  ")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// The reader has gone when this errs; there is nobody left to tell.
		_, _ = w.Write(append(raw, '\n'))
	})
}
