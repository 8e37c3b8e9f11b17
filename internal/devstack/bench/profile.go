package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// profiled is how long the worker is profiled; it must end within a stretch of usher's.
const profiled = rampFor + partFor - 2*time.Second

// profile takes a profile of the worker's processor time while a stretch runs, where the worker serves one beside its
// probes, and tells the functions that cost most.
func (r *run) profile(ctx context.Context) error {
	address := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", r.stack.URLs().WorkerHealth, int(profiled.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		r.note("The worker serves no profile (%s), so its costs are not named.", response.Status)
		return nil
	}
	path := filepath.Join(r.dir, "worker.pprof")
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	_, err = io.Copy(file, response.Body)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	worker := filepath.Join(r.stack.BinDir(), "usher-worker")
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=30", worker, path).Output()
	if err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	r.tell("where the worker's processor time goes (flat, and with what is called):")
	for line := range strings.Lines(string(out)) {
		r.tell("    %s", strings.TrimRight(line, "\n"))
	}
	return nil
}
