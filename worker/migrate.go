package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"usher/internal/config"
	"usher/internal/ledger"
)

// migrateCommand is the first argument of a call that migrates the ledger and runs no worker.
const migrateCommand = "migrate"

// migrateConfig is the file of a migration. It has the role that owns the ledger, whose password the worker never has.
type migrateConfig struct {
	Ledger ledger.Config `yaml:"ledger"`
}

// Validate implements config.Validator.
func (c *migrateConfig) Validate() error { return c.Ledger.Validate() }

// migrate brings the ledger to this build's schema and grants its roles what they need, and returns the exit code. Safe to repeat.
func migrate(ctx context.Context, args []string, out io.Writer) int {
	var roles ledger.Roles
	flags := flag.NewFlagSet(migrateCommand, flag.ContinueOnError)
	flags.SetOutput(out)
	path := flags.String("config", os.Getenv("USHER_MIGRATE_CONFIG"), "path of the file with ledger.url and ledger.password of the owner; $USHER_MIGRATE_CONFIG when it is not given")
	flags.StringVar(&roles.Worker, "worker-role", "", "PostgreSQL role of the worker, which writes; none is granted anything when it is not given")
	flags.StringVar(&roles.API, "api-role", "", "PostgreSQL role of usher serve, which reads")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	var c migrateConfig
	if err := config.Load(*path, os.Environ(), &c); err != nil {
		fmt.Fprintln(out, "usher-worker migrate:", err)
		return exitUsage
	}
	if err := migrateLedger(ctx, c.Ledger, roles); err != nil {
		fmt.Fprintln(out, "usher-worker migrate:", err)
		return exitFatal
	}
	fmt.Fprintln(out, "the ledger has this build's schema")
	return 0
}

func migrateLedger(ctx context.Context, c ledger.Config, roles ledger.Roles) (err error) {
	store, err := ledger.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		if closed := store.Close(); err == nil {
			err = closed
		}
	}()
	if err := store.Migrate(ctx); err != nil || roles == (ledger.Roles{}) {
		return err
	}
	return store.GrantRoles(ctx, roles)
}
