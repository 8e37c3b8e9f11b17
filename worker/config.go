package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/config"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/scim"
	"usher/internal/ledger"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
)

// settings are the worker's configuration file.
type settings struct {
	Log      telemetry.Config      `yaml:"log"`
	Temporal temporalclient.Config `yaml:"temporal"`
	Ledger   ledger.Config         `yaml:"ledger"`
	// Catalog is the path of the catalog file.
	Catalog string `yaml:"catalog"`
	// Desk and Source name the desk where tickets are opened and the source that knows the people.
	Desk   access.DeskName   `yaml:"desk"`
	Source access.SourceName `yaml:"source"`
	Terms  termsConfig       `yaml:"terms"`
	// Desks, Targets and Sources are the connectors, by the names that queues and the catalog use.
	Desks   map[access.DeskName]deskConfig     `yaml:"desks"`
	Targets map[access.TargetName]targetConfig `yaml:"targets"`
	Sources map[access.SourceName]sourceConfig `yaml:"sources"`
	// Health is where probes are answered: "host:port"; "" for nowhere.
	Health healthConfig `yaml:"health"`
	// Grace is how long a stop waits for activities that are under way. It must be shorter than what ends the process
	// afterwards (terminationGracePeriodSeconds).
	Grace access.Duration `yaml:"grace"`
}

type healthConfig struct {
	Address string `yaml:"address"`
}

// termsConfig are the settings that every request runs under; see access.Terms.
type termsConfig struct {
	DecideWithin      access.Duration                       `yaml:"decide_within"`
	RemindAfter       access.Duration                       `yaml:"remind_after"`
	LookFirst         access.Duration                       `yaml:"look_first"`
	LookAtMost        access.Duration                       `yaml:"look_at_most"`
	DeskSettles       access.Duration                       `yaml:"desk_settles"`
	OperatorDecisions bool                                  `yaml:"operator_decisions"`
	RequestURL        string                                `yaml:"request_url"`
	Contract          map[access.TicketEvent]access.Meaning `yaml:"contract"`
}

// deskConfig is one service desk; Kind says which of the sections counts.
type deskConfig struct {
	Kind string      `yaml:"kind"`
	Jira jira.Config `yaml:"jira"`
}

type targetConfig struct {
	Kind string      `yaml:"kind"`
	SCIM scim.Config `yaml:"scim"`
}

type sourceConfig struct {
	Kind string      `yaml:"kind"`
	SCIM scim.Config `yaml:"scim"`
}

// defaults is the configuration before the file is read.
func defaults() settings {
	return settings{
		Grace: access.Duration(20 * time.Second),
		Terms: termsConfig{
			DecideWithin: access.Duration(14 * 24 * time.Hour),
			RemindAfter:  access.Duration(24 * time.Hour),
			LookFirst:    access.Duration(30 * time.Second),
			LookAtMost:   access.Duration(15 * time.Minute),
			DeskSettles:  access.Duration(2*time.Minute + 10*time.Second),
		},
	}
}

// Validate names every key that is wrong and says what was expected.
func (c *settings) Validate() error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
	section := func(key string, err error) {
		if err != nil {
			wrong = append(wrong, config.Under(key, err))
		}
	}
	section("log", c.Log.Validate())
	section("temporal", c.Temporal.Validate())
	if err := c.Ledger.Validate(); err != nil {
		wrong = append(wrong, err)
	}
	if c.Catalog == "" {
		problem("catalog", "is empty, expected the path of the catalog file")
	}
	if _, ok := c.Desks[c.Desk]; !ok {
		problem("desk", "found %q, expected one of desks: %s", c.Desk, namesOf(c.Desks))
	}
	if _, ok := c.Sources[c.Source]; !ok {
		problem("source", "found %q, expected one of sources: %s", c.Source, namesOf(c.Sources))
	}
	if c.Health.Address != "" {
		if _, _, err := net.SplitHostPort(c.Health.Address); err != nil {
			problem("health.address", "found %q, expected host:port", c.Health.Address)
		}
	}
	wrong = append(wrong, c.Terms.problems()...)
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		section("desks."+string(name), c.Desks[name].validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Targets)) {
		section("targets."+string(name), c.Targets[name].validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		section("sources."+string(name), c.Sources[name].validate())
	}
	return errors.Join(wrong...)
}

// problems names the terms that are wrong.
func (t termsConfig) problems() []error {
	var wrong []error
	for _, positive := range []struct {
		key   string
		value access.Duration
	}{
		{"decide_within", t.DecideWithin},
		{"look_first", t.LookFirst},
		{"look_at_most", t.LookAtMost},
		{"desk_settles", t.DeskSettles},
	} {
		if positive.value <= 0 {
			wrong = append(wrong, fmt.Errorf(`terms.%s: found %s, expected a duration above 0 such as "30s"`, positive.key, positive.value))
		}
	}
	if t.LookAtMost < t.LookFirst {
		wrong = append(wrong, fmt.Errorf("terms.look_at_most: found %s, expected at least look_first (%s)", t.LookAtMost, t.LookFirst))
	}
	allowed := access.TicketMeanings()
	for _, event := range slices.Sorted(maps.Keys(t.Contract)) {
		meanings, known := allowed[event]
		switch {
		case !known:
			wrong = append(wrong, fmt.Errorf("terms.contract.%s: unknown event, expected one of %s", event, namesOf(allowed)))
		case !slices.Contains(meanings, t.Contract[event]):
			wrong = append(wrong, fmt.Errorf("terms.contract.%s: found %q, expected one of %v", event, t.Contract[event], meanings))
		}
	}
	return wrong
}

// terms are what requests are told.
func (c *settings) terms() access.Terms {
	return access.Terms{
		Desk:              c.Desk,
		DecideWithin:      c.Terms.DecideWithin,
		RemindAfter:       c.Terms.RemindAfter,
		LookFirst:         c.Terms.LookFirst,
		LookAtMost:        c.Terms.LookAtMost,
		DeskSettles:       c.Terms.DeskSettles,
		OperatorDecisions: c.Terms.OperatorDecisions,
		RequestURL:        c.Terms.RequestURL,
		Contract:          c.Terms.Contract,
	}
}

// namesOf lists the keys of a map, for an error's "expected".
func namesOf[K ~string, V any](m map[K]V) string {
	if len(m) == 0 {
		return "(none is configured)"
	}
	names := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}
