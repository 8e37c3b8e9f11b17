package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.uber.org/fx"
)

// health answers probes: /livez while the process lives, /readyz while it polls.
type health struct{ server *http.Server }

func newHealth(lc fx.Lifecycle, c *settings, run *runner, logger *slog.Logger) *health {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !run.ready.Load() {
			http.Error(w, "not polling yet", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	h := &health{server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	if c.Health.Address == "" {
		return h
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Health.Address)
			if err != nil {
				return err
			}
			go func() {
				if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					logger.Error("health", "error", err)
				}
			}()
			return nil
		},
		OnStop: h.server.Shutdown,
	})
	return h
}
