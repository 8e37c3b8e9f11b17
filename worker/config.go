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
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/requesttracker"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/sqlview"
	"usher/internal/ledger"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
)

// workerConfig are the worker's configuration file.
type workerConfig struct {
	Log      telemetry.Config      `yaml:"log"`
	Temporal temporalclient.Config `yaml:"temporal"`
	// Deployment is this worker's place in Temporal's worker versioning.
	Deployment deploymentConfig `yaml:"deployment"`
	// Serve is what this worker does; without it, everything.
	Serve serveConfig `yaml:"serve"`
	// Ledger, Catalog, Desk, Source and Settings matter only where workflows are served.
	Ledger ledger.Config `yaml:"ledger"`
	// Catalog is the path of the catalog file.
	Catalog string `yaml:"catalog"`
	// Desk names the desk where tickets are opened for applications that name none in the catalog; Source the source that
	// knows the people.
	Desk            access.DeskName       `yaml:"desk"`
	Source          access.SourceName     `yaml:"source"`
	RequestSettings requestSettingsConfig `yaml:"request_settings"`
	// Desks, Targets and Sources are the connectors, by the names that queues and the catalog use.
	Desks   map[access.DeskName]deskConfig     `yaml:"desks"`
	Targets map[access.TargetName]targetConfig `yaml:"targets"`
	Sources map[access.SourceName]sourceConfig `yaml:"sources"`
	// Health is where probes are answered and metrics are read: "host:port"; "" for nowhere.
	Health healthConfig `yaml:"health"`
	// Limits bound what this worker holds and does at once.
	Limits limitsConfig `yaml:"limits"`
	// ShutdownTimeout is how long a stop waits for activities that are under way. It must be shorter than what ends the process
	// afterwards (terminationGracePeriodSeconds).
	ShutdownTimeout access.Duration `yaml:"shutdown_timeout"`
}

type healthConfig struct {
	Address string `yaml:"address"`
	// Profile also serves Go's profiles there, below /debug/pprof/: they show what the process holds and does, so the
	// address must be reachable for operators only.
	Profile bool `yaml:"profile"`
}

// deskConfig is one service desk; Kind says which of the sections counts.
type deskConfig struct {
	Queue queueConfig `yaml:",inline"`
	// Changes matter where workflows are served, for a desk at the edge too.
	Changes changesConfig `yaml:",inline"`
	// Sync is when the desk's users follow the people of a source, and how; nil for never. The worker that reads the desk has to serve
	// workflows.
	Sync *syncConfig `yaml:"sync"`
	// Incidents is who gets the tickets of incidents of other systems; nil to take none. The worker that reads the desk has to serve workflows.
	Incidents      *incidentsConfig      `yaml:"incidents"`
	Kind           string                `yaml:"kind"`
	Jira           jira.Config           `yaml:"jira"`
	RequestTracker requesttracker.Config `yaml:"requesttracker"`
	ServiceNow     servicenow.Config     `yaml:"servicenow"`
}

type targetConfig struct {
	Queue queueConfig `yaml:",inline"`
	Kind  string      `yaml:"kind"`
	SCIM  scim.Config `yaml:"scim"`
}

type sourceConfig struct {
	Queue queueConfig `yaml:",inline"`
	// People is when the source lists its people, and how the listings are read; nil to list nobody. The worker that reads the source has
	// to serve workflows.
	People     *peopleConfig  `yaml:"people"`
	Kind       string         `yaml:"kind"`
	SCIM       scim.Config    `yaml:"scim"`
	CSV        csvfeed.Config `yaml:"csv"`
	PostgreSQL sqlview.Config `yaml:"postgresql"`
	LDAP       ldap.Config    `yaml:"ldap"`
	Joined     joined.Config  `yaml:"joined"`

	// others are the sources of this file, for a source that is made of others; itself marks that source among them.
	others others
	itself bool
}

// defaults is the configuration before the file is read.
func defaults() workerConfig {
	return workerConfig{
		Serve:           serveConfig{Workflows: true},
		RequestSettings: defaultRequestSettings(),
		Limits:          defaultLimits(),
		ShutdownTimeout: access.Duration(20 * time.Second),
	}
}

// Validate names every key that is wrong and says what was expected.
func (c *workerConfig) Validate() error {
	var wrong []error
	section := func(key string, err error) {
		if err != nil {
			wrong = append(wrong, config.Under(key, err))
		}
	}
	section("log", c.Log.Validate())
	section("temporal", c.Temporal.Validate())
	section("deployment", c.Deployment.validate())
	section("limits", c.Limits.validate())
	wrong = append(wrong, c.serveProblems()...)
	wrong = append(wrong, c.commentProblems()...)
	wrong = append(wrong, c.peopleProblems()...)
	wrong = append(wrong, c.leaveProblems()...)
	wrong = append(wrong, c.syncProblems()...)
	wrong = append(wrong, c.incidentProblems()...)
	wrong = append(wrong, c.attentionProblems()...)
	if c.Serve.Workflows {
		wrong = append(wrong, c.workflowProblems()...)
	}
	if c.Health.Address != "" {
		if _, _, err := net.SplitHostPort(c.Health.Address); err != nil {
			wrong = append(wrong, fmt.Errorf("health.address: found %q, expected host:port", c.Health.Address))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		section("desks."+string(name), errors.Join(c.Desks[name].validate(), c.Desks[name].validateShared(name)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Targets)) {
		section("targets."+string(name), c.Targets[name].validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		section("sources."+string(name), c.source(name).validate())
	}
	return errors.Join(wrong...)
}

// workflowProblems names what is wrong with the settings that only workflows need.
func (c *workerConfig) workflowProblems() []error {
	var wrong []error
	problem := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %w", key, fmt.Errorf(format, args...)))
	}
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
	return append(wrong, c.RequestSettings.problems()...)
}

// namesOf lists the keys of a map, for an error's "expected".
func namesOf[K ~string, V any](m map[K]V) string {
	return listed(slices.Sorted(maps.Keys(m)))
}

// listed lists names, for an error's "expected".
func listed[K ~string](names []K) string {
	if len(names) == 0 {
		return "(none is configured)"
	}
	texts := make([]string, 0, len(names))
	for _, name := range names {
		texts = append(texts, string(name))
	}
	return strings.Join(texts, ", ")
}
