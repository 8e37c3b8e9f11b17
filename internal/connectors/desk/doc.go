// Package desk is what is true of every service desk: access.ServiceDesk over a Driver, which is what differs between
// vendors. A driver writes calls and reads answers; it neither remembers tickets nor decides what a change means.
//
// The files: driver.go is the interface, and ticket.go and draft.go are what goes through it; config.go is what a human
// sets for any desk; desk.go holds the Desk and the proofs of its credentials; find.go, create.go, read.go, feed.go,
// comment.go, move.go and account.go are the port's methods; history.go, phase.go, cursor.go and account_cache.go are what
// they stand on; check.go compares the configuration with the desk; text.go cuts texts, and gate.go remembers refusals, both
// for drivers.
//
// The names of fields, statuses and accounts are the vendor's own everywhere here.
package desk
