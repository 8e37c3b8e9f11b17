package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/fx"

	"usher/internal/config"
	"usher/internal/probe"
	"usher/internal/telemetry"
)

const exitUsage = 2

func main() {
	if len(os.Args) > 1 && os.Args[1] == migrateCommand {
		os.Exit(migrate(context.Background(), os.Args[2:], os.Stderr))
	}
	path := flag.String("config", os.Getenv("USHER_CONFIG"), "path of the configuration file; $USHER_CONFIG when it is not given")
	ask := flag.Bool("probe", false, "ask the worker that runs with this configuration here whether it is ready, and end: 0 it is, 1 it is not")
	flag.Parse()
	if *ask {
		os.Exit(ready(context.Background(), *path, os.Stderr))
	}
	os.Exit(start(context.Background(), *path))
}

// ready asks a worker that runs already, and gives the exit code.
func ready(ctx context.Context, path string, out io.Writer) int {
	c := defaults()
	err := config.Load(path, os.Environ(), &c)
	if err == nil && c.Health.Address == "" {
		err = errors.New("health.address: expected an address, for -probe asks there")
	}
	if err != nil {
		fmt.Fprintln(out, "usher-worker:", err)
		return exitUsage
	}
	if err := probe.Ready(ctx, c.Health.Address); err != nil {
		fmt.Fprintln(out, "usher-worker:", err)
		return exitFatal
	}
	return 0
}

// start runs the worker until it is told to stop, and gives the exit code.
func start(ctx context.Context, path string) int {
	c := defaults()
	if err := config.Load(path, os.Environ(), &c); err != nil {
		fmt.Fprintln(os.Stderr, "usher-worker:", err)
		return exitUsage
	}
	c.Deployment = c.Deployment.orEnvironment()
	logger, err := telemetry.Logger(c.Log, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "usher-worker:", err)
		return exitUsage
	}
	app := fx.New(module(ctx, &c, logger))
	if err := app.Err(); err != nil {
		logger.Error("worker does not start", "error", err)
		return exitUsage
	}
	startup, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	if err := app.Start(startup); err != nil {
		logger.Error("worker does not start", "error", err)
		return exitFatal
	}
	told := <-app.Wait()
	logger.Info("worker stops", "signal", fmt.Sprint(told.Signal))
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGTERM, syscall.SIGINT)
	stopping, done := context.WithTimeout(ctx, app.StopTimeout())
	defer done()
	stopped := make(chan error, 1)
	go func() { stopped <- app.Stop(stopping) }()
	select {
	case err := <-stopped:
		if err != nil {
			logger.Error("worker stops", "error", err)
			return exitFatal
		}
		return told.ExitCode
	case second := <-again:
		logger.Warn("worker ends at once", "signal", second.String())
		return exitFatal
	}
}
