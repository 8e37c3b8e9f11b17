package main

import (
	"errors"
	"fmt"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/scim"
)

// One switch per port: what a kind in the configuration means. A connector is opened nowhere else; the field for its settings
// is in config.go.

const (
	kindJira = "jira"
	kindSCIM = "scim"
)

func (c deskConfig) validate() error {
	queue := c.Queue
	c.Queue = queueConfig{}
	if edge, err := loneEdge(queue, c); edge {
		return err
	}
	switch c.Kind {
	case kindJira:
		return errors.Join(queue.validate(), c.Jira.Validate())
	default:
		return errors.Join(queue.validate(), unknownKind(c.Kind, kindJira))
	}
}

func (c deskConfig) open(name access.DeskName) (access.ServiceDesk, error) {
	switch c.Kind {
	case kindJira:
		return jira.New(c.Jira, name)
	default:
		return nil, unknownKind(c.Kind, kindJira)
	}
}

// fulfilledByNobody reports whether nobody's word counts on the desk that something was granted by hand. A desk that another
// worker serves has its settings there.
func (c deskConfig) fulfilledByNobody() bool {
	return c.Kind == kindJira && len(c.Jira.FulfilledBy) == 0
}

func (c targetConfig) validate() error {
	queue := c.Queue
	c.Queue = queueConfig{}
	if edge, err := loneEdge(queue, c); edge {
		return err
	}
	switch c.Kind {
	case kindSCIM:
		return errors.Join(queue.validate(), c.SCIM.Validate())
	default:
		return errors.Join(queue.validate(), unknownKind(c.Kind, kindSCIM))
	}
}

func (c targetConfig) open() (access.Provisioner, error) {
	switch c.Kind {
	case kindSCIM:
		return scim.NewTarget(c.SCIM)
	default:
		return nil, unknownKind(c.Kind, kindSCIM)
	}
}

func (c sourceConfig) validate() error {
	queue := c.Queue
	c.Queue = queueConfig{}
	if edge, err := loneEdge(queue, c); edge {
		return err
	}
	switch c.Kind {
	case kindSCIM:
		return errors.Join(queue.validate(), c.SCIM.Validate())
	default:
		return errors.Join(queue.validate(), unknownKind(c.Kind, kindSCIM))
	}
}

func (c sourceConfig) open() (access.IdentitySource, error) {
	switch c.Kind {
	case kindSCIM:
		return scim.NewSource(c.SCIM)
	default:
		return nil, unknownKind(c.Kind, kindSCIM)
	}
}

func unknownKind(found string, known ...string) error {
	return fmt.Errorf("kind: found %q, expected one of %v", found, known)
}
