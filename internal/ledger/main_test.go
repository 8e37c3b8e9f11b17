package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/ledger"
)

// migrateVariable makes this test binary a process that migrates one ledger and ends.
const migrateVariable = "LEDGER_TEST_MIGRATE_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(migrateVariable); url != "" {
		err := migrateOnce(context.Background(), url) //nolint:forbidigo // the binary is a program of its own here
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func migrateOnce(ctx context.Context, url string) error {
	s, err := ledger.Open(ctx, ledger.Config{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Ping(ctx), s.Close())
}

// startMigration starts another process that migrates, and gives what waits for its end.
func startMigration(t *testing.T, url string) (wait func() (output string, err error)) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), migrateVariable+"="+url)
	ended := make(chan struct{})
	var out []byte
	var runErr error
	go func() {
		defer close(ended)
		out, runErr = cmd.CombinedOutput()
	}()
	return func() (string, error) {
		<-ended
		return string(out), runErr
	}
}
