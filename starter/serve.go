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

	"usher/internal/access"
	"usher/internal/config"
	"usher/internal/ledger"
	"usher/internal/probe"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

// serve runs the server until it is told to stop, and gives the exit code for an error.
func serve(ctx context.Context, path string, s *surroundings) (int, error) {
	c := defaultServerConfig()
	if err := config.Load(path, s.environ, c); err != nil {
		return exitUsage, err
	}
	logger, err := telemetry.Logger(c.Log, s.err)
	if err != nil {
		return exitUsage, err
	}
	app := fx.New(module(ctx, c, logger))
	if err := app.Err(); err != nil {
		return exitUsage, err
	}
	starting, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	if err := app.Start(starting); err != nil {
		return exitFailed, err
	}
	var signal fx.ShutdownSignal
	select {
	case signal = <-app.Wait():
	case <-ctx.Done():
	}
	logger.Info("usher stops", "signal", fmt.Sprint(signal.Signal))
	// The stop must go on where the caller's context has ended: it is what ended it.
	stopping, done := context.WithTimeout(context.WithoutCancel(ctx), app.StopTimeout())
	defer done()
	if err := app.Stop(stopping); err != nil {
		return exitFailed, err
	}
	if signal.ExitCode != exitOK {
		return signal.ExitCode, errors.New("the server ended by itself; the log says why")
	}
	return exitOK, nil
}

// ready asks a server that runs already, and gives the exit code for an error.
func ready(ctx context.Context, path string, s *surroundings) (int, error) {
	c := defaultServerConfig()
	if err := config.Load(path, s.environ, c); err != nil {
		return exitUsage, err
	}
	if err := probe.Ready(ctx, c.HTTP.Address); err != nil {
		return exitFailed, err
	}
	return exitOK, nil
}

// closeMargin is what closing everything else may take after the calls' shutdown timeout.
const closeMargin = 5 * time.Second

// module puts the server together. One Invoke: what runs. The context is the process's own.
func module(ctx context.Context, c *serverConfig, logger *slog.Logger) fx.Option {
	return fx.Options(
		fx.Supply(c, logger, fx.Annotate(ctx, fx.As(new(context.Context)))),
		fx.Provide(telemetry.NewMetrics, newMetricsServer, openLedger, newGateway, newAuthenticator, newAPI, newListening),
		fx.Invoke(func(*metricsServer, *listening) {}),
		fx.StopTimeout(c.HTTP.ShutdownTimeoutOrDefault()+closeMargin),
		fx.NopLogger,
	)
}

func openLedger(ctx context.Context, lc fx.Lifecycle, c *serverConfig) (*ledger.Store, error) {
	store, err := ledger.Open(ctx, c.Ledger)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, nil
}

// gatewayParts is what a gateway is made of.
type gatewayParts struct {
	fx.In
	Config  *serverConfig
	Log     *slog.Logger
	Metrics *telemetry.Metrics
}

func newGateway(ctx context.Context, lc fx.Lifecycle, p gatewayParts) (*gateway.Gateway, error) {
	temporal, err := temporalclient.Dial(ctx, p.Config.Temporal, p.Log, p.Metrics)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(temporal.Close))
	return gateway.New(temporal, p.Config.Gateway), nil
}

func newAuthenticator(c *serverConfig, logger *slog.Logger) (httpapi.Authenticator, error) {
	switch c.Auth.Mode {
	case modeOIDC:
		return httpapi.NewOIDC(c.Auth.OIDC, time.Now)
	case modeDevelopment:
		logger.Warn("development mode: identity is not checked, every caller is whoever X-Usher-Person says")
		return httpapi.NewDevelopment(c.HTTP.Address)
	}
	return nil, access.Errorf(access.Invalid, "choose how callers are known", "auth.mode: found %q, expected oidc or development", c.Auth.Mode)
}

func newAPI(c *serverConfig, g *gateway.Gateway, store *ledger.Store, a httpapi.Authenticator, logger *slog.Logger) *httpapi.API {
	return httpapi.New(
		httpapi.Config{
			Auditors: c.Auditors, Administrators: c.Administrators, TicketCallers: c.TicketCallers, HelpDesk: c.HelpDesk, OpenReads: c.OpenReads,
			Duplicates: c.Duplicates, Quotas: c.Quotas, Webhooks: c.Webhooks,
		},
		httpapi.Deps{Gateway: g, Ledger: store, Authenticator: a, Logger: logger, Now: time.Now})
}

// listeningParts is what listens.
type listeningParts struct {
	fx.In
	Config   *serverConfig
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
	API      *httpapi.API
	Shutdown fx.Shutdowner
}

// listening is the server as it runs.
type listening struct {
	server   *http.Server
	config   *serverConfig
	log      *slog.Logger
	shutdown fx.Shutdowner
}

func newListening(lc fx.Lifecycle, p listeningParts) *listening {
	l := &listening{server: httpapi.NewServer(counted(p.API, p.Metrics), p.Log), config: p.Config, log: p.Log, shutdown: p.Shutdown}
	lc.Append(fx.StartStopHook(l.start, l.stop))
	return l
}

func (l *listening) start(ctx context.Context) error {
	var how net.ListenConfig
	listener, err := how.Listen(ctx, "tcp", l.config.HTTP.Address)
	if err != nil {
		return fmt.Errorf("http.address: listen on %s: %w", l.config.HTTP.Address, err)
	}
	// A name such as localhost may lead anywhere; what counts is where the server really listens.
	if l.config.Auth.Mode == modeDevelopment && !httpapi.Loopback(listener.Addr().String()) {
		return errors.Join(
			fmt.Errorf("http.address: %s is not on loopback, which auth.mode: development needs", listener.Addr()), listener.Close())
	}
	l.log.Info("usher listens", "address", listener.Addr().String(), "version", version())
	go func() {
		if err := l.server.Serve(l.config.HTTP.Capped(listener)); !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("the server ended", "error", err)
			if err := l.shutdown.Shutdown(fx.ExitCode(exitFailed)); err != nil {
				l.log.Error("shutdown", "error", err)
			}
		}
	}()
	return nil
}

// stop takes no new calls, and waits for those that are being answered up to the shutdown timeout.
func (l *listening) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.config.HTTP.ShutdownTimeoutOrDefault())
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		l.log.Warn("shutdown timeout exceeded, calls are cut", "shutdown_timeout", l.config.HTTP.ShutdownTimeoutOrDefault())
		return l.server.Close()
	}
	return nil
}
