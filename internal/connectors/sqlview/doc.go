// Package sqlview reads people from a view, or a table, of a PostgreSQL database.
//
// Every call is one transaction: read-only, repeatable read, and with row_security off, so that the server refuses a query instead of leaving out the
// rows that a policy hides from usher. A listing counts the rows first and reads them all into memory; if it gets as many, that is
// the proof. Nothing is handed over before that, and the transaction is over by then.
//
// NULL is no value. Days, numbers, booleans and UUIDs become texts as PostgreSQL's to_jsonb writes them: 2026-01-31, 42, true. A column of an array
// has several values. A timestamp with a time zone shows its day in UTC.
//
// What the server says, by the kind of the error: Forbidden for credentials, rights and row-level security; Invalid for a database, a view or
// a column that is not there, and for a view that fails on its own data; Transient for the rest, a lost connection and a time-out above all. Messages of the server
// are shown only where they can hold no value of a row.
package sqlview
