package jira

import "time"

// Quote is quote, for tests.
func Quote(text string) string { return quote(text) }

// SetClock replaces a new desk's clock.
func (d *Desk) SetClock(now func() time.Time) { d.now = now }

// TokenURL is where a service account gets its tokens.
func TokenURL(c Config) string { return c.tokenURL() }

// SetClock replaces the clock of new users.
func (u *Users) SetClock(now func() time.Time) { u.driver.now = now }
