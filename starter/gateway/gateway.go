// Package gateway is the only code of the asking side that starts, updates, signals and queries workflows. It is typed:
// callers speak package access, and nothing of Temporal or of HTTP leaves it.
//
// The flow of a request: Submit starts AccessRequest and asks it, in the same call, to answer once policy has answered
// (Update-with-Start). Decide and Withdraw are validated Updates, so a refusal comes back at once and with its reasons.
// Hint is a Signal, because a webhook must not depend on a live worker. View is a Query, the fallback for a ledger that
// has no row yet or is away.
//
// Every call is safe for concurrent use and safe to repeat: the request's id, the decision's id and the withdrawal's
// id make it so. Errors are *access.Error or *RefusedError (which unwraps to one).
package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/workflows"
)

// The defaults of Config.
const (
	DefaultCallTimeout   = 5 * time.Second
	DefaultDoctorTimeout = workflows.DoctorTimeout
)

// MaxDoctorTimeout is the longest Config.DoctorTimeout: the HTTP server gives up an answer that takes longer.
const MaxDoctorTimeout = 50 * time.Second

// Config is how long the gateway waits.
type Config struct {
	// CallTimeout is how long one call may wait for a workflow's answer before it is reported as pending (Submit) or
	// Transient. 0 means DefaultCallTimeout.
	CallTimeout access.Duration `yaml:"call_timeout"`
	// DoctorTimeout is how long Doctor may take. 0 means DefaultDoctorTimeout.
	DoctorTimeout access.Duration `yaml:"doctor_timeout"`
}

// Validate returns which key is wrong and what was expected.
func (c Config) Validate() error {
	if c.CallTimeout < 0 || c.CallTimeout.Std() > time.Minute {
		return errors.New(`call_timeout: expected a duration from "0s" (the default, 5s) to "1m"`)
	}
	if c.DoctorTimeout < 0 || c.DoctorTimeout.Std() > MaxDoctorTimeout {
		return fmt.Errorf(`doctor_timeout: expected a duration from "0s" (the default, %s) to "%s"`, DefaultDoctorTimeout, MaxDoctorTimeout)
	}
	return nil
}

func (c Config) answerWithin() time.Duration {
	if c.CallTimeout == 0 {
		return DefaultCallTimeout
	}
	return c.CallTimeout.Std()
}

func (c Config) doctorWithin() time.Duration {
	if c.DoctorTimeout == 0 {
		return DefaultDoctorTimeout
	}
	return c.DoctorTimeout.Std()
}

// Gateway talks to the workflows.
type Gateway struct {
	temporal client.Client
	config   Config
}

// New makes a Gateway on a client of usher's namespace; the caller closes the client. It calls nobody.
func New(temporal client.Client, config Config) *Gateway {
	return &Gateway{temporal: temporal, config: config}
}

// Ready reports whether Temporal answers. Transient: it does not.
func (g *Gateway) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	if _, err := g.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return outage("check Temporal", "Temporal does not answer", err)
	}
	return nil
}
