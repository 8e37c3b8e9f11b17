package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"

	"usher/internal/access"
	"usher/internal/telemetry"
)

func TestLogger_json(t *testing.T) {
	var out bytes.Buffer
	logger, err := telemetry.Logger(telemetry.Config{}, &out)
	require.NoError(t, err)
	logger.Info("ticket opened", "request_id", "r1")
	logger.Debug("not written")

	var record map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &record))
	require.Equal(t, "ticket opened", record["msg"])
	require.Equal(t, "r1", record["request_id"])
}

func TestLoggerKeepsTheLevel(t *testing.T) {
	rows := map[string][]string{
		"debug": {"d", "i", "w", "e"},
		"":      {"i", "w", "e"},
		"info":  {"i", "w", "e"},
		"warn":  {"w", "e"},
		"error": {"e"},
	}
	for level, want := range rows {
		t.Run("level "+level, func(t *testing.T) {
			var out bytes.Buffer
			logger, err := telemetry.Logger(telemetry.Config{Level: level, Format: "text"}, &out)
			require.NoError(t, err)
			logger.Debug("x", "is", "d")
			logger.Info("x", "is", "i")
			logger.Warn("x", "is", "w")
			logger.Error("x", "is", "e")
			var got []string
			for _, letter := range []string{"d", "i", "w", "e"} {
				if bytes.Contains(out.Bytes(), []byte("is="+letter)) {
					got = append(got, letter)
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestLogger_settings(t *testing.T) {
	rows := map[string]telemetry.Config{
		`level: found "loud", expected debug, info, warn or error`: {Level: "loud"},
		`format: found "xml", expected json or text`:               {Format: "xml"},
	}
	for want, cfg := range rows {
		t.Run(want, func(t *testing.T) {
			_, err := telemetry.Logger(cfg, &bytes.Buffer{})
			require.ErrorContains(t, err, want)
			require.Equal(t, access.Invalid, access.KindOf(err))
		})
	}
}

func TestLoggerHidesSecrets(t *testing.T) {
	const secret = "hunter2"
	rows := map[string]func(*slog.Logger){
		"an attribute":                  func(l *slog.Logger) { l.Info("x", "token", secret) },
		"a key in other letters":        func(l *slog.Logger) { l.Info("x", "API-Key", secret) },
		"a key that ends with the name": func(l *slog.Logger) { l.Info("x", "desk_password", secret) },
		"a key that begins with it":     func(l *slog.Logger) { l.Info("x", "secret_id", secret) },
		"an attribute of the logger":    func(l *slog.Logger) { l.With("authorization", secret).Info("x") },
		"an attribute in a group":       func(l *slog.Logger) { l.Info("x", slog.Group("http", "cookie", secret)) },
		"a group that is one":           func(l *slog.Logger) { l.Info("x", slog.Group("token", "value", secret)) },
		"a group of the logger":         func(l *slog.Logger) { l.WithGroup("secret").Info("x", "a", secret) },
		"a value of another type":       func(l *slog.Logger) { l.Info("x", "token", []byte(secret)) },
		"a map":                         func(l *slog.Logger) { l.Info("x", "headers", map[string]string{"Token": secret}) },
		"a header":                      func(l *slog.Logger) { l.Info("x", "header", http.Header{"Authorization": {secret}}) },
		"the SDK's logger":              func(l *slog.Logger) { log.NewStructuredLogger(l).Info("x", "password", secret) },
	}
	for name, write := range rows {
		for _, format := range []string{"json", "text"} {
			t.Run(name+" as "+format, func(t *testing.T) {
				var out bytes.Buffer
				logger, err := telemetry.Logger(telemetry.Config{Format: format}, &out)
				require.NoError(t, err)
				write(logger)
				require.NotContains(t, out.String(), secret)
				require.Contains(t, out.String(), "[redacted]")
			})
		}
	}
}

func TestLogger_secrets(t *testing.T) {
	var out bytes.Buffer
	logger, err := telemetry.Logger(telemetry.Config{}, &out)
	require.NoError(t, err)
	logger.Info("x", "ticket", "ACC-1", "headers", map[string]string{"Accept": "text/html"})
	require.Contains(t, out.String(), "ACC-1")
	require.Contains(t, out.String(), "text/html")
}
