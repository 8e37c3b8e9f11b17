package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"usher/internal/access"
)

// ServerConfig is where and how patiently usher listens.
type ServerConfig struct {
	// Address is host:port. Port 0 takes a free one.
	Address string `yaml:"address"`
	// ShutdownTimeout is how long a stop waits for calls that are being answered. 0 means 15s.
	ShutdownTimeout access.Duration `yaml:"shutdown_timeout"`
	// MaxConnections is how many connections are open at a time; more of them wait. 0 means 512.
	MaxConnections int `yaml:"max_connections"`
}

// Validate names the key that is wrong.
func (c ServerConfig) Validate() error {
	var problems []error
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		problems = append(problems, fmt.Errorf("http.address: found %q, expected host:port, for example 127.0.0.1:8080", c.Address))
	}
	if c.ShutdownTimeout < 0 {
		problems = append(problems, fmt.Errorf("http.shutdown_timeout: found %s, expected 0s or more", c.ShutdownTimeout))
	}
	if c.MaxConnections < 0 {
		problems = append(problems, fmt.Errorf("http.max_connections: found %d, expected 1 or more, or 0 for %d", c.MaxConnections, defaultConnections))
	}
	return errors.Join(problems...)
}

const defaultConnections = 512

// Capped returns a listener that lets in at most MaxConnections at a time.
func (c ServerConfig) Capped(l net.Listener) net.Listener {
	return netutil.LimitListener(l, cmp.Or(c.MaxConnections, defaultConnections))
}

// ShutdownTimeoutOrDefault is Grace, or 15 seconds where it says nothing.
func (c ServerConfig) ShutdownTimeoutOrDefault() time.Duration {
	if c.ShutdownTimeout == 0 {
		return 15 * time.Second
	}
	return c.ShutdownTimeout.Std()
}

// NewServer makes an HTTP server with limits that a slow or hostile client cannot wear down. It does not listen yet.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		// The longest answer is the doctor's.
		WriteTimeout: 60 * time.Second,
		IdleTimeout:  2 * time.Minute,
		// Above MaxHeaders, so that the answer to slightly too much is a problem document.
		MaxHeaderBytes: 2 * MaxHeaders,
		// "OPTIONS *" gets the answer of a path that does not exist, in the log as well.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
