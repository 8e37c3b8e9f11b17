// Package ledger keeps in SQL what must outlive Temporal's retention: the audit events, and the last state of requests,
// leases and ticket links. Temporal stays the record of what is running; the ledger answers the questions of later years.
//
// The flow: Open gives a Store, Migrate brings the database to the schema of this build, activities call Record with one
// access.Entry per change, and the API and the activities read.
//
// Two databases hold one schema: a SQLite file for a single host, PostgreSQL for everything else. The statements are
// the same for both. Keys and what is filtered by are columns; the values themselves are JSON in a column "body", so a
// new field of the access words needs no migration. Points in time are columns of whole microseconds since 1970 UTC
// (the suffix _us); the body keeps the full precision.
//
// Recording is idempotent and needs no order: an event has an id that the workflow chose, and a view carries a version
// that only its one writer raises. That is why a repeated, delayed or doubled Record does no harm.
// An event under a known id with another content, and an id that the database cannot keep, are refused for good.
//
// The watch of a desk keeps here how far it has come, and the mark of each ticket; it reads which tickets are open. What
// it asks costs as much as there are open tickets, however many requests have ended.
//
// Append-only is held by the database as well: a trigger refuses to change or remove an event.
package ledger
