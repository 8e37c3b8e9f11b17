package memory

import "time"

// deskClock is the desk's own clock. It never goes back, and no two changes have the same time.
type deskClock struct {
	// source is nil while the clock goes on with changes alone.
	source func() time.Time
	// ahead is how far the clock was put forward of its source.
	ahead time.Duration
	last  time.Time
}

// SetClock replaces the desk's clock, for example by one that skips time. The clock may be another time than that of the
// caller, but it never goes back: while now tells an earlier time than that of the last change, the desk stays there. A
// change that would have the time of the one before is a millisecond later.
func (d *Desk) SetClock(now func() time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock.source, d.clock.ahead = now, 0
	if now != nil && len(d.tickets) == 0 {
		d.clock.last = time.Time{}
	}
}

// Advance puts the desk's clock forward.
func (d *Desk) Advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clock.source != nil {
		d.clock.ahead += by
		return
	}
	d.clock.last = d.clock.last.Add(by)
}

// Now is the desk's own clock, in UTC and whole milliseconds.
func (d *Desk) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clock.now()
}

func (c *deskClock) now() time.Time {
	if c.source == nil {
		return c.last
	}
	now := c.source().Add(c.ahead).UTC().Truncate(time.Millisecond)
	if now.Before(c.last) {
		return c.last
	}
	return now
}

// tick is the time of one more change.
func (c *deskClock) tick() time.Time {
	if c.source == nil {
		c.last = c.last.Add(time.Second)
		return c.last
	}
	now := c.now()
	if !now.After(c.last) {
		now = c.last.Add(time.Millisecond)
	}
	c.last = now
	return now
}

// hold returns the time that every later change is after.
func (c *deskClock) hold() time.Time {
	c.last = c.now()
	return c.last
}
