package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"usher/internal/devstack/stack"
)

// stateDir is where up keeps what goes on at the next start, below usher's folder; another desk than Jira has one of its own.
const stateDir = ".usher"

// up runs the stack until the context ends.
func up(ctx context.Context, p program) error {
	fmt.Fprintln(p.out, "usher: starting everything on this machine; Ctrl-C stops it, and the next start goes on where it was")
	options, err := upOptions(p)
	if err != nil {
		return err
	}
	began := time.Now()
	s, err := stack.Start(ctx, options)
	if ctx.Err() != nil {
		if err == nil {
			err = s.Stop(context.WithoutCancel(ctx))
		} else {
			err = nil
		}
		fmt.Fprintln(p.out, "usher: stopped before it was up")
		return err
	}
	if err != nil {
		return err
	}
	open, err := s.Client().Requests(ctx, stack.Auditor, "open=true&limit=200")
	if err != nil {
		fmt.Fprintf(p.out, "the open requests cannot be listed: %v\n", err)
	}
	write(p.out, startMessage{urls: s.URLs(), pids: s.Pids(), dir: relative(options.Root, s.Dir()), jira: options.Jira, open: open, took: time.Since(began), now: time.Now()})
	<-ctx.Done()
	fmt.Fprintln(p.out, "\nusher: stopping")
	if err := s.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "usher: stopped; the next start goes on with the requests that are open")
	return nil
}

func upOptions(p program) (stack.Options, error) {
	root, err := stack.FindRoot()
	if err != nil {
		return stack.Options{}, err
	}
	jira, err := realJira(p.getenv)
	dir := stateDir
	if desk := p.getenv("DESK"); desk != "" && desk != string(stack.Jira) {
		// Requests whose tickets are on another desk go on with that desk.
		dir += "-" + desk
	}
	return stack.Options{
		Dir: filepath.Join(root, dir), Root: root, FixedPorts: true, Log: p.out, Jira: jira,
		TemporalAddress: p.getenv("TEMPORAL_ADDRESS"), Desk: stack.DeskKind(p.getenv("DESK")),
	}, err
}

// realJira is the desk that the environment names; nil when it names none.
func realJira(getenv func(string) string) (*stack.RealJira, error) {
	url := getenv("JIRA_URL")
	if url == "" {
		return nil, nil
	}
	for _, name := range []string{"JIRA_USER", "JIRA_TOKEN"} {
		if getenv(name) == "" {
			return nil, errors.New("JIRA_URL is set, but " + name + " is not; expected the account's e-mail address and API token, or no JIRA_URL")
		}
	}
	orElse := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	return &stack.RealJira{
		URL: url, User: getenv("JIRA_USER"),
		Project: orElse(getenv("JIRA_PROJECT"), "ACCESS"), IssueType: orElse(getenv("JIRA_ISSUE_TYPE"), "Task"),
		FulfilledBy: strings.Split(orElse(getenv("JIRA_FULFILLED_BY"), "nobody"), ","),
	}, nil
}

// relative shows a path below a folder in its short form.
func relative(root, path string) string {
	if short, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

func write(out io.Writer, s startMessage) { fmt.Fprint(out, s.text()) }
