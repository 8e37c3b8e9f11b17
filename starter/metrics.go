package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.uber.org/fx"

	"usher/internal/telemetry"
)

// metricsConfig is where metrics are read: "host:port"; "" for nowhere. They have an address of their own because the
// API's is open to those who call it.
type metricsConfig struct {
	Address string `yaml:"address"`
}

func (c metricsConfig) problem() error {
	if c.Address == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("metrics.address: found %q, expected host:port, for example 127.0.0.1:9090", c.Address)
	}
	return nil
}

// metricsServer answers GET /metrics.
type metricsServer struct{ server *http.Server }

func newMetricsServer(lc fx.Lifecycle, c *serverConfig, metrics *telemetry.Metrics, logger *slog.Logger) *metricsServer {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	m := &metricsServer{&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	if c.Metrics.Address == "" {
		return m
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Metrics.Address)
			if err != nil {
				return fmt.Errorf("metrics.address: listen on %s: %w", c.Metrics.Address, err)
			}
			logger.Info("metrics are served", "address", listener.Addr().String())
			go func() {
				if err := m.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					logger.Error("metrics", "error", err)
				}
			}()
			return nil
		},
		OnStop: m.server.Shutdown,
	})
	return m
}

// counted counts what a handler answers.
func counted(next http.Handler, metrics *telemetry.Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		metrics.HTTPAnswered(r.Method, answer.status, time.Since(began))
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, status >= http.StatusOK
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is what http.ResponseController looks for.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
