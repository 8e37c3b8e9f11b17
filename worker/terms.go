package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// termsConfig are the settings that every request runs under; see access.Terms.
type termsConfig struct {
	DecideWithin access.Duration `yaml:"decide_within"`
	RemindAfter  access.Duration `yaml:"remind_after"`
	// Mode is how requests learn that a human changed their ticket: "watch" or "poll".
	Mode  access.TicketMode `yaml:"mode"`
	Watch watchConfig       `yaml:"watch"`
	// LookFirst and LookAtMost matter in both modes: where a ticket asks for a removal, it is looked at.
	LookFirst         access.Duration                       `yaml:"look_first"`
	LookAtMost        access.Duration                       `yaml:"look_at_most"`
	DeskSettles       access.Duration                       `yaml:"desk_settles"`
	OperatorDecisions bool                                  `yaml:"operator_decisions"`
	RequestURL        string                                `yaml:"request_url"`
	Contract          map[access.TicketEvent]access.Meaning `yaml:"contract"`
}

// watchConfig are the settings of the watch of each desk; see access.WatchTerms.
type watchConfig struct {
	Interval   access.Duration `yaml:"interval"`
	Overlap    access.Duration `yaml:"overlap"`
	Sweep      access.Duration `yaml:"sweep"`
	StaleAfter access.Duration `yaml:"stale_after"`
	SafetyLook access.Duration `yaml:"safety_look"`
}

// leastOverlap is the coarsest grain of a desk's times that is known: Jira searches by the minute.
const leastOverlap = access.Duration(time.Minute)

func defaultTerms() termsConfig {
	return termsConfig{
		DecideWithin: access.Duration(14 * 24 * time.Hour),
		RemindAfter:  access.Duration(24 * time.Hour),
		Mode:         access.ModeWatch,
		Watch: watchConfig{
			Interval:   access.Duration(30 * time.Second),
			Overlap:    access.Duration(3 * time.Minute),
			Sweep:      access.Duration(time.Hour),
			StaleAfter: access.Duration(5 * time.Minute),
			SafetyLook: access.Duration(time.Hour),
		},
		LookFirst:   access.Duration(30 * time.Second),
		LookAtMost:  access.Duration(15 * time.Minute),
		DeskSettles: access.Duration(2*time.Minute + 10*time.Second),
	}
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
		{"watch.interval", t.Watch.Interval},
		{"watch.overlap", t.Watch.Overlap},
		{"watch.sweep", t.Watch.Sweep},
		{"watch.stale_after", t.Watch.StaleAfter},
		{"watch.safety_look", t.Watch.SafetyLook},
	} {
		if positive.value <= 0 {
			wrong = append(wrong, fmt.Errorf(`terms.%s: found %s, expected a duration above 0 such as "30s"`, positive.key, positive.value))
		}
	}
	if t.LookAtMost < t.LookFirst {
		wrong = append(wrong, fmt.Errorf("terms.look_at_most: found %s, expected at least look_first (%s)", t.LookAtMost, t.LookFirst))
	}
	wrong = append(wrong, t.watchProblems()...)
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

func (t termsConfig) watchProblems() []error {
	var wrong []error
	if t.Mode != access.ModeWatch && t.Mode != access.ModePoll {
		wrong = append(wrong, fmt.Errorf("terms.mode: found %q, expected %s or %s", t.Mode, access.ModeWatch, access.ModePoll))
	}
	if t.Watch.Overlap > 0 && t.Watch.Overlap < leastOverlap {
		wrong = append(wrong, fmt.Errorf("terms.watch.overlap: found %s, expected at least %s, for desks tell times by the minute",
			t.Watch.Overlap, leastOverlap))
	}
	if t.Watch.StaleAfter > 0 && t.Watch.StaleAfter < 2*t.Watch.Interval {
		wrong = append(wrong, fmt.Errorf("terms.watch.stale_after: found %s, expected at least twice the interval (%s)",
			t.Watch.StaleAfter, t.Watch.Interval))
	}
	return wrong
}

// terms are what requests are told.
func (c *settings) terms() access.Terms {
	t := c.Terms
	return access.Terms{
		Desk:              c.Desk,
		DecideWithin:      t.DecideWithin,
		RemindAfter:       t.RemindAfter,
		Mode:              t.Mode,
		Watch:             access.WatchTerms(t.Watch),
		LookFirst:         t.LookFirst,
		LookAtMost:        t.LookAtMost,
		DeskSettles:       t.DeskSettles,
		OperatorDecisions: t.OperatorDecisions,
		RequestURL:        t.RequestURL,
		Contract:          t.Contract,
	}
}
