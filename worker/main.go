package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"go.uber.org/fx"

	"usher/internal/config"
	"usher/internal/telemetry"
)

const exitUsage = 2

func main() {
	path := flag.String("config", os.Getenv("USHER_CONFIG"), "path of the configuration file; $USHER_CONFIG when it is not given")
	flag.Parse()
	os.Exit(start(context.Background(), *path))
}

// start runs the worker until it is told to stop, and gives the exit code.
func start(ctx context.Context, path string) int {
	c := defaults()
	if err := config.Load(path, os.Environ(), &c); err != nil {
		fmt.Fprintln(os.Stderr, "usher-worker:", err)
		return exitUsage
	}
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
	signal := <-app.Wait()
	logger.Info("worker stops", "signal", fmt.Sprint(signal.Signal))
	stopping, done := context.WithTimeout(ctx, app.StopTimeout())
	defer done()
	if err := app.Stop(stopping); err != nil {
		logger.Error("worker stops", "error", err)
		return exitFatal
	}
	return signal.ExitCode
}
