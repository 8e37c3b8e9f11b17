package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// requestSettingsConfig are the settings that every request runs under, on whichever desk; see access.RequestSettings.
type requestSettingsConfig struct {
	ApprovalTimeout   access.Duration                            `yaml:"approval_timeout"`
	ReminderInterval  access.Duration                            `yaml:"reminder_interval"`
	OperatorDecisions bool                                       `yaml:"operator_decisions"`
	RequestURL        string                                     `yaml:"request_url"`
	TicketActions     map[access.TicketEvent]access.TicketAction `yaml:"ticket_actions"`
}

func defaultRequestSettings() requestSettingsConfig {
	return requestSettingsConfig{
		ApprovalTimeout:  access.Duration(14 * 24 * time.Hour),
		ReminderInterval: access.Duration(24 * time.Hour),
	}
}

// problems names the settings that are wrong.
func (t requestSettingsConfig) problems() []error {
	var wrong []error
	if t.ApprovalTimeout <= 0 {
		wrong = append(wrong, fmt.Errorf("request_settings.%w", notPositive("approval_timeout", t.ApprovalTimeout)))
	}
	allowed := access.AllowedTicketActions()
	for _, event := range slices.Sorted(maps.Keys(t.TicketActions)) {
		meanings, known := allowed[event]
		switch {
		case !known:
			wrong = append(wrong, fmt.Errorf("request_settings.ticket_actions.%s: unknown event, expected one of %s", event, namesOf(allowed)))
		case !slices.Contains(meanings, t.TicketActions[event]):
			wrong = append(wrong, fmt.Errorf("request_settings.ticket_actions.%s: found %q, expected one of %v", event, t.TicketActions[event], meanings))
		}
	}
	return wrong
}

func notPositive(key string, found access.Duration) error {
	return fmt.Errorf(`%s: found %s, expected a duration above 0 such as "30s"`, key, found)
}

// requestSettings are what requests are told, by the desk where their ticket is.
func (c *workerConfig) requestSettings() map[access.DeskName]access.RequestSettings {
	all := map[access.DeskName]access.RequestSettings{}
	for name, desk := range c.Desks {
		all[name] = access.RequestSettings{
			Desk:                name,
			ApprovalTimeout:     c.RequestSettings.ApprovalTimeout,
			ReminderInterval:    c.RequestSettings.ReminderInterval,
			ChangeDetection:     desk.Changes.ChangeDetection,
			DeskApprovals:       desk.Changes.Approvals,
			Watch:               access.WatchSettings(desk.Changes.Watch),
			PollInitialInterval: desk.Changes.PollInitialInterval,
			PollMaxInterval:     desk.Changes.PollMaxInterval,
			SearchIndexDelay:    desk.Changes.SearchIndexDelay,
			OperatorDecisions:   c.RequestSettings.OperatorDecisions,
			RequestURL:          c.RequestSettings.RequestURL,
			TicketActions:       c.RequestSettings.TicketActions,
		}
	}
	return all
}
