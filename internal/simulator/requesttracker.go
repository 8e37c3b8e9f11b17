package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"usher/internal/connectors/requesttracker/rttest"
)

// startRequestTracker starts a Request Tracker with the same people, a queue for usher and one in which people ask, and usher's token in a file.
func startRequestTracker(ctx context.Context, o options) (*rttest.Server, error) {
	home, err := filepath.Abs(filepath.Join(o.stateDir, "requesttracker"))
	if err != nil {
		return nil, fmt.Errorf("-state: %w", err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("-state: %w", err)
	}
	tracker, err := rttest.Start(ctx, rttest.Config{Home: home, Address: o.requestTrackerAddr, Accounts: 1, AdminUsers: true})
	if err != nil {
		return nil, fmt.Errorf("-requesttracker-addr: %w", err)
	}
	err = moveIn(ctx, tracker, o.staff)
	if err == nil {
		err = os.WriteFile(filepath.Join(home, "usher-token"), []byte(tracker.Tokens["usher-1"]+"\n"), 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("-requesttracker-addr: %w", err), tracker.Stop())
	}
	return tracker, nil
}

// moveIn makes the queues and the accounts of people, as far as they are not there from an earlier start.
func moveIn(ctx context.Context, tracker *rttest.Server, staff int) error {
	ensure := func(kind, name string, body map[string]any) error {
		call := rttest.Call{As: rttest.Root, Password: rttest.RootPassword, Method: http.MethodGet, Path: kind + "/" + url.PathEscape(name)}
		err := tracker.Call(ctx, call)
		if refused := (*rttest.StatusError)(nil); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
			return err
		}
		call.Method, call.Path, call.Body = http.MethodPost, kind, body
		return tracker.Call(ctx, call)
	}
	for _, queue := range []string{"Access", "Help"} {
		if err := ensure("queue", queue, map[string]any{"Name": queue, "Lifecycle": "access"}); err != nil {
			return fmt.Errorf("make the queue %s: %w", queue, err)
		}
	}
	for _, one := range people(staff) {
		disabled := 0
		if one.left {
			disabled = 1
		}
		err := ensure("user", one.email(), map[string]any{
			"Name": one.email(), "EmailAddress": one.email(), "RealName": one.name, "Privileged": 1, "Password": "token-of-" + one.id, "Disabled": disabled,
		})
		if err != nil {
			return fmt.Errorf("make the account of %s: %w", one.id, err)
		}
	}
	err := ensure("user", eve, map[string]any{
		"Name": eve, "EmailAddress": borrowedEmail, "RealName": "Eve Evans", "Privileged": 1, "Password": "token-of-eve",
	})
	if err != nil {
		return fmt.Errorf("make the account of eve: %w", err)
	}
	return nil
}
