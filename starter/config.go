package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

// The modes of auth.mode.
const (
	modeOIDC        = "oidc"
	modeDevelopment = "development"
)

// serverConfig is the configuration file of `usher serve`.
type serverConfig struct {
	Log      telemetry.Config      `yaml:"log"`
	Temporal temporalclient.Config `yaml:"temporal"`
	Gateway  gateway.Config        `yaml:"gateway"`
	// Ledger is the worker's ledger; the server only reads it.
	Ledger ledger.Config        `yaml:"ledger"`
	HTTP   httpapi.ServerConfig `yaml:"http"`
	Auth   authConfig           `yaml:"auth"`
	// Metrics is where they are read.
	Metrics metricsConfig `yaml:"metrics"`
	// OpenReads lets everybody who is authenticated read every request and lease.
	OpenReads bool `yaml:"open_reads"`
	// Auditors are the persons who may read everything and run the doctor, beside those with auth.oidc.auditor_role.
	Auditors []access.PersonID `yaml:"auditors"`
	// Administrators are the persons who may start runs over people and release what one held back, beside those with
	// auth.oidc.administrator_role.
	Administrators []access.PersonID `yaml:"administrators"`
	// TicketCallers are the persons who may hand in incidents of other systems, beside those with auth.oidc.ticket_role.
	TicketCallers []access.PersonID `yaml:"ticket_callers"`
	// HelpDesk are the persons who may take back what others hold, beside those with auth.oidc.help_desk_role.
	HelpDesk []access.PersonID `yaml:"help_desk"`
	// Duplicates is what becomes of a request for what is asked for, or held without an end, already: allow, join or refuse.
	Duplicates httpapi.Duplicates `yaml:"duplicates"`
	// Quotas are what one caller may ask.
	Quotas httpapi.Quotas `yaml:"quotas"`
	// Webhooks are the desks that may send hints, by the desks' names in the worker's configuration.
	Webhooks map[access.DeskName]httpapi.Webhook `yaml:"webhooks"`
}

// authConfig is how callers are known.
type authConfig struct {
	// Mode is "oidc", or "development", which believes every caller and needs a loopback address. There is no default.
	Mode string             `yaml:"mode"`
	OIDC httpapi.OIDCConfig `yaml:"oidc"`
}

// defaultServerConfig is the configuration before the file is read.
func defaultServerConfig() *serverConfig {
	return &serverConfig{HTTP: httpapi.ServerConfig{Address: "127.0.0.1:8080"}}
}

// Validate names every key that is wrong and says what was expected.
func (c *serverConfig) Validate() error {
	problems := []error{
		below("log", c.Log.Validate()), below("temporal", c.Temporal.Validate()), below("gateway", c.Gateway.Validate()),
		c.Ledger.Validate(), c.HTTP.Validate(), c.Auth.problem(c.HTTP.Address),
		c.Metrics.problem(), c.Quotas.Validate(), c.Duplicates.Validate(),
	}
	problems = append(problems, empty("auditors", c.Auditors), empty("administrators", c.Administrators),
		empty("ticket_callers", c.TicketCallers), empty("help_desk", c.HelpDesk))
	for _, desk := range slices.Sorted(maps.Keys(c.Webhooks)) {
		problems = append(problems, c.Webhooks[desk].Validate("webhooks."+string(desk)))
	}
	return errors.Join(problems...)
}

// empty returns the problem of the first of a list of persons that is none.
func empty(key string, persons []access.PersonID) error {
	if i := slices.Index(persons, ""); i >= 0 {
		return fmt.Errorf("%s[%d]: is empty, expected the id of a person", key, i)
	}
	return nil
}

// below puts a section's key before an error that names a key of that section.
func below(section string, err error) error {
	if err == nil {
		return nil
	}
	var known *access.Error
	if errors.As(err, &known) {
		err = known.Err
	}
	return fmt.Errorf("%s.%w", section, err)
}

func (c authConfig) problem(address string) error {
	switch c.Mode {
	case modeOIDC:
		return c.OIDC.Validate()
	case modeDevelopment:
		if !reflect.DeepEqual(c.OIDC, httpapi.OIDCConfig{}) {
			return errors.New("auth.oidc: is set beside auth.mode: development; expected auth.mode: oidc, or no auth.oidc")
		}
		_, err := httpapi.NewDevelopment(address)
		var known *access.Error
		if errors.As(err, &known) {
			return known.Err
		}
		return err
	}
	return fmt.Errorf("auth.mode: found %q, expected oidc or development", c.Mode)
}
