package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"go.uber.org/fx"

	"usher/internal/telemetry"
)

// health answers probes: /livez while the process lives, /readyz while it can do its work; and /metrics.
type health struct{ server *http.Server }

// healthParts is what health is made of.
type healthParts struct {
	fx.In
	Config  *workerConfig
	Ready   *readiness
	Metrics *telemetry.Metrics
	Log     *slog.Logger
}

func newHealth(lc fx.Lifecycle, p healthParts) *health {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := p.Ready.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	mux.Handle("GET /metrics", p.Metrics.Handler())
	if p.Config.Health.Profile {
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	}
	h := &health{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	if p.Config.Health.Address == "" {
		return h
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Config.Health.Address)
			if err != nil {
				return fmt.Errorf("health.address: %w", err)
			}
			p.Log.Info("worker answers probes", "address", listener.Addr().String())
			go func() {
				if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					p.Log.Error("health", "error", err)
				}
			}()
			return nil
		},
		OnStop: h.server.Shutdown,
	})
	return h
}
