package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"usher/internal/connectors/apispec"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
	"usher/internal/connectors/scim/scimtest"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// shutdownTime is how long open requests may take when the program ends.
const shutdownTime = 5 * time.Second

// addresses is the content of the addresses file.
type addresses struct {
	Jira       string `json:"jira"`
	SCIM       string `json:"scim"`
	ServiceNow string `json:"servicenow,omitempty"`
}

// run serves until the context ends, and then returns nil.
func run(ctx context.Context, args []string, p program) (ended error) {
	o, err := p.options(args)
	if err != nil {
		return err
	}
	if o.stateDir != "" {
		if err := os.MkdirAll(o.stateDir, 0o700); err != nil {
			return fmt.Errorf("-state: %w", err)
		}
	}
	jira, err := newJira(o, slog.New(slog.NewTextHandler(p.out, nil)))
	if err != nil {
		return err
	}
	directory, err := newDirectory(o)
	if err != nil {
		return errors.Join(err, jira.Close())
	}
	if o.requestTrackerAddr != "" {
		tracker, err := startRequestTracker(ctx, o)
		if err != nil {
			return errors.Join(err, jira.Close())
		}
		defer func() { ended = errors.Join(ended, tracker.Stop()) }()
		fmt.Fprintf(p.out, "Request Tracker %s  %s\n", tracker.Version, tracker.URL)
	}
	now, err := newServiceNow(o)
	if err != nil {
		return errors.Join(err, jira.Close())
	}
	fakes := []fake{{"-jira-addr", o.jiraAddr, jira}, {"-scim-addr", o.scimAddr, directory}}
	if o.serviceNowAddr != "" {
		fakes = append(fakes, fake{"-servicenow-addr", o.serviceNowAddr, now})
	}
	if p.getenv(apispec.EnvOut) == "" {
		return errors.Join(serve(ctx, o, p, fakes), jira.Close(), now.Close())
	}
	// Holding every exchange against the vendor's documents takes time, so it is done only where somebody reads the report.
	front, err := apispec.InFront(p.getenv, apispec.Edition(o.edition), jira)
	if err != nil {
		return errors.Join(err, jira.Close(), now.Close())
	}
	if skipped := front.Skipped(); skipped != "" {
		fmt.Fprintln(p.out, skipped)
	}
	fakes[0].handler = front
	return errors.Join(serve(ctx, o, p, fakes), front.Close(), jira.Close(), now.Close())
}

// fake is a fake with the flag that says where it listens.
type fake struct {
	flag, address string
	handler       http.Handler
}

func newJira(o options, log *slog.Logger) (*jiratest.Server, error) {
	cfg := jiratest.Config{Edition: o.edition, Accounts: accounts(o), Faults: o.faults, Log: log}
	if o.edition == jiratest.DataCenter {
		cfg.Version = "10.3.0" // The first that lists all users.
	}
	for _, name := range deskGroups() {
		cfg.Groups = append(cfg.Groups, jiratest.Group{ID: name, Name: name})
	}
	if o.stateDir != "" {
		cfg.StateFile = filepath.Join(o.stateDir, "jira.jsonl")
	}
	if o.webhookURL != "" {
		cfg.Webhooks = []desktest.Webhook{{URL: o.webhookURL, Secret: o.webhookSecret, Events: o.webhookEvents}}
	}
	jira := jiratest.New(cfg)
	if err := jira.Restore(); err != nil {
		return nil, errors.Join(err, jira.Close())
	}
	if o.seed > 0 && len(jira.Tickets()) == 0 {
		if _, err := jira.Seed(desktest.Seed{Count: o.seed}); err != nil {
			return nil, errors.Join(fmt.Errorf("-seed: %w", err), jira.Close())
		}
	}
	return jira, nil
}

// newServiceNow makes the fake ServiceNow, with the same people as in Jira. Of staff it has person, title and manager as well.
func newServiceNow(o options) (*servicenowtest.Server, error) {
	cfg := servicenowtest.Config{Accounts: []desktest.Account{servicenowtest.DefaultAccount()}}
	for _, p := range people(o.staff) {
		cfg.Accounts = append(cfg.Accounts, desktest.Account{
			ID: servicenowtest.AccountID(p.email()), Name: p.email(), Email: p.email(), DisplayName: p.name, Token: "token-of-" + p.id, Inactive: p.left,
		})
	}
	cfg.Accounts = append(cfg.Accounts, desktest.Account{
		ID: servicenowtest.AccountID(eve), Name: eve, Email: borrowedEmail, DisplayName: "Eve Evans", Token: "token-of-eve",
	})
	if o.stateDir != "" {
		cfg.StateFile = filepath.Join(o.stateDir, "servicenow.jsonl")
	}
	now := servicenowtest.New(cfg)
	if err := now.Restore(); err != nil {
		return nil, errors.Join(err, now.Close())
	}
	for _, name := range deskGroups() {
		now.AddGroup(servicenowtest.Group{Name: name})
	}
	for _, a := range cfg.Accounts {
		if id, staff := strings.CutSuffix(a.Name, "@example.test"); staff && strings.HasPrefix(id, staffPrefix) {
			now.AddUser(a, map[string]string{"u_person": id, "title": staffTitle, "manager": servicenowtest.AccountID("mia@example.test")})
		}
	}
	return now, nil
}

func newDirectory(o options) (*scimtest.Server, error) {
	directory := scimtest.New(scimtest.Config{
		Token: o.scimToken, Users: users(o.staff), Groups: groups(),
		// As many directories do, which spares everybody a group with all its members for an answer.
		Quirks: scimtest.Quirks{SilentPatch: true},
	})
	if o.stateDir == "" {
		return directory, nil
	}
	return directory, directory.KeepIn(filepath.Join(o.stateDir, "directory.json"))
}

// serve listens on all addresses, tells them, and serves until the context ends or a listener fails.
func serve(ctx context.Context, o options, p program, fakes []fake) error {
	var servers []*http.Server
	var listeners []net.Listener
	var urls []string
	for _, f := range fakes {
		l, err := listen(ctx, f.flag, f.address)
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return err
		}
		listeners, servers = append(listeners, l), append(servers, server(f.handler))
		urls = append(urls, "http://"+l.Addr().String())
	}
	failed := make(chan error, len(servers))
	for n, l := range listeners {
		go func() { failed <- servers[n].Serve(l) }()
	}
	at := addresses{Jira: urls[0], SCIM: urls[1]}
	if len(urls) > 2 {
		at.ServiceNow = urls[2]
	}
	err := announce(o, p, at)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	return errors.Join(err, shutdown(ctx, servers))
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

func server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
}

func announce(o options, p program, at addresses) error {
	fmt.Fprintf(p.out, "Jira       %s/board\ndirectory  %s/directory\n", at.Jira, at.SCIM)
	if at.ServiceNow != "" {
		fmt.Fprintf(p.out, "ServiceNow %s/board\n", at.ServiceNow)
	}
	if o.addressesFile == "" {
		return nil
	}
	raw, err := json.Marshal(at)
	if err != nil {
		return fmt.Errorf("-addresses-file: %w", err)
	}
	if err := writeWhole(o.addressesFile, raw); err != nil {
		return fmt.Errorf("-addresses-file: %w", err)
	}
	return nil
}

// writeWhole puts a file in its place at once: a reader finds all of it or none.
func writeWhole(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// shutdown lets open requests end, then cuts them off.
func shutdown(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	var all error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			all = errors.Join(all, err, s.Close())
		}
	}
	return all
}
