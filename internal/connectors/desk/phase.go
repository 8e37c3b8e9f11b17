package desk

import (
	"cmp"
	"slices"
	"strings"

	"usher/internal/access"
)

// phase is where a ticket stands. moved is false when the status is the ticket's first one: whatever that is called, a new
// ticket waits, unless the configuration lists it.
func (d *Desk) phase(t Ticket, moved bool) access.TicketPhase {
	phase, listed := d.config.listed(t.Status)
	if !listed {
		phase = cmp.Or(t.Status.Phase, access.TicketOther)
	}
	switch {
	case !listed && !moved && phase == access.TicketWorking:
		return access.TicketWaiting
	case phase == access.TicketDone && t.WontDo:
		return access.TicketWontDo
	default:
		return phase
	}
}

// listed returns the phase that the configuration names for a status, by its name or by its id.
func (c Config) listed(s Status) (access.TicketPhase, bool) {
	for _, phase := range phases() {
		if contains(c.Statuses[phase], s.Name) || contains(c.Statuses[phase], s.ID) {
			return phase, true
		}
	}
	return "", false
}

// rank is how much the configuration likes a status as the target of a move to a phase: 0 is best; false when the
// status is not in the phase, whatever resolution is set on the way.
func (c Config) rank(s Status, to access.TicketPhase) (int, bool) {
	phase, listed := c.listed(s)
	if listed {
		for n, name := range c.Statuses[to] {
			if strings.EqualFold(name, s.Name) || strings.EqualFold(name, s.ID) {
				return n, true
			}
		}
	}
	phase = cmp.Or(phase, s.Phase)
	switch {
	case phase == access.TicketDone && to == access.TicketWontDo:
		// The same status, closed with another resolution.
		return len(c.Statuses[to]) + 1, true
	case phase == to && !listed:
		return len(c.Statuses[to]), true
	default:
		return 0, false
	}
}

// contains compares names as people do, without regard to case.
func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}
