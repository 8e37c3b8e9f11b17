package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// requestSettingsConfig are the settings that every request runs under; see access.RequestSettings.
type requestSettingsConfig struct {
	ApprovalTimeout  access.Duration `yaml:"approval_timeout"`
	ReminderInterval access.Duration `yaml:"reminder_interval"`
	// ChangeDetection is how requests learn that a human changed their ticket: "watch" or "poll".
	ChangeDetection access.ChangeDetection `yaml:"change_detection"`
	Watch           watchConfig            `yaml:"watch"`
	// PollInitialInterval and PollMaxInterval matter in both modes: where a ticket asks for a removal, it is looked at.
	PollInitialInterval access.Duration                            `yaml:"poll_initial_interval"`
	PollMaxInterval     access.Duration                            `yaml:"poll_max_interval"`
	SearchIndexDelay    access.Duration                            `yaml:"search_index_delay"`
	OperatorDecisions   bool                                       `yaml:"operator_decisions"`
	RequestURL          string                                     `yaml:"request_url"`
	TicketActions       map[access.TicketEvent]access.TicketAction `yaml:"ticket_actions"`
}

// watchConfig are the settings of the watch of each desk; see access.WatchSettings.
type watchConfig struct {
	Interval               access.Duration `yaml:"interval"`
	Overlap                access.Duration `yaml:"overlap"`
	FullScanInterval       access.Duration `yaml:"full_scan_interval"`
	StaleAfter             access.Duration `yaml:"stale_after"`
	StalenessCheckInterval access.Duration `yaml:"staleness_check_interval"`
}

// leastOverlap is the coarsest grain of a desk's times that is known: Jira searches by the minute.
const leastOverlap = access.Duration(time.Minute)

func defaultRequestSettings() requestSettingsConfig {
	return requestSettingsConfig{
		ApprovalTimeout:  access.Duration(14 * 24 * time.Hour),
		ReminderInterval: access.Duration(24 * time.Hour),
		ChangeDetection:  access.DetectByWatch,
		Watch: watchConfig{
			Interval:               access.Duration(30 * time.Second),
			Overlap:                access.Duration(3 * time.Minute),
			FullScanInterval:       access.Duration(time.Hour),
			StaleAfter:             access.Duration(5 * time.Minute),
			StalenessCheckInterval: access.Duration(time.Hour),
		},
		PollInitialInterval: access.Duration(30 * time.Second),
		PollMaxInterval:     access.Duration(15 * time.Minute),
		SearchIndexDelay:    access.Duration(2*time.Minute + 10*time.Second),
	}
}

// problems names the settings that are wrong.
func (t requestSettingsConfig) problems() []error {
	var wrong []error
	for _, positive := range []struct {
		key   string
		value access.Duration
	}{
		{"approval_timeout", t.ApprovalTimeout},
		{"poll_initial_interval", t.PollInitialInterval},
		{"poll_max_interval", t.PollMaxInterval},
		{"search_index_delay", t.SearchIndexDelay},
		{"watch.interval", t.Watch.Interval},
		{"watch.overlap", t.Watch.Overlap},
		{"watch.full_scan_interval", t.Watch.FullScanInterval},
		{"watch.stale_after", t.Watch.StaleAfter},
		{"watch.staleness_check_interval", t.Watch.StalenessCheckInterval},
	} {
		if positive.value <= 0 {
			wrong = append(wrong, fmt.Errorf(`request_settings.%s: found %s, expected a duration above 0 such as "30s"`, positive.key, positive.value))
		}
	}
	if t.PollMaxInterval < t.PollInitialInterval {
		wrong = append(wrong, fmt.Errorf("request_settings.poll_max_interval: found %s, expected at least poll_initial_interval (%s)", t.PollMaxInterval, t.PollInitialInterval))
	}
	wrong = append(wrong, t.watchProblems()...)
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

func (t requestSettingsConfig) watchProblems() []error {
	var wrong []error
	if t.ChangeDetection != access.DetectByWatch && t.ChangeDetection != access.DetectByPoll {
		wrong = append(wrong, fmt.Errorf("request_settings.change_detection: found %q, expected %s or %s", t.ChangeDetection, access.DetectByWatch, access.DetectByPoll))
	}
	if t.Watch.Overlap > 0 && t.Watch.Overlap < leastOverlap {
		wrong = append(wrong, fmt.Errorf("request_settings.watch.overlap: found %s, expected at least %s, for desks tell times by the minute",
			t.Watch.Overlap, leastOverlap))
	}
	if t.Watch.StaleAfter > 0 && t.Watch.StaleAfter < 2*t.Watch.Interval {
		wrong = append(wrong, fmt.Errorf("request_settings.watch.stale_after: found %s, expected at least twice the interval (%s)",
			t.Watch.StaleAfter, t.Watch.Interval))
	}
	return wrong
}

// requestSettings are what requests are told.
func (c *workerConfig) requestSettings() access.RequestSettings {
	t := c.RequestSettings
	return access.RequestSettings{
		Desk:                c.Desk,
		ApprovalTimeout:     t.ApprovalTimeout,
		ReminderInterval:    t.ReminderInterval,
		ChangeDetection:     t.ChangeDetection,
		Watch:               access.WatchSettings(t.Watch),
		PollInitialInterval: t.PollInitialInterval,
		PollMaxInterval:     t.PollMaxInterval,
		SearchIndexDelay:    t.SearchIndexDelay,
		OperatorDecisions:   t.OperatorDecisions,
		RequestURL:          t.RequestURL,
		TicketActions:       t.TicketActions,
	}
}
