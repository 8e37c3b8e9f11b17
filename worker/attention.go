package main

import (
	"fmt"
	"maps"
	"slices"

	"usher/internal/access"
)

// noTickets is the value of a key tickets_on by which no ticket is opened.
const noTickets access.DeskName = "none"

// ticketsOn returns the desk on which a ticket is opened when people have to look at runs; "" for none. usual is the desk where none is configured.
func (c *workerConfig) ticketsOn(configured, usual access.DeskName) access.DeskName {
	switch {
	case configured == noTickets:
		return ""
	case configured != "":
		return configured
	case c.Desks[usual].Incidents != nil:
		return usual
	}
	return ""
}

// attentionProblems names the keys tickets_on whose desk takes no incidents: the ticket is one of an incident.
func (c *workerConfig) attentionProblems() []error {
	var wrong []error
	check := func(key string, desk access.DeskName) {
		if found, known := c.Desks[desk]; desk != "" && desk != noTickets && (!known || found.Incidents == nil) {
			wrong = append(wrong, fmt.Errorf("%s.tickets_on: found %q, expected one of desks that has incidents, or %s", key, desk, noTickets))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		if people := c.Sources[name].People; people != nil {
			check("sources."+string(name)+".people", people.TicketsOn)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Desks)) {
		if sync := c.Desks[name].Sync; sync != nil {
			check("desks."+string(name)+".sync", sync.TicketsOn)
		}
	}
	return wrong
}
