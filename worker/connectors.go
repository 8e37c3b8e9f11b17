package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/joined"
	"usher/internal/connectors/ldap"
	"usher/internal/connectors/requesttracker"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/sqlview"
)

// One table per port: what a kind in the configuration means. A connector is opened nowhere else; the field for its settings is
// in config.go.

// kind is one kind of connector. C is the configuration of all kinds of its port, and P what it is opened as.
type kind[C, P any] struct {
	// validate names what is wrong with the kind's own section.
	validate func(C) error
	open     func(c C, name string) (P, error)
	// shared returns what a human sets for a desk of any kind. For desks only.
	shared func(C) desk.Config
	// approvals is true for a desk that has approvals of its own.
	approvals bool
	// users opens the desk's users, with the fields that they have to have; nil for a kind whose users cannot be synced. For desks only.
	users func(c C, name string, fields []string) (access.UserDirectory, error)
	// owned returns the kinds of records that are configured to be handed over; nil for a kind of desk on which nothing is. For desks only.
	owned func(C) []string
	// tenant returns the desk's own address, as people know it. For desks only.
	tenant func(C) string
	// joins returns what has to be known of a source to join it with others. For sources only.
	joins func(C) joined.Known
	// mapping returns what of the configuration decides how people are read; nil for a kind that lists nobody. For sources only.
	mapping func(C) any
}

var deskKinds = map[string]kind[deskConfig, access.ServiceDesk]{
	"jira": {
		validate: func(c deskConfig) error { return c.Jira.Validate() },
		open: func(c deskConfig, name string) (access.ServiceDesk, error) {
			return jira.New(c.Jira, access.DeskName(name))
		},
		shared: func(c deskConfig) desk.Config { return c.Jira.Config },
		users: func(c deskConfig, name string, fields []string) (access.UserDirectory, error) {
			return jira.NewUsers(c.Jira, access.DeskName(name), fields)
		},
		owned:  func(c deskConfig) []string { return slices.Sorted(maps.Keys(c.Jira.Users.Owned)) },
		tenant: func(c deskConfig) string { return cmp.Or(c.Jira.SiteURL, c.Jira.BaseURL) },
	},
	"requesttracker": {
		validate: func(c deskConfig) error { return c.RequestTracker.Validate() },
		open: func(c deskConfig, name string) (access.ServiceDesk, error) {
			c.RequestTracker.Approvals = c.Changes.Approvals
			return requesttracker.New(c.RequestTracker, access.DeskName(name))
		},
		shared: func(c deskConfig) desk.Config { return c.RequestTracker.Config },
		users: func(c deskConfig, name string, fields []string) (access.UserDirectory, error) {
			return requesttracker.NewUsers(c.RequestTracker, access.DeskName(name), fields)
		},
		owned:     func(c deskConfig) []string { return slices.Sorted(maps.Keys(c.RequestTracker.Users.Owned)) },
		tenant:    func(c deskConfig) string { return c.RequestTracker.BaseURL },
		approvals: true,
	},
	"servicenow": {
		validate: func(c deskConfig) error { return c.ServiceNow.Validate() },
		open: func(c deskConfig, name string) (access.ServiceDesk, error) {
			c.ServiceNow.Approvals = c.Changes.Approvals
			return servicenow.New(c.ServiceNow, access.DeskName(name))
		},
		shared: func(c deskConfig) desk.Config { return c.ServiceNow.Config },
		users: func(c deskConfig, name string, fields []string) (access.UserDirectory, error) {
			return servicenow.NewUsers(c.ServiceNow, access.DeskName(name), fields)
		},
		owned:     func(c deskConfig) []string { return slices.Sorted(maps.Keys(c.ServiceNow.Users.Owned)) },
		tenant:    func(c deskConfig) string { return c.ServiceNow.BaseURL },
		approvals: true,
	},
}

var targetKinds = map[string]kind[targetConfig, access.Provisioner]{
	"scim": {
		validate: func(c targetConfig) error { return c.SCIM.Validate() },
		open:     func(c targetConfig, _ string) (access.Provisioner, error) { return scim.NewTarget(c.SCIM) },
	},
}

var sourceKinds = map[string]kind[sourceConfig, access.PeopleSource]{
	"csv": {
		validate: func(c sourceConfig) error { return c.CSV.Validate() },
		open:     func(c sourceConfig, _ string) (access.PeopleSource, error) { return csvfeed.NewSource(c.CSV) },
		mapping:  func(c sourceConfig) any { return []any{c.CSV.Fields, c.CSV.Encoding, c.CSV.Delimiter} },
		joins:    func(c sourceConfig) joined.Known { return joined.Known{Fields: c.CSV.Fields} },
	},
	"ldap": {
		validate: func(c sourceConfig) error { return c.LDAP.Validate() },
		open:     func(c sourceConfig, _ string) (access.PeopleSource, error) { return ldap.NewSource(c.LDAP) },
		mapping:  func(c sourceConfig) any { return c.LDAP.Mapping() },
		joins:    func(c sourceConfig) joined.Known { return joined.Known{Fields: c.LDAP.PeopleFields()} },
	},
	"postgresql": {
		validate: func(c sourceConfig) error { return c.PostgreSQL.Validate() },
		open:     func(c sourceConfig, _ string) (access.PeopleSource, error) { return sqlview.NewSource(c.PostgreSQL) },
		mapping:  func(c sourceConfig) any { return []any{c.PostgreSQL.Fields, c.PostgreSQL.View} },
		joins:    func(c sourceConfig) joined.Known { return joined.Known{Fields: c.PostgreSQL.Fields} },
	},
	"scim": {
		validate: func(c sourceConfig) error { return c.SCIM.Validate() },
		open:     func(c sourceConfig, _ string) (access.PeopleSource, error) { return scim.NewSource(c.SCIM) },
		mapping:  func(c sourceConfig) any { return c.SCIM.PeopleFields() },
		joins: func(c sourceConfig) joined.Known {
			return joined.Known{Fields: c.SCIM.PeopleFields(), NoAttributeKeys: true}
		},
	},
}

func (c deskConfig) validate() error {
	changes := c.Changes.validate()
	rest := c
	rest.Queue, rest.Changes, rest.Sync, rest.Incidents = queueConfig{}, changesConfig{}, nil, nil
	return errors.Join(changes, c.Sync.validate(), c.Incidents.validate(), validate(deskKinds, c.Kind, c.Queue, c, rest))
}

// longestTicketID is as long as a ticket's id is on any desk.
const longestTicketID = 32

// validateShared names what is wrong with a desk on which people ask for access or are asked, by keys of the desk's section. A desk that
// another worker serves has its own settings there.
func (c deskConfig) validateShared(name access.DeskName) error {
	found, known := deskKinds[c.Kind]
	if !known {
		return nil
	}
	var wrong []error
	if c.Changes.Approvals && !found.approvals {
		wrong = append(wrong, fmt.Errorf("approvals: a desk of the kind %s has none that usher can use; expected false", c.Kind))
	}
	if found.shared(c).Intake == nil {
		return errors.Join(wrong...)
	}
	if c.Changes.ChangeDetection != access.DetectByWatch {
		wrong = append(wrong, fmt.Errorf("%s.intake: only the watch finds tickets that ask; expected change_detection: %s", c.Kind, access.DetectByWatch))
	}
	if id := access.AskedRequestID(name, access.TicketID(strings.Repeat("0", longestTicketID))); !access.ValidRequestID(string(id)) {
		wrong = append(wrong, fmt.Errorf("%s.intake: the ids of requests begin with the name of their desk; expected a name of at most %d of the characters a-z A-Z 0-9 . _ -, found %q",
			c.Kind, access.Limits().Request.Bytes-longestTicketID-len("."), name))
	}
	return errors.Join(wrong...)
}

func (c deskConfig) open(name access.DeskName) (access.ServiceDesk, error) {
	return open(deskKinds, c.Kind, c, string(name))
}

func (c targetConfig) validate() error {
	rest := c
	rest.Queue = queueConfig{}
	return validate(targetKinds, c.Kind, c.Queue, c, rest)
}

func (c targetConfig) open() (access.Provisioner, error) { return open(targetKinds, c.Kind, c, "") }

func (c sourceConfig) validate() error {
	rest := c
	rest.Queue, rest.People, rest.others = queueConfig{}, nil, nil
	return errors.Join(c.People.validate(), validate(allSourceKinds(), c.Kind, c.Queue, c, rest))
}

func (c sourceConfig) open() (access.PeopleSource, error) {
	return open(allSourceKinds(), c.Kind, c, "")
}

// validate names what is wrong with a connector. rest is its configuration without what stands beside the settings of its kind.
func validate[C, P any](kinds map[string]kind[C, P], name string, queue queueConfig, c, rest C) error {
	if edge, err := loneEdge(queue, rest); edge {
		return err
	}
	found, known := kinds[name]
	if !known {
		return errors.Join(queue.validate(), unknownKind(kinds, name))
	}
	return errors.Join(queue.validate(), found.validate(c))
}

func open[C, P any](kinds map[string]kind[C, P], name string, c C, connector string) (P, error) {
	found, known := kinds[name]
	if !known {
		var none P
		return none, unknownKind(kinds, name)
	}
	return found.open(c, connector)
}

func unknownKind[C, P any](kinds map[string]kind[C, P], found string) error {
	return fmt.Errorf("kind: found %q, expected one of %s", found, namesOf(kinds))
}

// fulfilledByNobody reports whether nobody's word counts on the desk that something was granted by hand. A desk that another
// worker serves has its settings there.
func (c deskConfig) fulfilledByNobody() bool {
	found, known := deskKinds[c.Kind]
	return known && len(found.shared(c).FulfilledBy) == 0
}
