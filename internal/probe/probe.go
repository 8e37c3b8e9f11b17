// Package probe asks a program of usher on this machine whether it can do its work, for containers whose runtime runs a
// command where Kubernetes makes an HTTP call: the images hold no other program that could.
package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// within is shorter than what a runtime waits, so that the reason is shown.
	within = 5 * time.Second
	// said is how much of a refusal is shown.
	said = 1 << 10
)

// Ready asks GET /readyz of the program that listens on address, "host:port" as it stands in its configuration: one that
// listens on every address is asked on 127.0.0.1. nil: it is ready. Otherwise the error says what it answered, or why it did
// not. Safe to repeat.
func Ready(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q: expected host:port", address)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("%q: expected host:port", address)
	}
	// No proxy of the environment stands between a program and itself.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer at %s: %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusOK && answer.StatusCode < http.StatusMultipleChoices {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, said))
	if err != nil {
		return fmt.Errorf("not ready: %s: %w", answer.Status, err)
	}
	return fmt.Errorf("not ready: %s: %s", answer.Status, strings.TrimSpace(string(text)))
}
