package jira

import (
	"cmp"

	"usher/internal/access"
)

// The keys of the status categories; their names are translated and differ between sites.
const (
	categoryNew           = "new"
	categoryUndefined     = "undefined"
	categoryIndeterminate = "indeterminate"
	categoryDone          = "done"
)

// phase is where an issue stands. moved is false when the status is the issue's first one: whatever that is called, a
// new ticket waits, unless the configuration says otherwise.
func (d *Desk) phase(i issue, moved bool) access.TicketPhase {
	resolution := ""
	if i.Fields.Resolution != nil {
		resolution = i.Fields.Resolution.Name
	}
	s := i.Fields.Status
	if _, listed := d.config.listed(s.Name); !listed && !moved && s.Category.Key == categoryIndeterminate {
		return access.TicketWaiting
	}
	return d.config.phaseOf(s, resolution)
}

// phaseOf is the phase of a status with a resolution ("" for none).
func (c Config) phaseOf(s status, resolution string) access.TicketPhase {
	phase, listed := c.listed(s.Name)
	if !listed {
		phase = phaseOfCategory(s.Category.Key)
	}
	if phase == access.TicketDone && resolution != "" && c.wontDo(resolution) {
		return access.TicketWontDo
	}
	return phase
}

func phaseOfCategory(key string) access.TicketPhase {
	switch key {
	case categoryNew, categoryUndefined:
		return access.TicketWaiting
	case categoryIndeterminate:
		return access.TicketWorking
	case categoryDone:
		return access.TicketDone
	default:
		return access.TicketOther
	}
}

// listed is the phase that the configuration names for a status.
func (c Config) listed(name string) (access.TicketPhase, bool) {
	for _, phase := range phases() {
		if contains(c.Statuses[phase], name) {
			return phase, true
		}
	}
	return "", false
}

// rank is how much the configuration likes a status as the target of a move to a phase: 0 is best; false when the
// status is not in the phase, whatever resolution is set on the way.
func (c Config) rank(s status, to access.TicketPhase) (int, bool) {
	phase, listed := c.listed(s.Name)
	if listed {
		for n, name := range c.Statuses[to] {
			if contains([]string{name}, s.Name) {
				return n, true
			}
		}
	}
	phase = cmp.Or(phase, phaseOfCategory(s.Category.Key))
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
