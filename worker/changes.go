package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// changesConfig is how usher learns of changes on a desk.
type changesConfig struct {
	// ChangeDetection is how requests learn that a human changed their ticket: "watch" or "poll".
	ChangeDetection access.ChangeDetection `yaml:"change_detection"`
	Watch           watchConfig            `yaml:"watch"`
	// Approvals is true when approvers are asked by approvals of the desk's own as well.
	Approvals bool `yaml:"approvals"`
	// Comments is true when what people write as comments on tickets goes into the audit trail. It counts in the file of the worker that
	// serves the desk, which must serve workflows as well.
	Comments bool `yaml:"comments"`
	// PollInitialInterval and PollMaxInterval matter in both modes: a ticket that asks for a removal is read like this.
	PollInitialInterval access.Duration `yaml:"poll_initial_interval"`
	PollMaxInterval     access.Duration `yaml:"poll_max_interval"`
	SearchIndexDelay    access.Duration `yaml:"search_index_delay"`
}

// watchConfig are the settings of the watch of a desk; see access.WatchSettings.
type watchConfig struct {
	Interval               access.Duration `yaml:"interval"`
	Overlap                access.Duration `yaml:"overlap"`
	FullScanInterval       access.Duration `yaml:"full_scan_interval"`
	StaleAfter             access.Duration `yaml:"stale_after"`
	StalenessCheckInterval access.Duration `yaml:"staleness_check_interval"`
}

// leastOverlap is the coarsest grain of a desk's times that is known: Jira searches by the minute.
const leastOverlap = access.Duration(time.Minute)

// SetDefaults makes the configuration that of a desk whose section says nothing. The times are right for the desk with the slowest search.
func (c *deskConfig) SetDefaults() {
	c.Changes = changesConfig{
		ChangeDetection: access.DetectByWatch,
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

// validate names what is wrong, by keys of the desk's section.
func (c changesConfig) validate() error {
	var wrong []error
	for _, positive := range []struct {
		key   string
		value access.Duration
	}{
		{"poll_initial_interval", c.PollInitialInterval},
		{"poll_max_interval", c.PollMaxInterval},
		{"search_index_delay", c.SearchIndexDelay},
		{"watch.interval", c.Watch.Interval},
		{"watch.overlap", c.Watch.Overlap},
		{"watch.full_scan_interval", c.Watch.FullScanInterval},
		{"watch.stale_after", c.Watch.StaleAfter},
		{"watch.staleness_check_interval", c.Watch.StalenessCheckInterval},
	} {
		if positive.value <= 0 {
			wrong = append(wrong, notPositive(positive.key, positive.value))
		}
	}
	if c.PollMaxInterval < c.PollInitialInterval {
		wrong = append(wrong, fmt.Errorf("poll_max_interval: found %s, expected at least poll_initial_interval (%s)", c.PollMaxInterval, c.PollInitialInterval))
	}
	if c.ChangeDetection != access.DetectByWatch && c.ChangeDetection != access.DetectByPoll {
		wrong = append(wrong, fmt.Errorf("change_detection: found %q, expected %s or %s", c.ChangeDetection, access.DetectByWatch, access.DetectByPoll))
	}
	if c.Comments && c.ChangeDetection != access.DetectByWatch {
		wrong = append(wrong, fmt.Errorf("comments: only the watch finds comments; expected false, or change_detection: %s", access.DetectByWatch))
	}
	if c.Watch.Overlap > 0 && c.Watch.Overlap < leastOverlap {
		wrong = append(wrong, fmt.Errorf("watch.overlap: found %s, expected at least %s, for desks tell times by the minute", c.Watch.Overlap, leastOverlap))
	}
	if c.Watch.StaleAfter > 0 && c.Watch.StaleAfter < 2*c.Watch.Interval {
		wrong = append(wrong, fmt.Errorf("watch.stale_after: found %s, expected at least twice the interval (%s)", c.Watch.StaleAfter, c.Watch.Interval))
	}
	return errors.Join(wrong...)
}

// commentProblems names the desks whose comments this worker cannot record: it does not know the ledger, or the desk.
func (c *workerConfig) commentProblems() []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		desk := c.Desks[name]
		away := desk.Queue.Edge || (!c.Serve.Workflows && slices.Contains(c.servedDesks(), name))
		if desk.Changes.Comments && away {
			wrong = append(wrong, fmt.Errorf("desks.%s.comments: a worker at the edge does not know the ledger, which gets the comments; expected false,"+
				" or a worker that serves workflows and the desk", name))
		}
	}
	return wrong
}

// watched are the desks with a watch, and how old its last poll may be.
func (c *workerConfig) watched() map[access.DeskName]access.Duration {
	desks := map[access.DeskName]access.Duration{}
	for name, desk := range c.Desks {
		if desk.Changes.ChangeDetection == access.DetectByWatch {
			desks[name] = desk.Changes.Watch.StaleAfter
		}
	}
	return desks
}
