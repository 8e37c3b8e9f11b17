// Package telemetry makes the program's logger, and counts for its metrics.
//
// Every record passes a redaction: the value of an attribute whose key names a secret is never written. The logger is
// passed in everywhere; nothing in usher uses slog's default one. The SDK takes it by log.NewStructuredLogger.
//
// Metrics are usher's own, with names that are written down in one place, and those of libraries (Series).
package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"usher/internal/access"
)

// Config is how to log. The zero Config logs at level info, as JSON.
type Config struct {
	// Level is "debug", "info", "warn" or "error"; "" is "info".
	Level string `yaml:"level"`
	// Format is "json" or "text"; "" is "json".
	Format string `yaml:"format"`
}

// Validate names every key that has a value that is not allowed, as "level: ...", relative to this section.
func (c Config) Validate() error {
	var wrong []error
	if _, ok := levelOf(c.Level); !ok {
		wrong = append(wrong, fmt.Errorf("level: found %q, expected debug, info, warn or error", c.Level))
	}
	if c.Format != "" && c.Format != "json" && c.Format != "text" {
		wrong = append(wrong, fmt.Errorf("format: found %q, expected json or text", c.Format))
	}
	return errors.Join(wrong...)
}

// Logger makes a logger that writes to w, one record a line. It is safe for concurrent use; the writes to w are one at a
// time. The error is Invalid and names the key, as Validate does.
//
// In every attribute, however deep in groups, whose key names a token, a password, a secret, an API key or an
// authorization, the value is written as "[redacted]"; so is any key that begins or ends with such a name
// ("desk_token", "client-secret").
func Logger(cfg Config, w io.Writer) (*slog.Logger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, access.Errorf(access.Invalid, "make the logger", "%w", err)
	}
	level, _ := levelOf(cfg.Level)
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, options)), nil
}

func levelOf(name string) (slog.Level, bool) {
	switch name {
	case "debug":
		return slog.LevelDebug, true
	case "", "info":
		return slog.LevelInfo, true
	case "warn":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	}
	return 0, false
}

const redacted = "[redacted]"

// secretNames are compared with a key in lower case without "-" and "_".
var secretNames = [...]string{"token", "password", "passwd", "secret", "authorization", "apikey", "cookie"}

// redact hides the value of an attribute whose key, or whose group's key, names a secret.
func redact(groups []string, attr slog.Attr) slog.Attr {
	if namesSecret(attr.Key) {
		return slog.String(attr.Key, redacted)
	}
	for _, group := range groups {
		if namesSecret(group) {
			return slog.String(attr.Key, redacted)
		}
	}
	switch values := attr.Value.Any().(type) {
	case map[string]string:
		return slog.Any(attr.Key, redactMap(values))
	case http.Header:
		return slog.Any(attr.Key, redactHeader(values))
	}
	return attr
}

func redactMap(values map[string]string) map[string]string {
	clean := make(map[string]string, len(values))
	for key, value := range values {
		if namesSecret(key) {
			value = redacted
		}
		clean[key] = value
	}
	return clean
}

func redactHeader(values http.Header) http.Header {
	clean := values.Clone()
	for key := range clean {
		if namesSecret(key) {
			clean[key] = []string{redacted}
		}
	}
	return clean
}

// unseparated takes away what separates the words of a key. It is safe for concurrent use, and dear to make.
var unseparated = strings.NewReplacer("-", "", "_", "", " ", "")

func namesSecret(key string) bool {
	plain := unseparated.Replace(strings.ToLower(key))
	for _, name := range secretNames {
		if strings.HasPrefix(plain, name) || strings.HasSuffix(plain, name) {
			return true
		}
	}
	return false
}
